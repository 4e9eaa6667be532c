"""Definitions as data: the expression language that their clauses are written in."""
