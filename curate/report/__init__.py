"""Findings as text, JSON, CSV, SARIF, JUnit and HTML: whole texts, or part by part."""

from __future__ import annotations

from curate.report.document import csv_parts, json_parts, to_csv, to_document, to_json
from curate.report.html import html_parts, to_html
from curate.report.junit import junit_parts, to_junit
from curate.report.rules import Rule
from curate.report.sarif import sarif_parts, to_sarif
from curate.report.text import text_parts, to_text

__all__ = [
    "Rule",
    "csv_parts",
    "html_parts",
    "json_parts",
    "junit_parts",
    "sarif_parts",
    "text_parts",
    "to_csv",
    "to_document",
    "to_html",
    "to_json",
    "to_junit",
    "to_sarif",
    "to_text",
]
