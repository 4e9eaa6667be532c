"""Where pictures lie: a folder, or an address that fsspec reads; one way to ask for their bytes.

A store can be pickled and sent to another process or machine; it opens its connections there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote as url_quote
from urllib.parse import urlsplit

from curate.errors import PictureError, Place, SourceError, UnreachedError, quote
from curate.listing import ENDINGS, VIDEO_ENDINGS, Names, listed
from curate.tree import ending_of

SCHEMES = ("s3", "gs", "http", "https", "memory")
EXTRA = 'pip install "curate[remote]"'
# What passes by itself: too many requests, a server that restarts or is overloaded (RFC 9110, 15).
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
# What s3fs makes of "internal error" and "slow down".
PASSING_ERRNO = frozenset({errno.EIO, errno.EBUSY, errno.ETIMEDOUT})
# No route, a connection that broke, a body that ended early: of aiohttp and botocore, which need
# not be installed.
PASSING_KINDS = frozenset(
    {"ClientConnectionError", "ClientPayloadError", "HTTPClientError", "EndpointConnectionError"}
)
_MEDIA = ENDINGS | VIDEO_ENDINGS
# On Windows line ends change without O_BINARY; a pipe would be waited for without O_NONBLOCK.
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Patience:
    """How long a store is waited for.

    Parameters
    ----------
    tries
        How often something is asked for at all, while what hinders it may pass.
    wait_s
        Seconds before the second try; twice as long before each further one.
    timeout_s
        Seconds that one try may take.
    """

    tries: int = 4
    wait_s: float = 0.5
    timeout_s: float = 60.0


class Store(Protocol):
    """Pictures and videos by their names, which are relative paths with `/`."""

    @property
    def is_listable(self) -> bool:
        """Whether the store can say what it holds; else names are taken as they are stated."""

    def read(self, name: str) -> bytes:
        """The bytes of one file; UnreachedError when they cannot be had."""

    def names(self) -> tuple[str, ...]:
        """The names of all pictures and videos, sorted; SourceError where none can be listed."""

    def find(self, name: str) -> list[str]:
        """The names that one stated by labels may mean: one is clear, several are ambiguous.

        As `curate.listing.Names.find` compares them; the name itself where nothing is listed.
        """

    def stamp(self, name: str) -> str | None:
        """A text that changes with the file, without reading it; None when unknown."""

    def fetched(self, name: str) -> contextlib.AbstractContextManager[Path]:
        """The file on this machine's disk while it is needed; UnreachedError as `read`."""


def open_store(
    root: str | Path,
    *,
    options: Mapping[str, Any] | None = None,  # what an fsspec file system takes
    patience: Patience | None = None,
) -> Store:
    """The store at a path, or at an address such as `s3://bucket/folder`.

    Parameters
    ----------
    root
        A folder, or `s3://`, `gs://`, `http://`, `https://`, `memory://` and what follows.
    options
        For the file system of an address, as fsspec hands them on, such as `endpoint_url` of S3.
    patience
        Tries and time limits for an address.

    Raises
    ------
    SourceError
        When the folder is not there, the scheme is another, or what reads it is not installed.
    """
    text = str(root)
    scheme, mark, _ = text.partition("://")
    if isinstance(root, Path) or not mark or scheme == "file":
        return _LocalStore(_folder(Path(text.removeprefix("file://"))))
    if scheme not in SCHEMES:
        raise SourceError(
            f"the address has scheme {quote(scheme)}, should be one of {', '.join(SCHEMES)}",
            place=Place(_shown(text)),
            mend="use one of these, or a folder",
        )
    store = _RemoteStore(text.rstrip("/"), dict(options or {}), patience or Patience())
    store.check()
    return store


def _folder(root: Path) -> Path:
    if not root.is_dir():
        what = "is no folder" if root.exists() else "no such folder"
        raise SourceError(what, place=Place(str(root)), mend="check --images")
    return root


def _checked(name: str) -> str:
    """The name; PictureError when it leads out of the store."""
    parts = name.replace("\\", "/").split("/")
    is_outside = ".." in parts or name[:1] in ("", "/")
    if os.name == "nt":
        is_outside |= not parts[0] or ":" in name
    if is_outside or "\0" in name:
        raise PictureError(
            f"the name is {quote(name)}, should be a path below the pictures' folder",
            mend="correct the name in the labels",
        )
    return name


@dataclass(frozen=True)
class _LocalStore:
    """A folder on this machine. No name leads out of it; links in it are followed."""

    root: Path

    def __reduce__(self) -> tuple[object, ...]:
        # Without the listing: it may be long, and the other side has the folder.
        return _LocalStore, (self.root,)

    @property
    def is_listable(self) -> bool:
        return True

    @cached_property
    def _real(self) -> dict[str, str]:
        return listed(self.root, endings=_MEDIA, mend="check --images")[0]

    @cached_property
    def _names(self) -> Names:
        return Names(self._real)

    def read(self, name: str) -> bytes:
        try:
            handle = os.open(self._path(name), _READ)
            with open(handle, "rb", buffering=0) as stream:  # noqa: PTH123 - a number, not a path
                return stream.read()
        except OSError as error:
            raise _unreadable(name, error.strerror or str(error)) from error

    def names(self) -> tuple[str, ...]:
        return tuple(self._real)

    def find(self, name: str) -> list[str]:
        return self._names.find(name)

    def stamp(self, name: str) -> str | None:
        try:
            found = os.stat(self._path(name))  # noqa: PTH116 - as above
        except OSError:
            return None
        return f"{found.st_size}-{found.st_mtime_ns}"

    @contextlib.contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        path = Path(self._path(name))
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise _unreadable(name, error.strerror or str(error)) from error
        yield path

    def _path(self, name: str) -> str:
        path = f"{self.root}{os.sep}{_checked(name)}"
        # A name of bytes that are no text is shown with escapes.
        if "\\x" in name and not os.path.exists(path):  # noqa: PTH110 - as above
            return f"{self.root}{os.sep}{self._real.get(name, name)}"
        return path


@dataclass(frozen=True)
class _RemoteStore:
    """Files at an address, through fsspec."""

    address: str
    # Any: each file system has options of its own. They may hold a password: never shown.
    options: dict[str, Any] = field(repr=False)
    patience: Patience

    def __reduce__(self) -> tuple[object, ...]:
        return _RemoteStore, (self.address, self.options, self.patience)

    @property
    def scheme(self) -> str:
        return self.address.partition("://")[0]

    @property
    def is_listable(self) -> bool:
        return self.scheme not in ("http", "https")

    def check(self) -> None:
        """Raises SourceError when what reads the address is not installed."""
        _ = self._system

    @cached_property
    def _system(self) -> Any:  # Any: fsspec ships no types
        from fsspec import filesystem

        try:
            return filesystem(self.scheme, **_limits(self.scheme, self.patience, self.options))
        except ImportError as error:
            raise SourceError(
                f"{self.scheme}:// needs a package that is not installed ({error})",
                place=Place(_shown(self.address)),
                mend=EXTRA,
            ) from error

    @cached_property
    def _base(self) -> str:
        if not self.is_listable:
            return self.address
        return str(self._system._strip_protocol(self.address)).rstrip("/")

    @cached_property
    def _stamps(self) -> dict[str, str | None]:
        if not self.is_listable:
            raise SourceError(
                "what lies there cannot be listed over http",
                place=Place(_shown(self.address)),
                mend="state the names of the pictures in full, relative to this address",
            )
        place = Place(_shown(self.address))
        found = self._asked(lambda: self._system.find(self._base, detail=True), place, SourceError)
        names = ((path[len(self._base) :].lstrip("/"), entry) for path, entry in found.items())
        return {name: _stamp(entry) for name, entry in sorted(names) if ending_of(name) in _MEDIA}

    @cached_property
    def _names(self) -> Names:
        return Names(self._stamps)

    def read(self, name: str) -> bytes:
        path = self._path(name)
        body: bytes = self._asked(lambda: self._system.cat_file(path), Place(name), UnreachedError)
        return body

    def names(self) -> tuple[str, ...]:
        return tuple(self._stamps)

    def find(self, name: str) -> list[str]:
        return self._names.find(name) if self.is_listable else [name]

    def stamp(self, name: str) -> str | None:
        return self._stamps.get(name) if self.is_listable else None

    @contextlib.contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        path = self._path(name)
        with tempfile.TemporaryDirectory(prefix="curate-") as folder:
            copy = Path(folder, f"file{ending_of(name)}")
            self._asked(lambda: self._system.get_file(path, str(copy)), Place(name), UnreachedError)
            yield copy

    def _path(self, name: str) -> str:
        _checked(name)
        return f"{self._base}/{name if self.is_listable else url_quote(name)}"

    def _asked(self, ask: Callable[[], Answer], place: Place, kind: type[SourceError]) -> Answer:
        """What is asked for, tried again while the fault may pass."""
        wait_s = self.patience.wait_s
        for n_tries in range(1, self.patience.tries + 1):
            try:
                return ask()
            except _faults() as error:
                passes = _may_pass(error)
                if passes and n_tries < self.patience.tries:
                    time.sleep(wait_s)
                    wait_s *= 2
                    continue
                tried = f" ({n_tries} tries)" if passes else ""
                shown = _shown(self.address)
                # Some faults quote the address, password and all.
                why = _reason(error).replace(self.address, shown)
                what = f"cannot be read from {shown}: {why}{tried}"
                mend = "run again when the store answers" if passes else "check name and access"
                raise kind(what, place=place, mend=mend) from error
        raise AssertionError("Patience.tries is below 1")


def _limits(scheme: str, patience: Patience, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a file system, with time limits; nothing is kept from an earlier listing."""
    limits: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if scheme in ("http", "https"):
        import aiohttp

        limits["client_kwargs"] = {"timeout": aiohttp.ClientTimeout(total=patience.timeout_s)}
        # Names are quoted here: `#` and `?` are part of a file's name.
        limits["encoded"] = True
    if scheme == "s3":
        limits["config_kwargs"] = {
            "connect_timeout": patience.timeout_s,
            "read_timeout": patience.timeout_s,
            "retries": {"max_attempts": 1},
        }
    return limits | dict(options)


def _faults() -> tuple[type[Exception], ...]:
    """What file systems raise when a file cannot be had; those of packages that are installed."""
    faults: list[type[Exception]] = [OSError, TimeoutError]
    with contextlib.suppress(ImportError):
        from aiohttp import ClientError

        faults.append(ClientError)
    with contextlib.suppress(ImportError):
        from botocore.exceptions import BotoCoreError
        from botocore.exceptions import ClientError as RefusedByS3

        faults += [BotoCoreError, RefusedByS3]
    with contextlib.suppress(ImportError):
        from gcsfs.retry import HttpError

        faults.append(HttpError)
    return tuple(faults)


def _may_pass(error: Exception) -> bool:
    status = getattr(error, "status", None) or getattr(error, "code", None)
    if isinstance(status, int):
        return status in PASSING_STATUS
    if isinstance(error, (FileNotFoundError, PermissionError, IsADirectoryError)):
        return False
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return (
        isinstance(error, (TimeoutError, ConnectionError))
        or getattr(error, "errno", None) in PASSING_ERRNO
        or bool(kinds & PASSING_KINDS)
    )


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return f"the server answers {status} {getattr(error, 'message', '')}".rstrip()
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _stamp(entry: Mapping[str, Any]) -> str | None:
    """Size and version of one entry of a listing; None when there is nothing that would change."""
    version = next(
        (entry[key] for key in ("ETag", "etag", "md5Hash", "LastModified", "mtime", "created")
         if entry.get(key)), None
    )  # fmt: skip
    return None if version is None else f"{entry.get('size')}-{str(version).strip(chr(34))}"


def _shown(address: str) -> str:
    """The address without user and password."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def _unreadable(name: str, why: str) -> UnreachedError:
    return UnreachedError(f"cannot be read: {why}", place=Place(name), mend="check --images")
