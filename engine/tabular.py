"""An answer in the forms that people use: Arrow, pandas, Polars, lists of tuples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from isthmus.errors import MissingExtra

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["Tabular"]


class Tabular(ABC):
    """What has an Arrow table has all other forms."""

    @abstractmethod
    def arrow(self) -> pa.Table:
        """The whole answer as a ``pyarrow.Table``."""

    @property
    def _integer_columns(self) -> frozenset[int]:
        """Columns whose decimals are 128-bit integers."""
        return frozenset()

    def df(self) -> pd.DataFrame:
        """The whole answer as a pandas DataFrame.

        Raises:
            MissingExtra: pandas is not installed.
        """
        try:
            import pandas  # noqa: F401
        except ImportError as error:
            raise MissingExtra(
                "pandas is not installed", remedy="pip install 'isthmus[pandas]'"
            ) from error
        # Years such as 1700 and 9999 do not fit nanoseconds: keep the unit of the column.
        frame: pd.DataFrame = self.arrow().to_pandas(date_as_object=True)
        return frame

    def pl(self) -> pl.DataFrame:
        """The whole answer as a Polars DataFrame.

        Raises:
            MissingExtra: polars is not installed.
        """
        try:
            import polars
        except ImportError as error:
            raise MissingExtra(
                "polars is not installed", remedy="pip install 'isthmus[polars]'"
            ) from error
        frame = polars.from_arrow(self.arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The whole answer as a list of tuples of plain Python values."""
        table = self.arrow()
        integers = self._integer_columns
        columns = [_plain(c, i in integers) for i, c in enumerate(table.columns)]
        return list(zip(*columns, strict=True)) if columns else []

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row, or None."""
        rows = self.fetchall()
        return rows[0] if rows else None


def _plain(column: pa.ChunkedArray, integer: bool) -> list[Any]:
    """Python values: 128-bit integers as int, intervals as timedelta where they are one."""
    values: list[Any] = column.to_pylist()
    if integer:
        return [int(v) if isinstance(v, Decimal) else v for v in values]
    if pa.types.is_interval(column.type):
        return [_interval(v) for v in values]
    return values


def _interval(value: Any) -> Any:
    if value is None or value.months:
        return value
    return timedelta(days=value.days, microseconds=value.nanoseconds // 1000)
