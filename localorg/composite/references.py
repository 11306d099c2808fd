"""References of a composite call: `@{ref.records[0].Id}` in a later request's URL and body.

Source: REST API Developer Guide, "Composite", and the message that CumulusCI recorded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from isthmus.localorg.errors import OrgError

_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)([^}]*)\}")
_STEP = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]")


def resolve(value: Any, answers: Mapping[str, Any]) -> Any:
    """Give a value with its references replaced; OrgError PROCESSING_HALTED for one without."""
    if isinstance(value, str):
        return _text(value, answers)
    if isinstance(value, list):
        return [resolve(item, answers) for item in value]
    if isinstance(value, dict):
        return {key: resolve(item, answers) for key, item in value.items()}
    return value


def _text(text: str, answers: Mapping[str, Any]) -> Any:
    whole = _REFERENCE.fullmatch(text)
    if whole is not None:
        return _look_up(whole[1], whole[2], answers)
    return _REFERENCE.sub(lambda found: str(_look_up(found[1], found[2], answers)), text)


def _look_up(name: str, path: str, answers: Mapping[str, Any]) -> Any:
    if name not in answers:
        raise _halted(f"Invalid reference specified. No such reference: {name}")
    value = answers[name]
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        value = None if step is None else _step(value, step)
        if step is None or value is None:
            raise _halted(f"Invalid reference specified. No value for {name}{path} found in {name}")
        at = step.end()
    return value


def _step(value: Any, step: re.Match[str]) -> Any:
    if step[1] is not None:
        return value.get(step[1]) if isinstance(value, Mapping) else None
    place = int(step[2])
    return value[place] if isinstance(value, list) and place < len(value) else None


def _halted(message: str) -> OrgError:
    return OrgError(400, "PROCESSING_HALTED", message)
