"""Logging in: simple-salesforce gives a session's address and token, once for all threads.

A token is renewed when the org refuses it; threads that were refused with the same token share
one renewal. simple-salesforce is imported with the first login, because that takes a third of a
second.
"""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from isthmus.connectors.salesforce.config import Config
from isthmus.connectors.salesforce.refusals import Cure, Refusal, cure_for
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.salesforce.tokens import ask_sf, signed_claim
from isthmus.errors import AuthError, ConfigError, IsthmusError, SourceUnavailable

if TYPE_CHECKING:
    import requests

__all__ = ["Login", "Session", "client_session"]

LOGIN_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Session:
    """A place and a token that opens it.

    Attributes:
        base: scheme, host and port.
        ca_file: certificates to trust there.
        token: never shown.
    """

    base: str
    version: str
    ca_file: str | None
    token: str = field(repr=False)

    @property
    def root(self) -> str:
        """The path under which the REST resources are."""
        return f"/services/data/v{self.version}"


class _Later(Exception):
    """A login that may work when tried again."""


class Login:
    """Logs in on first use and again when a token is refused. Safe to use from threads."""

    def __init__(self, config: Config, policy: Policy, wait: Callable[[float], object]) -> None:
        self._config = config
        self._policy = policy
        self._wait = wait
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._rotated: str | None = None

    def session(self) -> Session:
        """The session in use; logs in if there is none.

        Raises:
            AuthError: the org does not let us in.
            SourceUnavailable: it can't be reached.
        """
        with self._lock:
            if self._session is None:
                self._session = self._log_in(first=True)
            return self._session

    def renew(self, refused: Session) -> Session:
        """A session other than the refused one; only the first thread to ask logs in."""
        with self._lock:
            if self._session is None or self._session.token == refused.token:
                self._session = None  # stays so if the login fails
                self._session = self._log_in(first=False)
            return self._session

    def _log_in(self, *, first: bool) -> Session:
        repeat = 0
        while True:
            try:
                return _WAYS[self._config.auth](self, first)
            except _Later as later:
                if repeat >= self._policy.repeats:
                    raise SourceUnavailable(
                        f"source {self._config.name}: the login failed: {later}",
                        remedy="Check the network and the login address; "
                        "`isthmus check` tries each.",
                    ) from later.__cause__
                self._wait(self._policy.wait(repeat))
                repeat += 1

    # --- the ways to log in; each gives a session ---------------------------------------------

    def _by_ready_file(self, first: bool) -> Session:
        ready = _read_ready(self._config)
        base, ca_file = str(ready.get("https") or ready["http"]), ready.get("ca_file")
        if not base.startswith("https"):
            ca_file = None
        if first and ready.get("access_token"):
            return Session(base, self._config.api_version, ca_file, ready["access_token"])
        if ready.get("refresh_token"):
            names = ("refresh_token", "client_id", "client_secret")
            data = {"grant_type": "refresh_token", **{name: ready[name] for name in names}}
            return self._oauth(base, data, ca_file)
        return self._soap(
            base, ready["username"], ready["password"], ready["security_token"], ca_file
        )

    def _by_password(self, first: bool) -> Session:
        c = self._config
        username, password = str(c.username), _reveal(c.password)
        token = _reveal(c.security_token)
        if c.client_id is None:
            return self._soap(self._login_base(), username, password, token, c.ca_file)
        data = self._app("password", username=username, password=password + token)
        return self._oauth(self._login_base(), data, c.ca_file)

    def _by_client_credentials(self, first: bool) -> Session:
        data = self._app("client_credentials")
        return self._oauth(self._login_base(), data, self._config.ca_file)

    def _by_refresh_token(self, first: bool) -> Session:
        token = self._rotated or _reveal(self._config.refresh_token)
        data = self._app("refresh_token", refresh_token=token)
        return self._oauth(self._login_base(), data, self._config.ca_file)

    def _by_jwt(self, first: bool) -> Session:
        data = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": signed_claim(self._config, self._login_base()),
        }
        return self._oauth(self._login_base(), data, self._config.ca_file)

    def _by_access_token(self, first: bool) -> Session:
        c = self._config
        if not first:
            raise AuthError(
                f"source {c.name}: the org refuses the access token, which can't be renewed",
                remedy="Give a new access_token, or another way to log in as auth.",
            )
        return Session(str(c.instance_url), c.api_version, c.ca_file, _reveal(c.access_token))

    def _by_sf_cli(self, first: bool) -> Session:
        base, token = ask_sf(self._config)
        return Session(base, self._config.api_version, self._config.ca_file, token)

    # --- the two protocols --------------------------------------------------------------------

    def _soap(
        self, base: str, username: str, password: str, security_token: str, ca_file: str | None
    ) -> Session:
        from simple_salesforce.login import SalesforceLogin

        return self._called(
            base,
            ca_file,
            lambda web: SalesforceLogin(
                username=username,
                password=password,
                security_token=security_token,
                sf_version=self._config.api_version,
                scratch_url=base,
                session=web,
            ),
        )

    def _oauth(self, base: str, data: dict[str, str], ca_file: str | None) -> Session:
        from simple_salesforce.login import token_login

        url, app = f"{base}/services/oauth2/token", data.get("client_id", "")
        return self._called(
            base,
            ca_file,
            lambda web: token_login(url, data, self._config.domain, app, None, None, web),
        )

    def _called(
        self, base: str, ca_file: str | None, call: Callable[[requests.Session], tuple[str, str]]
    ) -> Session:
        import requests
        from simple_salesforce.exceptions import SalesforceAuthenticationFailed

        name = self._config.name
        with client_session(ca_file, LOGIN_SECONDS) as web, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice that simple-salesforce gives as a warning
            web.hooks["response"].append(self._keep_rotated)
            try:
                token, host = call(web)
            except SalesforceAuthenticationFailed as error:
                raise _refused(
                    name, error.code, getattr(error, "auth_message", "") or ""
                ) from error
            except requests.exceptions.SSLError as error:
                raise AuthError(
                    f"source {name}: the certificate of {base} is not trusted",
                    remedy="Name the certificates to trust as the source's ca_file.",
                ) from error
            except requests.exceptions.RequestException as error:
                raise _Later(f"{base} can't be reached ({type(error).__name__})") from error
            except (ValueError, AttributeError, TypeError) as error:
                # simple-salesforce met an answer that is neither a token nor a refusal
                raise _Later(f"{base} gave an answer that is no login's") from error
        scheme = urlsplit(base).scheme
        return Session(f"{scheme}://{host}".rstrip("/"), self._config.api_version, ca_file, token)

    def _keep_rotated(self, response: requests.Response, *args: Any, **kwargs: Any) -> None:
        """A refresh may bring a new refresh token, and the old one may stop working."""
        if self._config.auth != "refresh_token" or response.status_code != 200:
            return
        try:
            self._rotated = response.json().get("refresh_token") or self._rotated
        except ValueError:
            return

    def _app(self, grant: str, **more: str) -> dict[str, str]:
        data = {"grant_type": grant, "client_id": _reveal(self._config.client_id), **more}
        if self._config.client_secret is not None:
            data["client_secret"] = _reveal(self._config.client_secret)
        return data

    def _login_base(self) -> str:
        c = self._config
        if c.login_url is not None:
            return c.login_url
        if c.auth == "client_credentials" and c.instance_url is not None:
            return c.instance_url
        return f"https://{c.domain}.salesforce.com"


_WAYS: Final[dict[str, Callable[[Login, bool], Session]]] = {
    "ready_file": Login._by_ready_file,
    "password": Login._by_password,
    "client_credentials": Login._by_client_credentials,
    "refresh_token": Login._by_refresh_token,
    "jwt": Login._by_jwt,
    "access_token": Login._by_access_token,
    "sf-cli": Login._by_sf_cli,
}


def client_session(ca_file: str | None, timeout: float) -> requests.Session:
    """A session for simple-salesforce, which sets neither trust nor time limits itself.

    Raises:
        ConfigError: there is no such `ca_file`.
    """
    import requests

    class Timed(requests.Session):
        def request(self, *args: Any, **kwargs: Any) -> requests.Response:
            kwargs["timeout"] = kwargs.get("timeout") or (10.0, timeout)
            return super().request(*args, **kwargs)

    web = Timed()
    if ca_file is not None:
        if not Path(ca_file).exists():
            raise ConfigError(
                f"the ca_file {ca_file} does not exist",
                remedy="Name a PEM file of the certificates to trust, or leave ca_file out.",
            )
        web.verify = ca_file
        web.trust_env = False  # REQUESTS_CA_BUNDLE would be used instead of ca_file
    return web


def _reveal(secret: Any) -> str:
    return "" if secret is None else str(secret.reveal())


def _read_ready(config: Config) -> dict[str, Any]:
    path = Path(str(config.ready_file))
    try:
        ready: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not (ready.get("https") or ready["http"]):
            raise KeyError("http")
    except OSError as error:
        raise ConfigError(
            f"source {config.name}: the ready file {path} can't be read: {error.strerror}",
            remedy="Start the local org with --ready-file and that path, and wait for the file.",
        ) from error
    except (ValueError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"source {config.name}: {path} is no ready file of a local org",
            remedy="Let `isthmus org serve --ready-file` write it.",
        ) from error
    return ready


def _refused(name: str, code: object, message: str) -> IsthmusError | _Later:
    status = code if isinstance(code, int) else 0
    if status and cure_for(Refusal(status, f"HTTP {status}", "")) is Cure.REPEAT:
        return _Later(f"HTTP {status}")
    return AuthError(
        f"source {name}: the org refuses the login: {code}: {message[:300]}",
        remedy="Check the source's user, secrets and login address; the org's Login History says "
        "more.",
    )
