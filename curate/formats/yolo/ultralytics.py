"""What Ultralytics' loader would do to label files without stopping: the faults of `--for`.

Specification: `ultralytics/data/utils.py`, commit 00bfe34 (img2label_paths, exif_size,
verify_image_label). Its numbers are float32, and one wrong row costs the whole image. The manual
pages are `curate.traps`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from curate.assembly import Fault
from curate.dataset import Dataset
from curate.errors import quote
from curate.formats.combining import part_of
from curate.formats.reading import KeptFiles, Options
from curate.formats.yolo.kinds import BOX_COLUMNS, Bools, scheme_of
from curate.formats.yolo.read import NAME, bounds_of
from curate.formats.yolo.rows import Floats, Ints, Rows, parse_rows
from curate.formats.yolo.setup import read_setup
from curate.progress import track

if TYPE_CHECKING:
    # Only named here: the picture library loads when there are pictures.
    from curate.images import Pictures

Floats32 = npt.NDArray[np.float32]

MAX_VALUE, MIN_VALUE = np.float32(1.01), np.float32(-0.01)
MIN_SIDE_PX = 10
# More columns than this in one row make a file one of polygons.
_MOST_BOX_COLUMNS = 6
_NOT_TAKEN = frozenset({"GIF", "PPM", "JPEG 2000"})
_SIDEWAYS = frozenset({5, 6, 7, 8})
_HEEDED = frozenset({6, 8})
_END_OF_JPEG = b"\xff\xd9"
_THREADS = 2
# Python's splitlines gives it to the loader as a row of no columns; an empty line it passes over.
_BLANK_LINE = re.compile(rb"\n[ \t]+\r?\n")
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def faults(dataset: Dataset) -> list[Fault]:
    """What the loader would do to a dataset that was read from YOLO alone.

    Rows in the faults are those of the dataset's tables.

    Raises
    ------
    SourceError
        When the folder of the joined pictures is no longer there.
    """
    kept = KeptFiles(dataset.sources)
    found: list[Fault] = []
    for part in dataset.options.get("parts", ()):
        files = part_of(kept, part["prefix"])
        own = {part["prefix"] + name: name for name in files.files}
        labels = [file for file, kind in dataset.formats.items() if kind == NAME and file in own]
        # The loader knows the names of data.yaml and no others.
        setup = read_setup(files, [own[file] for file in labels], Options())
        n_classes = len(setup.names) if setup.has_yaml and setup.names is not None else None
        bodies = [dataset.sources.read(file) for file in labels]
        rows = parse_rows(bodies)
        pose = setup.keypoint_shape
        scheme = scheme_of(rows, setup, part["kind"])
        if not setup.has_yaml and scheme.kind == "pose" and scheme.n_pose_columns:
            # The yaml that it will be trained with is not here; flags of keypoints told the kind.
            pose = ((scheme.n_pose_columns - BOX_COLUMNS) // 3, 3)
        found += _Scan(dataset, labels, bodies, rows, pose, n_classes).faults()
    return found + _image_faults(dataset)


@dataclass
class _Scan:
    """The rows of label files as the loader sees them.

    `pose` are the number of keypoints and the numbers of each, None without keypoints;
    `n_classes` is None where no list of names says it. `is_dropped` marks files whose image the
    loader leaves out, `is_read` those whose rows it could make numbers of.
    """

    dataset: Dataset
    files: list[str]
    bodies: list[bytes]
    rows: Rows
    pose: tuple[int, int] | None
    n_classes: int | None
    found: list[Fault] = field(default_factory=list)

    def faults(self) -> list[Fault]:
        """The faults of all files: those that drop an image, then those of what is left."""
        self.is_dropped: Bools = np.zeros(len(self.files), np.bool_)
        self._texts()
        self._columns()
        self.is_read = ~self.is_dropped
        self._classes()
        self._values()
        self._mixed()
        self._predictions()
        self._duplicates()
        return self.found

    @cached_property
    def box_rows(self) -> Ints:
        """The row in the boxes table of each row of the files; -1 for none."""
        boxes = self.dataset.boxes
        number_of = {file: number for number, file in enumerate(self.files)}
        own = np.flatnonzero((boxes["file"].isin(self.files) & boxes["start"].notna()).to_numpy())
        table = boxes.iloc[own]
        keys = [table["file"].map(number_of).to_numpy(np.int64), table["start"].to_numpy(np.int64)]
        places = pd.MultiIndex.from_arrays(keys).get_indexer(
            pd.MultiIndex.from_arrays([self.rows.file, self.rows.start])
        )
        found: Ints = np.where(places < 0, -1, own[places] if len(own) else -1).astype(np.int64)
        return found

    @cached_property
    def image_rows(self) -> Mapping[str, int]:
        """The row in the images table of each label file."""
        places = zip(self.dataset.images["file"], range(len(self.dataset.images)), strict=True)
        return {file: row for file, row in places if isinstance(file, str)}

    @cached_property
    def is_polygons(self) -> Bools:
        """Whether each file is read as one of polygons."""
        wide = self.rows.file[self.rows.count > _MOST_BOX_COLUMNS]
        mask: Bools = np.zeros(len(self.files), np.bool_)
        if self.pose is None:
            mask[wide] = True
        return mask

    @cached_property
    def numbers(self) -> Floats32:
        """(N, 5) class and what stands for the box of each row; 0 where the file is not read."""
        rows, table = self.rows, np.zeros((len(self.rows), BOX_COLUMNS))
        left = self.is_read[rows.file]
        table[left, 0] = rows.values[rows.first[left]]
        polygons = np.flatnonzero(left & self.is_polygons[rows.file])
        if len(polygons):
            edges = _single(bounds_of(rows, polygons, np.zeros(len(polygons), np.int64)))
            low, high = edges[:, :2], edges[:, 2:]
            with np.errstate(over="ignore", invalid="ignore"):
                table[polygons, 1:] = np.hstack([(low + high) / 2, high - low])
        plain = np.flatnonzero(left & ~self.is_polygons[rows.file])
        for column in range(1, BOX_COLUMNS):
            table[plain, column] = rows.value(plain, column)
        return _single(table)

    def _tell(
        self, code: str, rows: Ints, what: Callable[[int], str], mend: str, *, drops: bool = True
    ) -> None:
        """A fault for each file of these rows, with its rows and what is wrong with the first."""
        if not len(rows):
            return
        files = self.rows.file[rows]
        n_rows = np.bincount(self.rows.file, minlength=len(self.files))
        starts = np.flatnonzero(np.diff(files, prepend=-1))
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
            own = rows[start:stop]
            file = int(files[start])
            told = what(int(own[0]))
            if drops:
                n = n_rows[file]
                told += f": the loader leaves out the whole image, {n} row{'' if n == 1 else 's'}"
            self._add(code, told, mend, file, own)
        if drops:
            self.is_dropped[files] = True

    def _add(self, code: str, what: str, mend: str, file: int, own: Ints) -> None:
        boxes = self.box_rows[own]
        name = self.files[file]
        images = (self.image_rows[name],) if name in self.image_rows else ()
        line = int(self.rows.line[own[0]]) if len(own) else 1
        told = tuple(boxes[boxes >= 0].tolist())
        self.found.append(Fault(code, what, mend, name, line, images=images, boxes=told))

    def _open(self, is_wrong: Bools) -> Ints:
        """The wrong rows of files that are not dropped."""
        own: Ints = np.flatnonzero(is_wrong & ~self.is_dropped[self.rows.file])
        return own

    def _texts(self) -> None:
        mend = "save the file as UTF-8 without byte order mark, with numbers alone"
        tail = ": the loader leaves out the whole image"
        none: Ints = np.zeros(0, np.int64)
        for file in range(len(self.files)):
            if self.bodies[file].startswith(_BOMS):
                self._add("ULT-004", f"begins with a byte order mark{tail}", mend, file, none)
            elif file in self.rows.no_text:
                self._add("ULT-004", f"{self.rows.no_text[file][0]}{tail}", mend, file, none)
            else:
                continue
            self.is_dropped[file] = True
        # Rows of odd files have their numbers behind those of all others.
        in_order = np.argsort(self.rows.first, kind="stable")
        of_value = np.repeat(in_order, self.rows.count[in_order])
        is_wrong: Bools = np.zeros(len(self.rows), np.bool_)
        is_wrong[of_value[np.isnan(self.rows.values)]] = True
        self._tell(
            "ULT-004", self._open(is_wrong), lambda _: "a word that is no finite number", mend
        )

    def _columns(self) -> None:
        tail = ": the loader leaves out the whole image"
        none: Ints = np.zeros(0, np.int64)
        for file, body in enumerate(self.bodies):
            if not self.is_dropped[file] and _BLANK_LINE.search(body.strip()):
                what = f"a line of white space alone among the rows{tail}"
                self._add("ULT-003", what, "remove the line", file, none)
                self.is_dropped[file] = True
        count = self.rows.count
        of_polygons = self.is_polygons[self.rows.file]
        wanted = BOX_COLUMNS if self.pose is None else BOX_COLUMNS + self.pose[0] * self.pose[1]
        is_wrong = np.where(of_polygons, (count % 2 == 0) | (count < 3), count != wanted)
        should = "5" if self.pose is None else f"{wanted} by kpt_shape"
        self._tell(
            "ULT-003",
            self._open(is_wrong),
            lambda row: (
                f"{count[row]} columns, should be "
                + ("an odd number, as the file is read as polygons" if of_polygons[row] else should)
            ),
            "write all rows of the file in one form, without scores",
        )

    def _classes(self) -> None:
        first = self.rows.values[self.rows.first]
        classes = _single(first)
        is_wrong = classes < MIN_VALUE
        should = "0 or above"
        if self.n_classes is not None:
            is_wrong |= classes >= self.n_classes
            should = f"0 to {self.n_classes - 1}"
        self._tell(
            "ULT-002",
            self._open(is_wrong),
            lambda row: f"class {first[row]:g}, should be {should}",
            "correct the class, or add it to the names in data.yaml",
        )

    def _values(self) -> None:
        numbers = self.numbers
        low = numbers[:, 1:].min(axis=1) if len(numbers) else numbers[:, 0]
        high = numbers[:, 1:].max(axis=1) if len(numbers) else numbers[:, 0]
        if self.pose is not None:
            low, high = self._pose_range(low)
        is_wrong = (high > MAX_VALUE) | (low < MIN_VALUE)
        self._tell(
            "ULT-001",
            np.flatnonzero(is_wrong & self.is_read[self.rows.file]),
            lambda row: (
                f"{high[row] if high[row] > MAX_VALUE else low[row]:.7g} among its numbers,"
                " should be -0.01 to 1.01"
            ),
            "clip the box to the image, or correct the row",
        )

    def _pose_range(self, low: Floats32) -> tuple[Floats32, Floats32]:
        """The least of all numbers of each row, and the largest of its keypoints' x and y."""
        n_points, n_each = self.pose or (0, 0)
        high: Floats32 = np.zeros(len(self.rows), np.float32)
        own = np.flatnonzero(self.is_read[self.rows.file])
        low = low.copy()
        for number in range(n_points * n_each):
            values = _single(self.rows.value(own, BOX_COLUMNS + number))
            low[own] = np.minimum(low[own], values)
            if number % n_each < 2:
                high[own] = np.maximum(high[own], values)
        return low, high

    def _mixed(self) -> None:
        is_box = self.is_polygons[self.rows.file] & (self.rows.count == BOX_COLUMNS)
        self._tell(
            "ULT-005",
            self._open(is_box),
            lambda _: "a box among polygons is read as two points",
            "write the box as a polygon of its four corners",
            drops=False,
        )

    def _predictions(self) -> None:
        boxes = self.dataset.boxes
        is_found = (boxes["origin"] == "detector").to_numpy(bool)
        is_own = (self.box_rows >= 0) & is_found[self.box_rows] if len(boxes) else np.zeros(0, bool)
        self._tell(
            "ULT-006",
            self._open(is_own & self.is_polygons[self.rows.file]),
            lambda _: "the score and the track of a prediction are read as a point of a polygon",
            "keep predictions apart from labels, or take score and track off the rows",
            drops=False,
        )

    def _duplicates(self) -> None:
        own = self._open(np.ones(len(self.rows), np.bool_))
        table = pd.DataFrame(self.numbers[own])
        table["file"] = self.rows.file[own]
        if self.pose is not None:
            for number in range(self.pose[0] * self.pose[1]):
                table[f"k{number}"] = _single(self.rows.value(own, BOX_COLUMNS + number))
        copies = own[table.duplicated().to_numpy(bool)]
        self._tell(
            "ULT-007",
            copies,
            lambda _: "the same to the loader as a row above: it is removed, and the rest sorted",
            "remove the copy",
            drops=False,
        )


def _single(values: Floats) -> Floats32:
    """The numbers as float32, what is beyond its bounds infinite."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def _image_faults(dataset: Dataset) -> list[Fault]:
    """The faults of pictures, and of images without a label file."""
    images = dataset.images
    rows = np.flatnonzero(images["label_state"] == "missing").tolist()
    mend = "label it, add an empty label file if nothing is there, or take it out of the split"
    what = "no label file: the loader takes the picture for one without any object"
    found = [Fault("ULT-008", what, mend, images=(row,)) for row in rows]
    if dataset.images_root is None:
        return found
    from curate.images import open_pictures

    pictured = images[images["path"].notna()]
    prefixes = [part["prefix"] for part in dataset.options.get("parts", ())]
    found += _not_found(pictured, dataset.images_root, prefixes)
    sizes = pictured[["width", "height"]].dropna()
    mend = "enlarge the picture, or take it out"
    for row, width, height in sizes[sizes.min(axis=1) < MIN_SIDE_PX].itertuples():
        what = f"{width} x {height} px, should have no side below {MIN_SIDE_PX} px"
        found.append(Fault("ULT-009", what, mend, images=(row,)))
    found += _file_faults(pictured, open_pictures(dataset.images_root))
    return found


def _not_found(pictured: pd.DataFrame, root: Path, prefixes: Sequence[str]) -> Iterator[Fault]:
    """Label files that lie elsewhere than the loader looks for them."""
    home = root.absolute().as_posix()
    mend = "put labels and pictures into folders `labels` and `images` of the same folders below"
    # A path is taken apart as the loader does it, one by one.
    for row, path, file in pictured[["path", "file"]].dropna().itertuples():
        parts = PurePosixPath(f"{home}/{path}").parts
        marks = [at for at, part in enumerate(parts[:-1]) if part == "images"]
        if marks:
            parts = (*parts[: marks[-1]], "labels", *parts[marks[-1] + 1 :])
        wanted = PurePosixPath(*parts)
        wanted = wanted.with_name(f"{wanted.name.rpartition('.')[0]}.txt")
        prefix = max((p for p in prefixes if file.startswith(p)), key=len, default="")
        own = PurePosixPath(file.removeprefix(prefix)).parts
        # Where the source itself lies is not known: what is known of the path has to agree.
        if wanted.parts[-len(own) :] != own:
            there = quote("/".join(wanted.parts[-len(own) :]))
            what = f"the labels of {quote(path)} are looked for in {there}"
            yield Fault("ULT-013", what, mend, file, images=(row,))


def _file_faults(pictured: pd.DataFrame, pictures: Pictures) -> Iterator[Fault]:
    """What the first and last bytes of pictures tell."""
    there = set(pictures.files)
    table = pictured[pictured["path"].isin(list(there))]
    paths = table["path"].tolist()
    with ThreadPoolExecutor(_THREADS) as pool:
        looked = list(
            track(pool.map(lambda path: _look(pictures.path(path)), paths), len(paths), "pictures")
        )
    turns: Iterable[Any] = table["exif_orientation"].fillna(1)  # whole numbers
    for row, turn, (kind, is_whole) in zip(table.index.tolist(), turns, looked, strict=True):
        if kind in _NOT_TAKEN:
            what = f"a {kind} picture: the loader leaves it out"
            yield Fault("ULT-012", what, "save it as PNG", images=(row,))
        elif kind == "JPEG" and not is_whole:
            what = "a JPEG whose last two bytes are no end mark: the loader writes it anew in place"
            mend = "save it anew, and train on a copy that cannot be written"
            yield Fault("ULT-011", what, mend, images=(row,))
        if turn in _SIDEWAYS and not (kind == "JPEG" and turn in _HEEDED):
            what = f"a {kind} picture of EXIF orientation {turn}: the loader takes it for unturned"
            mend = "save it upright, without orientation"
            yield Fault("ULT-010", what, mend, images=(row,))


def _look(path: Path) -> tuple[str | None, bool]:
    """The format of a picture, and whether it ends as a JPEG has to."""
    from curate.images import format_of

    try:
        kind = format_of(path)
        with path.open("rb") as stream:
            stream.seek(-2, 2)
            return kind, stream.read() == _END_OF_JPEG
    except OSError:
        # One that cannot be read, or is empty, has its finding already.
        return None, True
