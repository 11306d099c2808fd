"""Who may write what: nothing, unless the connection or the project file says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from isthmus.catalog.model import Table
from isthmus.catalog.names import split_name
from isthmus.catalog.project import Project
from isthmus.errors import ParameterError, Refused

__all__ = ["AllowWrites", "Permission"]

AllowWrites = bool | Iterable[str] | None


@dataclass(frozen=True)
class Permission:
    """The tables that may be written.

    Attributes:
        everything: every table of every source.
        sources: every table of these, in lower case.
        tables: these, as source and table in lower case.
    """

    everything: bool
    sources: frozenset[str]
    tables: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, given: AllowWrites, project: Project) -> Permission:
        """What a connection may write.

        Args:
            given: True for everything, False for nothing, names such as ``crm`` or
                ``crm.Account``; None leaves it to the project file.
            project: its sources say what may be written.

        Raises:
            ParameterError: a name is no source's and no table's.
        """
        if given is None:
            return cls._of_project(project)
        if isinstance(given, bool):
            return cls(given, frozenset(), frozenset())
        if isinstance(given, str):
            given = [given]
        paths = [tuple(part.lower() for part in split_name(name)) for name in given]
        for path in paths:
            if len(path) > 2 or not all(path):
                raise ParameterError(
                    f"allow_writes names {'.'.join(path)!r}",
                    remedy='Name sources or tables: allow_writes=["crm", "hr.Employee"].',
                )
        return cls(
            False,
            frozenset(p[0] for p in paths if len(p) == 1),
            frozenset((p[0], p[1]) for p in paths if len(p) == 2),
        )

    @classmethod
    def _of_project(cls, project: Project) -> Permission:
        whole = {s.name.lower() for s in project.sources if s.writes is True}
        named = {
            (s.name.lower(), table.lower())
            for s in project.sources
            if not isinstance(s.writes, bool)
            for table in s.writes
        }
        return cls(False, frozenset(whole), frozenset(named))

    def demand(self, table: Table) -> None:
        """Return if the table may be written.

        Raises:
            Refused: it may not; the remedy says how it would be allowed.
        """
        source, name = table.source.lower(), table.name.lower()
        if self.everything or source in self.sources or (source, name) in self.tables:
            return
        raise Refused(
            f"writing to {table.source}.{table.name} is not allowed",
            remedy=f'Open the connection with connect(allow_writes=["{table.source}.{table.name}"])'
            f' (isthmus ... --allow-writes), or write writes = ["{table.name}"] below '
            f"[sources.{table.source}] of the project file.",
        )
