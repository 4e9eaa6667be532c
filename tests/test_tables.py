"""Tables: types, nulls, and ids that stay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import TableError
from curate.tables import (
    BOX_COLUMNS,
    CLASS_COLUMNS,
    FINDING_COLUMNS,
    IMAGE_COLUMNS,
    box_hashes,
    check_table,
    from_arrow,
    hex_id,
    hex_ids,
    key_hashes,
    make_table,
    normal_key,
    to_arrow,
)


@pytest.mark.parametrize("columns", [IMAGE_COLUMNS, BOX_COLUMNS, FINDING_COLUMNS])
@pytest.mark.parametrize("n_rows", [0, 3])
def test_columns_not_given_are_null_and_come_back_so(columns: dict, n_rows: int) -> None:
    table = make_table(columns, n_rows, {})
    check_table(table, columns, "test")
    plain = [name for name, column in columns.items() if column.dtype != "ids"]
    assert table[plain].isna().all().all()
    pd.testing.assert_frame_equal(from_arrow(to_arrow(table, columns), columns), table)


def test_ids_next_to_nulls_stay_exact() -> None:
    table = make_table(FINDING_COLUMNS, 2, {"box_id": [2**62 + 1, None]})
    again = from_arrow(to_arrow(table, FINDING_COLUMNS), FINDING_COLUMNS)
    assert again["box_id"].tolist() == [2**62 + 1, pd.NA]


def test_an_unknown_column_and_a_wrong_length_are_refused() -> None:
    with pytest.raises(TableError, match="colour"):
        make_table(BOX_COLUMNS, 1, {"colour": ["red"]})
    with pytest.raises(TableError, match="2 values for 1 rows"):
        make_table(BOX_COLUMNS, 1, {"label": ["a", "b"]})


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.drop(columns="x1"),
        lambda t: t.assign(x1=t["x1"].astype("float32")),
        lambda t: t.assign(box_id=t["box_id"].astype("float64")),
        lambda t: t[t.columns[::-1]],
    ],
)
def test_a_table_of_another_shape_is_refused(change: object) -> None:
    table = make_table(BOX_COLUMNS, 1, {})
    with pytest.raises(TableError):
        check_table(change(table), BOX_COLUMNS, "boxes")  # type: ignore[operator]


def test_key_hashes_are_those_of_blake2b() -> None:
    # printf street/a.jpg | b2sum -l 64, read as a little-endian number without its top bit.
    import hashlib

    digest = hashlib.blake2b(b"street/a.jpg", digest_size=8).hexdigest()
    number = int.from_bytes(bytes.fromhex(digest), "little") & (2**63 - 1)
    assert key_hashes(["street/a.jpg"]).tolist() == [number]
    assert hex_id(255) == "00000000000000ff"
    ids = key_hashes(["a/1.jpg", "é", ""])
    assert list(hex_ids(ids, np.array([True, True, True]))) == [hex_id(int(one)) for one in ids]
    assert hex_ids(ids, np.array([True, False, True])).isna().tolist() == [False, True, False]
    assert len(hex_ids(ids[:0], np.zeros(0, np.bool_))) == 0


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=20, unique=True))
def test_box_ids_are_the_same_from_numbers_and_from_texts(ids: list[int]) -> None:
    images = key_hashes(["a"] * len(ids))
    from_numbers = box_hashes(images, np.array(ids, np.int64))
    small = [i for i in ids if i < 10**18]
    assert box_hashes(images[: len(small)], [str(i) for i in small]).tolist() == [
        number for i, number in zip(ids, from_numbers.tolist(), strict=True) if i < 10**18
    ]
    assert len(set(from_numbers.tolist())) == len(ids)
    assert (from_numbers >= 0).all()


def test_box_ids_differ_between_images() -> None:
    images = key_hashes(["a", "b"])
    assert len(set(box_hashes(images, np.array([1, 1])).tolist())) == 2


def test_keys_are_nfc_with_slashes() -> None:
    assert normal_key("sub\\cafe\u0301.jpg") == "sub/café.jpg"
    assert normal_key("./a.jpg") == "a.jpg"


def test_arrow_tables_that_do_not_fit_are_refused_by_column() -> None:
    whole = to_arrow(make_table(BOX_COLUMNS, 1, {}), BOX_COLUMNS)
    with pytest.raises(TableError, match=r"columns \['score'\] are missing"):
        from_arrow(whole.drop_columns(["score"]), BOX_COLUMNS)
    at = whole.column_names.index("score")
    words = whole.set_column(at, "score", pa.array(["high"]))
    with pytest.raises(TableError, match="a column cannot be read as float64"):
        from_arrow(words, BOX_COLUMNS)


def test_short_arrow_text_becomes_the_text_of_the_tables() -> None:
    table = make_table(CLASS_COLUMNS, 2, {"label": pa.array(["car", None])})
    assert table["label"].tolist()[0] == "car"
    assert table["label"].isna().tolist() == [False, True]
    assert table["label"].dtype == make_table(CLASS_COLUMNS, 0, {})["label"].dtype


def test_a_column_in_several_pieces_is_read_whole() -> None:
    one = to_arrow(make_table(CLASS_COLUMNS, 1, {"file": "a", "label": "car"}), CLASS_COLUMNS)
    two = to_arrow(make_table(CLASS_COLUMNS, 1, {"file": "b", "label": "bus"}), CLASS_COLUMNS)
    again = from_arrow(pa.concat_tables([one, two]), CLASS_COLUMNS)
    assert again[["file", "label"]].values.tolist() == [["a", "car"], ["b", "bus"]]
