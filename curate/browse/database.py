"""FiftyOne itself: its import, its database, and the datasets there that are curate's own."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from curate.doctor import Service, fiftyone_database
from curate.errors import OutputError, Place, UsageError, quote

SCHEMA = "curate.browse/1"
# Where a FiftyOne dataset of curate says so: a key of `dataset.info`.
MARK = "curate"
# Collections beside FiftyOne's own: what curate wrote into each sample.
_WRITTEN = "curate.written."
_DUPLICATE = 11000  # MongoDB's code of an id that is there already
_MAX_CHARS = 300

FiftyOne = Any  # the module, its datasets, views and fields: they have no types


def fiftyone() -> FiftyOne:
    """The module `fiftyone`, connected to its database.

    Raises
    ------
    UsageError
        When it is not installed.
    OutputError
        When it has no database, or its database does not answer.
    """
    # Read when it is imported: nothing is sent to its makers unless the user says so.
    os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "true")
    if importlib.util.find_spec("fiftyone") is None:
        raise UsageError(
            "this needs FiftyOne, which is not installed", mend='pip install "curate[fiftyone]"'
        )
    service = fiftyone_database()
    if service.is_reachable is False:
        # FiftyOne itself waits for 40 seconds and then says less.
        at = f" at {service.address}" if service.address else ""
        raise OutputError(f"{service.name}{at}: {service.message}")
    module = importlib.import_module("fiftyone")
    with _database_errors(service):
        module.list_datasets()
    return module


@contextmanager
def _database_errors(at: Service) -> Iterator[None]:
    errors: Any = importlib.import_module("pymongo.errors")  # comes with FiftyOne
    service: Any = importlib.import_module("fiftyone.core.service")
    config: Any = importlib.import_module("fiftyone.core.config")
    kinds = (
        OSError, errors.PyMongoError, service.ServiceException, config.FiftyOneConfigError
    )  # fmt: skip
    try:
        yield
    except kinds as error:
        raise OutputError(
            f"cannot be used: {str(error) or type(error).__name__}",
            place=Place(id=" at ".join([at.name, *filter(None, [at.address])])),
            mend="see `curate doctor fiftyone`"
            if at.address is None
            else "correct the address, or start a MongoDB there",
        ) from error


@contextmanager
def database_faults(name: str = "FiftyOne's database") -> Iterator[None]:
    """Tells what the database refuses in a block, or in a function that it decorates.

    Raises
    ------
    OutputError
        Where it is gone, full, or another command writes the same samples at the same time.
    """
    if importlib.util.find_spec("pymongo") is None:
        yield
        return
    errors: Any = importlib.import_module("pymongo.errors")  # comes with FiftyOne
    bson: Any = importlib.import_module("bson.errors")  # as above; a document over 16 MB, for one
    place = Place(id=name)
    try:
        yield
    except (errors.PyMongoError, bson.BSONError) as error:
        told = (getattr(error, "details", None) or {}).get("writeErrors") or [{}]
        if _DUPLICATE in (getattr(error, "code", None), told[0].get("code")):
            what, mend = "another command writes the same samples", "let that end, then run again"
        else:
            # The whole text of such an error holds all documents of its block.
            what = f"refuses: {str(told[0].get('errmsg') or error)[:_MAX_CHARS]}"
            mend = "see `curate doctor fiftyone`, then run again: it goes on where it stopped"
        raise OutputError(what, place=place, mend=mend) from error


def default_name(source: str) -> str:
    """The name of the FiftyOne dataset that shows a source."""
    return f"curate/{source}"


def owned(fo: FiftyOne, name: str) -> FiftyOne | None:
    """The FiftyOne dataset of a name that curate made; None where there is none of that name.

    Raises
    ------
    OutputError
        When somebody else made it: also a copy that was made in FiftyOne.
    """
    # Loading a dataset would note the time in it, and it may be somebody else's.
    found = _database(fo)["datasets"].find_one({"name": name}, {f"info.{MARK}": 1})
    if found is None:
        return None
    mark = (found.get("info") or {}).get(MARK)
    own_id = str(found["_id"])
    if not isinstance(mark, Mapping) or mark.get("dataset_id", own_id) != own_id:
        raise OutputError(
            "is a FiftyOne dataset that curate did not make",
            place=Place(id=name),
            mend="choose another with --as of `curate browse`, --name of `curate review pull`",
        )
    if mark.get("schema") != SCHEMA:
        raise OutputError(
            f"has schema {quote(mark.get('schema'))}, this version writes {SCHEMA!r}",
            place=Place(id=name),
            mend="pull what was decided with the version that made it, then delete it in FiftyOne",
        )
    return fo.load_dataset(name)


def only_owned(fo: FiftyOne) -> str:
    """The name of the only FiftyOne dataset that curate made.

    Raises
    ------
    UsageError
        Where there is none, or more than one.
    """
    found = _database(fo)["datasets"].find({f"info.{MARK}.schema": SCHEMA}, {"name": 1, "info": 1})
    names = sorted(d["name"] for d in found if d["info"][MARK].get("dataset_id") == str(d["_id"]))
    if len(names) != 1:
        raise UsageError(
            f"curate made {len(names)} FiftyOne datasets, should be one",
            mend=f"name one with --name: {', '.join(names)}" if names else "run `curate browse`",
        )
    return str(names[0])


def created(fo: FiftyOne, name: str, source: str) -> FiftyOne:
    """A new FiftyOne dataset that is curate's from its first moment, kept over restarts.

    Raises
    ------
    OutputError
        When FiftyOne takes no dataset of that name.
    """
    try:
        # FiftyOne itself removes what is not persistent: none is left without its mark.
        dataset = fo.Dataset(name)
    except ValueError as error:
        raise OutputError(
            f"FiftyOne takes no dataset of that name: {error}",
            place=Place(id=name),
            mend="choose another with --as",
        ) from error
    dataset.media_type = "image"
    own_id = str(dataset._doc.id)
    dataset.info[MARK] = {"schema": SCHEMA, "source": source, "dataset_id": own_id}
    dataset.save()
    dataset.persistent = True
    return dataset


def _database(fo: FiftyOne) -> Any:  # of pymongo
    return fo.core.odm.get_db_conn()


def samples_of(dataset: FiftyOne) -> Any:  # a collection of pymongo
    """The documents of a dataset's samples."""
    return dataset._sample_collection


def written_of(dataset: FiftyOne) -> Any:  # as above
    """What curate wrote into a dataset: a document per sample, by its id."""
    return dataset._sample_collection.database[f"{_WRITTEN}{dataset._doc.id}"]


def lost_fields(dataset: FiftyOne) -> list[str]:
    """Fields of labels that curate had made and somebody has deleted or renamed, sorted."""
    there = dataset.get_field_schema()
    return sorted(name for name in dataset.info[MARK].get("fields", ()) if name not in there)


def lost_values(dataset: FiftyOne) -> list[str]:
    """Paths of other fields than of labels, and of labels' attributes, as `lost_fields`."""
    there = dataset.get_field_schema(flat=True)
    known = dataset.info[MARK].get("paths", ())
    # Where a field of labels is gone, so is all in it.
    return sorted(p for p in known if p not in there and ("." not in p or p.split(".")[0] in there))


def drop_orphans(fo: FiftyOne) -> None:
    """Drops what curate noted of datasets that are no longer there."""
    database = _database(fo)
    there = {str(document["_id"]) for document in database["datasets"].find({}, {"_id": 1})}
    for name in database.list_collection_names():
        if name.startswith(_WRITTEN) and name.removeprefix(_WRITTEN) not in there:
            database.drop_collection(name)
