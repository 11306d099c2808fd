"""Two ways to a token that need more than a request: a signed claim, and the `sf` command."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from isthmus.connectors.salesforce.config import Config
from isthmus.errors import AuthError, ConfigError

__all__ = ["ask_sf", "signed_claim"]


def signed_claim(config: Config, login_base: str) -> str:
    """The assertion of the OAuth JWT bearer flow, valid for three minutes.

    Raises:
        ConfigError: the private key can't be used.
    """
    import jwt

    host = urlsplit(login_base).hostname or ""
    audience = login_base
    if host.endswith(".salesforce.com"):
        audience = f"https://{'test' if config.domain == 'test' else 'login'}.salesforce.com"
    claim = {
        "iss": config.client_id.reveal() if config.client_id else "",
        "sub": config.username,
        "aud": audience,
        "exp": int(time.time()) + 180,
    }
    try:
        key = Path(str(config.private_key_file)).read_bytes()
        return jwt.encode(claim, key, algorithm="RS256")
    except (OSError, ValueError, jwt.exceptions.PyJWTError) as error:
        raise ConfigError(
            f"source {config.name}: the private key {config.private_key_file} can't be used",
            remedy="Give the PEM file of the RSA key whose certificate the connected app holds.",
        ) from error


def ask_sf(config: Config) -> tuple[str, str]:
    """The address and token of the org that the `sf` command line is logged in to.

    Raises:
        AuthError: there is no such command, org or token.
    """
    command = ["sf", "org", "display", "--json"]
    if config.username is not None:
        command += ["--target-org", config.username]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        result: dict[str, Any] = json.loads(done.stdout)["result"]
        base, token = str(result["instanceUrl"]), str(result["accessToken"])
    except FileNotFoundError as error:
        raise AuthError(
            f"source {config.name}: the command sf is not installed",
            remedy="Install the Salesforce CLI, or choose another auth.",
        ) from error
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        raise AuthError(
            f"source {config.name}: sf gives no org",
            remedy="Run `sf org login web`, and name the org's alias as username.",
        ) from error
    if "!" not in token:  # newer versions print a placeholder instead of the token
        raise AuthError(
            f"source {config.name}: sf does not show the org's access token",
            remedy="Run `sf org login web` again, or choose another auth.",
        )
    return base.rstrip("/"), token
