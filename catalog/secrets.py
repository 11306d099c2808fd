"""Secrets named in a project file: where they are kept, and values that don't show themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping

from isthmus.errors import ConfigError, MissingExtra, Place

__all__ = ["KEYRING_SERVICE", "Secret", "is_reference", "resolve"]

KEYRING_SERVICE = "isthmus"
"""The service under which `keyring:NAME` is looked up."""

_SCHEMES = ("env:", "keyring:")


class Secret:
    """A secret that is looked up only when it is revealed, and never shown.

    Args:
        written: ``env:NAME``, ``keyring:NAME``, or the secret itself.
        place: where it is written, for errors.

    >>> Secret("env:SF_PASSWORD"), Secret("hunter2")
    (Secret(env:SF_PASSWORD), Secret(***))
    """

    __slots__ = ("_written", "place")

    def __init__(self, written: str, place: Place | None = None) -> None:
        self._written = written
        self.place = place

    @property
    def plain(self) -> bool:
        """Whether the secret itself is written down, which `isthmus check` warns of."""
        return not is_reference(self._written)

    def reveal(self, environ: Mapping[str, str] | None = None) -> str:
        """The secret.

        Raises:
            ConfigError: the environment variable or the keyring entry does not exist.
            MissingExtra: a keyring is named, but the package for it is not installed.
        """
        scheme, _, name = self._written.partition(":")
        if scheme == "env" and not self.plain:
            return _from_environment(name, os.environ if environ is None else environ, self.place)
        if scheme == "keyring" and not self.plain:
            return _from_keyring(name, self.place)
        return self._written

    def __repr__(self) -> str:
        return f"Secret({'***' if self.plain else self._written})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._written == self._written

    def __hash__(self) -> int:
        return hash(self._written)

    def __reduce__(self) -> tuple[type[Secret], tuple[str, Place | None]]:
        if self.plain:
            raise TypeError("a secret is not written to disk or sent elsewhere")
        return Secret, (self._written, self.place)

    def __deepcopy__(self, memo: object) -> Secret:
        return self


def is_reference(text: str) -> bool:
    """Whether a text says where a secret is, rather than being one."""
    return text.startswith(_SCHEMES)


def resolve(value: str | Secret, place: Place | None = None) -> Secret:
    """A secret from what a project file says; nothing is looked up yet."""
    return value if isinstance(value, Secret) else Secret(value, place)


def _from_environment(name: str, environ: Mapping[str, str], place: Place | None) -> str:
    if name not in environ:
        raise ConfigError(
            f"the environment variable {name} is not set",
            place=place,
            remedy=f"Set it before the start: export {name}=...",
        )
    return environ[name]


def _from_keyring(name: str, place: Place | None) -> str:
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise MissingExtra(
            f"keyring:{name} needs the package keyring, which is not installed",
            place=place,
            remedy='Install it: pip install "isthmus[keyring]"',
        ) from error
    try:
        found: str | None = keyring.get_password(KEYRING_SERVICE, name)
    except keyring.errors.KeyringError as error:
        raise ConfigError(
            f"the keyring can't be read for {name}: {error}",
            place=place,
            remedy="Unlock the keyring, or keep the secret in the environment: env:NAME",
        ) from error
    if found is None:
        raise ConfigError(
            f"the keyring holds no {name!r} for the service {KEYRING_SERVICE!r}",
            place=place,
            remedy=f"Store it: keyring set {KEYRING_SERVICE} {name}",
        )
    return found
