"""Drafts checked against the org's validation rules, before they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from isthmus.localorg.errors import OrgError
from isthmus.localorg.formulas import FORMULAS
from isthmus.localorg.rules import Rule
from isthmus.localorg.schema import SObject
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.parser import parse
from isthmus.localorg.soql.plan import plan
from isthmus.localorg.soql.scope import Scope
from isthmus.localorg.soql.selection import where
from isthmus.localorg.store import Store, columns, quoted
from isthmus.localorg.writes.draft import Draft, sound
from isthmus.localorg.writes.table import arrow_type

_CANDIDATES = "rule_candidates"


@dataclass(frozen=True)
class Rulebook:
    """The rules of an org; `context` gives what a SOQL text of this moment depends on.

    Raises ValueError for a rule whose object, condition or field does not exist.
    """

    rules: tuple[Rule, ...]
    context: Callable[[str], Context]

    def __post_init__(self) -> None:
        for rule in self.rules:
            _check(rule, self.context(_soql(rule)))

    def of(self, sobject: SObject) -> tuple[Rule, ...]:
        """Give an object's rules in their order."""
        return tuple(one for one in self.rules if one.object.lower() == sobject.name.lower())

    def check(
        self,
        store: Store,
        cursor: duckdb.DuckDBPyConnection,
        sobject: SObject,
        drafts: Sequence[Draft],
    ) -> None:
        """Refuse the drafts that a rule holds for; a changed one's `old` must be a whole row."""
        rules = self.of(sobject)
        tried = list(sound(drafts)) if rules else []
        if not tried:
            return
        cursor.register(_CANDIDATES, _candidates(sobject, tried))
        by_id = {draft.id: draft for draft in tried}
        for rule in rules:
            for (record_id,) in cursor.execute(self._query(store, sobject, rule)).fetchall():
                draft = by_id[record_id]
                draft.error = draft.error or _refusal(sobject, rule)

    def _query(self, store: Store, sobject: SObject, rule: Rule) -> str:
        """Give the SQL of the ids that a rule holds for among the candidates."""
        context = self.context(_soql(rule))
        table = store.table(sobject.name)
        computed = ", ".join(
            f"{sql} AS {quoted(name)}" for name, sql in FORMULAS.get(sobject.name, {}).items()
        )
        shown = f"* REPLACE ({computed})" if computed else "*"
        # What the org will hold: the candidates, and the other rows for those that point to them.
        held = (
            f"(SELECT {shown} FROM {_CANDIDATES} UNION ALL BY NAME SELECT * FROM {table}"
            f" WHERE Id NOT IN (SELECT Id FROM {_CANDIDATES}))"
        )

        def named(name: str) -> str:
            return held if name.lower() == sobject.name.lower() else store.table(name)

        planned = plan(parse(context.text), replace(context, table=named))
        scope = Scope(planned.context, planned.target, sources=planned.query.sources)
        condition = where(planned.query, scope)  # which finds out what has to be joined
        return (
            f"SELECT {scope.alias}.Id FROM {held} {scope.alias}{scope.joins_sql()}"
            f" WHERE {condition} AND {scope.alias}.Id IN (SELECT Id FROM {_CANDIDATES})"
        )


def _soql(rule: Rule) -> str:
    return f"SELECT Id FROM {rule.object} WHERE {rule.when}"


def _check(rule: Rule, context: Context) -> None:
    try:
        target = plan(parse(context.text), context).target
    except OrgError as error:
        raise ValueError(f"rule {rule.name} of {rule.object}: {error}") from error
    if rule.field is not None and target.field(rule.field) is None:
        raise ValueError(f"rule {rule.name} of {rule.object}: it has no field {rule.field}")


def _refusal(sobject: SObject, rule: Rule) -> OrgError:
    field = sobject.field(rule.field) if rule.field else None
    fields = (field.name,) if field else ()
    return OrgError(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, fields)


def _candidates(sobject: SObject, drafts: Sequence[Draft]) -> pa.Table:
    rows = [{**(draft.old or {}), **draft.changes} for draft in drafts]
    return pa.table(
        {
            name: pa.array([row.get(name) for row in rows], arrow_type(sobject, name))
            for name in columns(sobject)
        }
    )
