"""Ids of curate as FiftyOne keeps them: the same thing has the same id after every refresh.

FiftyOne's ids are ObjectIds of 12 bytes: three that say `cur`, one for the kind of thing, and the
eight of curate's own id.
"""

from __future__ import annotations

_MARK = b"cur"
# What has an id: an image, a label of a box (its keypoints are a label of their own), a crop.
SAMPLE, TRUTH, PREDICTION, TRUTH_POINTS, PREDICTION_POINTS, CROP = range(6)


def id_bytes(kind: int, value: int) -> bytes:
    """The 12 bytes of an ObjectId for an id of curate.

    Parameters
    ----------
    kind
        `SAMPLE` .. `CROP`.
    value
        0 .. 2 ** 64 - 1.

    Examples
    --------
    >>> id_bytes(TRUTH, 255).hex()
    '6375720100000000000000ff'
    """
    return _MARK + bytes([kind]) + value.to_bytes(8, "big")


def id_hex(kind: int, value: int) -> str:
    """The 24 hex digits of `id_bytes`.

    Examples
    --------
    >>> id_hex(TRUTH, 255)
    '6375720100000000000000ff'
    """
    return f"{_MARK.hex()}{kind:02x}{value:016x}"


def from_bytes(body: bytes) -> tuple[int, int] | None:
    """Kind and id of curate that an ObjectId stands for; None for one that FiftyOne made itself.

    Examples
    --------
    >>> from_bytes(bytes.fromhex("6375720100000000000000ff"))
    (1, 255)
    """
    if body[:3] != _MARK or body[3] > CROP:
        return None
    return body[3], int.from_bytes(body[4:], "big")
