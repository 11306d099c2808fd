"""The list of files that a copy in a folder consists of. Writing it is the commit.

Files never change. A step writes new ones beside the old, then a new list; a reader that follows
the list sees the copy before the step or after it. Files that the last list but one had are
removed, so that a reader of the last one still finds its own.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from dataclasses import asdict, dataclass
from typing import Any, Final

import fsspec
from fsspec.implementations.local import LocalFileSystem

from isthmus.errors import TargetError

__all__ = ["FOLDER", "DataFile", "Manifest", "Store"]

#: Readers of Parquet folders leave names with an underscore alone.
FOLDER: Final = "_isthmus"
_FILE: Final = f"{FOLDER}/manifest.json"
_VERSION: Final = 1
_OURS: Final = re.compile(r"part-[0-9a-f]{32}\.parquet")


@dataclass(frozen=True)
class DataFile:
    """One file of a copy.

    Attributes:
        path: below the copy's folder.
        rows: how many rows it has.
    """

    path: str
    rows: int


@dataclass(frozen=True)
class Manifest:
    """What a copy consists of.

    Attributes:
        number: counts the steps from 1.
        state: of the sync.
        files: the copy's rows are just those of these files.
        retired: files of the step before, which the next one removes.
    """

    number: int
    state: str
    files: tuple[DataFile, ...]
    retired: tuple[str, ...] = ()


class Store:
    """A copy's folder, on any filesystem that fsspec knows.

    Args:
        path: the folder or URL.
        options: of the filesystem.
    """

    def __init__(self, path: str, options: dict[str, Any] | None) -> None:
        self.path = path
        try:
            self.fs, self.root = fsspec.core.url_to_fs(path, **(options or {}))
        except (ImportError, ValueError) as error:
            raise TargetError(
                f"{path} can't be opened: {error}",
                remedy="Check the address, or install the filesystem's package.",
            ) from error

    def full(self, path: str) -> str:
        """A path below the folder, as the filesystem takes it."""
        return f"{self.root}/{path}"

    def new_file(self) -> str:
        """The name of a file that nobody has written yet."""
        return f"part-{uuid.uuid4().hex}.parquet"

    def read(self) -> Manifest | None:
        """The list that holds now; None: there is none.

        Raises:
            TargetError: it is damaged, or a newer version's.
        """
        try:
            raw = self.fs.cat_file(self.full(_FILE))
        except FileNotFoundError:
            return None
        try:
            values = json.loads(raw)
            if values.pop("version") != _VERSION:
                raise ValueError("it is of another version")
            files = tuple(DataFile(**file) for file in values.pop("files"))
            return Manifest(files=files, retired=tuple(values.pop("retired")), **values)
        except (ValueError, KeyError, TypeError) as error:
            raise TargetError(
                f"{self.path}/{_FILE} can't be read: {error}",
                remedy="Restore it, or remove the folder and make the copy anew.",
            ) from error

    def commit(self, before: Manifest | None, files: tuple[DataFile, ...], state: str) -> None:
        """Let the copy consist of these files from now on."""
        kept = {file.path for file in files}
        old = () if before is None else before.files
        retired = tuple(file.path for file in old if file.path not in kept)
        number = 1 if before is None else before.number + 1
        text = json.dumps({"version": _VERSION, **asdict(Manifest(number, state, files, retired))})
        self._put(text.encode())
        self.remove(() if before is None else before.retired)

    def remove(self, paths: tuple[str, ...]) -> None:
        """Remove files, those that are gone already too."""
        for path in paths:
            try:
                self.fs.rm_file(self.full(path))
            except FileNotFoundError:
                continue

    def sweep(self, manifest: Manifest | None) -> None:
        """Remove the files of a step that was broken off before its commit."""
        known: set[str] = set()
        if manifest is not None:
            known = {file.path for file in manifest.files} | set(manifest.retired)
        ours = filter(_OURS.fullmatch, self._names())
        self.remove(tuple(name for name in ours if name not in known))

    def is_foreign(self) -> bool:
        """Whether the folder holds something that no step has left there."""
        return any(name != FOLDER and not _OURS.fullmatch(name) for name in self._names())

    def _names(self) -> list[str]:
        found = self.fs.ls(self.root, detail=False) if self.fs.isdir(self.root) else []
        return [name.rstrip("/").rpartition("/")[2] for name in found]

    def make(self) -> None:
        """Make the folder, where the filesystem has any."""
        self.fs.makedirs(self.full(FOLDER), exist_ok=True)

    def _put(self, text: bytes) -> None:
        path = self.full(_FILE)
        if not isinstance(self.fs, LocalFileSystem):
            self.fs.pipe_file(path, text)  # an object appears whole
            return
        # a file is written beside and takes the name at once
        with open(f"{path}.new", "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{path}.new", path)
