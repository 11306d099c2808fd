"""The matrix: how each client did when it last ran whole, and its table for the docs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from tests.clients.clients import CLIENTS, HERE, Client
from tests.clients.environments import ROOT
from tests.clients.run import Outcome

RESULTS = HERE / "matrix.json"
PAGE = ROOT / "docs" / "local-org.md"
BEGIN, END = "<!-- client matrix: begin -->", "<!-- client matrix: end -->"

Results = Mapping[str, Sequence[Outcome]]


def kept() -> dict[str, list[Outcome]]:
    """The outcomes that are committed, by client."""
    told = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    return {name: [Outcome(**one) for one in outcomes] for name, outcomes in told.items()}


def keep(results: Results) -> None:
    """Keep these clients' outcomes beside those of the others, and write the page's table."""
    merged = {**kept(), **results}
    known = {
        client.name: [asdict(one) for one in merged[client.name]]
        for client in CLIENTS
        if client.name in merged
    }
    RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", "utf-8")
    text = PAGE.read_text("utf-8")
    PAGE.write_text(with_table(text, table(kept())), "utf-8")


def with_table(text: str, made: str) -> str:
    """The page with another table; ValueError when it has no place for one."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise ValueError(f"{PAGE} has no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def table(results: Results) -> str:
    """The table and, below it, what does not pass and why."""
    lines = ["| client | version | checks passed | what was tried |", "|---|---|---|---|"]
    notes = []
    for client in CLIENTS:
        outcomes = results.get(client.name, ())
        passed = [one for one in outcomes if one.result == "passes"]
        tried = "; ".join(one.check.replace("|", "/") for one in passed)
        lines.append(
            f"| {client.name} | {client.version} | {len(passed)} of {len(outcomes)} | {tried} |"
        )
        notes += [_note(client, one) for one in outcomes if one.result != "passes"]
    if notes:
        lines += ["", "What does not pass, and why:", "", *notes]
    return "\n".join(lines)


def _note(client: Client, outcome: Outcome) -> str:
    how = "by the client's own defect: " if outcome.result == "blocked" else ""
    return f"- {client.name}, {outcome.check}: {how}{outcome.why}"
