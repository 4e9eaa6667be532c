"""Checks of whole label files: a convention that was mistaken, told once with its evidence.

Each function takes what `weighing.weigh` found in all files and gives the mistakes of its own
kind; its docstring is its manual page. What follows from such a mistake (boxes outside, overlaps,
areas that do not fit) is not told again as findings of its own: `FOLLOWS_FROM`.
"""

from __future__ import annotations

import numpy as np

from curate.checks.hits import Hits
from curate.checks.weighing import Mistake

Weighed = tuple[Mistake, ...]

_OF_GEOMETRY = frozenset(
    {
        *("BOX-002", "BOX-003", "BOX-004", "BOX-005", "BOX-006", "BOX-007", "BOX-008", "BOX-009"),
        *("BOX-012", "BOX-013", "BOX-014", "BOX-015", "BOX-016", "BOX-017"),
        *("REL-002", "REL-003", "REL-004", "REL-007"),
    }
)
# Check to the checks whose findings it explains where all their members are its own.
FOLLOWS_FROM: dict[str, frozenset[str]] = {
    **{f"CONV-{number:03d}": _OF_GEOMETRY for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12)},
    "CONV-010": frozenset({"SRC-004"}),
    "CONV-011": frozenset({"BOX-009"}),
    "CONV-013": frozenset({"BOX-004", "BOX-005"}),
}


def corners_read_as_sizes(weighed: Weighed) -> Hits:
    """A whole file gives x1 y1 x2 y2 where x y w h (or xc yc w h) are read.

    Why it hurts: all boxes are too large and reach over the image; a detector learns nothing. The
    commonest mistake of hand-written COCO exporters.

    Pass: bbox [192, 221, 75, 75] for edges 192 221 267 296
    Fail: bbox [192, 221, 267, 296] for edges 192 221 267 296

    Value: boxes that reach more than 2 px outside their image or have no inside. Limit: the most
    that slips explain, were 1 % of all slips (chance below 1e-6 by Chernoff's bound; for m boxes
    per image, 1 + 0.1 m boxes count as one). The other reading must mend nine of ten of them,
    leave no more than 2 % of all, fill the images and put no fewer edges on the borders. While
    less than half of the boxes are impossible (for CONV-003, 004, 007 and 008 always), it must
    also make a wall of edges at the borders, as cut objects do (chance below 1e-3).

    It cannot judge files of fewer than 20 boxes, images of unknown size, or boxes so near the left
    top corner that x1 + x2 stays in the image; nor files of full-extent boxes that reach outside
    by their definition (CityPersons, CrowdHuman), of which each reading leaves too many.

    Usual mend: read the numbers as x1 y1 x2 y2; the finding states the arithmetic.
    """
    return _hits_of(weighed, "corners-read-as-sizes")


def sizes_read_as_corners(weighed: Weighed) -> Hits:
    """A whole file gives x y w h where x1 y1 x2 y2 are read.

    Why it hurts: most boxes have a negative side and are dropped; the rest is wrong.

    Pass: 192 221 267 296 for these edges
    Fail: 192 221 75 75 for edges 192 221 267 296

    Value: boxes that are impossible, as for CONV-001, whose limit and test hold here.

    It cannot judge files of fewer than 20 boxes or images of unknown size.

    Usual mend: add x1 to x2 and y1 to y2.
    """
    return _hits_of(weighed, "sizes-read-as-corners")


def centre_read_as_corner(weighed: Weighed) -> Hits:
    """A whole file gives the centre of each box where its left top corner is read.

    Why it hurts: every box is half its size too far right and down; small ones miss their object.

    Pass: bbox [192, 221, 75, 75] for edges 192 221 267 296
    Fail: bbox [229.5, 258.5, 75, 75] for edges 192 221 267 296

    Value: boxes that are impossible, as for CONV-001, whose limit and test hold here.

    It sees only boxes that leave the image by it: a set of small objects far from the right and
    bottom borders shows nothing, nor does one without cut objects. It cannot judge
    files of fewer than 20 boxes or images of unknown size.

    Usual mend: move every box by half its size to the left and up.
    """
    return _hits_of(weighed, "centre-read-as-corner")


def corner_read_as_centre(weighed: Weighed) -> Hits:
    """A whole file gives the left top corner of each box where its centre is read.

    Why it hurts: every box is half its size too far left and up; small ones miss their object.

    Pass: YOLO 0 0.5 0.5 0.2 0.2 for a box in the middle of the image
    Fail: YOLO 0 0.4 0.4 0.2 0.2 for the same box

    Value: boxes that are impossible, as for CONV-001, whose limit and test hold here.

    It sees only boxes that leave the image by it: a set of small objects far from the left and
    top borders shows nothing, nor does one without cut objects. It cannot judge
    files of fewer than 20 boxes or images of unknown size.

    Usual mend: move every box by half its size to the right and down.
    """
    return _hits_of(weighed, "corner-read-as-centre")


def fractions_read_as_pixels(weighed: Weighed) -> Hits:
    """A whole file gives fractions of the image where pixels are read.

    Why it hurts: all boxes are smaller than a pixel; loaders drop them without a word.

    Pass: bbox [192, 221, 75, 75] in a 640 x 480 image
    Fail: bbox [0.3, 0.46, 0.117, 0.156] in a 640 x 480 image

    Value: boxes that lie in the first pixel of their image (edges up to 1.01). Limit: the most
    that slips explain, as for CONV-001; and 95 % of all boxes must lie there.

    It cannot judge files of fewer than 20 boxes or images of unknown size; it does not say whether
    the fractions are corners, centres or sizes (audit the mended file), and does not know
    percentages or thousandths.

    Usual mend: multiply x by the width and y by the height of the image.
    """
    return _hits_of(weighed, "fractions-read-as-pixels")


def pixels_read_as_fractions(weighed: Weighed) -> Hits:
    """A whole file gives pixels where fractions of the image are read.

    Why it hurts: all boxes lie thousands of pixels outside; loaders drop them or refuse the file.

    Pass: YOLO 0 0.5 0.5 0.2 0.2 in a 640 x 480 image
    Fail: YOLO 0 320 240 128 96 in a 640 x 480 image

    Value: boxes that are impossible, as for CONV-001, whose limit and test hold here.

    It cannot judge files of fewer than 20 boxes or images of unknown size.

    Usual mend: divide x by the width and y by the height of the image.
    """
    return _hits_of(weighed, "pixels-read-as-fractions")


def axes_swapped(weighed: Weighed) -> Hits:
    """All boxes of a file fit their images only with x and y exchanged.

    Why it hurts: boxes are mirrored at the diagonal. Arrays are indexed row first, boxes are
    written column first: one slip turns a whole export; `h, w = image.size` does it to the sizes.

    Pass: 500 100 600 200 in a 640 x 480 image
    Fail: 100 500 200 600 in a 640 x 480 image

    Value: boxes that are impossible, as for CONV-001, whose limit and test hold here.

    It cannot tell exchanged coordinates from exchanged image sizes while the sizes are only
    declared: the finding then names both mends, and `--images` decides. It sees nothing on square
    images, in sets without cut objects, or where fractions of the image were exchanged (they stay
    within 0..1); it cannot judge files of fewer than 20 boxes or images of unknown size.

    Usual mend: exchange x and y of every box, or width and height of every image.
    """
    return _hits_of(weighed, "axes-swapped")


def sides_swapped(weighed: Weighed) -> Hits:
    """A whole file gives width and height of its boxes exchanged.

    Why it hurts: upright persons become lying ones; no box fits its object.

    Pass: bbox [500, 100, 50, 200] for a person in a 640 x 480 image
    Fail: bbox [500, 100, 200, 50] for the same person

    Value: boxes that are impossible, as for CONV-001, whose limit and test hold here.

    It sees only boxes that leave the image by it: sets of nearly square objects, or of objects far
    from the right and bottom borders, show nothing, nor do sets without cut objects. It cannot
    judge files of fewer than 20 boxes or images of unknown size.

    Usual mend: exchange the two sides, about the corner or the centre as the finding says.
    """
    return _hits_of(weighed, "sides-swapped")


def frame_transposed(weighed: Weighed) -> Hits:
    """Boxes of some images fit them only with width and height exchanged.

    Why it hurts: sizes were read from the stored picture and boxes drawn on the upright one (EXIF
    orientation 5 to 8), or the reverse; the boxes lie beside their objects.

    Pass: 100 500 200 600 in a 480 x 640 image
    Fail: 100 500 200 600 in a 640 x 480 image, beside images that are right

    Value: boxes that are impossible, as for CONV-001, whose limit holds here; of the images with
    such boxes nine of ten must fit wholly when turned, with a wall of edges at the exchanged
    borders (edges within 1 px against those in the 20 px before: chance below 1e-3).

    It holds only images that a box gives away: others of the same camera may be turned too. With
    pictures (`--images`) IMG-004 and IMG-005 see all of them. It cannot judge square images,
    files of fewer than 20 boxes, or images of unknown size.

    Usual mend: exchange the declared sizes, or rotate the boxes into the upright frame.
    """
    return _hits_of(weighed, "frame-transposed")


def class_numbers_shifted(weighed: Weighed) -> Hits:
    """All class numbers of a file are one too high or too low for its list of classes.

    Why it hurts: every object has the name of its neighbour in the list, and one class is lost.

    Pass: numbers 0..4 with 5 listed classes 0..4
    Fail: numbers 1..5 with 5 listed classes 0..4

    Value: boxes with an unlisted number. Limit: 5; six typing errors would not agree (chance 0.1
    each). All numbers used must be listed once 1 is added or subtracted, and not before.

    It cannot see a shift while the number beyond the list is not used, or where there is no list
    of classes. A shift within the list (a background class put first) needs pictures or a second
    source. Results files are SRC-012's.

    Usual mend: add or subtract 1, or give the list that the numbers were made with.
    """
    return _hits_of(weighed, "class-numbers-shifted")


def borders_off_by_one(weighed: Weighed) -> Hits:
    """Objects that the image's border cuts off end one pixel beside it, throughout a file.

    Why it hurts: one pixel is 10 % of a 10 px object: COCO's AP of small objects falls, and joined
    with rightly read sets the detector learns two conventions.

    Pass: left edges of cut objects at 0, right ones at the width
    Fail: left edges at 1, right ones at the width (VOC's 1-based corners taken as they stand)

    Value: share of the edges within 1.5 px of the border that stand at the wrong place. Limit: 0.8
    of them; at least 30 edges left and top, and 30 right and bottom, are needed, and so many that
    half of them at that place would look like it less often than 1e-6. Known pairs: (1, 0) 1-based
    inclusive, (0, -1) inclusive, (1, 1) and (-1, -1) shifted, (-1, 0) shifted twice.

    It cannot see anything in files with few cut objects (about 500 boxes are needed in natural
    pictures), or where annotators keep away from the border; a tool that clips to width - 1 looks
    like inclusive corners, and is mended alike at the border only.

    Usual mend: add or subtract 1 as the finding says.
    """
    return _hits_of(weighed, "borders-off-by-one")


def boxes_of_other_resolution(weighed: Weighed) -> Hits:
    """Boxes of a file end at a constant share of their images' size that is not 1.

    Why it hurts: they were drawn on pictures of another resolution and lie beside their objects.

    Pass: cut objects end at 640 and 480 in 640 x 480 images
    Fail: cut objects end at 320 and 240 in 640 x 480 images

    Value: that share. It must be the same for width and height (1 %), differ from 1 by 2 %, be
    passed by no more than 2 % of the boxes, and have a wall of edges on both axes that chance
    explains less often than 1e-6 (edges within 1 px against those in the 20 px before).

    It cannot see a scale where no object is cut off, a scale of one axis alone, or one that
    differs from image to image (a fixed network input on pictures of many sizes); it cannot judge
    files of fewer than 20 boxes or images of unknown size.

    Usual mend: multiply all coordinates by the factor that the finding states.
    """
    return _hits_of(weighed, "boxes-of-other-resolution")


def box_the_same_everywhere(weighed: Weighed) -> Hits:
    """Half of the boxes of a file are one and the same box.

    Why it hurts: it is a placeholder of a tool or a script, mostly for a set with one class per
    image; a detector learns the place.

    Pass: boxes of their own on each image
    Fail: 0 0 100 100 on every image; or the whole image, on images of any size

    Value: share of the boxes that are this box, in px or in fractions of the image. Limit: 0.5, on
    at least 5 images.

    It cannot tell a placeholder from an object that stands still before a fixed camera, and sees
    no placeholder among many other boxes. It cannot judge files of fewer than 20 boxes or images
    of unknown size.

    Usual mend: draw the objects, or make the class a tag of the image.
    """
    return _hits_of(weighed, "box-the-same-everywhere")


def _hits_of(weighed: Weighed, kind: str) -> Hits:
    own = [mistake for mistake in weighed if mistake.kind == kind]
    sizes = np.array([len(mistake.members) for mistake in own], np.int64)
    members = [mistake.members for mistake in own]
    return Hits(
        members=np.concatenate(members) if members else np.zeros(0, np.int64),
        value=np.array([mistake.value for mistake in own], np.float64),
        limit=np.array([mistake.limit for mistake in own], np.float64),
        unit=own[0].unit if own else "boxes",
        texts=("{}",),
        parts=(np.array([mistake.message for mistake in own], object),),
        mend="",
        ends=np.cumsum(sizes),
        mends=tuple(mistake.mend for mistake in own),
        is_whole=True,
    )
