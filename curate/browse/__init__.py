"""Datasets in FiftyOne: labels, predictions and findings to look at, and verdicts back from there.

FiftyOne is an extra and heavy (1 GB): it is imported inside functions, through
`curate.browse.database` alone.
"""
