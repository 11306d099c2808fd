"""Where the fields of a query come from: its object, and the parents its paths lead to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from isthmus.localorg.soql.ast import Path, Source
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.refusals import no_column, no_object, no_relationship, plain

if TYPE_CHECKING:
    from isthmus.localorg.schema import Field, SObject

#: SOQL Reference v65, "Relationship Query Limitations".
MAX_LEVELS, MAX_PARENTS = 5, 55
#: Fields of the pseudo-object Name, through which polymorphic lookups are read, and their types.
_NAME_FIELDS = {
    "Id": "id", "Name": "string", "Type": "string", "FirstName": "string", "LastName": "string",
    "Title": "string", "Email": "email", "Phone": "phone", "Alias": "string",
    "Username": "string", "IsActive": "boolean", "UserRoleId": "reference",
    "ProfileId": "reference", "RecordTypeId": "reference",
}  # fmt: skip
_TEXTS = ("string", "email", "phone")


def quoted(name: str) -> str:
    """Give a name as a DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Join:
    """A step through a lookup. `name` is the relationship as the describe spells it.

    `object` is None for a polymorphic lookup, which leads to the pseudo-object Name.
    """

    alias: str
    from_alias: str
    lookup: Field
    name: str
    object: SObject | None


@dataclass(frozen=True)
class Column:
    """A field at a place: the alias of its table, and the steps that lead there."""

    alias: str
    field: Field
    object: SObject | None
    steps: tuple[Join, ...]
    at: int

    @property
    def sql(self) -> str:
        """The stored column."""
        return f"{self.alias}.{quoted(self.field.name)}"


class Scope:
    """The tables that one query level reads. Joins are added as paths are resolved."""

    def __init__(
        self,
        context: Context,
        target: SObject,
        *,
        sources: tuple[Source, ...] = (),
        aliases: Iterator[int] | None = None,
    ) -> None:
        self.context = context
        self.object = target
        self.aliases = aliases or itertools.count()
        self.alias = f"t{next(self.aliases)}"
        self.joins: dict[tuple[str, ...], Join] = {}
        self._prefixes: dict[str, tuple[str, ...]] = {target.name.lower(): ()}
        if sources:
            if sources[0].alias:
                self._prefixes[sources[0].alias.lower()] = ()
            for source in sources[1:]:
                self._prefixes[(source.alias or source.path.parts[-1]).lower()] = self._tail(
                    source.path.parts
                )

    def _tail(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        if len(parts) > 1 and parts[0].lower() in self._prefixes:
            return (*self._prefixes[parts[0].lower()], *parts[1:])
        return parts

    def column(self, path: Path) -> Column:
        """Resolve a field; OrgError INVALID_FIELD where there is none."""
        *relationships, name = self._tail(path.parts)
        steps = self.steps(tuple(relationships), path.at)
        return self.field_at(steps, name, path.at)

    def field_at(self, steps: tuple[Join, ...], name: str, at: int) -> Column:
        """Resolve a field of the object that the steps lead to."""
        target = steps[-1].object if steps else self.object
        alias = steps[-1].alias if steps else self.alias
        found = self._name_field(name) if target is None else target.field(name)
        if found is None:
            no_column(self.context.text, at, name, target.name if target else "Name")
        return Column(alias, found, target, steps, at)

    def steps(self, relationships: tuple[str, ...], at: int) -> tuple[Join, ...]:
        """Follow relationships from the query's object."""
        if len(relationships) > MAX_LEVELS:
            plain(
                "MALFORMED_QUERY",
                f"The relationship path {'.'.join(relationships)} has more than {MAX_LEVELS} "
                f"levels",
            )
        steps: list[Join] = []
        for depth, name in enumerate(relationships, 1):
            steps.append(self._step(tuple(relationships[:depth]), name, steps, at))
        return tuple(steps)

    def _step(self, path: tuple[str, ...], name: str, before: list[Join], at: int) -> Join:
        key = tuple(part.lower() for part in path)
        if key in self.joins:
            return self.joins[key]
        start = before[-1].object if before else self.object
        lookup = start.relationship(name) if start else None
        if lookup is None or lookup.relationship_name is None:
            no_relationship(self.context.text, at, name, "field path")
        targets = [self.context.schema.get(one) for one in lookup.reference_to]
        if not any(targets):
            no_relationship(self.context.text, at, name, "field path")
        target = None if polymorphic(lookup) else targets[0]
        from_alias = before[-1].alias if before else self.alias
        return self._add(key, from_alias, lookup, target)

    def branch(self, relationship: Join, target: SObject) -> Join:
        """Follow a polymorphic lookup to one of its types, for TYPEOF."""
        key = (relationship.name.lower(), "#" + target.name.lower())
        if key in self.joins:
            return self.joins[key]
        return self._add(key, relationship.from_alias, relationship.lookup, target)

    def _add(
        self, key: tuple[str, ...], from_alias: str, lookup: Field, target: SObject | None
    ) -> Join:
        if len(self.joins) >= MAX_PARENTS:
            plain(
                "MALFORMED_QUERY",
                f"A query may follow at most {MAX_PARENTS} child-to-parent relationships",
            )
        name = str(lookup.relationship_name)
        join = Join(f"t{next(self.aliases)}", from_alias, lookup, name, target)
        self.joins[key] = join
        return join

    def _name_field(self, name: str) -> Field | None:
        known = next((n for n in _NAME_FIELDS if n.lower() == name.lower()), None)
        return self._like(known, _NAME_FIELDS[known]) if known else None

    def _like(self, name: str, kind: str) -> Field:
        text = next(f for f in self.object.fields if f.type == "id")
        return replace(
            text, name=name, type=kind, label=name, length=255 if kind in _TEXTS else 18,
            nillable=kind != "boolean", relationship_name=None, reference_to=(),
        )  # fmt: skip

    def joins_sql(self) -> str:
        """The joins to the parents."""
        return "".join(" " + self._join_sql(join) for join in self.joins.values())

    def _join_sql(self, join: Join) -> str:
        table = self.context.table(join.object.name) if join.object else self._names(join.lookup)
        live = "" if self.context.include_deleted else f' AND NOT {join.alias}."IsDeleted"'
        key = f"{join.from_alias}.{quoted(join.lookup.name)}"
        return f'LEFT JOIN {table} {join.alias} ON {join.alias}."Id" = {key}{live}'

    def _names(self, lookup: Field) -> str:
        """The table of the pseudo-object Name: the rows of every type that the lookup names."""
        targets = [self.context.schema.get(name) for name in lookup.reference_to]
        selects = [_names_of(target, self.context.table) for target in targets if target]
        return f"({' UNION ALL '.join(selects)})"

    def live(self) -> str:
        """The condition that hides deleted rows."""
        return "TRUE" if self.context.include_deleted else f'NOT {self.alias}."IsDeleted"'


def polymorphic(lookup: Field) -> bool:
    """Say whether a lookup can point to several types of object."""
    return len(lookup.reference_to) != 1


def _names_of(target: SObject, table: Callable[[str], str]) -> str:
    columns = []
    for name, kind in _NAME_FIELDS.items():
        own = target.field(name)
        if name == "Type":
            columns.append(f"'{target.name}' AS \"Type\"")
        elif name == "Name" and target.name_field:
            columns.append(f'{quoted(target.name_field.name)} AS "Name"')
        elif own and own.type in ("id", "reference", "boolean", *_TEXTS):
            columns.append(f"{quoted(own.name)} AS {quoted(name)}")
        else:
            sql_type = "BOOLEAN" if kind == "boolean" else "VARCHAR"
            columns.append(f"NULL::{sql_type} AS {quoted(name)}")
    return f'SELECT {", ".join(columns)}, "IsDeleted" FROM {table(target.name)}'


def object_of(context: Context, source: Source) -> SObject:
    """Find the object of a FROM clause; OrgError INVALID_TYPE."""
    name = source.path.parts[-1]
    found = context.schema.get(name) if len(source.path.parts) == 1 else None
    if found is None or not found.queryable:
        no_object(context.text, source.path.at, str(source.path))
    return found
