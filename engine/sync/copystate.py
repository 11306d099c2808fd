"""How far a copy has come: the text that its target keeps beside its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from isthmus.connectors.targets.contract import Layout
from isthmus.engine.sync.layout import read_layout, write_layout
from isthmus.errors import TargetError

__all__ = ["CopyState"]

_VERSION: Final = 1


@dataclass(frozen=True)
class CopyState:
    """What is known of a copy. Whatever it tells is in the target.

    Attributes:
        subject: the fingerprint of what is copied.
        layout: its columns and key.
        until: the copy is complete up to here, by the source's clock; None: it is of one moment.
        run: the run that wrote last.
        step: how many steps of that run are done; 0 where all are.
        fill: columns that were added, and still lack the values of older rows.
        compare: all keys must be compared before the copy is whole: deletions were missed.
        compared: when all keys were compared.
        refreshed: when columns that move no cursor were read whole.
    """

    subject: str
    layout: Layout
    until: datetime | None = None
    run: str = ""
    step: int = 0
    fill: tuple[str, ...] = ()
    compare: bool = False
    compared: datetime | None = None
    refreshed: Mapping[str, datetime] = field(default_factory=dict)

    def to_text(self) -> str:
        """As a target keeps it."""
        return json.dumps(
            {
                "version": _VERSION,
                "subject": self.subject,
                "layout": write_layout(self.layout),
                "until": _text(self.until),
                "run": self.run,
                "step": self.step,
                "fill": self.fill,
                "compare": self.compare,
                "compared": _text(self.compared),
                "refreshed": {name: at.isoformat() for name, at in self.refreshed.items()},
            }
        )

    @classmethod
    def from_text(cls, text: str, target: str) -> CopyState:
        """What a target kept.

        Raises:
            TargetError: it is not ours, or a newer version's.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            if values.pop("version") != _VERSION:
                raise ValueError("it is of another version")
            return cls(
                layout=read_layout(values.pop("layout")),
                until=_moment(values.pop("until")),
                compared=_moment(values.pop("compared")),
                fill=tuple(values.pop("fill")),
                refreshed={
                    name: datetime.fromisoformat(at) for name, at in values.pop("refreshed").items()
                },
                **values,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise TargetError(
                f"the state that {target} keeps can't be read: {error}",
                remedy="Remove the copy, or update Isthmus.",
            ) from error


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
