"""Where an answer goes: the terminal, a pipe, or a file that appears only when it is whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from isthmus.interfaces.formats.writers import BINARY, FORMATS, open_writer
from isthmus.interfaces.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from isthmus.engine.result import Result

__all__ = ["chosen_format", "first_rows", "show_table", "write_answer", "write_rows"]

_ENDINGS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_ENDINGS |= {".arrow": "arrow", ".parquet": "parquet", ".pq": "parquet", ".txt": "table"}


def chosen_format(format: str | None, output: str | None) -> str:
    """The format that was asked for, or that a file's ending tells; else a table.

    Raises:
        UsageError: bytes would go to a terminal.
    """
    chosen = format or _ENDINGS.get(Path(output or "").suffix.lower(), "table")
    if chosen in BINARY and output is None and sys.stdout.isatty():
        raise click.UsageError(f"{chosen} is not for a terminal: use --output FILE or a pipe")
    assert chosen == "table" or chosen in FORMATS
    return chosen


def write_answer(result: Result, format: str, output: str | None, rows: int) -> None:
    """Read a result and write it.

    Args:
        result: not read yet.
        format: one that `chosen_format` gave.
        output: a file's path; None for standard output.
        rows: how many a table shows; 0 for all.
    """
    # Rows that stream onto a terminal are progress enough, and a status line would cut them.
    quiet = format != "table" and output is None and sys.stdout.isatty()
    with _target(output) as stream, Progress(result, quiet=quiet), result:
        _write(result.reader(), format, stream, output is not None, rows)


def write_rows(reader: pa.RecordBatchReader, format: str, output: str | None, rows: int) -> None:
    """Write rows, as `write_answer` does those of a result."""
    with _target(output) as stream:
        _write(reader, format, stream, output is not None, rows)


def _write(
    reader: pa.RecordBatchReader, format: str, stream: BinaryIO, seekable: bool, rows: int
) -> None:
    if format == "table":
        _show(*_first(reader, rows), stream)
        return
    writer = open_writer(format, stream, reader.schema, seekable=seekable)
    for batch in reader:
        writer.write(batch)
    writer.close()


def show_table(result: Result, stream: BinaryIO, rows: int) -> None:
    """Write the first rows as a table; reading stops behind them."""
    _show(*first_rows(result, rows), stream)


def first_rows(result: Result, rows: int) -> tuple[pa.Table, bool]:
    """Up to so many rows (0: all), and whether there are more."""
    with Progress(result), result:
        return _first(result.reader(), rows)


def _show(table: pa.Table, more: bool, stream: BinaryIO) -> None:
    from isthmus.interfaces.formats.table import render

    terminal = stream.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    colour = terminal and "NO_COLOR" not in os.environ
    stream.write((render(table, more=more, width=width, colour=colour) + "\n").encode())
    stream.flush()


def _first(reader: pa.RecordBatchReader, rows: int) -> tuple[pa.Table, bool]:
    import pyarrow as pa

    taken: list[pa.RecordBatch] = []
    count = 0
    for batch in reader:
        taken.append(batch)
        count += batch.num_rows
        if rows and count > rows:
            break
    table = pa.Table.from_batches(taken, reader.schema)
    return (table.slice(0, rows), True) if rows and count > rows else (table, False)


@contextlib.contextmanager
def _target(output: str | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that takes its name when the last row is in it."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = Path(f"{output}.unfinished")
    try:
        with unfinished.open("wb") as stream:
            yield stream
        unfinished.replace(output)
    except OSError as error:
        if error.filename is None:
            raise
        raise click.ClickException(f"{output} can't be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
