"""The shapes of generated queries: joins, subqueries, groupings, windows, set operations ..."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.differential.conditions import nested, tree
from tests.differential.literals import Draft, Ref, literal
from tests.differential.relations import ORGS, Field, Relation

__all__ = ["SHAPES", "Limited", "Made", "Maker", "Source", "quote"]


@dataclass(frozen=True)
class Limited:
    """A query whose LIMIT may choose among rows, or whose order may leave ties.

    Attributes:
        sql: the query without `tail`.
        tail: what follows where the LIMIT counts; it has no literals that could be parameters.
        limit: None where only the order is in question.
        ordered: how many of the first columns are the keys of the order.
    """

    sql: str
    tail: str
    limit: int | None = None
    offset: int = 0
    order: str = ""
    ordered: int = 0


Made = str | Limited


@dataclass
class Source:
    """A FROM item: its text, the columns in reach, its key."""

    sql: str
    refs: list[Ref]
    key: str | None
    relation: Relation | None = None
    alias: str = ""


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Maker:
    def __init__(self, draft: Draft, relations: list[Relation]) -> None:
        self.d = draft
        self.relations = relations
        self.by_place = {(r.schema, r.name): r for r in relations}

    # --- FROM items

    def relation(self) -> Relation:
        weights = [_WEIGHTS.get(r.name, 2) for r in self.relations]
        return self.d.random.choices(self.relations, weights)[0]

    def table(self, relation: Relation | None = None, *, bare: bool = False) -> Source:
        """A table under an alias of its own, or under its own name."""
        d = self.d
        r = relation or self.relation()
        named = self.named(r)
        if bare and d.chance(25):
            prefix = d.pick(["", r.name, f"{r.schema}.{quote(r.name)}"])
            prefix = prefix and (quote(prefix) if prefix == r.name else prefix) + "."
            return Source(named, self.refs(r, prefix), r.key and prefix + quote(r.key), r, r.name)
        alias = d.name()
        text = f"{named} {d.pick(['', 'AS '])}{alias}"
        return Source(
            text, self.refs(r, alias + "."), r.key and f"{alias}.{quote(r.key)}", r, alias
        )

    def named(self, r: Relation) -> str:
        d = self.d
        name = d.pick([r.name, r.name, r.name.lower(), r.name.upper()])
        name = quote(name) if r.name.lower() in _RESERVED or d.chance(30) else name
        ways = [f"{r.schema}.{name}", f"{r.schema.upper()}.{name}"]
        # Both orgs have every object, also those that are asked of the first alone.
        orgs = {o.schema for o in self.relations if o.schema in ORGS}
        alone = r.name.lower() != "order" and (r.schema not in ORGS or len(orgs) < 2)
        return str(d.pick([*ways, name] if alone else ways))

    def refs(self, r: Relation, prefix: str) -> list[Ref]:
        """Some of the columns; those with several values are likelier."""
        d = self.d
        chosen: list[Field] = d.random.sample(r.telling, min(len(r.telling), 9))
        if d.chance(20):
            chosen.append(d.pick(r.fields))
        return [f.ref(prefix + self.column(f.name)) for f in chosen]

    def column(self, name: str) -> str:
        if name.isidentifier() and name.lower() not in _RESERVED:
            return str(self.d.pick([name, name, name.lower(), quote(name)]))
        return quote(name)

    def derived(self, depth: int = 1) -> Source:
        """A subquery in FROM."""
        inner = self.table()
        names = [f"d{i}" for i in range(min(len(inner.refs), 6))]
        key = ""
        if inner.key:
            key = f", {inner.key} AS k"
        items = ", ".join(f"{r.sql} AS {n}" for r, n in zip(inner.refs, names, strict=False))
        alias = self.d.name("s")
        where = f" WHERE {tree(self.d, inner.refs, 1)}" if self.d.chance(60) else ""
        refs = [
            Ref(f"{alias}.{n}", r.kind, r.values, r.scale)
            for r, n in zip(inner.refs, names, strict=False)
        ]
        sql = f"(SELECT {items}{key} FROM {inner.sql}{where}) AS {alias}"
        return Source(sql, refs, f"{alias}.k" if inner.key else None, None, alias)

    def item(self) -> Source:
        return self.table() if self.d.chance(80) else self.derived()

    # --- SELECT lists

    def items(self, refs: Sequence[Ref], most: int = 4) -> str:
        d = self.d
        chosen = d.random.sample(list(refs), min(len(refs), d.random.randint(1, most)))
        return ", ".join(
            f"{self.value(r)} AS c{i}" if d.chance(90) else r.sql for i, r in enumerate(chosen)
        )

    def value(self, ref: Ref) -> str:
        """A column, or an expression over it that can't fail."""
        d = self.d
        if d.chance(65):
            return ref.sql
        x = ref.sql
        general = [f"{x} IS NULL", f"coalesce({x}, {literal(d, ref)})", f"{x}::VARCHAR",
                   f"CASE WHEN {tree(d, [ref], 1)} THEN {x} END", f"[{x}]", f"{{'a': {x}}}",
                   f"{x} = {literal(d, ref)}"]  # fmt: skip
        special = {
            "text": [f"upper({x})", f"lower({x})", f"length({x})", f"{x} || '!'", f"{x}[1:3]",
                     f"string_split({x}, ';')", f"replace({x}, 'a', '')", f"md5({x})"],
            "id": [f"left({x}, 15)", f"length({x})"],
            "bool": [f"NOT {x}", f"{x}::INT"],
            "int": [f"{x} + 1", f"-{x}", f"{x} % 10", f"{x} / 3"],
            "decimal": [f"{x} + 1", f"-{x}", f"{x} * 0.5", f"round({x}::DOUBLE, 2)"],
            "double": [f"{x} * 2", f"-{x}"],
            "date": [f"year({x})", f"{x} + INTERVAL 1 MONTH", f"date_trunc('month', {x})"],
            "instant": [f"{x}::DATE", f"hour({x})", f"date_trunc('day', {x})", f"epoch({x})",
                        f"{x}::TIMESTAMP", f"strftime({x}, '%Y-%m-%d %H:%M:%S')"],
            "naive": [f"{x}::DATE", f"hour({x})", f"{x}::TIMESTAMPTZ"],
            "time": [f"hour({x})", f"{x} + INTERVAL 1 MINUTE"],
        }[ref.kind]  # fmt: skip
        return str(d.pick(general + special * 2))

    def where(self, refs: Sequence[Ref], percent: float = 85, depth: int = 2) -> str:
        return f" WHERE {tree(self.d, refs, depth)}" if self.d.chance(percent) else ""

    # --- shapes

    def _filter(self) -> str:
        t = self.table(bare=True)
        items = self.items(t.refs, 6)
        if self.d.chance(10):
            return f"FROM {t.sql} SELECT {items}{self.where(t.refs, 95, 3)}"
        return f"SELECT {items} FROM {t.sql}{self.where(t.refs, 95, 3)}"

    def _sent(self) -> Made:
        """Conditions that sources know, over one table; perhaps counted, perhaps limited."""
        d = self.d
        t = self.table(bare=True)
        where = nested(d, t.refs, d.pick([1, 2, 2, 3]))
        if d.chance(25):
            return f"SELECT count(*) AS n FROM {t.sql} WHERE {where}"
        sql = f"SELECT {self.items(t.refs, 3)} FROM {t.sql} WHERE {where}"
        limit = d.pick([1, 3, 10])
        return Limited(sql, f" LIMIT {limit}", limit) if d.chance(25) else sql

    def _star(self) -> str:
        d = self.d
        t = self.table()
        assert t.relation is not None
        some = d.random.sample(t.relation.fields, min(3, len(t.relation.fields)))
        names = [quote(f.name) for f in some]
        items = d.pick(
            ["*", f"{t.alias}.*", f"* EXCLUDE ({', '.join(names)})", f"COLUMNS('{some[0].name}')",
             f"* REPLACE (upper({names[0]}::VARCHAR) AS {names[0]})", "COLUMNS('(Id|Name)$')",
             f"* RENAME ({names[0]} AS renamed)", f"* LIKE '%{some[0].name[:3]}%'",
             f"COLUMNS(lambda c: c LIKE '%{some[0].name[:3]}%')"]
        )  # fmt: skip
        return f"SELECT {items} FROM {t.sql}{self.where(t.refs)}"

    def _plain_limit(self) -> Limited:
        d = self.d
        t = self.item()
        limit, offset = d.pick([0, 1, 2, 5, 50, 10_000]), d.pick([0, 0, 0, 1, 7, 5000])
        tail = f" LIMIT {limit}" + (f" OFFSET {offset}" if offset or d.chance(10) else "")
        sql = f"SELECT {self.items(t.refs)} FROM {t.sql}{self.where(t.refs, 70)}"
        return Limited(sql, tail, limit, offset)

    def _top(self) -> str:
        d = self.d
        t = self.item()
        while t.key is None:
            t = self.item()
        orders = [f"{r.sql}{self.direction()}" for r in d.random.sample(t.refs, 1)]
        tail = f" LIMIT {d.mark(str(n := d.pick([1, 3, 20])), n)}" if d.chance(85) else ""
        tail += f" OFFSET {d.mark(str(n := d.pick([1, 5])), n)}" if d.chance(30) else ""
        order = ", ".join([*orders, t.key])
        return (
            f"SELECT {self.items(t.refs)} FROM {t.sql}{self.where(t.refs)} ORDER BY {order}{tail}"
        )

    def direction(self) -> str:
        return str(
            self.d.pick(["", " DESC"]) + self.d.pick(["", "", " NULLS FIRST", " NULLS LAST"])
        )

    def aggregates(self, refs: Sequence[Ref]) -> str:
        d = self.d
        made = ["count(*) AS n"] if d.chance(70) else []
        for i in range(d.random.randint(1, 3)):
            x = d.pick(refs)
            calls = [f"count({x.sql})", f"count(DISTINCT {x.sql})", f"min({x.sql})",
                     f"max({x.sql})"]  # fmt: skip
            if x.kind in ("int", "decimal"):
                calls += [f"sum({x.sql})", f"avg({x.sql})", f"median({x.sql})"]
            if x.kind == "double":
                calls += [f"sum({x.sql})"]
            if x.kind in ("text", "id"):
                calls += [f"string_agg({x.sql}, ',' ORDER BY {x.sql})",
                          f"list(DISTINCT {x.sql} ORDER BY {x.sql})"]  # fmt: skip
            if x.kind == "bool":
                calls += [f"bool_or({x.sql})", f"bool_and({x.sql})", f"count_if({x.sql})"]
            call = d.pick(calls)
            if d.chance(15):
                call += f" FILTER (WHERE {tree(d, refs, 1)})"
            made.append(f"{call} AS a{i}")
        return ", ".join(made)

    def _aggregate(self) -> str:
        d = self.d
        t = self.item()
        if d.chance(25):
            return f"SELECT {self.aggregates(t.refs)} FROM {t.sql}{self.where(t.refs)}"
        keys = [
            self.grouping(r) for r in d.random.sample(t.refs, min(d.pick([1, 1, 2]), len(t.refs)))
        ]
        items = ", ".join(f"{k} AS k{i}" for i, k in enumerate(keys))
        group = d.pick([", ".join(keys), "ALL", ", ".join(str(i + 1) for i in range(len(keys)))])
        if d.chance(12):
            group = d.pick([f"ROLLUP ({', '.join(keys)})", f"CUBE ({', '.join(keys)})",
                            f"GROUPING SETS (({keys[0]}), ())"])  # fmt: skip
        having = (
            f" HAVING count(*) {d.pick(['>', '=', '<'])} {d.pick([1, 2, 5])}"
            if d.chance(25)
            else ""
        )
        return (
            f"SELECT {items}, {self.aggregates(t.refs)} FROM {t.sql}{self.where(t.refs, 60)}"
            f" GROUP BY {group}{having}"
        )

    def grouping(self, r: Ref) -> str:
        if r.kind in ("date", "instant", "naive") and self.d.chance(60):
            return str(self.d.pick([f"year({r.sql})", f"date_trunc('month', {r.sql})"]))
        if r.kind in ("text", "id") and self.d.chance(25):
            return f"lower({r.sql})"
        return r.sql

    def _distinct(self) -> str:
        t = self.item()
        return f"SELECT DISTINCT {self.items(t.refs, 2)} FROM {t.sql}{self.where(t.refs, 60)}"

    def linked(self) -> tuple[Source, Source, str]:
        """Two relations and the equality that ties them."""
        d = self.d
        child = d.pick([r for r in self.relations if r.links])
        link = d.pick(child.links)
        a, b = self.table(child), self.table(self.by_place[link.schema, link.table])
        on = f"{a.alias}.{quote(link.column)} = {b.alias}.{quote(link.key)}"
        return (a, b, on) if d.chance(60) else (b, a, on)

    def _join(self) -> str:
        d = self.d
        a, b, on = self.linked()
        kind = d.pick(["JOIN", "INNER JOIN", "LEFT JOIN", "LEFT OUTER JOIN", "RIGHT JOIN",
                       "FULL JOIN", "SEMI JOIN", "ANTI JOIN"])  # fmt: skip
        refs = a.refs if kind[:4] in ("SEMI", "ANTI") else a.refs + b.refs
        if d.chance(35):
            on += f" AND {tree(d, d.pick([a.refs, b.refs]), 1)}"
        sql = f"{a.sql} {kind} {b.sql} ON {on}"
        if d.chance(15):
            c, _, _ = self.linked()
            if kind[:4] not in ("SEMI", "ANTI") and a.relation is not None:
                back = [f for f in a.relation.fields if f.kind == "id"]
                keys = [r for r in c.refs if r.kind == "id"]
                if back and keys:
                    tie = f"{a.alias}.{quote(d.pick(back).name)} = {c.key or keys[0].sql}"
                    sql += f" LEFT JOIN {c.sql} ON {tie}"
                    refs = refs + c.refs if c.key else refs
        if d.chance(40):
            return f"SELECT {self.aggregates(refs)} FROM {sql}{self.where(refs, 60)}"
        return f"SELECT {self.items(refs, 5)} FROM {sql}{self.where(refs, 75)}"

    def _using(self) -> str:
        d = self.d
        a = self.table()
        while a.relation is None or a.relation.key is None:
            a = self.table()
        b = self.table(a.relation)
        key = quote(a.relation.key)
        kind = d.pick(["JOIN", "LEFT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN", "RIGHT JOIN"])
        refs = a.refs if kind[:4] in ("SEMI", "ANTI") else a.refs + b.refs
        inner = f"(SELECT * FROM {b.sql}{self.where(b.refs)}) {b.alias}"
        where = self.where(a.refs, 50)
        items = self.items(refs)
        return f"SELECT {key}, {items} FROM {a.sql} {kind} {inner} USING ({key}){where}"

    def _cross(self) -> str:
        d = self.d
        a, b = self.table(), self.table()
        comma = d.pick([" CROSS JOIN ", ", "])
        x = d.pick(a.refs)
        same = [r for r in b.refs if r.kind == x.kind]
        tie = f"{x.sql} {d.pick(['=', '=', '<', '>='])} {d.pick(same).sql}" if same else "true"
        where = f" WHERE {tie} AND {tree(d, a.refs, 1)} AND {tree(d, b.refs, 1)}"
        return f"SELECT {self.aggregates(a.refs + b.refs)} FROM {a.sql}{comma}{b.sql}{where}"

    def _subquery(self) -> str:
        d = self.d
        a, b, on = self.linked()
        inner = tree(d, b.refs + (a.refs if d.chance(20) else []), 1)
        x = d.pick(b.refs)
        same = [r for r in a.refs if r.kind == x.kind] or [d.pick(a.refs)]
        outer = d.pick(same)
        tied = f"FROM {b.sql} WHERE {on} AND {inner}"
        free = f"FROM {b.sql} WHERE {inner}"
        tests = [f"EXISTS (SELECT 1 {tied})", f"NOT EXISTS (SELECT * {tied})",
                 f"(SELECT count(*) {tied}) {d.pick(['>', '='])} {d.pick([0, 1, 2])}"]  # fmt: skip
        if outer.kind == x.kind:
            tests += [f"{outer.sql} IN (SELECT {x.sql} {free})",
                      f"{outer.sql} NOT IN (SELECT {x.sql} {free})",
                      f"{outer.sql} = (SELECT max({x.sql}) {free})",
                      f"{outer.sql} >= ALL (SELECT {x.sql} {free})",
                      f"{outer.sql} = ANY (SELECT {x.sql} {free})",
                      f"{outer.sql} > (SELECT min({x.sql}) {tied})"]  # fmt: skip
        where = d.pick(tests)
        if d.chance(30):
            where = f"({where}) {d.pick(['AND', 'OR'])} {tree(d, a.refs, 1)}"
        extra = f", (SELECT max({x.sql}) {tied}) AS m" if d.chance(25) else ""
        return f"SELECT {self.items(a.refs)}{extra} FROM {a.sql} WHERE {where}"

    def _lateral(self) -> str:
        d = self.d
        a, b, on = self.linked()
        order = f" ORDER BY {b.key} LIMIT {d.pick([1, 2])}" if b.key else ""
        word = d.pick([", LATERAL", " CROSS JOIN LATERAL"])
        where = f"{on} AND {tree(d, b.refs, 1)}{order}"
        inner = f"(SELECT {d.pick(b.refs).sql} AS v FROM {b.sql} WHERE {where}) l"
        items = self.items(a.refs)
        return f"SELECT {items}, l.* FROM {a.sql}{word} {inner}{self.where(a.refs, 40, 1)}"

    def _cte(self) -> str:
        d = self.d
        t = self.table()
        name = d.pick(["x", "recent", "Account", "Contact"])
        kept = d.pick(["", "", " MATERIALIZED", " NOT MATERIALIZED"])
        names = [f"d{i}" for i in range(min(len(t.refs), 5))]
        items = ", ".join(f"{r.sql} AS {n}" for r, n in zip(t.refs, names, strict=False))
        refs = [Ref(n, r.kind, r.values, r.scale) for r, n in zip(t.refs, names, strict=False)]
        schema = "" if t.relation is None else f"{t.relation.schema}."
        text = t.sql if "." in t.sql.split(" ")[0] else schema + t.sql
        cte = f"WITH {name} AS{kept} (SELECT {items} FROM {text}{self.where(t.refs, 60, 1)}) "
        way = d.random.random()
        if way < 0.4:
            return f"{cte}SELECT {self.items(refs)} FROM {name}{self.where(refs)}"
        if way < 0.7:
            one, two = tree(d, refs, 1), tree(d, refs, 1)
            word = d.pick(["UNION ALL", "UNION", "EXCEPT", "INTERSECT"])
            return (
                f"{cte}SELECT d0 FROM {name} WHERE {one} {word} SELECT d0 FROM {name} WHERE {two}"
            )
        return (
            f"{cte}SELECT count(*) AS n, min(p.d0) AS m FROM {name} p JOIN {name} q ON p.d0 = q.d0"
            f" WHERE p.d0 IN (SELECT d0 FROM {name}{self.where(refs, 80, 1)})"
        )

    def _setop(self) -> str:
        d = self.d
        a, b = self.item(), self.item()
        pairs = [(x, y) for x in a.refs for y in b.refs if x.kind == y.kind][:30]
        if not pairs:
            return self._filter()
        chosen = d.random.sample(pairs, min(len(pairs), d.pick([1, 2])))
        left = ", ".join(f"{x.sql} AS c{i}" for i, (x, _) in enumerate(chosen))
        right = ", ".join(f"{y.sql} AS c{i}" for i, (_, y) in enumerate(chosen))
        word = d.pick(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "UNION ALL BY NAME",
                       "UNION BY NAME", "INTERSECT ALL", "EXCEPT ALL"])  # fmt: skip
        sql = (
            f"SELECT {left} FROM {a.sql}{self.where(a.refs, 60, 1)} {word} "
            f"SELECT {right} FROM {b.sql}{self.where(b.refs, 60, 1)}"
        )
        if d.chance(30):
            x = chosen[0][0]
            outer = Ref("c0", x.kind, x.values, x.scale)
            return f"SELECT * FROM ({sql}) u WHERE {tree(d, [outer], 1)}"
        return sql

    def _window(self) -> str:
        d = self.d
        t = self.item()
        while t.key is None:
            t = self.item()
        part, x = d.pick(t.refs), d.pick(t.refs)
        order = f"ORDER BY {x.sql}{self.direction()}, {t.key}"
        over = f"OVER ({d.pick(['', f'PARTITION BY {part.sql} '])}{order})"
        call = d.pick(["row_number()", f"lag({x.sql})", f"first_value({x.sql})", "dense_rank()",
                       "count(*)", f"max({x.sql})", "ntile(3)", f"lead({x.sql}, 2)"])  # fmt: skip
        where = self.where(t.refs, 60)
        sql = f"SELECT {self.items(t.refs, 3)}, {call} {over} AS w FROM {t.sql}{where}"
        if d.chance(45):
            sql += (
                f" QUALIFY row_number() OVER (PARTITION BY {part.sql} {order}) <= {d.pick([1, 2])}"
            )
        return sql

    def _asof(self) -> str:
        d = self.d
        a, b, on = self.linked()
        pairs = [
            (x, y) for x in a.refs for y in b.refs
            if x.kind == y.kind and x.kind in ("date", "instant", "decimal", "int", "naive")
        ]  # fmt: skip
        if not pairs:
            return self._join()
        x, y = d.pick(pairs)
        kind = d.pick(["ASOF JOIN", "ASOF LEFT JOIN"])
        return (
            f"SELECT {self.items(a.refs)}, {y.sql} AS found FROM {a.sql} {kind} {b.sql}"
            f" ON {on} AND {x.sql} {d.pick(['>=', '<='])} {y.sql}{self.where(a.refs, 50)}"
        )

    def _pivot(self) -> str:
        d = self.d
        t = self.table()
        few = [r for r in t.refs if 1 < len(r.values) <= 6 and r.kind in ("bool", "text", "int")]
        if not few:
            return self._aggregate()
        on, x = d.pick(few), d.pick(t.refs)
        items = f"{on.sql} AS o, {x.sql} AS v, {d.pick(t.refs).sql} AS g"
        inner = f"(SELECT {items} FROM {t.sql}{self.where(t.refs, 60, 1)})"
        if d.chance(40):
            values = ", ".join(d.mark("'" + str(v).replace("'", "''") + "'") for v in on.values[:3])
            inner = inner.replace(f"{on.sql} AS o", f"{on.sql}::VARCHAR AS o")
            return f"SELECT * FROM {inner} PIVOT (count(v) FOR o IN ({values}) GROUP BY g)"
        grouped = d.pick(["", " GROUP BY g"])
        return f"PIVOT {inner} ON o USING {d.pick(['count(v)', 'max(v)', 'min(v) AS m'])}{grouped}"

    def _unnest(self) -> str:
        d = self.d
        t = self.table()
        texts = [r for r in t.refs if r.kind == "text"]
        if not texts:
            return self._distinct()
        x, where = d.pick(texts), self.where(t.refs)
        way = d.random.random()
        if way < 0.5:
            items = f"unnest(string_split({x.sql}, ' ')) AS w, {self.items(t.refs, 2)}"
            return f"SELECT {items} FROM {t.sql}{where}"
        if way < 0.75:
            words = f"unnest(string_split({x.sql}, ';')) AS u(w)"
            return f"SELECT w, count(*) AS n FROM {t.sql}, {words}{where} GROUP BY w"
        one = f"list_transform([{x.sql}], lambda v: v || '!') AS l"
        two = f"[v FOR v IN string_split({x.sql}, 'a') IF v <> ''] AS k"
        return f"SELECT {one}, {two} FROM {t.sql}{where}"

    def _values(self) -> str:
        d = self.d
        t = self.table()
        x = d.pick(t.refs)
        rows = ", ".join(f"({literal(d, x)}, {i})" for i in range(d.pick([1, 3])))
        kind = d.pick(["JOIN", "LEFT JOIN"])
        join = f"{t.sql} {kind} (VALUES {rows}) v(x, n) ON {x.sql} = v.x"
        return f"SELECT {self.items(t.refs, 2)}, v.n FROM {join}{self.where(t.refs, 40)}"

    def _wrong(self) -> str:
        """A query that must fail, for the same reason, whatever is sent."""
        d = self.d
        t = self.table()
        x = d.pick(t.refs)
        return str(
            d.pick(
                [f"SELECT nowhere FROM {t.sql}", f"SELECT sum('a') FROM {t.sql}",
                 f"SELECT {x.sql} FROM {t.sql} GROUP BY 1 HAVING nope > 1",
                 f"SELECT {x.sql} FROM {t.sql} WHERE date_trunc({x.sql})",
                 f"SELECT error('stop') FROM {t.sql}", f"SELECT 'abc'::INT + count(*) FROM {t.sql}",
                 f"SELECT {x.sql} FROM {t.sql} WHERE {x.sql} = {{'a': 1}}",
                 f"SELECT (SELECT 1 UNION ALL SELECT 2) FROM {t.sql}",
                 f"SELECT frobnicate({x.sql}) FROM {t.sql}"]
            )
        )  # fmt: skip


_RESERVED = {"case", "order", "user", "group", "type", "text", "line", "n"}
_WEIGHTS = {"Trap__c": 7, "Account": 5, "Contact": 4, "Opportunity": 5, "Case": 3, "User": 2,
            "orders": 5, "notes": 3, "order": 1, "pipeline": 2, "texts": 1, "everyone": 1,
            "keys": 3, "calendar": 1, "Task": 2, "OpportunityLineItem": 1,
            "Campaign": 1}  # fmt: skip
#: What is asked, how often, and by whom it is written.
SHAPES: list[tuple[str, int, Callable[[Maker], Made]]] = [
    ("filter", 16, Maker._filter), ("sent", 20, Maker._sent), ("star", 2, Maker._star),
    ("plain_limit", 5, Maker._plain_limit), ("top", 4, Maker._top),
    ("aggregate", 7, Maker._aggregate), ("distinct", 2, Maker._distinct),
    ("join", 8, Maker._join), ("using", 2, Maker._using), ("cross", 2, Maker._cross),
    ("subquery", 6, Maker._subquery), ("lateral", 2, Maker._lateral), ("cte", 5, Maker._cte),
    ("setop", 5, Maker._setop), ("window", 3, Maker._window), ("asof", 1, Maker._asof),
    ("pivot", 1, Maker._pivot), ("unnest", 2, Maker._unnest), ("values", 2, Maker._values),
    ("wrong", 1, Maker._wrong),
]  # fmt: skip
