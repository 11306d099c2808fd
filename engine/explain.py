"""A plan, readable: as text for a terminal, as HTML for a notebook, as values for a program."""

from __future__ import annotations

from html import escape
from typing import Any

from isthmus.connectors.contract import Bill, Promise
from isthmus.engine.display import spread
from isthmus.engine.physical import plain_names
from isthmus.engine.plan import Plan, PlannedScan
from isthmus.engine.scan import Offer

__all__ = ["plan_to_dict", "plan_to_html", "plan_to_text"]


_LONGEST_PREDICATE = 200


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    """Plain values, ready for JSON."""
    actual = plan.actual
    return {
        "sql": plan.text,
        "time_zone": plan.time_zone,
        "views": list(plan.views),
        "complete": plan.complete,
        "fragments": [
            _scan_to_dict(scan) | ({"actual": _bill_to_dict(actual[i])} if actual else {})
            for i, scan in enumerate(plan.scans)
        ],
        "estimate": _predicted_to_dict(plan.estimate, plan.low, plan.high),
        **({"actual": _bill_to_dict(sum(actual, Bill()))} if actual is not None else {}),
    }


def _scan_to_dict(scan: PlannedScan) -> dict[str, Any]:
    fragment = scan.fragment
    return {
        "source": fragment.source,
        "table": fragment.request.table.name,
        "text": fragment.text,
        "access_path": fragment.access_path,
        "columns": list(scan.columns),
        "limit": fragment.request.limit,
        "predicates": [
            {
                "predicate": plain_names(o.text),
                "promise": _promise(o, scan),
                "reason": _reason(o, scan),
            }
            for o in (*scan.offers, *scan.hints)
        ]
        + [
            {"predicate": text, "promise": "LOCAL", "reason": "DuckDB filters"}
            for text in scan.residual
        ],
        "rules": [{"rule": f.rule, "words": f.words} for f in scan.firings],
        "estimate": _predicted_to_dict(fragment.estimate, fragment.low, fragment.high),
    }


def _judged(offer: Offer, scan: PlannedScan) -> tuple[str, str] | None:
    """The fragment's own verdict, which may be more cautious than the first promise."""
    for judgement in scan.fragment.judgements:
        if judgement.predicate == offer.predicate:
            return judgement.promise.name, judgement.reason
    return None


def _promise(offer: Offer, scan: PlannedScan) -> str:
    judged = _judged(offer, scan) if offer.taken else None
    return judged[0] if judged else Promise.LOCAL.name


def _reason(offer: Offer, scan: PlannedScan) -> str:
    judged = _judged(offer, scan) if offer.taken else None
    if judged is not None:
        return judged[1]
    return "applied here, to rows that come for several scans" if offer.taken else offer.reason


def _bill_to_dict(bill: Bill) -> dict[str, Any]:
    values = {
        "calls": bill.calls,
        "rows": bill.rows,
        "bytes": bill.bytes,
        "seconds": round(bill.seconds, 3),
    }
    return values | ({"basis": bill.basis} if bill.basis else {})


def _predicted_to_dict(likely: Bill, low: Bill, high: Bill | None) -> dict[str, Any]:
    """The likeliest bill, with its bounds below it; `high` is None where nobody can tell."""
    return _bill_to_dict(likely) | {
        "low": _bill_to_dict(low),
        "high": None if high is None else _bill_to_dict(high),
    }


def plan_to_text(plan: Plan) -> str:
    """A few lines a fragment."""
    lines: list[str] = []
    for number, part in enumerate(plan_to_dict(plan)["fragments"], 1):
        lines.append(f"{number}. {part['source']}.{part['table']}  [{part['access_path']}]")
        lines.append(f"   {part['text']}")
        for p in part["predicates"]:
            lines.append(f"   {p['promise']:8} {_shortened(p['predicate'])}: {p['reason']}")
        lines += [f"   {r['rule']}: {r['words']}" for r in part["rules"]]
        lines.append(f"   predicted: {_bill_line(part['estimate'])}")
        if "actual" in part:
            lines.append(f"   actual:    {_bill_line(part['actual'])}")
    if not plan.scans:
        lines.append(
            "nothing is sent to any source"
            if plan.complete
            else "the columns of this PIVOT come from the data: fragments are known once it runs"
        )
    total = plan_to_dict(plan)
    lines.append(f"in all, predicted: {_bill_line(total['estimate'])}")
    if "actual" in total:
        lines.append(f"in all, actual:    {_bill_line(total['actual'])}")
    return "\n".join(lines)


def _shortened(predicate: str) -> str:
    """A list of a thousand keys is no reading matter; `to_dict` has it whole."""
    predicate = predicate.replace("\n", "\\n").replace("\r", "\\r")
    if len(predicate) <= _LONGEST_PREDICATE:
        return predicate
    return f"{predicate[:_LONGEST_PREDICATE]}… ({len(predicate):,} characters)"


def _bill_line(bill: dict[str, Any]) -> str:
    calls, rows = (f"{bill[name]:,} {name}{_range(bill, name)}" for name in ("calls", "rows"))
    text = f"{calls}, {rows}, {bill['bytes']:,} bytes"
    if bill["seconds"]:
        text += f", {bill['seconds']:.2f} s"
    return text + (f" ({bill['basis']})" if bill.get("basis") else "")


def _range(bill: dict[str, Any], name: str) -> str:
    """Where a figure may lie; nothing for what has happened, is sure, or was not told."""
    low, high = bill.get("low"), bill.get("high")
    if low is None or (high is None and not any(low.values())):
        return ""
    return spread(bill[name], low[name], None if high is None else high[name])


def plan_to_html(plan: Plan) -> str:
    """A table for notebooks."""
    whole = plan_to_dict(plan)
    rows = []
    for part in whole["fragments"]:
        predicates = "<br>".join(
            f"<b>{escape(p['promise'])}</b> <code>{escape(_shortened(p['predicate']))}</code> "
            f"{escape(p['reason'])}"
            for p in part["predicates"]
        )
        predicates += "".join(
            f"<br><b>{escape(r['rule'])}</b> {escape(r['words'])}" for r in part["rules"]
        )
        bill = f"predicted {escape(_bill_line(part['estimate']))}"
        if "actual" in part:
            bill += f"<br>actual {escape(_bill_line(part['actual']))}"
        rows.append(
            f"<tr><td>{escape(part['source'])}.{escape(part['table'])}</td>"
            f"<td style='text-align:left'><code>{escape(part['text'])}</code><br>{predicates}</td>"
            f"<td>{escape(part['access_path'])}</td><td>{bill}</td></tr>"
        )
    head = "<tr><th>table</th><th>fragment</th><th>access path</th><th>bill</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"
