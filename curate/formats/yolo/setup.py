"""What describes a YOLO set: data.yaml, darknet's obj.data, the class lists, the lists of pictures.

Paths in them are those of another machine as often as not. A stated folder or file is looked for
by its longest end that is here, below the description's own folder and then below the source.
"""

from __future__ import annotations

import codecs
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from curate.assembly import Fault
from curate.errors import SourceError, quote
from curate.formats.class_lists import ClassLists, is_class_list
from curate.formats.reading import HEAD_BYTES, Files, Options
from curate.formats.yolo_rows import is_picture_list

_MAX_CONFIG_BYTES = 4 << 20
# PyYAML takes the square of the depth in time; a data.yaml has three levels.
_MAX_DEPTH = 20
# Keys of a data.yaml that are no splits (Ultralytics 8.3, data/utils.py, check_det_dataset).
NO_SPLITS = frozenset(
    {"path", "names", "nc", "kpt_shape", "flip_idx", "download", "task", "channels", "yaml_file"}
)
_SPLITS = ("train", "val", "validation", "valid", "test")
_DARKNET_NO_SPLITS = frozenset({"classes", "names", "backup", "eval"})
_CORRECT = "correct the file, or name the classes with --classes FILE"


@dataclass
class Setup:
    """What the describing files say.

    `kept` are their bytes, `classes` rows of the table of classes. `names` gives a class's name by
    its number, None where no yaml or darknet file lists them (then `lists` does, by folder).
    `splits` are (split, stated paths, the describing file's folder). `keypoint_shape` is (number
    of keypoints, 2 or 3 values each). `lists_of` are lists of pictures that nothing names.
    """

    lists: ClassLists
    kept: dict[str, bytes] = field(default_factory=dict)
    classes: list[dict[str, str | None]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    names: dict[int, str] | None = None
    splits: list[tuple[str, list[str], str]] = field(default_factory=list)
    keypoint_shape: tuple[int, int] | None = None
    task: str | None = None
    has_yaml: bool = False

    def names_in(self, folder: str) -> dict[int, str] | None:
        """The class names by number for the label files of a folder; None: not listed."""
        if self.names is not None:
            return self.names
        listed = self.lists.names(folder)
        return None if listed is None else {i: name for i, name in enumerate(listed) if name}


def config_files(files: Files) -> tuple[set[str], list[str]]:
    """The .txt files that descriptions name as lists, and the descriptions, nearest the root first.

    A description is a data.yaml, an obj.data or an obj.names, of whatever name but the last.
    """
    lists: set[str] = set()
    configs: list[str] = []
    for name in sorted(files.files, key=lambda name: (name.count("/"), name)):
        ending = name.lower().rpartition(".")[2]
        values: Mapping[str, Any] | None = None  # YAML values
        if ending in ("yaml", "yml"):
            values = data_yaml(files, name)
        elif ending == "data":
            values = darknet_config(files, name)
        if values is not None:
            configs.append(name)
            stated = [text for _, texts in _splits(values) for text in texts]
            lists.update(filter(None, (find_file(files, t, folder_of(name)) for t in stated)))
        elif ending == "names" and PurePosixPath(name).name.lower() == "obj.names":
            configs.append(name)
    return lists, configs


def data_yaml(files: Files, name: str) -> dict[str, Any] | None:  # YAML values
    """The values of a data.yaml; None for any other file."""
    body = _small(files, name)
    return None if body is None else parse_data_yaml(body)


def parse_data_yaml(body: bytes) -> dict[str, Any] | None:  # YAML values
    """The top level of a data.yaml: class names, and a split or a count; None for other text.

    Aliases are refused: a few lines of them unfold to more than memory holds.
    """
    import yaml

    if b"names" not in body:
        return None
    # What PyYAML's constructors raise beside YAMLError: `!!int ""`, 2001-99-99, deep nesting.
    broken = (yaml.YAMLError, ValueError, IndexError, AttributeError, RecursionError, TypeError)
    try:
        text = body.decode("utf-8-sig")
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > _MAX_DEPTH:
                return None
        values = yaml.safe_load(text)
    except broken:
        return None
    if not isinstance(values, dict) or "names" not in values:
        return None
    is_set = any(key in values for key in ("train", "val", "test", "path", "nc", "validation"))
    return {str(key): value for key, value in values.items()} if is_set else None


def darknet_config(files: Files, name: str) -> dict[str, str] | None:
    """The values of an obj.data (`key = value` lines, `names` among them); None for other files."""
    body = _small(files, name)
    if body is None or b"names" not in body or b"=" not in body:
        return None
    pairs = (line.partition("=") for line in body.decode("utf-8", "replace").splitlines())
    values = {key.strip(): value.strip() for key, _, value in pairs if value.strip()}
    return values if "names" in values else None


def _small(files: Files, name: str) -> bytes | None:
    if not 0 < files.files[name] <= _MAX_CONFIG_BYTES:
        return None
    try:
        return files.read(name)
    except SourceError:
        return None


def _splits(values: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:  # YAML values
    """The splits that a description names, those of Ultralytics first, each with its paths."""
    others = sorted(values.keys() - NO_SPLITS - _DARKNET_NO_SPLITS - {*_SPLITS})
    for key in (*_SPLITS, *others):
        stated = values.get(key)
        texts = stated if isinstance(stated, list) else [stated]
        paths = [text for text in texts if isinstance(text, str) and text]
        if paths:
            yield key, paths


def read_setup(files: Files, names: Sequence[str], options: Options) -> Setup:
    """What describes the label files `names`: classes as told, else the yaml's, else listed."""
    setup = Setup(ClassLists(files, options))
    _, configs = config_files(files)
    described = [name for name in configs if not name.lower().endswith(".names")]
    for number, name in enumerate(described):
        body = _small(files, name)
        if body is None:
            continue
        setup.kept[name] = body
        # A second yaml describes a part or another form of the set: the one nearest the root says.
        if number == 0:
            _read_config(setup, files, name, body)
    folders = sorted({folder_of(name) for name in names})
    if options.classes is not None:
        setup.names, setup.classes = None, []
    if setup.names is None:
        for folder in folders:
            setup.lists.names(folder)
    setup.kept |= setup.lists.kept
    setup.classes += setup.lists.classes
    setup.faults += setup.lists.faults
    return setup


def _read_config(setup: Setup, files: Files, name: str, body: bytes) -> None:
    if name.lower().endswith(".data"):
        values: dict[str, Any] = darknet_config(files, name) or {}  # YAML values, here texts
        _read_darknet_names(setup, files, name, str(values.get("names")))
    else:
        values = parse_data_yaml(body) or {}
        setup.has_yaml = True
        _read_yaml_names(setup, name, values.get("names"))
        setup.keypoint_shape = _keypoint_shape(values.get("kpt_shape"))
        setup.task = values["task"] if isinstance(values.get("task"), str) else None
    root = values.get("path")
    below = f"{root}/" if isinstance(root, str) else ""
    for split, stated in _splits(values):
        paths = [text if text.startswith("/") else below + text for text in stated]
        setup.splits.append((split, paths, folder_of(name)))


def _keypoint_shape(value: object) -> tuple[int, int] | None:
    if isinstance(value, list) and len(value) == 2 and all(type(n) is int for n in value):
        count, size = value
        return (count, size) if 0 < count <= 10_000 and size in (2, 3) else None
    return None


def _read_yaml_names(setup: Setup, file: str, value: object) -> None:
    pairs: list[tuple[Any, Any]] = []  # YAML values
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    found = {_number(key): name for key, name in pairs if isinstance(name, str | int | float)}
    is_list = isinstance(value, list | dict)
    if not is_list or len(found) != len(pairs) or None in found:
        what = f"names: {quote(value)}, should be a list of class names or give each a number"
        setup.faults.append(Fault("SRC-001", what, _CORRECT, file))
    setup.names = {number: str(name) for number, name in found.items() if number is not None}
    _list_classes(setup, file, setup.names)


def _number(key: object) -> int | None:
    if isinstance(key, str) and key.isascii() and key.isdecimal() and len(key) < 10:
        return int(key)
    return key if type(key) is int and 0 <= key < 10**9 else None


def _read_darknet_names(setup: Setup, files: Files, config: str, stated: str) -> None:
    file = find_file(files, stated, folder_of(config))
    if file is None or not is_class_list(file):
        return
    listed = setup.lists.names(folder_of(file))
    if listed is not None and file in setup.lists.kept:
        setup.names = {number: name for number, name in enumerate(listed) if name}


def _list_classes(setup: Setup, file: str, names: Mapping[int, str]) -> None:
    first: dict[str, int] = {}
    for number, name in names.items():
        setup.classes.append({"file": file, "source_id": str(number), "label": name})
        if first.setdefault(name, number) != number:
            what = f"classes {first[name]} and {number} are both called {quote(name)}"
            setup.faults.append(Fault("SRC-007", what, "give the classes names of their own", file))


def folder_of(name: str) -> str:
    """The folder of a file, "" for none."""
    return name.rpartition("/")[0]


def parts_of(path: str) -> list[str]:
    """The parts of a stated path without its root, `.` and `..`."""
    parts = path.replace("\\", "/").split("/")
    parts = [part.strip() if part.strip() != part else part for part in parts]
    if parts and parts[0].endswith(":"):
        parts = parts[1:]
    return [part for part in parts if part not in ("", ".", "..")]


def ends_of(path: str, base: str) -> Iterator[str]:
    """What a stated path may be in this source: its ends, the longest first, below `base` first."""
    parts = parts_of(path)
    for first in range(len(parts)):
        end = "/".join(parts[first:])
        if base:
            yield f"{base}/{end}"
        yield end


def find_file(files: Files, stated: str, base: str) -> str | None:
    """The file of the source that a stated path means; None when there is none."""
    return next((end for end in ends_of(stated, base) if end in files.files), None)


@dataclass
class Homes:
    """The split, the name and the label file of each picture that the lists and the yaml state.

    `name_of` and `split_of` are by label file; `missing` are (name, split) of listed pictures
    that have no label file.
    """

    name_of: dict[str, str] = field(default_factory=dict)
    split_of: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def find_homes(setup: Setup, files: Files, names: Sequence[str]) -> Homes:
    """What is stated of the pictures of the label files `names`; keeps the bytes of the lists."""
    homes, finder = Homes(), _Finder(names)
    named: set[str] = set()
    for split, paths, base in setup.splits:
        for path in paths:
            file = find_file(files, path, base)
            if file is None or file in finder.files:
                for label in finder.below(path, base):
                    homes.split_of.setdefault(label, split)
                continue
            named.add(file)
            if file.lower().endswith(".txt"):
                _read_list(setup, files, file, split, (finder, homes))
    for file in files.files:
        if file in finder.files:
            continue
        is_text = file.lower().endswith(".txt") and not is_class_list(file)
        if not is_text or file in named:
            continue
        if is_picture_list(_list_lines(_head(files, file))):
            _read_list(setup, files, file, PurePosixPath(file).stem, (finder, homes))
    return homes


def _head(files: Files, file: str) -> bytes:
    try:
        head = files.head(file, HEAD_BYTES)
    except SourceError:
        return b""
    cut = len(head) == HEAD_BYTES and b"\n" in head
    return head.rpartition(b"\n")[0] if cut else head


def _list_lines(body: bytes) -> list[bytes]:
    lines = body.removeprefix(codecs.BOM_UTF8).split(b"\n")
    return [line.strip() for line in lines if line.strip()]


def _read_list(
    setup: Setup, files: Files, file: str, split: str, to: tuple[_Finder, Homes]
) -> None:
    """Adds what a list of pictures states."""
    finder, homes = to
    try:
        body = files.read(file)
    except SourceError as error:
        mend = error.mend or "restore the file"
        setup.faults.append(Fault("SRC-002", error.what, mend, file))
        return
    lines = _list_lines(body)
    if not is_picture_list(lines):
        return
    setup.kept[file] = body
    for line in lines:
        path = line.decode("utf-8", "backslashreplace")
        label, name = finder.label(path, folder_of(file)), picture_name(path)
        if label is None:
            homes.missing.setdefault(name, split)
        else:
            homes.name_of.setdefault(label, name)
            homes.split_of.setdefault(label, split)


class _Finder:
    """Finds label files by the paths of pictures and of their folders."""

    def __init__(self, names: Sequence[str]) -> None:
        self.files = set(names)
        self._stems: dict[str, list[str]] = defaultdict(list)
        self._folders: dict[str, dict[str, str]] = defaultdict(dict)
        for name in names:
            folder, _, file = name.rpartition("/")
            stem = file.rpartition(".")[0] or file
            self._stems[stem].append(name)
            self._folders[folder][stem] = name
        self._above = {
            "/".join(folder.split("/")[:n])
            for folder in self._folders
            for n in range(1, folder.count("/") + 2)
        }
        self._found: dict[tuple[str, str], str | None] = {}

    def label(self, path: str, base: str) -> str | None:
        """The label file of a listed picture."""
        folder, _, file = path.replace("\\", "/").rpartition("/")
        stem = file.rpartition(".")[0] or file
        key = folder, base
        if key not in self._found:
            self._found[key] = self._folder(folder, base)
        home = self._found[key]
        if home is not None:
            return self._folders[home].get(stem)
        same = self._stems.get(stem, [])
        return same[0] if len(same) == 1 else None

    def _folder(self, stated: str, base: str) -> str | None:
        ends = ends_of(labels_path(stated), base) if parts_of(stated) else iter((base, ""))
        return next((end for end in ends if end in self._folders), None)

    def below(self, stated: str, base: str) -> list[str]:
        """The label files of a folder of pictures that a yaml names."""
        ends = ends_of(labels_path(stated), base)
        home = next((end for end in ends if end in self._above), None)
        if home is None:
            return []
        inside = f"{home}/"
        return [
            file
            for folder, own in self._folders.items()
            if folder == home or folder.startswith(inside)
            for file in own.values()
        ]


def labels_path(stated: str) -> str:
    """The folder of the labels for a folder of pictures: its last `images` becomes `labels`."""
    parts = parts_of(stated)
    for at in range(len(parts) - 1, -1, -1):
        if parts[at].lower() == "images":
            return "/".join([*parts[:at], "labels", *parts[at + 1 :]])
    return "/".join(parts)


def _without(parts: list[str], word: str) -> list[str]:
    """The parts without the last folder of that name."""
    for at in range(len(parts) - 2, -1, -1):
        if parts[at].lower() == word:
            return [*parts[:at], *parts[at + 1 :]]
    return parts


def picture_name(stated: str) -> str:
    """The name of a listed picture: its path without `images/`; of an absolute one what follows."""
    parts = parts_of(stated)
    is_absolute = stated.replace("\\", "/").lstrip().startswith("/") or stated[1:2] == ":"
    if is_absolute:
        marks = [at for at, part in enumerate(parts[:-1]) if part.lower() == "images"]
        return "/".join(parts[marks[-1] + 1 :] if marks else parts[-1:])
    return "/".join(_without(parts, "images"))


def label_name(file: str) -> str:
    """The image name that a label file's own path states: without `labels/` and its ending."""
    parts = _without(file.split("/"), "labels")
    stem = parts[-1].rpartition(".")[0] or parts[-1]
    return "/".join([*parts[:-1], stem])
