"""A connector that reads each object whole, once: for who does not push anything down."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from isthmus.connectors.contract import Fragment, ReadContext, ScanRequest
from isthmus.connectors.salesforce.connector import Salesforce

__all__ = ["ReadOnce"]


class ReadOnce(Salesforce):
    """Every page of an object, all its columns, is asked for once and kept.

    Who does not push down asks for whole tables only, so the rows stay the same; the thousandth
    time that they come over the wire proves nothing more than the first.
    """

    def __init__(self, name: str, config: Mapping[str, Any]) -> None:
        super().__init__(name, config)
        self._kept: dict[str, list[pa.RecordBatch]] = {}
        self._reading = threading.Lock()

    def open(self, fragment: Fragment, context: ReadContext) -> Iterator[pa.RecordBatch]:
        """The kept pages, with the fragment's columns."""
        request = fragment.request
        if replace(request, columns=()) != ScanRequest(request.table, ()):
            yield from super().open(fragment, context)
            return
        for batch in self._whole(request, context):
            yield batch.select(list(fragment.columns))

    def _whole(self, request: ScanRequest, context: ReadContext) -> list[pa.RecordBatch]:
        name = request.table.name
        with self._reading:
            if name not in self._kept:
                columns = tuple(c.name for c in request.table.columns)
                whole = self.plan(replace(request, columns=columns))
                self._kept[name] = list(super().open(whole, context))
            return self._kept[name]
