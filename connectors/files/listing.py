"""Which tables lie below a root, and which files make up a table."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.connectors.files.errors import reading
from isthmus.connectors.files.location import DataFile, Location
from isthmus.connectors.files.names import format_of, hidden, partitions_of, table_of
from isthmus.errors import ConfigError, SourceError

__all__ = ["Place", "data_files", "discover", "is_file"]


@dataclass(frozen=True)
class Place:
    """One file or folder that is a table.

    Attributes:
        table: the table's name.
        path: inside the filesystem; may hold ``*``.
        entry: what the listing said of a file; None for a folder or where nothing was listed.
    """

    table: str
    path: str
    entry: Mapping[str, Any] | None = None


def discover(root: Location) -> tuple[Place, ...]:
    """The tables below a root; several places may claim one name.

    Raises:
        ConfigError: the root does not exist.
    """
    if "*" in root.path or is_file(root):
        return (Place(table_of(posixpath.basename(root.path)), root.path),)
    places = []
    for entry in _ls(root):
        name = posixpath.basename(entry["name"].rstrip("/"))
        if hidden(name):
            continue
        if entry["type"] == "directory":
            if not root.local or _has_data(root, entry["name"]):
                places.append(Place(name, entry["name"].rstrip("/")))
        elif format_of(name):
            places.append(Place(table_of(name), entry["name"], entry))
    return tuple(sorted(places, key=lambda p: p.path))


def is_file(location: Location) -> bool:
    """Whether a location is one file, asked of the filesystem only if its name doesn't tell."""
    if format_of(location.path) and not location.local:
        return True
    with reading(location.url):
        return bool(location.fs.isfile(location.path))


def data_files(location: Location, place: Place, *, any_name: bool = False) -> tuple[DataFile, ...]:
    """The files of a table, by path.

    Args:
        location: the filesystem.
        place: the file, folder or pattern.
        any_name: take files whatever their ending, for a table whose format is given.

    Raises:
        SourceError: there is nothing at the place.
    """
    base = posixpath.dirname(place.path)
    with reading(place.path):
        if place.entry is not None:
            entries = [place.entry]
        elif "*" in place.path:
            found = location.fs.glob(place.path, detail=True)
            entries = [e for e in found.values() if e["type"] == "file"]
            base = place.path.partition("*")[0].rpartition("/")[0]
        elif is_file(Location(location.url, location.fs, place.path)):
            entries = [location.fs.info(place.path)]
        else:
            entries = list(location.fs.find(place.path, detail=True).values())
            base = place.path
    files = [_file(location, base, e) for e in entries]
    kept = [
        f
        for f in files
        if not any(hidden(part) for part in f.shown.split("/")) and (any_name or format_of(f.path))
    ]
    if not kept:
        raise SourceError(
            f"{place.path} holds no data file",
            remedy="Known endings are .parquet, .csv, .tsv, .jsonl, .arrow (and .csv.gz ...); "
            "else give the table a format.",
        )
    return tuple(sorted(kept, key=lambda f: f.path))


def _file(location: Location, base: str, entry: Mapping[str, Any]) -> DataFile:
    path = str(entry["name"])
    shown = path.removeprefix(base).lstrip("/")
    stamp = next((str(entry[k]) for k in _STAMPS if entry.get(k) is not None), "")
    size = int(entry.get("size") or 0)
    return DataFile(location, path, shown, size, stamp, partitions_of(shown))


# What the various filesystems call an entity tag or the time of the last change.
_STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")


def _ls(root: Location) -> list[Mapping[str, Any]]:
    with reading(root.url):
        try:
            return list(root.fs.ls(root.path, detail=True))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ConfigError(
                f"{root.url} does not exist",
                remedy="Correct the root of the source; a relative path starts at the "
                "project file's folder.",
            ) from error


def _has_data(root: Location, folder: str) -> bool:
    """Whether any data file lies below; a walk that ends with the first one."""
    return any(True for _ in _data_names(root, folder))


def _data_names(root: Location, folder: str) -> Iterator[str]:
    for _, folders, names in root.fs.walk(folder):
        # fsspec goes on only into the folders that are left in the list.
        folders[:] = [f for f in folders if not hidden(f)]
        yield from (n for n in names if not hidden(n) and format_of(n))
