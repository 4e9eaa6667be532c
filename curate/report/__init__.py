"""Findings as JSON, text and CSV: whole texts, or part by part for sets of any size."""

from __future__ import annotations

from curate.report.document import csv_parts, json_parts, to_csv, to_document, to_json
from curate.report.text import text_parts, to_text

__all__ = [
    "csv_parts",
    "json_parts",
    "text_parts",
    "to_csv",
    "to_document",
    "to_json",
    "to_text",
]
