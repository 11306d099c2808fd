"""An environment for each client, with its pinned packages and nothing of ours."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from tests.clients.clients import NODE, Client

ROOT = Path(__file__).parents[2]
_MADE = ".made-from"  # holds a digest of the pins that the environment was made from
_PATIENCE = 900  # seconds for an installation


def folder(client: Client) -> Path:
    """Where a client's environment is; ISTHMUS_CLIENTS_FOLDER moves all of them."""
    return Path(os.environ.get("ISTHMUS_CLIENTS_FOLDER", ROOT / ".venv-clients")) / client.folder


def interpreter(client: Client) -> Path:
    """What runs the client's program; FileNotFoundError when there is no Node for it."""
    if not client.is_node:
        return folder(client) / "bin" / "python"
    # npm has Node's own binary for Linux; elsewhere the machine's has to do
    pinned = sorted((folder(NODE) / "node_modules").glob("node-*/bin/node"))
    found = pinned[0] if pinned else shutil.which("node")
    if found is None:
        raise FileNotFoundError(f"{client.name} needs Node.js: install version 22 or later")
    return Path(found)


def can_be_made(client: Client) -> bool:
    """Whether this machine has what the environment is made with."""
    return not client.is_node or shutil.which("npm") is not None


def is_made(client: Client) -> bool:
    """Whether the environment is there, made from the pins of now."""
    stamp = folder(client) / _MADE
    return stamp.exists() and stamp.read_text() == _digest(client)


def make(client: Client) -> None:
    """Make the environment, unless it is there; RuntimeError with the installer's words."""
    if client.is_node and client is not NODE:
        make(NODE)
    if is_made(client):
        return
    place = folder(client)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (_make_node if client.is_node else _make_python)(client, place)
    (place / _MADE).write_text(_digest(client))


def _make_python(client: Client, place: Path) -> None:
    # our own pip installs into it: to give each a pip of its own takes longer than most clients
    venv.create(place, with_pip=False, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python")]
    _install([*pip, "install", "--quiet", "--no-deps", "-r", str(client.pins)], place)


def _make_node(client: Client, place: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        pins = client.pins.with_name(name)
        if pins.exists():
            shutil.copy(pins, place / name)
    how = "ci" if (place / "package-lock.json").exists() else "install"
    # packages' own install scripts would fetch programs from elsewhere
    quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev"]
    _install(["npm", how, *quiet], place)


def _install(command: list[str], place: Path) -> None:
    done = subprocess.run(
        command, cwd=place, capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _digest(client: Client) -> str:
    made = hashlib.sha256(sys.version.encode())
    for name in ("package.json", "package-lock.json", "requirements.txt"):
        pins = client.pins.with_name(name)
        if pins.exists():
            made.update(pins.read_bytes())
    return made.hexdigest()
