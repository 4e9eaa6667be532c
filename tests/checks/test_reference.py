"""Checks of boxes and pairs against a slow evaluator: plain loops over dicts, from the rules."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

W, H = 32, 24
NONE = math.nan


def short(row) -> tuple:
    return row["x1"], row["y1"], row["x2"], row["y2"]


def is_finite(row) -> bool:
    return all(math.isfinite(v) for v in short(row))


def area(edges) -> float:
    return max(edges[2] - edges[0], 0) * max(edges[3] - edges[1], 0)


def shared(a, b) -> float:
    return area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def iou(a, b) -> float:
    return shared(a, b) / (area(a) + area(b) - shared(a, b))


def single(row, size) -> dict[str, float]:
    """Check to value, for one box."""
    if row["shape"] not in ("box", "rotated", "polygon", "mask"):
        return {}
    if not is_finite(row):
        return {"BOX-001": sum(not math.isfinite(v) for v in short(row))}
    x1, y1, x2, y2 = short(row)
    found = {}
    if None not in size:
        over = max(
            -x1, -x2, -y1, -y2, *(x - size[0] for x in (x1, x2)), *(y - size[1] for y in (y1, y2))
        )
        if over > 1:
            found["BOX-002"] = over
        elif over > 0.01:
            found["BOX-009"] = over
    side = min(x2 - x1, y2 - y1)
    if side <= 0:
        return found | {"BOX-003": side}
    if side < 2:
        found["BOX-004"] = side
    if None not in size and row["is_group"] is not True:
        share = shared((x1, y1, x2, y2), (0, 0, *size)) / (size[0] * size[1])
        if share >= 0.98:
            found["BOX-005"] = share
    return found | with_area(row) | with_bounds(row)


def with_area(row) -> dict[str, float]:
    wanted = [v for v in (area(short(row)), row.get("mask_area", NONE)) if not math.isnan(v)]
    declared = row["declared_area"]
    if math.isnan(declared) or any(abs(declared - v) <= max(0.05 * v, 4) for v in wanted):
        return {}
    return {"BOX-006": min(abs(declared - v) for v in wanted)}


def with_bounds(row) -> dict[str, float]:
    found = {}
    edges, mask, kp = short(row), row.get("mask"), row.get("kp")
    if mask and row["is_group"] is not True:
        off = max(abs(a - b) for a, b in zip(edges, mask, strict=True))
        if off > max(2, 0.02 * max(edges[2] - edges[0], edges[3] - edges[1])):
            found["BOX-007"] = off
    if kp:
        over = max(edges[0] - kp[0], edges[1] - kp[1], kp[2] - edges[2], kp[3] - edges[3])
        if over > 1:
            found["BOX-008"] = over
    return found


def kind(row) -> tuple:
    """What two boxes of one image and class share."""
    if row["label"] is not None:
        return row["image"], "label", row["label"]
    return row["image"], "source", row["source_label"]


def compared(row, *, exact: bool) -> bool:
    usable = row["shape"] in ("box", "rotated", "polygon", "mask") and is_finite(row)
    usable = usable and row["x2"] > row["x1"] and row["y2"] > row["y1"]
    usable = usable and row["is_group"] is not True and row["origin"] != "detector"
    return usable and (exact or (row["role"] != "ignore" and row["shape"] != "rotated"))


def clusters(links) -> list[tuple[frozenset, float]]:
    found: list[tuple[frozenset, float]] = []
    for a, b, value in links:
        touching = [c for c in found if c[0] & {a, b}]
        found = [c for c in found if not c[0] & {a, b}]
        members = frozenset({a, b}).union(*(c[0] for c in touching))
        found.append((members, max([value, *(c[1] for c in touching)])))
    return found


def relations(rows) -> set:
    equal: dict[tuple, list] = {}
    for row in rows:
        if compared(row, exact=True):
            equal.setdefault((kind(row), short(row)), []).append(row["source_id"])
    found = {("REL-001", frozenset(c), len(c)) for c in equal.values() if len(c) > 1}
    near, mixed, holders = [], [], {}
    usable = [row for row in rows if compared(row, exact=False)]
    for a, b in itertools.combinations(usable, 2):
        if a["image"] != b["image"]:
            continue
        overlap, names = iou(short(a), short(b)), (a["source_id"], b["source_id"])
        if kind(a) != kind(b):
            if a["label"] and b["label"] and overlap >= 0.95:
                mixed.append((*names, overlap))
            continue
        if overlap >= 0.90 and short(a) != short(b):
            near.append((*names, overlap))
        small, large = sorted((a, b), key=lambda row: area(short(row)))
        inside = shared(short(a), short(b)) / area(short(small))
        if inside >= 0.98 and overlap < 0.90:
            holders.setdefault(small["source_id"], []).append((large["source_id"], inside))
    found |= {("REL-002", *cluster) for cluster in clusters(near)}
    found |= {("REL-003", *cluster) for cluster in clusters(mixed)}
    for inner, outer in holders.items():
        members = frozenset({inner, *(name for name, _ in outer)})
        found.add(("REL-004", members, max(value for _, value in outer)))
    return found


def expected(rows, sizes) -> set:
    found = relations(rows)
    for row in rows:
        for code, value in single(row, sizes[row["image"]]).items():
            found.add((code, frozenset({row["source_id"]}), value))
    return {(code, members, round(value, 9)) for code, members, value in found}


# Quarters are exact in binary, so that limits are met exactly; few places make many meetings.
PLACES = st.integers(-6, 4 * W + 6).map(lambda n: n / 4)
SPOTS = st.sampled_from([0.0, 4.0, 4.25, 20.0, 24.0, 24.25, 32.0, 33.0, -0.0])
EDGE = st.one_of(SPOTS, SPOTS, SPOTS, PLACES, st.sampled_from([NONE, math.inf]))
EDGES = st.one_of(
    st.tuples(EDGE, EDGE, EDGE, EDGE),
    st.sampled_from([(4.0, 4.0, 24.0, 20.0), (4.0, 4.0, 24.0, 20.25), (0.0, 0.0, 32.0, 24.0)]),
)
BOUNDS = st.tuples(*(st.sampled_from([0.0, 2.0, 4.0, 20.0, 22.0, 24.0, 30.0]) for _ in range(4)))
OFTEN = 6
ROW = st.fixed_dictionaries(
    {
        "edges": EDGES,
        "image": st.sampled_from(["a", "a", "b"]),
        "label": st.sampled_from(["car", "car", "car", "van", None]),
        "source_label": st.sampled_from(["1", "2", None]),
        "shape": st.sampled_from(["box"] * OFTEN + ["polygon", "mask", "rotated", "line", "tag"]),
        "role": st.sampled_from(["include"] * OFTEN + ["ignore", "exclude"]),
        "origin": st.sampled_from(["human"] * OFTEN + ["detector"]),
        "is_group": st.sampled_from([None, False, False, True]),
        "declared_area": st.sampled_from([NONE, 0.0, 320.0, 325.0, 336.0, 337.0, 700.0, 768.0]),
    },
    optional={
        "mask": BOUNDS,
        "mask_area": st.sampled_from([NONE, 300.0, 320.0, 660.0]),
        "kp": BOUNDS,
    },
)
SIZES = st.sampled_from([(W, H), (W, H), (W, None), (None, None), (24, 20)])


@given(st.lists(ROW, max_size=14), SIZES, SIZES)
def test_checks_find_what_plain_loops_find(make, findings, box, rows, size_a, size_b) -> None:
    rows = [
        box(f"r{n}", *row["edges"], **{k: v for k, v in row.items() if k != "edges"})
        for n, row in enumerate(rows)
    ]
    sizes = {"a": size_a, "b": size_b}
    images = {name: {"width": size[0], "height": size[1]} for name, size in sizes.items()}
    made = make(rows, images)
    names = dict(zip(made.dataset.boxes["box_id"], made.dataset.boxes["source_id"], strict=True))
    table = findings(made)
    found = {
        (check, frozenset(names[m] for m in members), round(value, 9))
        for check, members, value in zip(
            table["check"], table["members"], table["value"], strict=True
        )
    }
    assert found == expected(rows, sizes)
    assert len(found) == len(table)
