"""The org: all its state in one place. It opens no socket and reads no clock of its own."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from isthmus.localorg import demo
from isthmus.localorg.auth.sessions import Sessions
from isthmus.localorg.bulk.ingest import IngestJobs
from isthmus.localorg.bulk.jobs import Jobs, Pace
from isthmus.localorg.classic.jobs import ClassicJobs
from isthmus.localorg.clock import Clock
from isthmus.localorg.commitlog import CommitLog
from isthmus.localorg.faults import Faults
from isthmus.localorg.limits import Usage
from isthmus.localorg.records import Records
from isthmus.localorg.requestlog import RequestLog
from isthmus.localorg.schema import Schema
from isthmus.localorg.settings import Settings
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.cursors import Cursors
from isthmus.localorg.store import Store
from isthmus.localorg.switches import Switches
from isthmus.localorg.writes.validation import Rulebook

_RULES_VERSION = 60.0  # of the SOQL that validation rules are written in


class Org:
    """Schema, rows, settings, sessions, faults, usage and log of one org.

    `admin_token` opens the admin resource; `addresses` are the instance URLs by scheme;
    `jwt_key` proves JWT logins, which fail while it is None; `described` is when the describes
    changed last.
    """

    def __init__(
        self,
        schema: Schema,
        store: Store,
        *,
        settings: Settings | None = None,
        switches: Switches | None = None,
        clock: Clock | None = None,
        log: RequestLog | None = None,
        dice: random.Random | None = None,
    ) -> None:
        self.schema = schema
        self.store = store
        self.settings = settings or Settings()
        self.switches = switches or Switches()
        self.clock = clock or Clock()
        self.log = log or RequestLog()
        self.commits = CommitLog()
        self.faults = Faults()
        rulebook = Rulebook(self.settings.rules, self._context) if self.settings.rules else None
        self.records = Records(schema, store, self.commits, self.faults.hazard, rulebook)
        self.cursors = Cursors()
        self.usage = Usage(
            self.settings.daily_requests,
            self.settings.allowances,
            crowd=self.settings.concurrent_requests,
        )
        pace = Pace(self.settings.bulk_seconds, self.settings.bulk_polls)
        numbers = count(1)  # of the ids of jobs, whatever their kind
        self.bulk = Jobs(store, pace, numbers)
        self.ingest = IngestJobs(schema, self.records, self.usage, self.clock, pace, numbers)
        self.classic = ClassicJobs(pace, numbers)
        dice = dice or random.SystemRandom()
        self.sessions = Sessions(self.settings.org_id, self.settings.session_seconds, dice)
        self.described = self.clock.now().replace(microsecond=0)
        self.admin_token = ""
        self.addresses: dict[str, str] = {}
        self.jwt_key: RSAPublicKey | None = None
        self.describes: dict[tuple[str, ...], Any] = {}

    def _context(self, text: str) -> Context:
        """What a validation rule means: as the administrator's query of the newest version."""
        return Context(
            text=text,
            schema=self.schema,
            table=self.store.table,
            switches=self.switches,
            now=self.clock.now(),
            user=self.settings.user.context(),
            org=self.settings.context(),
            api_version=_RULES_VERSION,
            base_path=f"/services/data/v{_RULES_VERSION}",
            include_deleted=False,
        )

    def close(self) -> None:
        """Drop the rows and close the log."""
        self.ingest.close()
        self.bulk.close()
        self.cursors.drop()
        self.log.close()
        self.store.close()


def make_org(
    data: str | Path = "demo",
    *,
    scale: float = 1,
    seed: int = 7,
    describes: str | Path | None = None,
    switches: Mapping[str, str | int] | None = None,
    settings: Settings | None = None,
    now: datetime | None = None,
    request_log: str | Path | None = None,
    dice: random.Random | None = None,
) -> Org:
    """An org with `demo` data, `empty`, or the rows in a folder of `Object.csv|.parquet|.jsonl`.

    `now` sets the clock and stops it. Raises ValueError or FileNotFoundError for an argument
    that is no good.
    """
    clock = Clock(now)
    chosen = Switches.parse(switches or {})
    schema = Schema.load(describes)
    store = Store(schema)
    moment = clock.now().replace(tzinfo=None)
    if data == "demo":
        demo.generate(store, schema, scale, seed, moment)
    elif data == "empty":
        demo.empty(store, schema, seed, moment)
    else:
        demo.load(store, schema, Path(data), seed, moment)
        for path in Path(data).iterdir():  # a file that does not fit is refused now
            if schema.get(path.stem) is not None:
                store.table(path.stem)
    return Org(
        schema,
        store,
        settings=settings,
        switches=chosen,
        clock=clock,
        log=RequestLog(request_log),
        dice=dice,
    )
