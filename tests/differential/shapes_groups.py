"""Groups, limits in an order, distinct rows, scans shared, and queries that need no call."""

from __future__ import annotations

from collections.abc import Callable

from tests.differential.conditions import nested, plain
from tests.differential.literals import Ref, literal
from tests.differential.shapes import Limited, Made, Maker, Source, quote

__all__ = ["GROUP_SHAPES"]


def _where(m: Maker, refs: list[Ref], percent: float = 60) -> str:
    return f" WHERE {nested(m.d, refs, m.d.pick([0, 1, 1]))}" if m.d.chance(percent) else ""


def _sent_calls(m: Maker, refs: list[Ref]) -> str:
    """Aggregates that a source could compute, and now and then one that it must not."""
    d = m.d
    made = []
    for i in range(d.pick([1, 1, 2, 3])):
        x = d.pick(refs).sql
        calls = ["count(*)", "count(*)", f"count({x})", f"min({x})", f"max({x})",
                 f"count(DISTINCT {x})"]  # fmt: skip
        if d.chance(12):
            calls = [f"arg_min({x}, {x})", f"count(*) FILTER (WHERE {plain(d, refs)})",
                     f"approx_count_distinct({x}) >= 0", f"min({x}) || ''"]  # fmt: skip
        made.append(f"{d.pick(calls)} AS a{i}")
    return ", ".join(made)


def _totals(m: Maker) -> Made:
    """One row of aggregates over one table."""
    t = m.table(bare=True)
    having = f" HAVING count(*) {m.d.pick(['>', '='])} 0" if m.d.chance(8) else ""
    return f"SELECT {_sent_calls(m, t.refs)} FROM {t.sql}{_where(m, t.refs)}{having}"


def _groups(m: Maker) -> Made:
    """GROUP BY columns of every type; HAVING; in an order, limited."""
    d = m.d
    t = m.table()
    keys = [r.sql for r in d.random.sample(t.refs, min(d.pick([1, 1, 1, 2]), len(t.refs)))]
    items = ", ".join(f"{k} AS k{i}" for i, k in enumerate(keys))
    having = ""
    if d.chance(30):
        test = d.pick(["count(*) > 1", "count(*) = 1", f"count({d.pick(t.refs).sql}) > 0",
                       f"{keys[0]} IS NOT NULL", f"max({keys[0]}) IS NULL"])  # fmt: skip
        having = f" HAVING {test}"
    group = d.pick([", ".join(keys), "ALL"])
    sql = (
        f"SELECT {items}, {_sent_calls(m, t.refs)} FROM {t.sql}{_where(m, t.refs, 50)}"
        f" GROUP BY {group}{having}"
    )
    if d.chance(25):
        limit = d.pick([1, 3, 10])
        order = f" ORDER BY 1{m.direction()}"
        return Limited(sql, f" LIMIT {limit}", limit, 0, order, 1)
    return sql


def _distinct(m: Maker) -> Made:
    d = m.d
    t = m.table()
    chosen = d.random.sample(t.refs, min(d.pick([1, 1, 2]), len(t.refs)))
    items = ", ".join(f"{r.sql} AS c{i}" for i, r in enumerate(chosen))
    way = d.random.random()
    where = _where(m, t.refs, 40)
    if way < 0.6:
        return f"SELECT DISTINCT {items} FROM {t.sql}{where}"
    if way < 0.8:
        return f"SELECT count(*) AS n FROM (SELECT DISTINCT {items} FROM {t.sql}{where}) u"
    limit = d.pick([1, 2, 5])
    return Limited(f"SELECT DISTINCT {items} FROM {t.sql}{where}", f" LIMIT {limit}", limit)


def _probe(m: Maker) -> Made:
    """Is there one? And what stands above LIMIT 1."""
    d = m.d
    t = m.table()
    where = _where(m, t.refs, 80)
    key, x = t.key or "true", d.pick(t.refs).sql
    few = d.pick([0, 1, 7])
    return str(
        d.pick(
            [f"SELECT EXISTS (SELECT 1 FROM {t.sql}{where}) AS e",
             f"SELECT NOT EXISTS (FROM {t.sql}{where}) AS e",
             f"SELECT 1 AS one WHERE EXISTS (SELECT * FROM {t.sql}{where})",
             f"SELECT count(*) AS n FROM (SELECT 1 FROM {t.sql}{where} LIMIT {few}) u",
             f"SELECT (SELECT {x} FROM {t.sql}{where} ORDER BY {key} LIMIT 1) AS v"]
        )
    )  # fmt: skip


def _ordered(m: Maker) -> Made:
    """ORDER BY with ties, nulls first and last, limited or not, also in a UNION ALL or a view."""
    d = m.d
    t = m.item()
    keys = d.random.sample(t.refs, min(d.pick([1, 1, 2]), len(t.refs)))
    items = ", ".join(f"{k.sql} AS o{i}" for i, k in enumerate(keys))
    spelled = [d.pick([k.sql, str(i + 1), f"o{i}"]) for i, k in enumerate(keys)]
    order = " ORDER BY " + ", ".join(f"{k}{m.direction()}" for k in spelled)
    sql = f"SELECT {items}, {m.items(t.refs, 3)} FROM {t.sql}{_where(m, t.refs, 60)}"
    if d.chance(12):
        return Limited(sql, "", None, 0, order, len(keys))
    limit, offset = d.pick([0, 1, 2, 5, 20, 2000]), d.pick([0, 0, 0, 0, 1, 50])
    tail = f" LIMIT {limit}" + (f" OFFSET {offset}" if offset else "")
    return Limited(sql, tail, limit, offset, order, len(keys))


def _top_n(m: Maker) -> Made:
    """The first rows by a value whose order sources know; beside what they filter."""
    d = m.d
    t = m.table()
    able = [r for r in t.refs if r.kind in ("int", "decimal", "date", "instant", "bool")]
    if not able:
        return _ordered(m)
    key = d.pick(able)
    where = f" WHERE {plain(d, [d.pick(able), key])}" if d.chance(45) else ""
    items = ", ".join(r.sql for r in d.random.sample(t.refs, min(2, len(t.refs))))
    limit, offset = d.pick([1, 3, 10, 50]), d.pick([0, 0, 0, 4])
    tail = f" LIMIT {limit}" + (f" OFFSET {offset}" if offset else "")
    sql = f"SELECT {key.sql} AS o0, {items} FROM {t.sql}{where}"
    return Limited(sql, tail, limit, offset, f" ORDER BY {key.sql}{m.direction()}", 1)


def _union_limit(m: Maker) -> Made:
    """A LIMIT, and an order, above UNION ALL and above projections."""
    d = m.d
    a, b = m.table(), m.table()
    pairs = [(x, y) for x in a.refs for y in b.refs if x.kind == y.kind and x.scale == y.scale]
    if not pairs:
        b = m.table(a.relation)
        pairs = [(x, y) for x in a.refs for y in b.refs if x.kind == y.kind and x.scale == y.scale]
    if not pairs:
        return _ordered(m)
    x, y = d.pick(pairs)
    sql = (
        f"SELECT * FROM (SELECT {x.sql} AS o0 FROM {a.sql}{_where(m, a.refs, 50)} UNION ALL "
        f"SELECT {y.sql} AS o0 FROM {b.sql}{_where(m, b.refs, 50)}) u"
    )
    limit = d.pick([1, 3, 10])
    order = f" ORDER BY o0{m.direction()}" if d.chance(60) else ""
    return Limited(sql, f" LIMIT {limit}", limit, 0, order, 1 if order else 0)


def _shared(m: Maker) -> Made:
    """One table twice or more: slices in a UNION, a self-join, a CTE used twice."""
    d = m.d
    a = m.table()
    assert a.relation is not None
    b = m.table(a.relation)
    name = quote(d.pick(a.relation.fields).name)
    word = d.pick(["UNION ALL", "UNION ALL", "UNION", "INTERSECT", "EXCEPT", "EXCEPT ALL"])
    x, y = f"{a.alias}.{name}", f"{b.alias}.{name}"
    way = d.random.random()
    if way < 0.35:
        one, two = _where(m, a.refs, 85), _where(m, b.refs, 85)
        return f"SELECT {x} AS c FROM {a.sql}{one} {word} SELECT {y} AS c FROM {b.sql}{two}"
    if way < 0.6:
        kind = d.pick(["JOIN", "LEFT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN"])
        key = quote(a.relation.key or a.relation.fields[0].name)
        on = f"{a.alias}.{key} = {b.alias}.{key}"
        refs = a.refs if kind[:4] in ("SEMI", "ANTI") else a.refs + b.refs
        return f"SELECT {m.aggregates(refs)} FROM {a.sql} {kind} {b.sql} ON {on}{_where(m, a.refs)}"
    if way < 0.8:
        one, two = _where(m, a.refs, 90), _where(m, b.refs, 90)
        return (
            f"SELECT (SELECT count(*) FROM {a.sql}{one}) AS n, "
            f"(SELECT max({y}) FROM {b.sql}{two}) AS m"
        )
    cte = d.name("twice_")
    kept = d.pick(["", " MATERIALIZED", " NOT MATERIALIZED"])
    return (
        f"WITH {cte} AS{kept} (SELECT {x} AS c FROM {a.sql}{_where(m, a.refs)}) "
        f"SELECT count(*) AS n FROM {cte} p {d.pick(['JOIN', 'LEFT JOIN'])} {cte} q ON p.c = q.c"
    )


def _empty(m: Maker) -> Made:
    """What can't be true, picklist values that do not exist, LIMIT 0, keys that are none."""
    d = m.d
    t = m.table()
    x = d.pick(t.refs)
    lit = literal(d, x)
    tests = [f"{x.sql} IS NULL AND {x.sql} IS NOT NULL", f"{x.sql} < {lit} AND {x.sql} > {lit}",
             f"{x.sql} = {lit} AND {x.sql} <> {lit}", f"{x.sql} IS NULL AND {x.sql} = {lit}",
             "1 = 0", "NULL", f"{x.sql} = NULL", f"{x.sql} IN (NULL)",
             f"{x.sql} IN (SELECT {x.sql} WHERE false)",
             f"{x.sql} BETWEEN {lit} AND {lit} AND {x.sql} IS NULL"]  # fmt: skip
    texts = [r for r in t.refs if r.kind == "text"]
    if texts:
        y = d.pick(texts)
        tests += [f"{y.sql} = 'no such choice'", f"{y.sql} IN ('Nowhere', 'Never')",
                  f"{y.sql} = 'a' AND {y.sql} = 'b'"] * 2  # fmt: skip
    test = d.pick(tests)
    if d.chance(40):
        test += f" {d.pick(['AND', 'OR'])} {plain(d, t.refs)}"
    if d.chance(15):
        test = f"NOT ({test})"
    limit = " LIMIT 0" if d.chance(12) else ""
    way = d.random.random()
    if way < 0.35 and not limit:
        return f"SELECT {_sent_calls(m, t.refs)} FROM {t.sql} WHERE {test}"
    if way < 0.55:
        other = _other(m)
        body = f"{other.sql} LEFT JOIN (SELECT * FROM {t.sql} WHERE {test}{limit}) e ON true"
        return f"SELECT {m.items(other.refs, 2)} FROM {body} WHERE {plain(d, other.refs)}"
    return f"SELECT {m.items(t.refs, 3)} FROM {t.sql} WHERE {test}{limit}"


def _other(m: Maker) -> Source:
    """A small table, for a join with all rows."""
    small = [r for r in m.relations if r.rows <= 60]
    return m.table(m.d.pick(small))


GROUP_SHAPES: list[tuple[str, int, Callable[[Maker], Made]]] = [
    ("totals", 9, _totals),
    ("groups", 12, _groups),
    ("distinct_rows", 5, _distinct),
    ("probe", 4, _probe),
    ("ordered", 12, _ordered),
    ("top_n", 12, _top_n),
    ("union_limit", 4, _union_limit),
    ("shared", 8, _shared),
    ("empty", 8, _empty),
]
