"""What people decided about findings, boxes and images: read, applied, and held against checks."""

from __future__ import annotations
