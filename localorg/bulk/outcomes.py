"""The result files of an ingest job, as CSV: what was written, what failed, what was not tried."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator, Sequence

from isthmus.localorg.bulk.operations import error_text
from isthmus.localorg.bulk.upload import Row, Upload
from isthmus.localorg.errors import OrgError
from isthmus.localorg.records import Outcome


def successful(upload: Upload, made: Sequence[Outcome], seed: str) -> bytes:
    """The records that were written, in no order: `sf__Id`, `sf__Created`, the columns."""
    rows = (
        [outcome.id, "true" if outcome.created else "false", *row.values]
        for row, outcome in _tried(upload, made)
        if not isinstance(outcome, OrgError)
    )
    return _text(upload, ("sf__Id", "sf__Created"), rows, seed)


def failed(upload: Upload, made: Sequence[Outcome], seed: str) -> bytes:
    """The records that were refused, in no order: `sf__Id`, `sf__Error`, the columns."""
    ids = [at for at, name in enumerate(upload.header) if name.lower() == "id"]
    rows = (
        [row.values[ids[0]] if ids else "", error_text(outcome), *row.values]
        for row, outcome in _tried(upload, made)
        if isinstance(outcome, OrgError)
    )
    return _text(upload, ("sf__Id", "sf__Error"), rows, seed)


def unprocessed(upload: Upload, made: Sequence[Outcome], seed: str) -> bytes:
    """The records that were never tried, in no order: the columns."""
    rows = (row.values for at, row in enumerate(upload.rows()) if at >= len(made))
    return _text(upload, (), rows, seed)


def _tried(upload: Upload, made: Sequence[Outcome]) -> Iterator[tuple[Row, Outcome]]:
    return zip(upload.rows(), made, strict=False)  # the outcomes may end before the rows


def _text(upload: Upload, before: tuple[str, ...], rows: Iterator[list[str]], seed: str) -> bytes:
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    text = io.StringIO()
    writer = csv.writer(
        text, delimiter=upload.delimiter, quoting=csv.QUOTE_ALL, lineterminator=upload.ending
    )
    writer.writerow([*before, *upload.header])
    writer.writerows(shuffled)
    return text.getvalue().encode()
