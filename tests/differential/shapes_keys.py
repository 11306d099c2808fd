"""Keys found in one system that narrow what is fetched from another, in every kind of join."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.differential.conditions import plain, tree
from tests.differential.literals import Ref, literal
from tests.differential.relations import Link, Relation
from tests.differential.shapes import Made, Maker, Source, quote

__all__ = ["KEY_SHAPES"]

#: Keys may be pushed into the second side of these,
_NARROWING = ("JOIN", "INNER JOIN", "LEFT JOIN", "SEMI JOIN")
#: and of these they may not.
_KEEPING = ("RIGHT JOIN", "FULL JOIN", "ANTI JOIN")


@dataclass(frozen=True)
class _Keys:
    """Where keys come from: a FROM item and its column of keys."""

    source: Source
    key: str
    ctes: str = ""


def _links(m: Maker) -> list[tuple[Relation, Link]]:
    """Links between systems, from the side that has the keys."""
    return [(r, link) for r in m.relations for link in r.links if link.schema != r.schema]


def _linked(m: Maker) -> tuple[Relation, Link, Relation]:
    relation, link = m.d.pick(_links(m))
    return relation, link, m.by_place[link.schema, link.table]


def _some(m: Maker, refs: list[Ref], percent: float = 50) -> str:
    """A filter that leaves some of the rows, so that the keys are few."""
    return f" WHERE {plain(m.d, refs)}" if refs and m.d.chance(percent) else ""


def _key_sets(m: Maker, relation: Relation, link: Link, target: Relation) -> _Keys:
    """A table, a subquery, a CTE, VALUES or a list of parameters with keys."""
    d = m.d
    way: Callable[[], _Keys] = d.random.choices(
        [
            lambda: _from_table(m, relation, link),
            lambda: _from_subquery(m, relation, link),
            lambda: _from_cte(m, relation, link),
            lambda: _from_values(m, target, link),
            lambda: _from_list(m, target, link),
            lambda: _from_nothing(m, relation, link),
        ],
        [35, 25, 15, 12, 8, 5],
    )[0]
    return way()


def _from_table(m: Maker, relation: Relation, link: Link) -> _Keys:
    t = m.table(relation)
    return _Keys(t, f"{t.alias}.{quote(link.column)}")


def _inner(m: Maker, relation: Relation, link: Link) -> str:
    d = m.d
    t = m.table(relation)
    key = f"{t.alias}.{quote(link.column)}"
    where = _some(m, t.refs, 65)
    ways = [f"SELECT {key} AS k, 1 AS n FROM {t.sql}{where}"] * 2
    ways += [f"SELECT DISTINCT {key} AS k, 2 AS n FROM {t.sql}{where}",
             f"SELECT {key} AS k, count(*) AS n FROM {t.sql}{where} GROUP BY {key}"]  # fmt: skip
    if t.key is not None:
        ways.append(f"SELECT {key} AS k, 3 AS n FROM {t.sql}{where} ORDER BY {t.key} LIMIT 5")
    return str(d.pick(ways))


def _derived(sql: str, alias: str) -> Source:
    return Source(sql, [Ref(f"{alias}.n", "int", (1, 2))], None, None, alias)


def _from_subquery(m: Maker, relation: Relation, link: Link) -> _Keys:
    alias = m.d.name("s")
    return _Keys(_derived(f"({_inner(m, relation, link)}) AS {alias}", alias), f"{alias}.k")


def _from_cte(m: Maker, relation: Relation, link: Link) -> _Keys:
    name, alias = m.d.name("keys_"), m.d.name("s")
    kept = m.d.pick(["", "", " MATERIALIZED", " NOT MATERIALIZED"])
    cte = f"WITH {name} AS{kept} ({_inner(m, relation, link)}) "
    return _Keys(_derived(f"{name} AS {alias}", alias), f"{alias}.k", cte)


def _from_nothing(m: Maker, relation: Relation, link: Link) -> _Keys:
    """No key at all, or only nulls."""
    t, alias = m.table(relation), m.d.name("s")
    key = f"{t.alias}.{quote(link.column)}"
    where = m.d.pick(["WHERE false", f"WHERE {key} IS NULL", "WHERE 1 = 2", "LIMIT 0"])
    inner = f"SELECT {key} AS k, 1 AS n FROM {t.sql} {where}"
    return _Keys(_derived(f"({inner}) AS {alias}", alias), f"{alias}.k")


def _from_values(m: Maker, target: Relation, link: Link) -> _Keys:
    d, alias = m.d, m.d.name("v")
    ref = _field(target, link.key)
    count = d.pick([1, 2, 5, 30])
    rows = ", ".join(f"({literal(d, ref)}, {n})" for n in range(count))
    return _Keys(_derived(f"(VALUES {rows}) AS {alias}(k, n)", alias), f"{alias}.k")


def _from_list(m: Maker, target: Relation, link: Link) -> _Keys:
    alias = m.d.name("s")
    listed = _list(m, _field(target, link.key))
    inner = f"SELECT unnest({listed}) AS k, 1 AS n"
    return _Keys(_derived(f"({inner}) AS {alias}", alias), f"{alias}.k")


def _field(relation: Relation, name: str) -> Ref:
    return next(f for f in relation.fields if f.name == name).ref(name)


def _list(m: Maker, ref: Ref) -> str:
    """A list of stored values; mostly a parameter."""
    d = m.d
    values = [d.pick(ref.values) for _ in range(d.pick([0, 1, 3, 20]))] if ref.values else []
    if d.chance(20):
        values.append(None)
    texts = ", ".join("NULL" if v is None else _written(v) for v in values)
    kind = {"text": "VARCHAR", "id": "VARCHAR", "int": "BIGINT", "date": "DATE",
            "instant": "TIMESTAMPTZ", "decimal": f"DECIMAL(18,{ref.scale})"}[ref.kind]  # fmt: skip
    return f"{d.mark(f'[{texts}]', values)}::{kind}[]"


def _written(value: object) -> str:
    text = str(value).replace("'", "''")
    return text if isinstance(value, int) else f"'{text}'"


def _probe(m: Maker, target: Relation) -> Source:
    """The table that keys narrow; perhaps below a filter or in a subquery."""
    d = m.d
    if d.chance(70):
        return m.table(target)
    t, alias = m.table(target), d.name("s")
    where = _some(m, t.refs)
    return Source(
        f"(SELECT * FROM {t.sql}{where}) AS {alias}",
        m.refs(target, alias + "."), target.key and f"{alias}.{quote(target.key)}", target, alias,
    )  # fmt: skip


def _answer(m: Maker, refs: list[Ref], body: str, percent: float = 50) -> str:
    d = m.d
    where = f" WHERE {tree(d, refs, 1)}" if d.chance(percent) else ""
    if d.chance(30):
        return f"SELECT {m.aggregates(refs)} FROM {body}{where}"
    return f"SELECT {m.items(refs, 4)} FROM {body}{where}"


def _key_join(m: Maker) -> Made:
    d = m.d
    relation, link, target = _linked(m)
    keys, probe = _key_sets(m, relation, link, target), _probe(m, target)
    on = f"{keys.key} = {probe.alias}.{quote(link.key)}"
    if d.chance(15):
        on += f" AND {plain(d, probe.refs)}"
    if d.chance(25):
        kind = d.pick(_NARROWING) if d.chance(70) else d.pick(_KEEPING)
        one, other = probe, keys.source
    else:
        kind = d.pick(_NARROWING) if d.chance(75) else d.pick(_KEEPING)
        one, other = keys.source, probe
    refs = one.refs if kind[:4] in ("SEMI", "ANTI") else one.refs + other.refs
    return keys.ctes + _answer(m, refs, f"{one.sql} {kind} {other.sql} ON {on}", 35)


def _key_in(m: Maker) -> Made:
    """IN and NOT IN, EXISTS and NOT EXISTS; lists of parameters."""
    d = m.d
    relation, link, target = _linked(m)
    probe = _probe(m, target)
    column = f"{probe.alias}.{quote(link.key)}"
    if d.chance(20):
        listed = _list(m, _field(target, link.key))
        tests = [f"{column} IN (SELECT unnest({listed}))", f"list_contains({listed}, {column})",
                 f"{column} = ANY({listed})", f"{column} IN {listed}"]  # fmt: skip
        test = d.pick(tests)
        return _answer(m, probe.refs, f"{probe.sql} WHERE {test}", 0)
    keys = _key_sets(m, relation, link, target)
    inner = keys.source
    some = f" AND {plain(d, inner.refs)}" if inner.refs and d.chance(30) else ""
    free = f"SELECT {keys.key} FROM {inner.sql}" + some.replace(" AND ", " WHERE ", 1)
    tied = f"SELECT 1 FROM {inner.sql} WHERE {keys.key} = {column}{some}"
    word = d.pick(["IN", "IN", "IN", "NOT IN"])
    tests = [f"{column} {word} ({free})"] * 2
    tests += [f"EXISTS ({tied})"] * 2 + [f"NOT EXISTS ({tied})", f"{column} = ANY ({free})"]
    test = d.pick(tests)
    more = f" {d.pick(['AND', 'AND', 'OR'])} {plain(d, probe.refs)}" if d.chance(35) else ""
    return keys.ctes + _answer(m, probe.refs, f"{probe.sql} WHERE ({test}{more})", 0)


def _key_hops(m: Maker) -> Made:
    """Keys to Contact, then to Account, then to its Opportunities; each by its own kind of join."""
    d = m.d
    relation, link, target = _linked(m)
    keys, at = _key_sets(m, relation, link, target), _probe(m, target)
    kinds = ("JOIN", "JOIN", "LEFT JOIN")
    body = (
        f"{keys.source.sql} {d.pick(kinds)} {at.sql} ON {keys.key} = {at.alias}.{quote(link.key)}"
    )
    refs = keys.source.refs + at.refs
    for _ in range(d.pick([1, 1, 2])):
        step = _step(m, at)
        if step is None:
            break
        following, on = step
        body += f" {d.pick(kinds)} {following.sql} ON {on}"
        refs, at = refs + following.refs, following
    return keys.ctes + _answer(m, refs, body, 40)


def _step(m: Maker, at: Source) -> tuple[Source, str] | None:
    """A table of the same org, up or down a lookup."""
    relation = at.relation
    if relation is None:
        return None
    ups = [
        (link.column, m.by_place[link.schema, link.table], link.key)
        for link in relation.links
        if link.schema == relation.schema
    ]
    downs = [
        (link.key, r, link.column)
        for r in m.relations
        for link in r.links
        if r.schema == relation.schema == link.schema and link.table == relation.name
    ]
    if not ups and not downs:
        return None
    mine, target, theirs = m.d.pick(downs if downs and m.d.chance(60) else ups or downs)
    t = m.table(target)
    return t, f"{at.alias}.{quote(mine)} = {t.alias}.{quote(theirs)}"


def _key_two_orgs(m: Maker) -> Made:
    """A key known to two orgs and a file."""
    d = m.d
    places = [r for r in m.relations if r.name == "Account"]
    files = [r for r in m.relations if r.name == "keys"]
    if len(places) < 2 or not files:
        return _key_join(m)
    a, b, k = m.table(places[0]), m.table(places[1]), m.table(files[0])
    column = d.pick(["External_Id__c", "Name", "Id"])
    file_key = {"External_Id__c": "ext", "Name": "name", "Id": "account_id"}[column]
    kinds = ("JOIN", "LEFT JOIN", "FULL JOIN")
    on = f"{a.alias}.{quote(column)} = {b.alias}.{quote(column)}"
    tie = f"{k.alias}.{file_key} = {a.alias}.{quote(column)}"
    body = f"{a.sql} {d.pick(kinds)} {b.sql} ON {on}"
    if d.chance(60):
        body = f"{k.sql} {d.pick(['JOIN', 'LEFT JOIN'])} ({body}) ON {tie}"
    return _answer(m, a.refs + b.refs, body)


def _key_to_files(m: Maker) -> Made:
    """Salesforce's keys narrow the files."""
    d = m.d
    found = [(r, link) for r, link in _links(m) if r.schema == "lake"]
    relation, link = d.pick(found)
    org, lake = m.table(m.by_place[link.schema, link.table]), m.table(relation)
    on = f"{org.alias}.{quote(link.key)} = {lake.alias}.{quote(link.column)}"
    kind = d.pick(["JOIN", "LEFT JOIN", "SEMI JOIN", "RIGHT JOIN", "ANTI JOIN"])
    if d.chance(40):
        inner = f"SELECT {org.alias}.{quote(link.key)} FROM {org.sql}{_some(m, org.refs, 90)}"
        test = f"{lake.alias}.{quote(link.column)} IN ({inner})"
        return _answer(m, lake.refs, f"{lake.sql} WHERE {test}", 0)
    refs = org.refs if kind[:4] in ("SEMI", "ANTI") else org.refs + lake.refs
    some = _some(m, org.refs, 70)
    return f"SELECT {m.items(refs, 4)} FROM {org.sql} {kind} {lake.sql} ON {on}{some}"


KEY_SHAPES: list[tuple[str, int, Callable[[Maker], Made]]] = [
    ("key_join", 22, _key_join),
    ("key_in", 16, _key_in),
    ("key_hops", 10, _key_hops),
    ("key_two_orgs", 4, _key_two_orgs),
    ("key_to_files", 6, _key_to_files),
]
