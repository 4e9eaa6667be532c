"""Crop sets for a classifier behind a detector, made from what the detector really outputs."""
