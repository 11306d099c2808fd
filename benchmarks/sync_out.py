"""A sync of Opportunity out of an org, against stock clients that read it into nothing.

    python -m benchmarks.sync_out --rows 1000000 --runs 1
    python -m benchmarks.sync_out --rows 1000000 --runs 1 --clients

*Ours* is a full run of `con.sync` into a folder of Parquet, a DuckDB file or a SQLite file, state
included. The clients write their records to `/dev/null`: airbyte-source-salesforce by Bulk 2.0,
which can't read but all columns, tap-salesforce by REST. `tap`, `airbyte` and `parquet_all` have
all columns, the others 12. Each run is a process of its own against one local org that ends a job
before the first look at it. With `--clients` their pinned environments are made where they are
missing (as `python -m tests.clients` makes them); a client's figures begin with its start.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contest import contended, measured, medians
from benchmarks.served import served_org
from tests.clients import environments
from tests.clients.clients import CLIENTS, HERE, Client
from tests.clients.run import LOGIN_HOSTS

TABLE = "Opportunity"
COLUMNS = (
    *("Id", "Name", "AccountId", "StageName", "Amount", "Probability", "CloseDate"),
    *("IsClosed", "IsWon", "OwnerId", "CreatedDate", "SystemModstamp"),
)
ROWS_PER_SCALE = 980  # of 1,000, the demo has deleted 20
START = "2000-01-01T00:00:00Z"


def ours(ready: dict[str, Any], to: str, what: str) -> dict[str, Any]:
    import isthmus

    source = {"kind": "salesforce", "ready_file": ready["ready_file"]}
    with tempfile.TemporaryDirectory() as folder:
        target = to.format(folder=folder)
        with isthmus.connect(
            {"sources": {"crm": source}}, state=f"{folder}/state", time_zone="UTC"
        ) as con:
            return {"rows": con.sync(what, to=target, mode="full").rows_out}


def airbyte(ready: dict[str, Any]) -> dict[str, Any]:
    stream = {
        "name": TABLE,
        "json_schema": {},
        "supported_sync_modes": ["full_refresh", "incremental"],
    }
    chosen = {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "append"}
    config = _secrets(ready) | {
        "auth_type": "Client",
        "start_date": START,
        "stream_slice_step": "P36500D",
        "force_use_bulk_api": True,
    }
    with tempfile.TemporaryDirectory() as home:
        _files(home, config=config, catalog={"streams": [chosen]}, state=[])
        files = ("--config", "config.json", "--catalog", "catalog.json", "--state", "state.json")
        _run(_client("airbyte"), ["source-salesforce", "read", *files], ready, home)
    return {"rows": 0}


def tap(ready: dict[str, Any], columns: Sequence[str] = ()) -> dict[str, Any]:
    config = _secrets(ready) | {
        "start_date": START,
        "api_type": "REST",
        "select_fields_by_default": not columns,
    }
    with tempfile.TemporaryDirectory() as home:
        _files(home, config=config)
        command = ["tap-salesforce", "--config", "config.json"]
        client = _client("tap_salesforce")
        catalog = json.loads(_run(client, [*command, "--discover"], ready, home, kept=True))
        (stream,) = (one for one in catalog["streams"] if one["stream"] == TABLE)
        for one in stream["metadata"]:
            about = one["metadata"]
            if one["breadcrumb"] == []:
                about |= {"selected": True, "replication-method": "FULL_TABLE"}
            elif columns:
                about["selected"] = one["breadcrumb"][1] in columns
                if not about["selected"] and about.get("inclusion") == "automatic":
                    about["inclusion"] = "available"
        _files(home, catalog={"streams": [stream]}, state={})
        _run(client, [*command, "--properties", "catalog.json"], ready, home)
    return {"rows": 0}


def _secrets(ready: dict[str, Any]) -> dict[str, Any]:
    return {name: ready[name] for name in ("client_id", "client_secret", "refresh_token")}


def _files(home: str, **contents: Any) -> None:
    for name, content in contents.items():
        Path(home, f"{name}.json").write_text(json.dumps(content), "utf-8")


def _client(folder: str) -> Client:
    return next(client for client in CLIENTS if client.folder == folder)


def _run(
    client: Client, command: list[str], ready: dict[str, Any], home: str, *, kept: bool = False
) -> bytes:
    """Run a client in its own environment; gives what it wrote, if that is to be kept.

    Raises:
        RuntimeError: it failed; with the end of what it told.
    """
    binaries = environments.folder(client) / "bin"
    address = ready["https"].removeprefix("https://")
    environment = {
        **dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), ready["ca_file"]),
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "HOME": home,
        "PYTHONPATH": str(HERE / "in_client"),
        "NO_PROXY": "*",
        "LOCAL_ORG_HOSTS": ",".join(f"{host}={address}" for host in LOGIN_HOSTS),
    }
    with Path(home, "told").open("wb") as told:
        done = subprocess.run(
            command,
            cwd=home,
            env=environment,
            stdout=subprocess.PIPE if kept else subprocess.DEVNULL,
            stderr=told,
        )
    if done.returncode:
        end = Path(home, "told").read_text("utf-8", "replace")[-2_000:]
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{end}")
    return done.stdout or b""


QUERY = f"SELECT {', '.join(COLUMNS)} FROM crm.{TABLE}"
OURS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "parquet": partial(ours, to="parquet:{folder}/copy", what=QUERY),
    "duckdb": partial(ours, to="duckdb:{folder}/copy.duckdb#copy", what=QUERY),
    "sqlite": partial(ours, to="sqlite:{folder}/copy.sqlite#copy", what=QUERY),
    "parquet_all": partial(ours, to="parquet:{folder}/copy", what=f"crm.{TABLE}"),
}
THEIRS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "tap_12": partial(tap, columns=COLUMNS),
    "tap": tap,
    "airbyte": airbyte,
}
CONTENDERS = THEIRS | OURS
MODULES = (
    *("duckdb", "pyarrow.parquet", "pyarrow.csv", "pyarrow.json", "simple_salesforce"),
    *("isthmus.engine.connection", "isthmus.engine.sync.room"),
    "isthmus.connectors.salesforce.connector",
)


def table(taken: dict[str, list[dict[str, Any]]], runs: int) -> str:
    """The medians as a Markdown table, with ratios to the first contender's."""
    middle = {name: medians(figures) for name, figures in taken.items()}
    base = middle[next(iter(middle))]
    lines = [
        f"median of {runs}",
        "",
        "| | rows | rows/s | CPU us a row | peak memory | calls | MB received |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, m in middle.items():
        speed, cpu = m["served"] / m["seconds"], 1e6 * m["cpu"] / m["served"]
        ratio = speed / (base["served"] / base["seconds"])
        lines.append(
            f"| {name} | {m['served']:,} | {speed:,.0f} (x {ratio:.1f}) "
            f"| {cpu:.1f} (x {cpu / (1e6 * base['cpu'] / base['served']):.2f}) "
            f"| {m['whole_mb']:.0f} MB | {m['calls']} | {m['received'] / 1e6:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--clients", action="store_true", help="compare with the stock clients")
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=sorted(CONTENDERS),
        help="the first is what the others are compared with",
    )
    parser.add_argument("--contend", choices=sorted(CONTENDERS), help=argparse.SUPPRESS)
    parser.add_argument("--ready", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contend:
        ready = json.loads(Path(options.ready).read_text()) | {"ready_file": options.ready}
        modules = MODULES if options.contend in OURS else ()
        contended(partial(CONTENDERS[options.contend], ready), modules)
        return
    names = options.contenders or list(CONTENDERS if options.clients else OURS)
    if not set(names) <= set(OURS):
        for folder in ("airbyte", "tap_salesforce"):
            environments.make(_client(folder))
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    scale = max(options.rows // ROWS_PER_SCALE, 1)
    with served_org(scale, ("--bulk-polls", "0")) as served:
        for _ in range(options.runs):
            for name in names:
                arguments = ("--contend", name, "--ready", str(served.ready_file))
                taken[name].append(measured("benchmarks.sync_out", arguments, served))
    print(table(taken, options.runs))


if __name__ == "__main__":
    main()
