"""The image that a task's data names: its file name, from an address that is never fetched."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

LOCAL_FILES = "/data/local-files/?d="
_UPLOAD = re.compile(r"/data/upload/(?:\d+/)?")
_PICTURE = re.compile(r"\.(?:jpe?g|png|bmp|gif|webp|tiff?|jp2|heic|avif)(?:$|[?#])", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_MAX_ADDRESS = 4096


def addresses(data: Mapping[str, Any]) -> list[str]:  # JSON values
    """The addresses of a task's images: those under `image`, else the first that look like some."""
    for value in (data.get("image"), data.get("images"), *data.values()):
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not found:
            continue
        texts = [text for text in found if isinstance(text, str) and text]
        is_named = value is data.get("image") or value is data.get("images")
        if len(texts) == len(found) and (is_named or all(map(_is_picture, texts))):
            return texts
    return []


def _is_picture(address: str) -> bool:
    is_address = address.startswith(("/", "http", "s3:", "gs:", "azure", "data:image/"))
    return is_address or _PICTURE.search(address[-_MAX_ADDRESS:]) is not None


def name_of(address: str) -> str | None:
    """The image's name in an address; None where it has none (a picture inside the text)."""
    if address.startswith("data:") or len(address) > _MAX_ADDRESS:
        return None
    try:
        parts = urlsplit(address)
        query = parse_qs(parts.query, max_num_fields=20)
    except ValueError:
        return address
    if "local-files" in parts.path and query.get("d"):
        return query["d"][0].lstrip("/") or None
    if query.get("fileuri"):
        # A storage behind Label Studio's own server: the address, in base64.
        try:
            inner = base64.b64decode(query["fileuri"][0] + "==").decode()
        except (binascii.Error, ValueError):
            return None
        return None if "fileuri=" in inner else name_of(inner)
    if _DRIVE.match(address):
        return re.split(r"[/\\]", address)[-1] or None
    if not parts.scheme and "%" not in address and "?" not in address and "#" not in address:
        path = address
    else:
        path = unquote(parts.path)
    return _UPLOAD.sub("", path, count=1).lstrip("/") or None


def address_of(name: str) -> str:
    """The address of a local file below the server's document root; `name_of` gives it back."""
    return LOCAL_FILES + quote(name, safe="/", errors="replace")
