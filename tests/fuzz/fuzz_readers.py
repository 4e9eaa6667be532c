"""Fuzzes every reader: `python tests/fuzz/fuzz_readers.py [--mutations N] [--reader NAME] ...`.

Each mutation goes the whole way: read with its format named and told by content, audited, shown,
saved and loaded, written to every format. Nothing but CurateError may leave, warnings are errors,
no case may take more than 5 s or 6 GB, and what is written in the format that it was read in must
equal the input byte for byte. What reads well is audited in batches, since a batch costs little
more than one, and every fourth batch is saved and written; a batch that fails is taken apart. A
mutation depends on seed, reader and number alone: `--reader NAME --first N --mutations 1` runs
one again.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import gc
import json
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

from curate import images, project, report  # noqa: E402  # after the path that makes tests a package
from curate.auditing import audit  # noqa: E402
from curate.dataset import Dataset, load, save  # noqa: E402
from curate.errors import CurateError  # noqa: E402
from curate.formats import WRITERS, ReadOptions, read, recognise, write  # noqa: E402
from curate.formats.coco import derived  # noqa: E402
from curate.formats.combining import combine  # noqa: E402
from curate.tree import open_tree  # noqa: E402
from tests.fuzz import other_seeds, seeds  # noqa: E402
from tests.fuzz.mutations import mutate, nasty_name  # noqa: E402
from tests.fuzz.seed import Seed, place  # noqa: E402
from tests.fuzz.tally import Tally, show_tallies  # noqa: E402

BATCH = 20
# Saving and writing cost most: every so many batches, and every so many mutations by themselves.
WRITTEN_BATCHES = 4
ALONE_EVERY = 40
READ_FREELY_EVERY = 4
WITH_PICTURES_EVERY = 10
NASTY_NAME_SHARE = 0.03
MAX_SECONDS = 5.0  # of processor time: the machine may have other work
HANG_SECONDS = 600
MAX_MEMORY_BYTES = 6 << 30
PROCESSES = 2
READERS = [*seeds.LABELS, *other_seeds.OTHERS]
# Formats that are written back byte for byte, by the names that datasets have.
KEPT = {"coco-results": "coco"} | {
    name: name
    for name in (
        "coco",
        "voc",
        "kitti",
        "label-studio",
        "cvat",
        "csv",
        "open-images",
        "crowdhuman",
        "citypersons",
        "eurocity",
        "caltech",
        "yolo",
    )
}


class Slow(Exception):  # noqa: N818  # a claim that failed, not an error of the project
    """Raised for a case that takes too long."""


class Untrue(Exception):  # noqa: N818  # as above
    """Raised for a result that is not what it should be."""


@dataclass(frozen=True)
class Case:
    """One mutation: its number, where it stands on disk, and how it is to be read."""

    number: int
    path: Path
    options: ReadOptions
    seed: Seed


class Fuzzer:
    """Runs mutations of one reader and counts."""

    def __init__(self, reader: str, *, seed: int, keep: Path, work: Path) -> None:
        self.tally = Tally(reader)
        self._reader, self._seed, self._keep, self._work = reader, seed, keep, work
        self._seeds = (seeds.LABELS | other_seeds.OTHERS)[reader]()
        self._batch: list[tuple[Case, Dataset]] = []
        self._n_batches = 0
        self._pictures = other_seeds.picture_folder(work / "pictures")
        self._compile()

    def _compile(self) -> None:
        # Compiling takes seconds the first time on a machine: no case is to blame for it.
        if self._reader in seeds.LABELS:
            measure_twice(read(place(seeds.coco()[0], self._work / "first")))

    def run(self, first: int, count: int) -> Tally:
        """Runs the mutations numbered from `first` on."""
        began = time.perf_counter()
        for number in range(first, first + count):
            faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
            self._one(number)
            if len(self._batch) >= BATCH:
                self._finish()
        self._finish()
        faulthandler.cancel_dump_traceback_later()
        self.tally.seconds = time.perf_counter() - began
        return self.tally

    def _one(self, number: int) -> None:
        changed = self._mutation(number)
        folder = self._work / f"case{number}"
        try:
            path = place(changed, folder)
        except (OSError, ValueError):
            # The file system takes no such name, or the name is another file's folder.
            shutil.rmtree(folder, ignore_errors=True)
            return
        options = ReadOptions(name=f"s{number}", format=changed.format, **changed.options)
        if changed.truth is not None:
            truth = folder / f"truth{number}.json"
            truth.write_bytes(changed.truth)
            options = replace(options, truth=truth)
        if number % WITH_PICTURES_EVERY == 5:
            options = replace(options, images=self._pictures)
        case = Case(number, path, options, changed)
        self.tally.mutations += 1
        dataset = self._guarded(case, lambda: self._way(case))
        if isinstance(dataset, Dataset):
            self._batch.append((case, dataset))
        else:
            shutil.rmtree(folder, ignore_errors=True)

    def _mutation(self, number: int) -> Seed:
        rng = Random(f"{self._seed}:{self._reader}:{number}")
        seed, other = rng.choice(self._seeds), rng.choice(self._seeds)
        name = rng.choice(list(seed.files))
        donor = rng.choice(list(other.files.values()))
        files = dict(seed.files)
        if seed.truth is not None and rng.random() < 0.15:
            seed = replace(seed, truth=mutate("truth.json", seed.truth, rng, donor))
        else:
            files[name] = mutate(name, files[name], rng, donor)
        if seed.kind != "file" and rng.random() < NASTY_NAME_SHARE and self._reader != "dataset":
            new = nasty_name(name, rng)
            files = {new if old == name else old: body for old, body in files.items()}
        if self._reader == "coco-results":
            # Boxes of results are told apart by their file's name.
            files = {f"{number}_{old}": body for old, body in files.items()}
        return replace(seed, files=files)

    def _way(self, case: Case) -> object:
        if self._reader in seeds.LABELS:
            return read_labels(case)
        others: dict[str, Callable[[Case], object]] = {
            "pictures": measure_picture, "dataset": load_dataset, "project": follow_project,
        }  # fmt: skip
        return others[self._reader](case)

    def _finish(self) -> None:
        batch, self._batch = self._batch, []
        if not batch:
            return
        alone = [(c, d) for c, d in batch if c.number % ALONE_EVERY == 0]
        self._n_batches += 1
        write_too = self._n_batches % WRITTEN_BATCHES == 0
        error = self._caught([dataset for _, dataset in batch], write_too=write_too)
        if error is not None:
            n_before = len(self.tally.crashers)
            alone = batch
        for case, dataset in alone:
            self._guarded(case, lambda own=dataset: carry_on([own], self._work), count=False)
        if error is not None and len(self.tally.crashers) == n_before:
            known = signature(error) in self.tally.crashers
            for case, _ in batch if not known else ():
                self._record(case, error, f"batch of {batch[0][0].number}")
        for case, _ in batch:
            shutil.rmtree(self._work / f"case{case.number}", ignore_errors=True)

    def _caught(self, datasets: list[Dataset], *, write_too: bool) -> Exception | None:
        began = time.process_time()
        try:
            carry_on(datasets, self._work, write_too=write_too)
        except Exception as error:  # noqa: BLE001  # any error is what is looked for
            return error
        took = time.process_time() - began
        return Slow(f"a batch took {took:.1f} s") if took > MAX_SECONDS else None

    def _guarded(self, case: Case, way: Callable[[], object], *, count: bool = True) -> object:
        """What `way` gives; None when it refuses, or fails, which is recorded."""
        began = time.process_time()
        result: object = None
        try:
            result = way()
        except CurateError:
            pass
        except Exception as error:  # noqa: BLE001  # any error is what is looked for
            self._record(case, error, "")
            return None
        finally:
            took = time.process_time() - began
            if took > self.tally.slowest_s:
                self.tally.slowest_s, self.tally.slowest = took, case.number
        if took > MAX_SECONDS:
            self._record(case, Slow(f"took {took:.1f} s"), "")
        self.tally.accepted += count and result is not None
        self.tally.refused += count and result is None
        return result

    def _record(self, case: Case, error: Exception, note: str) -> None:
        key = signature(error)
        found = self.tally.crashers.setdefault(
            key, {"cases": 0, "number": case.number, "error": repr(error)[:300], "saved": None}
        )
        found["cases"] += 1
        if found["cases"] == 1 or note:
            target = self._keep / f"{self._reader}-{case.number}"
            shutil.copytree(self._work / f"case{case.number}", target, dirs_exist_ok=True)
            text = note + "".join(traceback.format_exception(error))
            (target / "traceback.txt").write_text(text, encoding="utf-8", errors="replace")
            found["saved"] = found["saved"] or str(target)


def signature(error: BaseException) -> str:
    """The error's kind and the deepest place in the project that it came through."""
    where = "?"
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(REPOSITORY / "curate"):
            where = f"{path.relative_to(REPOSITORY)}:{frame.lineno} {frame.name}"
    claim = f" {error}" if isinstance(error, Untrue) else ""
    return f"{type(error).__name__} at {where}{claim}"


def read_labels(case: Case) -> Dataset | None:
    """The dataset of a case; None when it is refused with the format named and without."""
    forced = _read(case.path, case.options)
    free = None
    if case.number % READ_FREELY_EVERY == 0 or forced is None or case.options.format is None:
        free = _read(case.path, replace(case.options, format=None))
    else:
        with contextlib.suppress(CurateError):
            recognise(open_tree(case.path))
    if free is not None and case.options.format is None:
        tree = open_tree(case.path)
        for file in tree.files:
            with contextlib.suppress(CurateError):
                tree.read(file)
    return forced if free is None or case.number % 2 else free


def _read(path: Path, options: ReadOptions) -> Dataset | None:
    try:
        dataset = read(path, options)
    except CurateError as error:
        str(error).encode()
        return None
    tree = open_tree(path)
    for file in dataset.sources.names():
        if file in tree.files and dataset.sources.read(file) != tree.read(file):
            raise Untrue("the kept bytes are not the file's")
    return dataset


def carry_on(datasets: list[Dataset], work: Path, *, write_too: bool = True) -> None:
    """Takes datasets, joined when they are several, the rest of the way."""
    dataset = datasets[0] if len(datasets) == 1 else combine("batch", datasets)
    try:
        show(dataset)
    except CurateError as error:
        raise Untrue(f"what was read cannot be audited: {type(error).__name__}") from error
    measure_twice(dataset)
    if not write_too:
        return
    out = Path(tempfile.mkdtemp(prefix="out", dir=work))
    try:
        save_and_load(dataset, out / "saved")
        for target in WRITERS:
            _write(dataset, target, out / target)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def show(dataset: Dataset) -> None:
    """Audits a dataset and shows the findings in every form."""
    findings = audit(dataset)
    json.dumps(report.to_document(findings, "set"), allow_nan=False)
    forms = (report.to_json(findings, "set"), report.to_text(findings), report.to_csv(findings))
    for text in (*forms, repr(dataset), dataset._repr_html_(), findings._repr_html_()):
        text.encode()


def measure_twice(dataset: Dataset) -> None:
    """Measures the outlines of COCO records in both ways that there are."""
    files = [file for file, kind in dataset.formats.items() if kind.startswith("coco")]
    if not files:
        return
    limit = derived.MANY_RECORDS
    measured = []
    for derived.MANY_RECORDS in (limit, 1):
        measured.append(derived.derive(dataset, files).to_numpy())
    derived.MANY_RECORDS = limit
    if not np.allclose(*measured, rtol=1e-9, atol=1e-9, equal_nan=True):
        raise Untrue("the two ways to measure outlines differ")


def save_and_load(dataset: Dataset, folder: Path) -> None:
    """Saves a dataset and compares what is loaded again."""
    save(dataset, folder)
    again = load(folder)
    for name in ("images", "boxes", "findings", "classes"):
        if not getattr(again, name).equals(getattr(dataset, name)):
            raise Untrue(f"the {name} table is another one when loaded")
    for file in dataset.sources.names():
        if again.sources.read(file) != dataset.sources.read(file):
            raise Untrue("the kept bytes are others when loaded")


def _write(dataset: Dataset, target: str, folder: Path) -> None:
    with contextlib.suppress(CurateError):
        write(dataset, target, folder)
        # Class ids that were read as indices are replaced by design.
        parts = dataset.options.get("parts", [])
        is_own = all(part["class_ids"] == "own" for part in parts)
        if is_own and {KEPT.get(kind) for kind in dataset.formats.values()} == {target}:
            for file in dataset.sources.names():
                if (folder / file).read_bytes() != dataset.sources.read(file):
                    raise Untrue(f"{target} is not written byte for byte")


def measure_picture(case: Case) -> object:
    """A picture measured, and joined to labels that name it. None when it cannot be opened."""
    pictures = images.open_pictures(case.path.parent)
    measured = pictures.measure(pictures.files)
    for picture in measured.values():
        (picture.error or "").encode()
    images.same_bytes(pictures, measured)
    if case.number % 10 == 0:
        _join(case, pictures.files)
    return True if all(picture.error is None for picture in measured.values()) else None


def _join(case: Case, files: Sequence[str]) -> None:
    records = [{"id": i, "file_name": f, "width": 24, "height": 16} for i, f in enumerate(files)]
    labels = case.path.parent.parent / f"labels{case.number}.json"
    labels.write_text(json.dumps({"images": records, "annotations": [], "categories": []}))
    try:
        show(read(labels, ReadOptions(images=case.path.parent)))
    finally:
        labels.unlink()


def load_dataset(case: Case) -> object:
    """A dataset folder loaded, audited, its sources read, written."""
    dataset = load(case.path)
    for file in dataset.sources.names():
        with contextlib.suppress(CurateError):
            dataset.sources.read(file)
    with contextlib.suppress(CurateError):
        show(dataset)
    if case.number % 10 == 0:
        for target in WRITERS:
            with contextlib.suppress(CurateError):
                write(dataset, target, case.path.parent / target)
    return True


def follow_project(case: Case) -> object:
    """A project file read, and each source that it names audited by it."""
    for name, body in other_seeds.project_sources().items():
        (case.path / name).write_bytes(body)
    found = project.find(case.path)
    for name in [*found.sources][:5]:
        with contextlib.suppress(CurateError):
            path, options = project.resolve(found, name, ReadOptions())
            audit(path, options, select=found.select, ignore=found.ignore, params=found.params)
    return True


@contextlib.contextmanager
def _strict() -> Iterator[None]:
    """Warnings are errors, also those of finalisers, which cannot raise."""
    unraisable: list[str] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda told: unraisable.append(repr(told.exc_value))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
            gc.collect()
    finally:
        sys.unraisablehook = before
    if unraisable:
        raise Untrue(f"a finaliser warned: {unraisable[0]}")


def fuzz(
    reader: str, mutations: int, *, seed: int = 0, first: int = 0, keep: Path | None = None
) -> Tally:
    """Runs mutations of one reader; crashers are saved below `keep` (default: a new folder)."""
    keep = keep or Path(tempfile.mkdtemp(prefix="curate-fuzz-"))
    memory = Path("/dev/shm")
    parent = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="curate-fuzz-", dir=parent) as work, _strict():
        return Fuzzer(reader, seed=seed, keep=keep, work=Path(work)).run(first, mutations)


def fuzz_apart(readers: Sequence[str], mutations: int, *, seed: int, keep: Path) -> list[Tally]:
    """Runs readers in processes of their own, two at a time: one that dies ends no other."""

    def run(reader: str) -> Tally:
        command = [sys.executable, str(Path(__file__).resolve()), "--json"]
        command += ["--reader", reader, "--mutations", str(mutations), "--seed", str(seed)]
        done = subprocess.run(
            [*command, "--keep", str(keep)], capture_output=True, text=True, check=False
        )
        try:
            tally = Tally(**json.loads(done.stdout))
        except (ValueError, TypeError):
            tally = Tally(reader)
            died = f"the process ended with {done.returncode}"
            tally.crashers[died] = {"cases": 1, "number": -1, "error": done.stderr[-3000:]}
        return tally

    with ThreadPoolExecutor(PROCESSES) as pool:
        return list(pool.map(run, readers))


def _limit_memory() -> None:
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what the command line asks for; 1 when there are crashers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=10_000, help="per reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader", choices=READERS, action="append", help="only this one")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation")
    parser.add_argument("--keep", type=Path, help="folder for the inputs that crash")
    parser.add_argument("--json", action="store_true", help="print the tally as JSON")
    told = parser.parse_args(argv)
    keep = told.keep or Path(tempfile.mkdtemp(prefix="curate-fuzz-"))
    if told.reader and len(told.reader) == 1:
        _limit_memory()
        (reader,) = told.reader
        tallies = [fuzz(reader, told.mutations, seed=told.seed, first=told.first, keep=keep)]
    else:
        tallies = fuzz_apart(told.reader or READERS, told.mutations, seed=told.seed, keep=keep)
    if told.json:
        print(json.dumps(vars(tallies[0])))
    else:
        show_tallies(tallies)
    return int(any(tally.crashers for tally in tallies))


if __name__ == "__main__":
    sys.exit(main())
