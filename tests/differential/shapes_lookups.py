"""Joins along the lookups of one org: up to four levels, to oneself, twice, polymorphic."""

from __future__ import annotations

from collections.abc import Callable

from tests.differential.conditions import plain, tree
from tests.differential.literals import Ref
from tests.differential.relations import Link, Relation
from tests.differential.shapes import Limited, Made, Maker, Source, quote

__all__ = ["LOOKUP_SHAPES"]


def _ups(relation: Relation | None) -> list[Link]:
    return [] if relation is None else [k for k in relation.links if k.schema == relation.schema]


def _child(m: Maker) -> Source:
    """A table that looks something up; those that go far are likelier."""
    able = [r for r in m.relations if _ups(r)]
    weights = [
        3 if r.name in ("Opportunity", "Contact", "OpportunityLineItem") else 1 for r in able
    ]
    return m.table(m.d.random.choices(able, weights)[0])


def _up(m: Maker, at: Source) -> tuple[Source, str] | None:
    links = _ups(at.relation)
    if not links:
        return None
    link = m.d.pick(links)
    t = m.table(m.by_place[link.schema, link.table])
    return t, f"{at.alias}.{quote(link.column)} = {t.alias}.{quote(link.key)}"


def _chain(m: Maker) -> tuple[str, list[Ref], Source, list[Source]]:
    """A child joined with what it looks up, and what that looks up, or both from the child."""
    d = m.d
    child = _child(m)
    body, refs, joined = child.sql, list(child.refs), [child]
    for _ in range(d.pick([1, 1, 2, 2, 3, 4])):
        at = joined[-1] if d.chance(70) else d.pick(joined)
        step = _up(m, at)
        if step is None:
            break
        parent, on = step
        if d.chance(20):
            on += f" AND {plain(d, parent.refs)}"
        kind = d.pick(["JOIN", "LEFT JOIN", "LEFT JOIN", "INNER JOIN"])
        if d.chance(6):
            kind = d.pick(["RIGHT JOIN", "FULL JOIN"])
        body += f" {kind} {parent.sql} ON {on}"
        refs += parent.refs
        joined.append(parent)
    return body, refs, child, joined


def _where(m: Maker, joined: list[Source]) -> str:
    """Filters on the child and on parents, apart and mixed."""
    d = m.d
    if d.chance(30):
        return ""
    parts = [plain(d, d.pick(joined).refs) for _ in range(d.pick([1, 1, 2]))]
    if d.chance(15):
        return f" WHERE {tree(d, [r for t in joined for r in t.refs], 1)}"
    if d.chance(10):
        return f" WHERE {d.pick(joined).sql.split(' ')[-1]}.Id IS NULL"
    return " WHERE " + " AND ".join(parts)


def _lookup_join(m: Maker) -> Made:
    body, refs, _, joined = _chain(m)
    where = _where(m, joined)
    if m.d.chance(25):
        return f"SELECT {m.aggregates(refs)} FROM {body}{where}"
    return f"SELECT {m.items(refs, 6)} FROM {body}{where}"


def _lookup_group(m: Maker) -> Made:
    body, refs, _, joined = _chain(m)
    key = m.grouping(m.d.pick(refs))
    where = _where(m, joined)
    return f"SELECT {key} AS k, {m.aggregates(refs)} FROM {body}{where} GROUP BY {key}"


def _lookup_limit(m: Maker) -> Made:
    """A LIMIT above lookups that change no row: it may reach the child."""
    d = m.d
    child = _child(m)
    body, refs, at = child.sql, list(child.refs), child
    for _ in range(d.pick([1, 1, 2])):
        step = _up(m, at)
        if step is None:
            break
        at, on = step
        body += f" LEFT JOIN {at.sql} ON {on}"
        refs += at.refs
    limit, offset = d.pick([0, 1, 3, 10, 1000]), d.pick([0, 0, 0, 2])
    tail = f" LIMIT {limit}" + (f" OFFSET {offset}" if offset else "")
    where = f" WHERE {plain(d, child.refs)}" if d.chance(50) else ""
    if d.chance(40):
        key = d.pick(child.refs)
        order = f" ORDER BY {key.sql}{m.direction()}"
        sql = f"SELECT {key.sql} AS o0, {m.items(refs, 4)} FROM {body}{where}"
        return Limited(sql, tail, limit, offset, order, 1)
    return Limited(f"SELECT {m.items(refs, 5)} FROM {body}{where}", tail, limit, offset)


def _lookup_twice(m: Maker) -> Made:
    """The same parent by two lookups, or twice by one."""
    d = m.d
    child = _child(m)
    links = _ups(child.relation)
    one, two = d.pick(links), d.pick(links)
    a, b = (m.table(m.by_place[k.schema, k.table]) for k in (one, two))
    kinds = ("JOIN", "LEFT JOIN")
    body = (
        f"{child.sql} {d.pick(kinds)} {a.sql} ON {child.alias}.{quote(one.column)} = {a.alias}.Id "
        f"{d.pick(kinds)} {b.sql} ON {child.alias}.{quote(two.column)} = {b.alias}.Id"
    )
    refs = child.refs + a.refs + b.refs
    return f"SELECT {m.items(refs, 5)} FROM {body}{_where(m, [child, a, b])}"


def _lookup_exists(m: Maker) -> Made:
    """Parents that have, or have not, such children; children of such parents."""
    d = m.d
    child = _child(m)
    step = _up(m, child)
    assert step is not None
    parent, on = step
    word = d.pick(["EXISTS", "EXISTS", "NOT EXISTS"])
    if d.chance(50):
        inner = f"SELECT 1 FROM {child.sql} WHERE {on} AND {plain(d, child.refs)}"
        where = f"{word} ({inner})" + (f" AND {plain(d, parent.refs)}" if d.chance(40) else "")
        return f"SELECT {m.items(parent.refs, 3)} FROM {parent.sql} WHERE {where}"
    inner = f"SELECT 1 FROM {parent.sql} WHERE {on} AND {plain(d, parent.refs)}"
    return f"SELECT {m.items(child.refs, 3)} FROM {child.sql} WHERE {word} ({inner})"


def _lookup_down(m: Maker) -> Made:
    """From the parent's side: its children, counted or shown."""
    d = m.d
    child = _child(m)
    step = _up(m, child)
    assert step is not None
    parent, on = step
    kind = d.pick(["JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "SEMI JOIN", "ANTI JOIN"])
    if kind[:4] in ("SEMI", "ANTI"):
        where = _where(m, [parent])
        return (
            f"SELECT {m.items(parent.refs, 3)} FROM {parent.sql} {kind} {child.sql} ON {on}{where}"
        )
    body = f"{parent.sql} {kind} {child.sql} ON {on}{_where(m, [parent, child])}"
    if d.chance(50):
        key = d.pick(parent.refs)
        return f"SELECT {key.sql} AS k, {m.aggregates(child.refs)} FROM {body} GROUP BY {key.sql}"
    return f"SELECT {m.items(parent.refs + child.refs, 5)} FROM {body}"


LOOKUP_SHAPES: list[tuple[str, int, Callable[[Maker], Made]]] = [
    ("lookup_join", 18, _lookup_join),
    ("lookup_group", 4, _lookup_group),
    ("lookup_limit", 6, _lookup_limit),
    ("lookup_twice", 5, _lookup_twice),
    ("lookup_exists", 5, _lookup_exists),
    ("lookup_down", 5, _lookup_down),
]
