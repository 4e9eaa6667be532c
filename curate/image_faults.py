"""The kinds of faults of pictures, and of images as a source lists them: rows for `faults`."""

from __future__ import annotations

from typing import Literal

# Code, name, default level and manual page of each.
IMAGE_FAULTS: tuple[tuple[str, str, Literal["error", "warning", "info"], str], ...] = (
    (
        "IMG-001",
        "image-missing",
        "error",
        """A listed image has no picture under the image folder.

Why it hurts: loaders stop at it or pass it over, and its labels train nothing.

It cannot tell a picture that is gone from one that was renamed, or from a wrong `--images`; more
than ten missing pictures of one folder are one finding.

Usual mend: add the picture, correct `--images`, or remove the record.""",
    ),
    (
        "IMG-002",
        "image-orphan",
        "warning",
        """A picture under the image folder has no label record. Nobody said whether it is empty
(`label_state = missing`): it is not a negative.

Why it hurts: taken as a negative, it teaches the detector that its objects are background.

It cannot tell a picture that was left out on purpose from one whose labels are lost.

Usual mend: label it, or write an empty label file when someone looked and saw nothing.""",
    ),
    (
        "IMG-003",
        "image-unreadable",
        "error",
        """A picture cannot be opened: truncated, not a picture, or above the pixel limit (a
small file can claim a size that exhausts memory; `--max-pixels` raises the limit).

Why it hurts: a loader stops there, in the middle of an epoch, or trains on grey half pictures.

It cannot tell damage that leaves a picture whole to the decoder.

Usual mend: restore the picture from its source.""",
    ),
    (
        "IMG-004",
        "image-size-mismatch",
        "error",
        """The size that the label file declares is not that of the upright picture: another
resolution, or width and height swapped. Where the picture is stored rotated and the size is that of
the stored frame, it is IMG-005 instead.

Why it hurts: boxes drawn at another resolution lie elsewhere; normalised exports move all boxes.

It cannot tell whether the boxes or the declared size are wrong.

Usual mend: find out at which resolution the boxes were drawn and scale them.""",
    ),
    (
        "IMG-005",
        "image-frame-mismatch",
        "error",
        """The picture is stored rotated (EXIF orientation) and the label file's size is that of
the stored frame, so its boxes are for the picture as stored, while browsers, OpenCV and labelling
tools show it upright.

Why it hurts: a loader that applies EXIF trains on boxes beside the objects; one that does not
apply it sees lying people.

It cannot tell the frame of a picture of orientation 2 to 4, or of a square one, from sizes; nor
that only the size was written for the stored frame and the boxes were not.

Usual mend: rotate the boxes into the upright frame.""",
    ),
    (
        "IMG-006",
        "image-recorded-twice",
        "error",
        """One image name is recorded twice in a source: two COCO images of one `file_name`, two
XML files naming one picture, CSV rows of one name with different sizes. Images of several COCO
annotation files that agree in id, name and size are one image, shared, and no fault; but two where
the files lie in different folders and each has objects, none of them the same.

Why it hurts: each record holds a part of the labels; each part calls the other's objects
background.

It cannot tell two records of one picture from two pictures of one name.

Usual mend: join the records, or give two different pictures different names.""",
    ),
    (
        "IMG-007",
        "image-name-ambiguous",
        "error",
        """Several pictures fit the name that a label states, and none of them exactly; or
several names of one source fit one picture equally well. The image is left without a picture.

Why it hurts: a loader that takes the first lays the boxes on the wrong picture.

It cannot tell which one was meant: the declared size alone parts pictures of one name.

Usual mend: state the picture's path in the label, or point `--images` at the right folder.""",
    ),
    (
        "IMG-008",
        "image-duplicate",
        "warning",
        """Several pictures of different names are the same file, byte for byte.

Why it hurts: the same picture may be in training and in test, or carry different boxes under each
name.

It cannot tell pictures that look the same and differ in a byte: another size, or saved anew.

Usual mend: keep one name, and join or choose the labels.""",
    ),
    (
        "IMG-009",
        "picture-folder-not-read",
        "warning",
        """A folder below the image folder was not looked into: it cannot be listed, or it is a
symbolic link to a folder, which is not followed (its pictures could be there twice, or without
end). So is an entry that the system gives no information on.

Why it hurts: its pictures count as missing, and none of them is measured.

It cannot tell whether pictures are in it.

Usual mend: give yourself the right to read it, or put the folder itself in the link's place. A link
that is given as `--images` itself is followed.""",
    ),
)
