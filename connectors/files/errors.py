"""Turns what filesystems and Arrow raise into the project's own errors, once, at the edge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from isthmus.errors import (
    AuthError,
    DataError,
    IsthmusError,
    MissingExtra,
    SourceError,
    SourceUnavailable,
)

__all__ = ["reading"]


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Errors inside become ours and name `what`, the file or folder that is read.

    Raises:
        AuthError: the filesystem lets us not in.
        SourceError: the file is not there.
        SourceUnavailable: the filesystem is out of reach.
        DataError: the bytes are not what the format demands.
        MissingExtra: the package for the filesystem is not installed.
    """
    try:
        yield
    except IsthmusError:
        raise
    except ImportError as error:
        raise MissingExtra(
            f"{what} needs a package that is not installed: {error}",
            remedy="Install the fsspec package for it, such as s3fs, gcsfs, adlfs or aiohttp.",
        ) from error
    except FileNotFoundError as error:
        raise SourceError(
            f"{what} is not there",
            remedy="If it was replaced meanwhile, ask again; else correct the path.",
        ) from error
    except PermissionError as error:
        raise AuthError(
            f"{what} may not be read: {error}",
            remedy="Give storage_options with the right to read it, or mend its permissions.",
        ) from error
    except (pa.ArrowException, UnicodeError, EOFError) as error:
        if isinstance(error, OSError):
            raise _unavailable(what, error) from error
        raise DataError(f"{what} can't be read: {error}") from error
    except OSError as error:
        raise _unavailable(what, error) from error


_DAMAGED = ("corrupt", "crc", "deserialize", "parquet", "gzip", "zlib", "truncated")


def _unavailable(what: str, error: OSError) -> IsthmusError:
    text = str(error)
    # Arrow raises a plain OSError for damaged bytes; errno is set only by a filesystem.
    if error.errno is None and any(word in text.lower() for word in _DAMAGED):
        return DataError(f"{what} is damaged: {text}")
    return SourceUnavailable(
        f"{what} is out of reach: {text or type(error).__name__}",
        remedy="Try again later, or run `isthmus check` to see what is wrong.",
    )
