"""Conditions by functions: patterns, parts of dates, casts, coalesce; with what a source knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from tests.differential.conditions import COMPARE, condition, plain
from tests.differential.literals import Draft, Ref, literal, quoted
from tests.differential.shapes import Limited, Made, Maker

__all__ = ["WORD_SHAPES"]


def _word(d: Draft, ref: Ref) -> str:
    """A piece of a stored text, in some case."""
    value = str(d.pick(ref.values)) if ref.values else "Acme"
    start = d.random.randint(0, max(len(value) - 1, 0))
    piece = value[start : start + d.random.randint(1, 6)] if d.chance(50) else value[: start + 1]
    return str(d.pick([str, str, str.lower, str.upper])(piece))


def _text(d: Draft, ref: Ref) -> str:
    x, word = ref.sql, _word(d, ref)
    plain_, prefix, inside, end = (
        d.mark(quoted(d, p), p) for p in (word, word + "%", f"%{word}%", f"%{word}")
    )
    lower = d.mark(quoted(d, word.lower()), word.lower())
    forms = [
        f"{x} LIKE {prefix}", f"{x} LIKE {prefix}", f"{x} LIKE {inside}", f"{x} LIKE {end}",
        f"{x} ILIKE {prefix}", f"{x} ILIKE {inside}", f"{x} NOT LIKE {prefix}",
        f"{x} NOT ILIKE {inside}", f"starts_with({x}, {plain_})", f"contains({x}, {plain_})",
        f"{x} ^@ {plain_}", f"ends_with({x}, {plain_})", f"lower({x}) LIKE lower({prefix})",
        f"contains(lower({x}), {lower})", f"lower({x}) = {lower}", f"upper({x}) = upper({plain_})",
        f"strpos({x}, {plain_}) > 0", f"substr({x}, 1, 3) = {plain_}",
        f"left({x}, {len(word)}) = {plain_}", f"length({x}) > 3", f"trim({x}) = {plain_}",
        f"coalesce({x}, '') = {plain_}", f"coalesce({x}, {plain_}) = {plain_}",
        f"coalesce({x}, '') <> ''", f"{x} LIKE {prefix} OR {x} LIKE {inside}",
        f"'{'%' if d.chance(50) else ''}' || {x} LIKE {inside}", f"{x} LIKE 'A_%'", f"{x} LIKE '%'",
        f"{x} LIKE ''", f"{x} SIMILAR TO '[A-Z].*'", f"regexp_matches({x}, '^[Aa]')",
        f"list_contains(string_split({x}, ';'), {plain_})",
        f"list_has_any(string_split({x}, ';'), [{plain_}, 'AAA'])",
        f"{x} || '' = {plain_}", f"concat({x}, 'x') = {plain_}",
    ]  # fmt: skip
    return str(d.pick(forms))


def _years(d: Draft, ref: Ref) -> tuple[int, int]:
    known = [v for v in ref.values if isinstance(v, (date, datetime))]
    chosen = d.pick(known) if known and d.chance(85) else date(2024, 2, 29)
    return chosen.year, chosen.month


def _day(d: Draft, ref: Ref) -> str:
    x, lit, op = ref.sql, literal(d, ref), d.pick(COMPARE)
    year, month = _years(d, ref)
    y = d.mark(str(year), year)
    forms = [
        f"year({x}) {op} {y}", f"extract(year FROM {x}) = {y}", f"date_part('year', {x}) {op} {y}",
        f"year({x}) BETWEEN {y} AND {y}", f"year({x}) IN ({y}, 2024)",
        f"date_trunc('month', {x}) = DATE '{year:04}-{month:02}-01'",
        f"date_trunc('year', {x}) {op} DATE '{year:04}-01-01'",
        f"date_trunc('quarter', {x}) {op} {lit}", f"date_trunc('week', {x}) {op} {lit}",
        f"date_trunc('day', {x}) {op} {lit}", f"year({x}) = {y} AND month({x}) = {month}",
        f"month({x}) = {month}", f"quarter({x}) = 1", f"{x}::DATE {op} DATE '{year:04}-06-30'",
        f"{x}::DATE BETWEEN DATE '{year:04}-01-01' AND DATE '{year:04}-06-30'",
        f"cast({x} AS DATE) = DATE '{year:04}-{month:02}-15'",
        f"{x} {op} current_date - INTERVAL 30 DAY", f"{x} > current_date - 90",
        f"{x} >= date_trunc('month', current_date)", f"{x} < today() + INTERVAL 1 YEAR",
        f"{x} BETWEEN current_date - INTERVAL 1 YEAR AND current_date",
        f"{x} + INTERVAL 1 DAY {op} {lit}", f"{x} - INTERVAL 1 MONTH {op} {lit}",
        f"date_diff('day', {x}, current_date) < 100", f"quarter({x}) {op} {1 + month % 4}",
        f"month({x}) {op} {month}", f"extract(day FROM {x}) BETWEEN 10 AND 20",
        f"date_diff('month', {x}, {lit}) {op} 2", f"date_sub('day', {x}, {lit}) {op} 100",
        f"age({lit}::TIMESTAMP, {x}::TIMESTAMP) {op} INTERVAL '3 months'",
        f"{lit}::TIMESTAMP - {x}::TIMESTAMP {op} INTERVAL '50 days'",
        f"current_timestamp - {x}::TIMESTAMPTZ < INTERVAL '400 days'",
        f"coalesce({x}, {lit}) {op} {lit}",
        f"strftime({x}, '%Y') = '{year:04}'", f"{x} NOT BETWEEN {lit} AND {lit}",
        f"{x} IS NOT DISTINCT FROM {lit}",
        f"{x}::TIMESTAMP {op} {lit}", f"{x}::VARCHAR LIKE '{year:04}-%'",
    ]  # fmt: skip
    if ref.kind != "date":  # of two dates the difference is a number
        forms += [
            f"{lit} - {x} {op} INTERVAL '50 days'", f"{x} - {lit} {op} INTERVAL '1 month'",
            f"age({lit}, {x}) {op} INTERVAL '3 months'", f"now() - {x} < INTERVAL '2 years'",
        ]  # fmt: skip
    return str(d.pick(forms))


def _number(d: Draft, ref: Ref) -> str:
    x, lit, op = ref.sql, literal(d, ref), d.pick(COMPARE)
    forms = [
        f"{x}::DOUBLE {op} {lit}", f"{x}::DECIMAL(38,2) {op} {lit}", f"{x}::HUGEINT {op} {lit}",
        f"coalesce({x}, 0) {op} {lit}", f"coalesce({x}, {lit}) = {lit}",
        f"{x} BETWEEN {lit} AND {lit}",
        f"{x} + 0 {op} {lit}", f"{x} * 1 {op} {lit}", f"-{x} {op} {lit}", f"abs({x}) {op} {lit}",
        f"{x} - 1 {op} {lit}", f"{x}::VARCHAR = '0'", f"round({x}::DOUBLE, 0) {op} {lit}",
        f"{x} IS NOT DISTINCT FROM {lit}", f"nullif({x}, {lit}) IS NULL", f"{x} IN ({lit}, {lit})",
        f"({x} > {lit}) IS NOT TRUE", f"{lit} {op} {x}", f"{x} NOT IN ({lit}, {lit}, {lit})",
    ]  # fmt: skip
    if ref.kind == "double":
        forms = [f for f in forms if "DECIMAL" not in f and "HUGEINT" not in f]
    return str(d.pick(forms))


def _other(d: Draft, ref: Ref) -> str:
    return condition(d, [ref])


_BY_KIND: dict[str, Callable[[Draft, Ref], str]] = {
    "text": _text, "date": _day, "instant": _day, "naive": _day, "int": _number,
    "decimal": _number, "double": _number,
}  # fmt: skip


def _one(d: Draft, refs: list[Ref]) -> str:
    ref = d.pick(refs)
    made = _BY_KIND.get(ref.kind, _other)(d, ref)
    return f"NOT ({made})" if d.chance(10) else f"({made})"


def _all(d: Draft, refs: list[Ref]) -> str:
    """One or several, in AND and OR, across columns, beside plain ones."""
    parts = [_one(d, refs) for _ in range(d.pick([1, 1, 2]))]
    if d.chance(45):
        parts.append(plain(d, refs))
    d.random.shuffle(parts)
    return str(d.pick([" AND ", " AND ", " OR "]).join(parts))


def _functions(m: Maker) -> Made:
    d = m.d
    t = m.table(bare=True)
    where = _all(d, t.refs)
    way = d.random.random()
    if way < 0.25:
        return f"SELECT count(*) AS n FROM {t.sql} WHERE {where}"
    if way < 0.4:
        limit = d.pick([1, 4])
        return Limited(f"SELECT {m.items(t.refs, 3)} FROM {t.sql} WHERE {where}", f" LIMIT {limit}",
                       limit)  # fmt: skip
    return f"SELECT {m.items(t.refs, 4)} FROM {t.sql} WHERE {where}"


def _functions_joined(m: Maker) -> Made:
    """The same above a join: on which side of an outer join it stands decides."""
    d = m.d
    a, b, on = m.linked()
    kind = d.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
    where = _all(d, d.pick([a.refs, b.refs, a.refs + b.refs]))
    if d.chance(25):
        return (
            f"SELECT {m.items(a.refs + b.refs)} FROM {a.sql} {kind} {b.sql} ON {on} AND ({where})"
        )
    return f"SELECT {m.items(a.refs + b.refs)} FROM {a.sql} {kind} {b.sql} ON {on} WHERE {where}"


def _functions_inside(m: Maker) -> Made:
    """Below a subquery, and above it: through projections, DISTINCT, groups and windows."""
    d = m.d
    t = m.table()
    x = d.pick(t.refs)
    outer = Ref("u.v", x.kind, x.values, x.scale)
    inner = d.pick(
        [f"SELECT {x.sql} AS v FROM {t.sql}", f"SELECT DISTINCT {x.sql} AS v FROM {t.sql}",
         f"SELECT {x.sql} AS v FROM {t.sql} WHERE {_all(d, t.refs)}",
         f"SELECT {x.sql} AS v, count(*) AS n FROM {t.sql} GROUP BY {x.sql}",
         f"SELECT {x.sql} AS v, row_number() OVER (ORDER BY {t.key or x.sql}) AS r FROM {t.sql}"
         if t.key else f"SELECT {x.sql} AS v FROM {t.sql}"]
    )  # fmt: skip
    return f"SELECT * FROM ({inner}) u WHERE {_all(d, [outer])}"


WORD_SHAPES: list[tuple[str, int, Callable[[Maker], Made]]] = [
    ("functions", 26, _functions),
    ("functions_joined", 5, _functions_joined),
    ("functions_inside", 5, _functions_inside),
]
