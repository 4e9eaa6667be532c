"""The names of classes that a source only numbers: as given, else listed in a file beside it.

A list is a text file with a name per line, counted from 0. The files that are looked for are
`classes.txt`, `labels.txt`, `obj.names` and any other `*.names` (darknet's ending), in the folder
of the labels and then in those above it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from curate.assembly import Fault
from curate.errors import SourceError, quote
from curate.formats.reading import Files, Options, TextError, decode_text

CLASS_FILES = ("classes.txt", "labels.txt", "obj.names")
_ENDING = ".names"
# A longer number cannot be the place in any list.
_MAX_DIGITS = 9


def is_class_list(file: str) -> bool:
    """Whether a file's name says that it lists classes."""
    name = file.rpartition("/")[2].lower()
    return name in CLASS_FILES or name.endswith(_ENDING)


@dataclass
class ClassLists:
    """The lists of a source, read when they are first asked for.

    `kept` are the bytes of the lists, `classes` their rows for the table of classes, `faults` what
    is wrong with them.
    """

    files: Files
    options: Options
    kept: dict[str, bytes] = field(default_factory=dict)
    classes: list[dict[str, str | None]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _names: dict[str, tuple[str, ...] | None] = field(default_factory=dict)

    def names(self, folder: str) -> tuple[str, ...] | None:
        """The class names for labels in a folder of the source; None when there is no list."""
        if self.options.classes is not None:
            if not self.classes:
                self._add("--classes", self.options.classes)
            return self.options.classes
        if folder not in self._names:
            self._names[folder] = self._found(folder)
        return self._names[folder]

    def _found(self, folder: str) -> tuple[str, ...] | None:
        here = PurePosixPath(folder)
        for place in (here, *here.parents):
            for file in self._lists_in(place):
                if file in self.kept:
                    return _lines(self.kept[file], file)
                return self._read(file)
        return None

    def _lists_in(self, place: PurePosixPath) -> list[str]:
        fixed = [(place / name).as_posix() for name in CLASS_FILES]
        found = [file for file in fixed if file in self.files.files]
        return found or [file for file in self._others if PurePosixPath(file).parent == place]

    @cached_property
    def _others(self) -> list[str]:
        return [file for file in self.files.files if file.lower().endswith(_ENDING)]

    def _read(self, file: str) -> tuple[str, ...] | None:
        try:
            body = self.files.read(file)
            names = _lines(body, file)
        except (SourceError, TextError) as error:
            what = f"the list of classes cannot be read: {error.what}"
            mend = "restore the file, or give the list with --classes FILE"
            self.faults.append(Fault("SRC-002", what, mend, file))
            return None
        self.kept[file] = body
        self._add(file, names)
        return names

    def _add(self, file: str, names: tuple[str, ...]) -> None:
        first: dict[str, int] = {}
        for index, name in enumerate(names):
            if not name:
                continue
            self.classes.append({"file": file, "source_id": str(index), "label": name})
            if first.setdefault(name, index) != index:
                what = f"classes {first[name]} and {index} are both called {quote(name)}"
                mend = "give the classes names of their own"
                self.faults.append(Fault("SRC-007", what, mend, file, index + 1))


def class_label(token: str, names: tuple[str, ...] | None) -> tuple[str | None, str | None]:
    """The class name that a token stands for, and what is wrong with it.

    A number is the place in the list, from 0; without a list it is its own name. Any other text
    is a name, which has to be in the list if there is one.
    """
    if names is None:
        return token, None
    is_number = token.isascii() and token.isdecimal()
    if not is_number:
        in_list = token in names
        listed = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        return token, None if in_list else f"class {quote(token)}, should be one of {listed}"
    if len(token) <= _MAX_DIGITS and int(token) < len(names) and names[int(token)]:
        return names[int(token)], None
    return None, f"class {quote(token)}, should be one of 0 to {len(names) - 1}"


def _lines(body: bytes, file: str) -> tuple[str, ...]:
    text, _ = decode_text(body, file)
    return tuple(line.strip() for line in text.rstrip().split("\n")) if text.strip() else ()
