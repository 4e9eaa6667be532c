"""The folder that a crop set grows in, beside the one that it will be, and how it takes its place.

A run that is killed leaves it, and the next one goes on with what is done in it. The set itself is
the old one or the new one at every moment.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path
from types import TracebackType

from curate.crops.layout import STATE, SUMMARY
from curate.errors import OutputError, Place
from curate.folders import Product, put_in_place

SCHEMA = "curate.crops/1"
PRODUCT = Product(SUMMARY, "curate.crops/")
LOCK = "lock.json"
PARTS = f"{STATE}/parts"


class WorkFolder:
    """A context that holds the work folder of a crop set for one run.

    `path` is the folder; `given` and `out` are the set's, as it was given and absolute. Leaving
    the context lets go of it, whatever happened; `publish` puts it in the set's place.
    """

    def __init__(self, out: Path) -> None:
        self.given = Path(out)
        self.out = self.given.absolute()
        self.path = self.out.with_name(f".{self.out.name}.crops-work")
        self._lock = self.out.with_name(f".{self.out.name}.crops-lock")

    def __enter__(self) -> WorkFolder:
        try:
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self._take()
            (self.path / PARTS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self.error(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise self.error(error) from error

    def error(self, error: OSError) -> OutputError:
        """What an error of the file system means for the set."""
        kept = f", what is done is kept in {self.path.name}: the next run goes on from there"
        return OutputError(
            f"cannot be written: {error.strerror or error}; nothing is published"
            f"{kept if self.path.exists() else ''}",
            place=Place(str(self.out)),
            mend="check the free space and the permissions of its folder, then run it again",
        )

    def _take(self) -> None:
        """Makes this run the only one that works here.

        Raises
        ------
        OutputError
            When another run that lives does so.
        """
        body = json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode()
        for _ in range(2):
            try:
                handle = os.open(self._lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                owner = _owner(self._lock)
                if owner is not None:
                    raise OutputError(
                        f"is being made by another run ({owner})",
                        place=Place(str(self.out)),
                        mend=f"wait for it; if it is gone, delete {self._lock.name} beside it",
                    ) from None
                self._lock.unlink(missing_ok=True)
                continue
            with os.fdopen(handle, "wb") as stream:
                stream.write(body)
            return
        raise OutputError("is being made by another run", place=Place(str(self.out)))

    def publish(self) -> None:
        """Puts the work folder in the set's place, in one step where the system can.

        Raises
        ------
        OSError
            When it cannot; the old set is as it was.
        """
        if hasattr(os, "sync"):
            # All files at once: one by one waits for the disk once per picture.
            os.sync()
        put_in_place(self.path, self.out)
        shutil.rmtree(self.path, ignore_errors=True)

    def clear(self) -> None:
        """Removes the work folder: the set is as it should be."""
        shutil.rmtree(self.path, ignore_errors=True)


def _owner(lock: Path) -> str | None:
    """The run that holds a lock; None when it is gone."""
    try:
        said = json.loads(lock.read_bytes())
        host, pid = str(said["host"]), int(said["pid"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return "its lock cannot be read"
    if host == socket.gethostname() and not _is_alive(pid):
        return None
    return f"process {pid} on {host}"


def _is_alive(pid: int) -> bool:
    if os.name == "nt":
        # os.kill ends a process there. Whether it lives is then for a person to say.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def summary_of(out: Path) -> dict[str, object] | None:
    """What `crops.json` of a whole set says; None where there is no set.

    Raises
    ------
    OutputError
        When there is something else than a crop set.
    """
    try:
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return None
        document = json.loads((out / SUMMARY).read_bytes())
    except (OSError, ValueError) as error:
        raise OutputError(
            f"exists, and holds no crop set (no {SUMMARY} that can be read)",
            place=Place(str(out)),
            mend="choose another folder",
        ) from error
    if not isinstance(document, dict) or not str(document.get("schema")).startswith(PRODUCT.schema):
        raise OutputError(
            f"exists, and its {SUMMARY} is not that of a crop set",
            place=Place(str(out)),
            mend="choose another folder",
        )
    return document
