"""From a parent of one org down to its children: several tables of them, filtered on both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.differential.conditions import plain, tree
from tests.differential.relations import Link, Relation
from tests.differential.shapes import Limited, Made, Maker, Source, quote

__all__ = ["CHILD_SHAPES"]


@dataclass(frozen=True)
class _Down:
    """A lookup, seen from the table that it points to."""

    relation: Relation
    link: Link


def _downs(m: Maker, parent: Relation) -> list[_Down]:
    return [
        _Down(r, link)
        for r in m.relations
        for link in r.links
        if r.schema == parent.schema and (link.schema, link.table) == (parent.schema, parent.name)
    ]


def _parent(m: Maker) -> tuple[Source, list[_Down]]:
    """A table that others point to; those with many kinds of children are likelier."""
    able = [(r, _downs(m, r)) for r in m.relations if _downs(m, r)]
    relation, downs = m.d.random.choices(able, [len(downs) for _, downs in able])[0]
    return m.table(relation), downs


def _child(m: Maker, parent: Source, downs: list[_Down]) -> tuple[Source, str]:
    """A table of children, and what they are joined by."""
    down = m.d.pick(downs)
    child = m.table(down.relation)
    on = [f"{child.alias}.{quote(down.link.column)}", f"{parent.alias}.{quote(down.link.key)}"]
    m.d.random.shuffle(on)
    return child, " = ".join(on)


def _few(m: Maker, parent: Source) -> str:
    """A filter that leaves some of the parents, most of the time."""
    d = m.d
    if d.chance(20):
        return ""
    return " WHERE " + " AND ".join(plain(d, parent.refs) for _ in range(d.pick([1, 1, 2])))


def _family(m: Maker) -> Made:
    """A parent with one to three tables of children, and perhaps what a child looks up."""
    d = m.d
    parent, downs = _parent(m)
    body, refs = parent.sql, list(parent.refs)
    for _ in range(d.pick([1, 1, 2, 3])):
        child, on = _child(m, parent, downs)
        if d.chance(35):
            on += f" AND {plain(d, child.refs)}"
        if d.chance(8):
            on += f" AND {plain(d, parent.refs)}"
        kind = d.pick(["LEFT JOIN", "LEFT JOIN", "LEFT JOIN", "JOIN"])
        if d.chance(8):
            kind = d.pick(["RIGHT JOIN", "FULL JOIN"])
        body += f" {kind} {child.sql} ON {on}"
        refs += child.refs
        assert child.relation is not None
        ups = [k for k in child.relation.links if k.schema == child.relation.schema]
        if ups and d.chance(20):
            up = d.pick(ups)
            above = m.table(m.by_place[up.schema, up.table])
            joined = f"{child.alias}.{quote(up.column)} = {above.alias}.{quote(up.key)}"
            body += f" LEFT JOIN {above.sql} ON {joined}"
            refs += above.refs
    where = _few(m, parent)
    if d.chance(10):
        where = f" WHERE {tree(d, refs, 1)}"
    if d.chance(30):
        return f"SELECT {m.aggregates(refs)} FROM {body}{where}"
    if d.chance(10):
        limit = d.pick([0, 1, 5, 1000])
        return Limited(f"SELECT {m.items(refs, 4)} FROM {body}{where}", f" LIMIT {limit}", limit)
    return f"SELECT {m.items(refs, 6)} FROM {body}{where}"


def _counted(m: Maker) -> Made:
    """For each parent how many children there are, by subqueries."""
    d = m.d
    parent, downs = _parent(m)
    items = [m.items(parent.refs, 2)]
    for n in range(d.pick([1, 1, 2])):
        child, on = _child(m, parent, downs)
        more = f" AND {plain(d, child.refs)}" if d.chance(50) else ""
        value = d.pick(["count(*)", f"max({d.pick(child.refs).sql}::VARCHAR)"])
        items.append(f"(SELECT {value} FROM {child.sql} WHERE {on}{more}) AS n{n}")
    return f"SELECT {', '.join(items)} FROM {parent.sql}{_few(m, parent)}"


def _having(m: Maker) -> Made:
    """Parents that have, or have not, such children."""
    d = m.d
    parent, downs = _parent(m)
    child, on = _child(m, parent, downs)
    more = plain(d, child.refs)
    if d.chance(50):
        kind = d.pick(["SEMI JOIN", "ANTI JOIN", "ANTI JOIN"])
        tested = f" AND {more}" if d.chance(50) else ""
        where = _few(m, parent)
        return (
            f"SELECT {m.items(parent.refs, 3)} FROM {parent.sql} {kind} {child.sql} "
            f"ON {on}{tested}{where}"
        )
    word = d.pick(["EXISTS", "NOT EXISTS"])
    test = f"{word} (SELECT 1 FROM {child.sql} WHERE {on} AND {more})"
    where = _few(m, parent)
    where = f"{where} AND {test}" if where else f" WHERE {test}"
    return f"SELECT {m.items(parent.refs, 3)} FROM {parent.sql}{where}"


def _found(m: Maker) -> Made:
    """Parents that keys of a file find, with their children."""
    d = m.d
    parent, downs = _parent(m)
    child, on = _child(m, parent, downs)
    assert parent.relation is not None
    org, name = parent.relation.schema, parent.relation.name
    others = [r for r in m.relations if r.schema not in (org, "main")]
    files = [(r, k) for r in others for k in r.links if (k.schema, k.table) == (org, name)]
    if not files:
        return _family(m)
    relation, link = d.pick(files)
    file = m.table(relation)
    tied = f"{file.alias}.{quote(link.column)} = {parent.alias}.{quote(link.key)}"
    kind, below = d.pick(["JOIN", "LEFT JOIN"]), d.pick(["LEFT JOIN", "LEFT JOIN", "JOIN"])
    body = f"{file.sql} {kind} {parent.sql} ON {tied} {below} {child.sql} ON {on}"
    where = f" WHERE {plain(d, file.refs)}" if d.chance(70) else ""
    refs = [*file.refs, *parent.refs, *child.refs]
    return f"SELECT {m.items(refs, 5)} FROM {body}{where}"


CHILD_SHAPES: list[tuple[str, int, Callable[[Maker], Made]]] = [
    ("family", 8, _family),
    ("family_counted", 3, _counted),
    ("family_having", 3, _having),
    ("family_found", 3, _found),
]
