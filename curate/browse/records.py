"""What curate wrote into a sample: kept beside FiftyOne's own, to tell what people changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

# A finding about a sample: id, check, number of its members, its only box.
FindingRecord = tuple[int, str, int, int | None]
# A box: id, class, x1 y1 x2 y2 in px as the labels state it (None: no number), and its shape,
# which is "" where the box is not shown.
BoxRecord = tuple[int, str | None, Sequence[float | None], str]


class Record(msgspec.Struct, array_like=True, frozen=True):
    """What was written into one sample.

    Parameters
    ----------
    image
        Its image key.
    size_wh, orientation
        px of the frame that the boxes are stated in, and the EXIF orientation that makes it
        upright.
    boxes
        Those of the truth.
    findings
        Those about the image or its boxes.
    members
        Per finding the ids of its boxes on this image.
    tags
        The sample's tags.
    drawn
        Checksums of outlines and points, by the ids that their labels have in FiftyOne.
    """

    image: str
    size_wh: tuple[float | None, float | None]
    orientation: int
    boxes: Sequence[BoxRecord]
    findings: Sequence[FindingRecord]
    members: Sequence[Sequence[int]]
    tags: Sequence[str]
    drawn: Mapping[str, int]


packed = msgspec.msgpack.Encoder().encode
unpacked = msgspec.msgpack.Decoder(Record).decode
