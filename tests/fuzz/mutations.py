"""Seeded changes of files: bytes anywhere, and values where JSON, XML, text or tables have them.

Every function takes a `random.Random` and gives the same bytes for the same state of it.
"""

from __future__ import annotations

import io
import json
import lzma
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

MAX_BYTES = 1 << 20  # longer results are cut, so that repeated doubling stays quick
_CUT_CHARS = 60

NUMBERS = [
    b"NaN", b"nan", b"Infinity", b"-Infinity", b"inf", b"-inf", b"1e400", b"-1e400", b"1e-400",
    b"1e308", b"-1.7976931348623157e308", b"5e-324", b"-0", b"-0.0", b"0", b"-1", b"-100", b"+1",
    b"0.5", b"1.", b".5", b"1e5", b"00012", b"0x10", b"1_000", b"1,5", b"1" + b"0" * 30,
    b"-1" + b"0" * 30, b"2147483647", b"2147483648", b"4294967296", b"9007199254740993",
    b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809",
    b"18446744073709551616", b"9" * 400, b"9" * 5000, b"0." + b"1" * 2000, b"1e" + b"9" * 30,
    "５".encode(), "²".encode(), "٣".encode(),
]  # fmt: skip
TOKENS = [
    *NUMBERS, b"", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff", b"\xc3\x28",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\\ud800", b"\\udc00\\ud800", b"\\u0000", b"\\",
    b"<!DOCTYPE a>", b'<!DOCTYPE a [<!ENTITY b "c">]>', b"<!ENTITY a SYSTEM 'file:///etc/hosts'>",
    b"&b;", b"&#0;", b"&#xD800;", b"&amp;", b"]]>", b"<![CDATA[", b"<![CDATA[x]]>", b"<!--", b"-->",
    b"<?", b"?>", b'<?xml version="1.0" encoding="utf-7"?>',
    b'<?xml version="1.0" encoding="latin-1"?>', b"<a>", b"</a>", b"<object>", b"</object>",
    b"<object/>", b"<part>", b"<bndbox>", b"</annotation>", b"<a>" * 3000, b"[" * 3000,
    b"[" * 100_000, b'{"a":' * 3000, b"{", b"}", b"[", b"]", b"[]", b"{}", b"null", b"true",
    b"false", b'""', b",", b",,,,", b":", b";", b'"', b"'", b'""""', b"\r", b"\n", b"\r\n", b"\n\n",
    b"\t", b" ", b"\x0b", b"\x0c", b"\x1c", b"\x85", b"\xc2\x85", "\u2028".encode(),
    "\u00a0".encode(), b"../", b"/", b"..\\", b"C:\\a", b"a" * 5000, b"-1 ", b" 0 0 0 0",
    b"DontCare", b"Unspecified", b"undefined", b"&a", b"*a", b"!!python/object:os.system ", b"<<: ",
    b"? ", b"- ", b"2001-01-01", b"%YAML 1.1\n---\n", b"\n...\n",
]  # fmt: skip
# Values that stand in a document as they are: JSON's own writer would refuse or tame them.
_RAW_TEXTS = [
    "1e400", "-1e400", "-0", "-0.0", "1e-400", "NaN", "-Infinity", "9" * 5000, "0." + "1" * 2000,
    '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', "[" * 600 + "]" * 600,
    '{"a":' * 600 + "1" + "}" * 600,
    "1E5", "10000000000000000000000.5", "[" * 100_000, '"\\ud83d\\ude00"',
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, [], {}, "", 0, -0.0, 1, -1, 0.5, 1e308, -1e308, 5e-324, 10**30, -(10**30),
    2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**400,
    float("nan"), float("inf"), float("-inf"), "NaN", "1e5", "007", " 5", "５", "²", "\0",
    "1" * 400,
    "a\nb\rc", "a\u2028b", "café", "cafe\u0301", "../../a.jpg", "/etc/hosts", "C:\\a.jpg", "a\\b",
    "x" * 10_000, [None], [[]], [{}], [[[]]], [0], [0, 0, 0, 0], [1, 2, 3], [1, 2, 3, 4, 5, 6],
    [[1, 2]], [[1, 2, 3, 4, 5, 6]], [[1, 2, 3, 4, 5, 6], None], [[1, 2, 3, 4, 5, 6], 7],
    [[1, 2, 3, 4, 5, "6"]], [[[1, 2], [3, 4], [5, 6]]], [float("nan")] * 4, [1e308] * 4,
    [-1e308, -1e308, 1e308, 1e308], [10**400] * 4, ["1", "2", "3", "4"], [0] * 5000,
    {"size": [10, 10], "counts": [100]}, {"size": [10, 10], "counts": "0"},
    {"size": [2**62, 2**62], "counts": [1, 2]}, {"size": [10, 10], "counts": [2**63 - 1] * 2},
    {"size": [10, 10], "counts": "\ud800"}, {"size": [True, 10], "counts": [1.5]}, {"a": None},
    {"": {"": []}},
]  # fmt: skip
NAMES = [
    "a b.{}", "a,b.{}", "a\nb.{}", "é.{}", "e\u0301.{}", "a.b.c.{}", "-.{}", "a'\".{}", "..a.{}",
    "#.{}", "a\\b.{}", "a:b.{}", "<a>&.{}", "sub/dir/a.{}", "labels.txt", "A.{}", "\udcff.{}",
    "x" * 200 + ".{}", ".{}", "a.{}.{}", "CON.{}",
]  # fmt: skip


def mutate(name: str, body: bytes, rng: Random, other: bytes) -> bytes:
    """A changed file: by its form (told by the name's ending) or byte by byte, by chance.

    `other` is a second input, of which parts may come in.
    """
    by_form = _BY_ENDING.get(name.rpartition(".")[2].lower(), [])
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        change = rng.choice(by_form) if by_form and rng.random() < 0.6 else mutate_bytes
        body = change(body, rng, other)[:MAX_BYTES]
    return body


def mutate_bytes(body: bytes, rng: Random, other: bytes = b"") -> bytes:
    """The bytes with one change of any kind at any place."""
    return rng.choice(_BYTE_CHANGES)(body, rng, other)


def _at(body: bytes, rng: Random) -> int:
    return rng.randrange(len(body) + 1)


def _chunk(body: bytes, rng: Random) -> tuple[int, int]:
    start = _at(body, rng)
    length = rng.choice((1, 2, 4, 16, 64, len(body)))
    return start, min(len(body), start + rng.randint(0, length))


def _flip_bits(body: bytes, rng: Random, other: bytes) -> bytes:
    if not body:
        return body
    changed = bytearray(body)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _replace_bytes(body: bytes, rng: Random, other: bytes) -> bytes:
    start, end = _chunk(body, rng)
    return body[:start] + rng.randbytes(min(end - start, 64)) + body[end:]


def _delete(body: bytes, rng: Random, other: bytes) -> bytes:
    start, end = _chunk(body, rng)
    return body[:start] + body[end:]


def _double(body: bytes, rng: Random, other: bytes) -> bytes:
    start, end = _chunk(body, rng)
    return body[:end] + body[start:end] * rng.choice((1, 1, 2, 30)) + body[end:]


def _truncate(body: bytes, rng: Random, other: bytes) -> bytes:
    at = _at(body, rng)
    return body[:at] if rng.random() < 0.8 else body[at:]


def _take_in(body: bytes, rng: Random, other: bytes) -> bytes:
    start, end = _chunk(body, rng)
    from_, to = _chunk(other, rng)
    return body[:start] + other[from_:to] + body[end:]


def _insert_token(body: bytes, rng: Random, other: bytes) -> bytes:
    at = _at(body, rng)
    return body[:at] + rng.choice(TOKENS) + body[at:]


def _overwrite_token(body: bytes, rng: Random, other: bytes) -> bytes:
    start, end = _chunk(body, rng)
    return body[:start] + rng.choice(TOKENS) + body[min(end, start + 16) :]


def _other_encoding(body: bytes, rng: Random, other: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    how = rng.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1"))
    return text.encode(how, "replace")


def _other_line_ends(body: bytes, rng: Random, other: bytes) -> bytes:
    return body.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"", b" \n", b"\0\n")))


Change = Callable[[bytes, Random, bytes], bytes]
_BYTE_CHANGES: list[Change] = [
    _flip_bits, _flip_bits, _replace_bytes, _delete, _delete, _double, _truncate, _take_in,
    _insert_token, _insert_token, _overwrite_token, _overwrite_token, _other_encoding,
    _other_line_ends,
]  # fmt: skip

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_TAG = re.compile(rb"<(/?)([A-Za-z_]+)>")


def change_number(body: bytes, rng: Random, other: bytes = b"") -> bytes:
    """The text with one of its numbers replaced by a nasty one, or by one near it."""
    found = _pick(_NUMBER, body, rng)
    if found is None:
        return mutate_bytes(body, rng, other)
    new = rng.choice(NUMBERS)
    if rng.random() < 0.4:
        new = repr(float(found[0][:30]) * rng.choice((-1, 0, 2, 10, 0.5, 1e6))).encode()
    return body[: found.start()] + new + body[found.end() :]


def _pick(pattern: re.Pattern[bytes], body: bytes, rng: Random) -> re.Match[bytes] | None:
    """One match, the first one behind a random place (cheap on long texts)."""
    return pattern.search(body, _at(body, rng)) or pattern.search(body)


def change_element(body: bytes, rng: Random, other: bytes = b"") -> bytes:
    """XML with one element's text, name or presence changed."""
    found = _pick(_TAG, body, rng)
    if found is None:
        return mutate_bytes(body, rng, other)
    how = rng.randrange(5)
    if how == 0:
        following = body.find(b"<", found.end())
        after = len(body) if following < 0 else following
        return body[: found.end()] + rng.choice(TOKENS) + body[after:]
    if how == 1:
        tags = _TAG.findall(body)
        new = rng.choice(
            [*(tag for _, tag in tags), b"name", b"object", b"part", b"actions", b"a:b"]
        )
        return body[: found.start()] + b"<" + found[1] + new + b">" + body[found.end() :]
    end = body.find(b"</" + found[2] + b">", found.end())
    end = found.end() if end < 0 else end + len(found[2]) + 3
    element = body[found.start() : end]
    if how == 2:
        return body[: found.start()] + body[end:]
    if how == 3:
        return body[:end] + element * rng.choice((1, 2, 20)) + body[end:]
    attribute = rng.choice((b' id="1"', b" a='<'", b' xmlns:a="b"', b" a", b"/", b" "))
    return body[: found.end() - 1] + attribute + body[found.end() - 1 :]


def change_field(body: bytes, rng: Random, other: bytes = b"") -> bytes:
    """Lines of fields with one line or field replaced, doubled, moved or taken out."""
    lines = body.split(b"\n")
    at = rng.randrange(len(lines))
    separator = b"," if lines[at].count(b",") >= lines[at].count(b" ") else b" "
    how = rng.randrange(6)
    if how == 0:
        lines.insert(rng.randrange(len(lines) + 1), lines[at])
    elif how == 1:
        del lines[at]
    elif how == 2:
        lines.insert(at, rng.choice(TOKENS))
    else:
        fields = lines[at].split(separator)
        place = rng.randrange(len(fields))
        fields[place : place + rng.choice((0, 1, 1, 1))] = rng.choice(
            ([rng.choice(TOKENS)], [rng.choice(NUMBERS)], [], [fields[place]] * 2)
        )
        lines[at] = separator.join(fields)
    return b"\n".join(lines)


def change_json(body: bytes, rng: Random, other: bytes = b"") -> bytes:
    """JSON with a value replaced, doubled, moved or taken out, in one of several layouts."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return mutate_bytes(body, rng, other)
    raws: list[str] = []
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = _with_change(value, rng, raws)
    layout = rng.choice(({}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}))
    try:
        text = json.dumps(value, **layout)
    except (ValueError, RecursionError):
        return mutate_bytes(body, rng, other)
    for number, raw in enumerate(raws):
        text = text.replace(f'"@raw{number}@"', raw)
    return text.replace("@again@", "").encode("utf-8", rng.choice(("replace", "surrogatepass")))


def _with_change(value: Any, rng: Random, raws: list[str]) -> Any:
    homes = list(_homes(value))
    if not homes or rng.random() < 0.02:
        return _nasty(rng, raws)
    home, key = rng.choice(homes)
    how = rng.randrange(10)
    if how < 6:
        home[key] = _nasty(rng, raws)
    elif how == 6:
        del home[key]
    elif how == 7 and isinstance(home, list):
        home.insert(key, home[key])
    elif how == 7:
        # The key stands twice in what is written.
        home[f"@again@{key}"] = rng.choice((home[key], _nasty(rng, raws)))
    elif how == 8:
        donor, other_key = rng.choice(homes)
        # A copy: a value put into itself would have no end.
        home[key] = json.loads(json.dumps(donor[other_key], default=str))
    elif isinstance(home, dict):
        home[rng.choice(("", "id", "\0", "a\nb", "segmentation", "score", "x" * 500))] = home.pop(
            key
        )
    return value


def _homes(value: Any) -> Any:
    """All (list or dict, key) places of a document, by breadth, at most a few thousand."""
    waiting, seen = [value] if isinstance(value, dict | list) else [], 0
    while waiting and seen < 5000:
        home = waiting.pop(0)
        keys = list(home) if isinstance(home, dict) else list(range(len(home)))
        for key in keys:
            seen += 1
            yield home, key
            if isinstance(home[key], dict | list):
                waiting.append(home[key])


def _nasty(rng: Random, raws: list[str]) -> Any:
    if rng.random() < 0.25:
        raws.append(rng.choice(_RAW_TEXTS))
        return f"@raw{len(raws) - 1}@"
    value = rng.choice(VALUES)
    return json.loads(json.dumps(value)) if isinstance(value, dict | list) else value


_BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, NotImplementedError, ValueError,
    OSError, EOFError,
)  # fmt: skip


def change_zip(body: bytes, rng: Random, other: bytes = b"") -> bytes:
    """An archive packed once more with a member's name, bytes or way of packing changed."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = {info.filename: archive.read(info) for info in archive.infolist()}
    except _BROKEN_ZIP:
        return mutate_bytes(body, rng, other)
    if not members:
        members = {"a.txt": b""}
    name = rng.choice(list(members))
    how = rng.randrange(4)
    if how == 0:
        members[rng.choice([*NAMES, "../a.txt", "/a.txt", "a/", ""]).format("txt", "txt")] = b"0 0"
    elif how == 1:
        del members[name]
    else:
        members[name] = mutate(name, members[name], rng, other)
    packed = io.BytesIO()
    way = rng.choice(
        (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    )
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", way) as archive:
        warnings.simplefilter("ignore")  # two members of one name are meant
        for member, content in members.items():
            archive.writestr(member.encode("utf-8", "replace").decode() or "a", content)
    return packed.getvalue()


_TEXT: list[Change] = [change_field, change_field, change_number]
_BY_ENDING: dict[str, list[Change]] = {
    "json": [change_json, change_json, change_json, change_number],
    "xml": [change_element, change_element, change_number],
    "csv": _TEXT,
    "txt": _TEXT,
    "yaml": [change_json, change_json, change_field, change_number],
    "zip": [change_zip],
}


def nasty_name(name: str, rng: Random) -> str:
    """Another name for a file, with the same ending mostly."""
    ending = name.rpartition(".")[2]
    folder = name.rpartition("/")[0]
    new = rng.choice(NAMES).format(ending, ending)
    return f"{folder}/{new}" if folder and rng.random() < 0.7 else new
