"""The checks that ask what a whole set makes likely: of classes, sizes, flags, partners, tracks."""

from __future__ import annotations

from curate.checks import attributes, classes, flags, outliers, partners, tracks
from curate.checks.check import Check

_LABELS = ("boxes", "images", "labels")
_TEXTS = (*_LABELS, "texts")
_TRACKS = ("boxes", "images", "tracks")
_CLASSES = ("boxes", "images", "classes", "labels")
# Sets of fewer labels are samples: what they lack, the whole may have.
_SAMPLE = {"min_boxes": 100.0}

# Found by counting what 14 real sets have beyond each: `outliers.size_outlier`.
_OUTLIER = {"max_z": 4.5, "max_ratio": 2.0, "min_boxes": 30.0, "min_side_px": 2.0}
_SIDE = {"min_side_px": ("BOX-004", "min_side_px")}

OF_SETS: tuple[Check, ...] = (
    Check("SET-001", "class-unused", "info", classes.class_unused, _SAMPLE, reads=_CLASSES),
    Check("SET-002", "class-unlisted", "warning", classes.class_unlisted, reads=_CLASSES),
    Check("SET-003", "class-only-one", "info", classes.class_only_one, _SAMPLE, reads=_LABELS),
    Check(
        "SET-004",
        "class-few-boxes",
        "info",
        classes.class_few_boxes,
        {"max_boxes": 1.0, **_SAMPLE},
        reads=_LABELS,
    ),
    Check(
        "SET-005",
        "classes-imbalanced",
        "info",
        classes.classes_imbalanced,
        {"max_ratio": 50.0, **_SAMPLE},
        reads=_LABELS,
    ),
    Check("SET-006", "class-names-alike", "warning", classes.class_names_alike, reads=_CLASSES),
    Check("SET-007", "class-ids-differ", "warning", classes.class_ids_differ, reads=_CLASSES),
    Check(
        "SET-008",
        "class-not-in-train",
        "warning",
        classes.class_not_in_train,
        {"max_share_frac": 0.005},
        reads=_LABELS,
    ),
    Check("SET-009", "box-without-class", "warning", classes.box_without_class, reads=_LABELS),
    Check(
        "SET-010",
        "class-shapes-mixed",
        "warning",
        classes.class_shapes_mixed,
        {"max_share_frac": 0.1},
        reads=_LABELS,
    ),
    Check(
        "SET-011",
        "attribute-one-value",
        "info",
        attributes.attribute_one_value,
        _SAMPLE,
        reads=_TEXTS,
    ),
    Check(
        "SET-012",
        "attribute-value-rare",
        "info",
        attributes.attribute_value_rare,
        {"max_boxes": 1.0, "max_ratio": 50.0, **_SAMPLE},
        reads=_TEXTS,
    ),
    Check(
        "SET-013",
        "attribute-missing",
        "warning",
        attributes.attribute_missing,
        {"min_share_frac": 0.9, "min_boxes": 30.0},
        reads=_TEXTS,
    ),
    Check(
        "SET-014",
        "image-count-outlier",
        "info",
        outliers.image_count_outlier,
        {"max_z": 4.5, "max_ratio": 3.0, "min_images": 30.0},
        reads=_LABELS,
    ),
    Check(
        "SET-015",
        "boxes-concentrated",
        "info",
        outliers.boxes_concentrated,
        {"max_share_frac": 0.8, "min_boxes": 400.0},
        reads=_LABELS,
    ),
    Check(
        "BOX-012",
        "size-outlier",
        "info",
        outliers.size_outlier,
        _OUTLIER,
        _SIDE,
        reads=_LABELS,
    ),
    Check(
        "BOX-013",
        "shape-outlier",
        "info",
        outliers.shape_outlier,
        _OUTLIER,
        _SIDE,
        reads=_LABELS,
    ),
    Check(
        "BOX-014",
        "box-share-extreme",
        "info",
        outliers.box_share_extreme,
        {"min_share_frac": 1e-5, "max_share_frac": 0.95, "min_side_px": 2.0},
        _SIDE,
        reads=_LABELS,
    ),
    Check(
        "BOX-015",
        "box-small-for-training",
        "info",
        outliers.box_small_for_training,
        {"input_px": 640.0, "min_side_px": 3.0, "small_px": 2.0},
        {"small_px": ("BOX-004", "min_side_px")},
        reads=_LABELS,
    ),
    Check(
        "TRK-001",
        "track-class-changes",
        "warning",
        tracks.track_class_changes,
        reads=("boxes", "images", "labels", "tracks"),
    ),
    Check(
        "TRK-002", "track-gap", "warning", tracks.track_gap, {"max_gap_frames": 2.0}, reads=_TRACKS
    ),
    Check(
        "TRK-003",
        "track-size-jump",
        "info",
        tracks.track_size_jump,
        {"max_ratio": 1.25},
        reads=_TRACKS,
    ),
    Check(
        "TRK-004",
        "track-centre-jump",
        "info",
        tracks.track_centre_jump,
        {"max_step_ratio": 0.5, "max_speed_ratio": 5.0},
        reads=_TRACKS,
    ),
    Check("TRK-005", "track-twice-in-frame", "error", tracks.track_twice_in_frame, reads=_TRACKS),
    Check(
        "TRK-006",
        "track-changes-id",
        "info",
        tracks.track_changes_id,
        {"min_iou": 0.9},
        reads=("boxes", "images", "labels", "tracks"),
    ),
    Check(
        "BOX-016",
        "truncated-inside",
        "warning",
        flags.truncated_inside,
        {"tolerance_px": 3.0, "min_usual_frac": 0.9, "min_boxes": 20.0},
        reads=_LABELS,
    ),
    Check(
        "BOX-017",
        "border-not-truncated",
        "info",
        flags.border_not_truncated,
        {"tolerance_px": 0.5, "min_usual_frac": 0.8, "min_boxes": 20.0},
        reads=_LABELS,
    ),
    Check(
        "REL-005",
        "group-of-few",
        "info",
        flags.group_of_few,
        {"min_ioa": 0.9, "min_members_boxes": 2.0, "min_usual_frac": 0.8, "min_boxes": 20.0},
        reads=_LABELS,
    ),
    Check(
        "REL-006",
        "box-inside-group",
        "warning",
        flags.box_inside_group,
        {"min_ioa": 0.9, "min_usual_frac": 0.9, "min_boxes": 20.0},
        reads=_LABELS,
    ),
    Check(
        "REL-007",
        "box-tiled-by-others",
        "info",
        partners.box_tiled_by_others,
        {"max_visible_frac": 0.05, "min_others_boxes": 2.0},
        reads=_LABELS,
    ),
    Check(
        "REL-008",
        "head-without-person",
        "warning",
        partners.head_without_person,
        {"min_ioa": 0.5, "min_usual_frac": 0.8, "min_boxes": 20.0},
        reads=_LABELS,
    ),
    Check(
        "REL-009",
        "rider-without-vehicle",
        "warning",
        partners.rider_without_vehicle,
        {"min_ioa": 0.1, "min_usual_frac": 0.8, "min_boxes": 20.0},
        reads=_LABELS,
    ),
)
