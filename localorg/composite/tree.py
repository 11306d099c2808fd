"""sObject Tree: records with their children below them, created together or not at all.

Source: REST API Developer Guide, "sObject Tree": 200 records, five levels, five types of object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from isthmus.localorg.composite.outcomes import Undone, told
from isthmus.localorg.errors import OrgError
from isthmus.localorg.records import Records
from isthmus.localorg.schema import Schema, SObject

MAX_RECORDS, MAX_LEVELS, MAX_TYPES = 200, 5, 5


@dataclass(frozen=True)
class Node:
    """A record of a tree: its own fields, and the nodes below it by the lookup that leads here."""

    reference: str
    sobject: str
    fields: Mapping[str, Any]
    children: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Planted:
    """What a tree came to: an id for each reference, or the errors of those that failed."""

    results: list[dict[str, Any]]
    failed: bool


def read(schema: Schema, sobject: SObject, body: Mapping[str, Any]) -> tuple[Node, ...]:
    """Read the body of a call; OrgError for one that is no tree, or too large a one."""
    nodes = tuple(_node(schema, sobject, one) for one in _records(body))
    every = [node for top in nodes for node in _walk(top)]
    if len(every) > MAX_RECORDS:
        raise _unfit(f"A tree may hold at most {MAX_RECORDS} records, not {len(every)}")
    if len({node.sobject for node in every}) > MAX_TYPES:
        raise _unfit(f"A tree may hold at most {MAX_TYPES} types of object")
    if any(_depth(node) > MAX_LEVELS for node in nodes):
        raise _unfit(f"A tree may have at most {MAX_LEVELS} levels")
    seen: set[str] = set()
    for node in every:
        if node.reference in seen:
            raise _unfit(f"Duplicate ReferenceId: {node.reference}")
        seen.add(node.reference)
    return nodes


def plant(records: Records, nodes: tuple[Node, ...], *, now: datetime, user_id: str) -> Planted:
    """Create the records of a tree, parents first; an error in one undoes them all."""
    made: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []

    def create(node: Node, links: Mapping[str, str]) -> None:
        try:
            fields = {**node.fields, **links}
            record_id = records.create(node.sobject, fields, now=now, user_id=user_id)
        except OrgError as error:
            errors.append({"referenceId": node.reference, "errors": [told(error)]})
            return  # what hangs on it has no parent to look at
        made.append({"referenceId": node.reference, "id": record_id})
        for lookup, child in node.children:
            create(child, {lookup: record_id})

    try:
        with records.together():
            for node in nodes:
                create(node, {})
            if errors:
                raise Undone
    except Undone:
        return Planted(errors, failed=True)
    return Planted(made, failed=False)


def _records(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = body.get("records")
    if not isinstance(found, list) or not found or not all(isinstance(o, Mapping) for o in found):
        raise _unfit('Give the records: {"records": [{"attributes": {...}, ...}]}')
    return found


def _node(schema: Schema, sobject: SObject, given: Mapping[str, Any]) -> Node:
    attributes = given.get("attributes")
    about = attributes if isinstance(attributes, Mapping) else {}
    reference, kind = about.get("referenceId"), about.get("type")
    if not isinstance(reference, str) or not reference:
        raise _unfit("Include a reference ID for each record: attributes.referenceId")
    if not isinstance(kind, str) or kind.lower() != sobject.name.lower():
        raise _unfit(f"{reference}: attributes.type must be {sobject.name}, not {kind}")
    fields: dict[str, Any] = {}
    children: list[tuple[str, Node]] = []
    for name, value in given.items():
        link = sobject.child(name) if isinstance(value, Mapping) and "records" in value else None
        below = schema.get(link.child) if link else None
        if link is None or below is None:
            fields[name] = value
            continue
        children += [(link.field, _node(schema, below, one)) for one in _records(value)]
    del fields["attributes"]
    return Node(reference, sobject.name, fields, tuple(children))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for _, child in node.children:
        yield from _walk(child)


def _depth(node: Node) -> int:
    return 1 + max((_depth(child) for _, child in node.children), default=0)


def _unfit(message: str) -> OrgError:
    return OrgError(400, "INVALID_INPUT", message)
