"""The command `isthmus org serve`: a Salesforce-compatible org on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from isthmus.localorg.faults import Fault, parse
from isthmus.localorg.org import Org, make_org
from isthmus.localorg.rules import load
from isthmus.localorg.server import Server
from isthmus.localorg.settings import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def org() -> None:
    """Run a local, Salesforce-compatible org."""


@org.command()
@click.option(
    "--http",
    default="127.0.0.1:0",
    metavar="HOST:PORT",
    show_default=True,
    help="Where to serve plain HTTP; port 0 is any free one.",
)
@click.option(
    "--https",
    default="127.0.0.1:0",
    metavar="HOST:PORT",
    show_default=True,
    help="Where to serve HTTPS, with a certificate made at start.",
)
@click.option("--allow-remote", is_flag=True, help="Allow addresses that other machines can reach.")
@click.option(
    "--data",
    default="demo",
    metavar="demo|empty|FOLDER",
    show_default=True,
    help="The rows: generated, none, or files such as Account.csv in a folder.",
)
@click.option(
    "--scale",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How much demo data; 1 is about 1,000 accounts.",
)
@click.option("--seed", default=7, show_default=True, help="The seed of the demo data.")
@click.option(
    "--describes",
    type=click.Path(exists=True, file_okay=False),
    metavar="FOLDER",
    help="A folder of describe JSON files: objects to add.",
)
@click.option(
    "--request-log",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Append a JSON line per request to this file.",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write addresses and secrets here once requests are accepted.",
)
@click.option(
    "--switch",
    "switches",
    multiple=True,
    metavar="NAME=VALUE",
    help="Choose a behaviour that no document settles, or page-size=N, or child-page=N.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    help="Have something go wrong, e.g. server-error:nth=2,count=1.",
)
@click.option("--now", metavar="ISO-TIME", help="Set the org's clock to this moment and stop it.")
@click.option(
    "--session-seconds",
    default=7200.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="How long a session lives.",
)
@click.option(
    "--daily-requests",
    default=1_000_000,
    show_default=True,
    type=click.IntRange(min=0),
    help="How many API calls a day are allowed.",
)
@click.option(
    "--concurrent-requests",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="How many API calls may run at once; 0 is any number.",
)
@click.option(
    "--bulk-seconds",
    default=0.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How long a Bulk job takes at least, by the org's clock.",
)
@click.option(
    "--bulk-polls",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="How many polls find a Bulk job in progress.",
)
@click.option(
    "--bulk-hard-delete",
    is_flag=True,
    help="Give the user the permission to delete for good by Bulk.",
)
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="A TOML file of validation rules: for each object, conditions that make a record wrong.",
)
def serve(
    http: str,
    https: str,
    allow_remote: bool,
    ready_file: str | None,
    faults: tuple[str, ...],
    **options: Any,
) -> None:
    """Serve an org until Ctrl-C or SIGTERM.

    Unmodified Salesforce clients log in, describe, query and change records there.
    """
    try:
        struck = [parse(text) for text in faults]
        made = _org(**options)
        server = Server(made, http=http, https=https, allow_remote=allow_remote)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    try:
        _run(server, struck, Path(ready_file) if ready_file else None)
    finally:
        server.close()
        made.close()
    _say("stopped")
    _leave()


def _org(
    *,
    data: str,
    scale: float,
    seed: int,
    describes: str | None,
    request_log: str | None,
    switches: tuple[str, ...],
    now: str | None,
    rules: str | None,
    **limits: float,
) -> Org:
    settings = replace(Settings(), **limits)  # type: ignore[arg-type]
    settings = replace(settings, rules=load(rules) if rules else ())
    return make_org(
        data,
        scale=scale,
        seed=seed,
        describes=describes,
        switches=dict(_pair(text) for text in switches),
        settings=settings,
        now=_moment(now) if now else None,
        request_log=request_log,
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--switch {text}: write NAME=VALUE")
    return name.strip(), value.strip()


def _moment(text: str) -> datetime:
    try:
        made = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--now {text}: write a time such as 2026-01-31T09:00:00Z") from None
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def _run(server: Server, faults: list[Fault], ready_file: Path | None) -> None:
    for fault in faults:
        server.org.faults.add(fault)

    def accepting() -> None:
        if ready_file is not None:
            _write(ready_file, server.ready)
        _say(summary(server.ready))

    async def main() -> None:
        stop = asyncio.Event()
        _on_signals(stop)
        await server.run(stop, accepting)

    try:
        asyncio.run(main())
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)


def _say(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody has to listen
        click.echo(text)


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    # A terminal that is closed sends SIGHUP, where there is one.
    for number in {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda _number, _frame: _wake(loop, stop))


def _wake(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    loop.call_soon_threadsafe(stop.set)


def _write(path: Path, ready: dict[str, Any]) -> None:
    """Write the ready file whole or not at all; it holds secrets, so for its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(ready, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def _leave() -> None:
    """End now if a long query still holds a thread; nothing is left to lose by then."""
    if any(t.name.startswith("local-org") and t.is_alive() for t in threading.enumerate()):
        sys.stdout.flush()
        os._exit(0)


def summary(ready: dict[str, Any]) -> str:
    """What to tell a person: where the org is and how to connect."""
    return f"""\
The local org answers; Ctrl-C stops it.

  https  {ready["https"]}   (proved by {ready["ca_file"]})
  http   {ready["http"]}
  user   {ready["username"]}   password {ready["password"]}   token {ready["security_token"]}
  log    {ready["request_log"]}

With simple-salesforce:

  export REQUESTS_CA_BUNDLE={ready["ca_file"]}
  python -c "
  from simple_salesforce import Salesforce
  sf = Salesforce(instance_url='{ready["https"]}',
                  session_id='{ready["access_token"]}')
  print(sf.query('SELECT Name, Industry FROM Account LIMIT 3'))"
"""
