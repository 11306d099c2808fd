"""A place on a filesystem, and the bytes of one file."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from isthmus.connectors.files.errors import reading
from isthmus.errors import ConfigError, SourceUnavailable

__all__ = [
    "CountedFile",
    "DataFile",
    "Location",
    "checked",
    "decompressed",
    "locate",
    "opened",
    "packed",
]


@dataclass(frozen=True)
class Location:
    """Where a source or a table lies.

    Attributes:
        url: as configured, for people.
        fs: the fsspec filesystem.
        path: inside the filesystem, without a trailing slash.
    """

    url: str
    fs: Any
    path: str

    @property
    def local(self) -> bool:
        """Whether reading costs no call to anywhere: the machine's own disk or memory."""
        return isinstance(self.fs, (LocalFileSystem, MemoryFileSystem))


@dataclass(frozen=True)
class DataFile:
    """One file as it was listed.

    Attributes:
        location: the filesystem it is on.
        path: inside the filesystem.
        shown: its path below the table or root, for people.
        size: in bytes, 0 when the filesystem doesn't say.
        stamp: changes when the file does: time of change, or entity tag.
        partitions: pairs of hive key and raw value, None for hive's null.
    """

    location: Location
    path: str
    shown: str
    size: int
    stamp: str
    partitions: tuple[tuple[str, str | None], ...] = ()


def locate(url: str, storage_options: Mapping[str, Any]) -> Location:
    """Open the filesystem of a URL; for most of them this makes no call.

    Raises:
        ConfigError: no filesystem knows the URL.
        MissingExtra: its package is not installed.
    """
    with reading(url):
        try:
            fs, path = fsspec.core.url_to_fs(url, **storage_options)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"{url} can't be opened: {error}",
                remedy="Use a path or a URL such as s3://bucket/folder, and check storage_options.",
            ) from error
    return Location(url, fs, path.rstrip("/") if path != "/" else path)


class CountedFile(io.RawIOBase):
    """A file for Arrow to read, that counts what was read.

    fsspec's files have one position, so a lock keeps Arrow's threads apart.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._count = 0

    def taken(self) -> int:
        """The bytes read since the last call."""
        with self._lock:
            count, self._count = self._count, 0
        return count

    def readable(self) -> bool:
        """Part of `io`."""
        return True

    def seekable(self) -> bool:
        """Whether the file can be read in any order."""
        return bool(self._file.seekable())

    def read(self, size: int | None = -1) -> bytes:
        """Read so many bytes, or all."""
        with self._lock:
            data: bytes = self._file.read(-1 if size is None else size)
            self._count += len(data)
            return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Part of `io`."""
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """Part of `io`."""
        return int(self._file.tell())

    def close(self) -> None:
        """Close the file below."""
        if not self.closed:
            self._file.close()
        super().close()


def checked(file: DataFile) -> DataFile:
    """The same file, if a look at the local disk shows that it is still the one that was listed.

    Raises:
        SourceUnavailable: it has changed. SourceError: it is gone.
    """
    if isinstance(file.location.fs, LocalFileSystem):
        with reading(file.path):
            now = file.location.fs.info(file.path)
        if now["size"] != file.size or str(now["mtime"]) != file.stamp:
            raise _changed(file)
    return file


def opened(file: DataFile) -> CountedFile:
    """Open a listed file, as long as it is still the file that was listed.

    Raises:
        SourceError: it is gone. SourceUnavailable, AuthError: it can't be reached.
    """
    fs = checked(file).location.fs
    with reading(file.path):
        if isinstance(fs, MemoryFileSystem):
            # fsspec hands out one file object, with one position, to all who open it.
            handle = io.BytesIO(fs.cat_file(file.path))
        else:
            handle = fs.open(file.path, "rb")
    size = getattr(handle, "size", None)
    if file.size and isinstance(size, int) and size != file.size:
        handle.close()
        raise _changed(file)
    return CountedFile(handle)


def _changed(file: DataFile) -> SourceUnavailable:
    return SourceUnavailable(
        f"{file.path} was changed after the query was planned", remedy="Ask again."
    )


_CODECS = {"gz": "gzip", "bz2": "bz2", "zst": "zstd", "lz4": "lz4"}


def packed(path: str) -> bool:
    """Whether a file's name says that it is compressed as a whole."""
    return path.rpartition(".")[2].lower() in _CODECS


def decompressed(file: CountedFile, path: str) -> pa.NativeFile:
    """The plain bytes of a file, by the last ending of its name."""
    raw = pa.PythonFile(file, mode="r")
    codec = _CODECS.get(path.rpartition(".")[2].lower())
    return raw if codec is None else pa.CompressedInputStream(raw, codec)
