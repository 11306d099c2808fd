"""Random conditions over columns: every operator, on every kind of value."""

from __future__ import annotations

from collections.abc import Sequence

from tests.differential.literals import Draft, Ref, literal, quoted, text_near

__all__ = ["condition", "nested", "tree"]

COMPARE = ("=", "<>", "!=", "<", "<=", ">", ">=")
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu")
_NUMBERS = ("int", "decimal", "double")
_TEXTS = ("text", "id")


def tree(d: Draft, refs: Sequence[Ref], depth: int = 2) -> str:
    """A tree of AND, OR and NOT over conditions; often of plain ones, which can be sent."""
    if d.chance(40):
        word = " AND " if d.chance(75) else " OR "
        return "(" + word.join(plain(d, refs) for _ in range(d.pick([1, 1, 2, 3]))) + ")"
    return _any_tree(d, refs, depth)


def nested(d: Draft, refs: Sequence[Ref], depth: int) -> str:
    """Plain conditions below AND, OR and NOT: what a source could be asked as a whole."""
    if depth == 0 or d.chance(25):
        return plain(d, refs)
    if d.chance(15):
        return f"NOT ({nested(d, refs, depth - 1)})"
    word: str = d.pick([" AND ", " OR "])
    return "(" + word.join(nested(d, refs, depth - 1) for _ in range(d.pick([2, 2, 3]))) + ")"


def plain(d: Draft, refs: Sequence[Ref]) -> str:
    """A comparison of a column with literals, perhaps below a NOT."""
    ref = d.pick(refs)
    made = d.pick([ref.sql, f"NOT {ref.sql}"]) if ref.kind == "bool" and d.chance(30) else None
    made = made or _general(d, ref)
    return f"NOT ({made})" if d.chance(10) else made


def _any_tree(d: Draft, refs: Sequence[Ref], depth: int) -> str:
    if depth == 0 or d.chance(45):
        return condition(d, refs)
    way = d.random.random()
    if way < 0.15:
        return f"NOT ({tree(d, refs, depth - 1)})"
    word = " AND " if way < 0.6 else " OR "
    return "(" + word.join(tree(d, refs, depth - 1) for _ in range(d.pick([2, 2, 3]))) + ")"


def condition(d: Draft, refs: Sequence[Ref]) -> str:
    """One condition on a column of the scope."""
    ref = d.pick(refs)
    way = d.random.random()
    if way < 0.04:
        return str(d.pick(["true", "1 = 1", "false", "NULL", "1 = 2", f"{ref.sql} = {ref.sql}"]))
    if way < 0.12:
        return _two_columns(d, ref, refs)
    if way < 0.15:
        inner = condition(d, refs)
        tail = d.pick(["IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE", "IS NULL"])
        return f"({inner}) {tail}"
    if way < 0.18:
        one, two, three = (condition(d, refs) for _ in range(3))
        return f"CASE WHEN {one} THEN {two} ELSE {three} END"
    if way < 0.5:
        return _general(d, ref)
    return _SPECIAL[ref.kind](d, ref)


def _two_columns(d: Draft, ref: Ref, refs: Sequence[Ref]) -> str:
    def family(kind: str) -> str:
        return "text" if kind in _TEXTS else "number" if kind in _NUMBERS else kind

    same = [r for r in refs if family(r.kind) == family(ref.kind)]
    other = d.pick(same)
    op = d.pick([*COMPARE, "IS DISTINCT FROM", "IS NOT DISTINCT FROM"])
    return f"{ref.sql} {op} {other.sql}"


def _general(d: Draft, ref: Ref) -> str:
    way = d.random.random()

    def lit() -> str:
        return literal(d, ref)

    if way < 0.4:
        op = d.pick(COMPARE)
        return f"{ref.sql} {op} {lit()}" if d.chance(85) else f"{lit()} {op} {ref.sql}"
    if way < 0.55:
        word = d.pick(["IN", "IN", "NOT IN"])
        count = d.pick([1, 2, 3, 6]) if d.chance(95) else d.pick([60, 400])
        return f"{ref.sql} {word} ({', '.join(lit() for _ in range(count))})"
    if way < 0.67:
        return f"{ref.sql} {d.pick(['BETWEEN', 'BETWEEN', 'NOT BETWEEN'])} {lit()} AND {lit()}"
    if way < 0.8:
        return f"{ref.sql} {d.pick(['IS NULL', 'IS NOT NULL', 'ISNULL', 'NOTNULL'])}"
    if way < 0.9:
        return f"{ref.sql} {d.pick(['IS DISTINCT FROM', 'IS NOT DISTINCT FROM'])} {lit()}"
    if way < 0.95:
        return f"coalesce({ref.sql}, {lit()}) = {lit()}"
    return f"nullif({ref.sql}, {lit()}) {d.pick(['IS NULL', 'IS NOT NULL'])}"


def _pattern(d: Draft, value: str) -> str:
    """A LIKE pattern near a text: its own wildcards stay wildcards."""
    cut = d.random.randint(0, len(value))
    ways = [value[:cut] + "%", "%" + value[cut:], f"%{value[:cut]}%", value]
    if value:
        ways.append(value[: max(cut - 1, 0)] + "_" + value[cut:])
    return str(d.pick(ways))


def _text(d: Draft, ref: Ref) -> str:
    stored = d.pick(ref.values) if ref.values and d.chance(90) else None
    value = text_near(d, stored)

    def mark(v: str) -> str:
        return d.mark(quoted(d, v), v)

    way = d.random.random()
    if way < 0.35:
        op = d.pick(["LIKE", "LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE", "~~", "!~~*"])
        pattern = _pattern(d, value)
        if d.chance(20) and op[0] not in "~!":
            escape = d.pick(["\\", "!", "#"])
            for char in (escape, "%", "_"):
                value = value.replace(char, escape + char)
            return f"{ref.sql} {op} {mark(value + '%')} ESCAPE '{escape}'"
        return f"{ref.sql} {op} {mark(pattern)}"
    if way < 0.5:
        part = value[: d.random.randint(0, max(len(value), 1))]
        call = d.pick(["starts_with", "contains", "ends_with", "prefix", "suffix"])
        return f"{call}({ref.sql}, {mark(part)})"
    if way < 0.62:
        call = d.pick(["lower", "upper", "trim", "strip_accents", "nfc_normalize", "reverse"])
        return f"{call}({ref.sql}) {d.pick(['=', '<>', '<'])} {call}({mark(value)})"
    if way < 0.7:
        return f"length({ref.sql}) {d.pick(COMPARE)} {d.mark(str(len(value)), len(value))}"
    if way < 0.78:
        n = d.random.randint(1, 6)
        return f"left({ref.sql}, {n}) = {mark(value[:n])}"
    if way < 0.84:
        return f"{ref.sql} || 'x' = {mark(value + 'x')}"
    if way < 0.88:
        return f"{ref.sql} COLLATE NOCASE = {mark(value)}"
    if way < 0.92:
        return f"regexp_matches({ref.sql}, '^[A-Za-z]+$')"
    if way < 0.95:
        return f"{ref.sql} GLOB {mark(value[:2] + '*')}"
    return f"list_contains(string_split({ref.sql}, ';'), {mark(value.split(';')[0])})"


def _bool(d: Draft, ref: Ref) -> str:
    return str(
        d.pick(
            [ref.sql, f"NOT {ref.sql}", f"{ref.sql} IS TRUE", f"{ref.sql} IS NOT TRUE",
             f"{ref.sql} = NOT {ref.sql}", f"{ref.sql}::INT = 1", f"{ref.sql} IS FALSE",
             f"{ref.sql} <> true", f"{ref.sql} < true", f"{ref.sql} = NULL", f"({ref.sql}) = false"]
        )
    )  # fmt: skip


def _number(d: Draft, ref: Ref) -> str:
    lit, op = literal(d, ref), d.pick(COMPARE)
    x = ref.sql
    forms = [f"-{x} {op} {lit}", f"abs({x}) {op} {lit}", f"{x} + 1 {op} {lit}",
             f"{x} - 1 {op} {lit}", f"{x}::VARCHAR = '1'", f"{x}::DOUBLE {op} {lit}",
             f"floor({x}) {op} {lit}", f"round({x}::DOUBLE, 1) {op} {lit}", f"sign({x}) = 1",
             f"{x}::VARCHAR LIKE '1%'", f"try_cast({x} AS INTEGER) {op} {lit}",
             f"{x} % 7 = 3", f"{x} * 2 {op} {lit}", f"{x} / 2 {op} {lit}"]  # fmt: skip
    return str(d.pick(forms if ref.kind != "double" else forms[:10]))


def _date(d: Draft, ref: Ref) -> str:
    lit, op, x = literal(d, ref), d.pick(COMPARE), ref.sql
    chosen = d.pick([2023, 2024, 2025, 2026, 1970, 1700])
    year = d.mark(str(chosen), chosen)
    return str(
        d.pick(
            [f"year({x}) {op} {year}", f"month({x}) = 2", f"extract(day FROM {x}) {op} 15",
             f"date_trunc('month', {x}) {op} {lit}", f"date_trunc('year', {x}) = {lit}",
             f"{x} + INTERVAL 1 DAY {op} {lit}", f"{x} - INTERVAL '1' MONTH {op} {lit}",
             f"{x}::VARCHAR LIKE '202%'", f"dayofweek({x}) = 1", f"week({x}) > 26",
             f"strftime({x}, '%Y-%m') = '2024-02'", f"quarter({x}) = {d.pick([1, 2, 4])}",
             f"date_diff('day', {x}, {lit}) {op} 30", f"{x} >= current_date - INTERVAL 30 DAY",
             f"{x}::DATE {op} {lit}", f"last_day({x}::DATE) = {x}::DATE",
             f"{x} {op} {lit} + INTERVAL 1 DAY"]
        )
    )  # fmt: skip


def _instant(d: Draft, ref: Ref) -> str:
    lit, op, x = literal(d, ref), d.pick(COMPARE), ref.sql
    zone = d.pick(ZONES)
    extra = [f"hour({x}) = {d.random.randint(0, 23)}", f"date_trunc('hour', {x}) = {lit}",
             f"epoch({x}) {op} epoch({lit}::TIMESTAMP)", f"{x}::TIME < TIME '12:00'",
             f"date_trunc('day', {x}) {op} {lit}", f"second({x}) = 59", f"{x}::DATE = {lit}",
             f"{x} > now() - INTERVAL 100 DAY"]  # fmt: skip
    if ref.kind == "instant":
        extra.append(f"{x} AT TIME ZONE '{zone}' {op} TIMESTAMP '2024-12-31 16:00:00'")
    return str(d.pick(extra)) if d.chance(60) else _date(d, ref)


def _time(d: Draft, ref: Ref) -> str:
    lit, op, x = literal(d, ref), d.pick(COMPARE), ref.sql
    return str(
        d.pick([f"hour({x}) = 12", f"{x}::VARCHAR LIKE '1%'", f"{x} + INTERVAL 1 HOUR {op} {lit}",
                f"{x} {op} {lit}", f"millisecond({x}) = 500"])
    )  # fmt: skip


_SPECIAL = {
    "text": _text,
    "id": _text,
    "bool": _bool,
    "int": _number,
    "decimal": _number,
    "double": _number,
    "date": _date,
    "instant": _instant,
    "naive": _instant,
    "time": _time,
}
