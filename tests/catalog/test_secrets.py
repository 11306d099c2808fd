"""A secret is looked up when it is needed and never shown."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Iterator

import keyring
import keyring.backend
import pytest

from isthmus.catalog.secrets import KEYRING_SERVICE, Secret, resolve
from isthmus.errors import ConfigError, MissingExtra, Place


class Chest(keyring.backend.KeyringBackend):
    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        return "from the keyring" if (service, username) == (KEYRING_SERVICE, "SF") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError


@pytest.fixture
def chest() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(Chest())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, lambda s: f"{s!r:>40}", lambda s: str([s])]
)
def test_a_plain_secret_is_never_shown(show: object) -> None:
    assert callable(show)
    assert "hunter2" not in show(Secret("hunter2"))


def test_a_reference_shows_where_the_secret_is() -> None:
    assert repr(Secret("env:SF_PASSWORD")) == "Secret(env:SF_PASSWORD)"


def test_the_environment() -> None:
    assert Secret("env:A").reveal({"A": "x"}) == "x"
    assert not Secret("env:A").plain


def test_a_missing_variable_is_named_with_its_place() -> None:
    with pytest.raises(ConfigError, match="variable SF_PASSWORD is not set") as error:
        Secret("env:SF_PASSWORD", Place(3, 1, "isthmus.toml")).reveal({})
    assert error.value.place == Place(3, 1, "isthmus.toml")
    assert "export SF_PASSWORD=" in str(error.value)


def test_plain_text_is_the_secret() -> None:
    assert Secret("a:b").reveal() == "a:b"
    assert Secret("a:b").plain


@pytest.mark.usefixtures("chest")
def test_the_keyring() -> None:
    assert Secret("keyring:SF").reveal() == "from the keyring"
    with pytest.raises(ConfigError, match="holds no 'OTHER'") as error:
        Secret("keyring:OTHER").reveal()
    assert error.value.remedy == "Store it: keyring set isthmus OTHER"


def test_no_keyring_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(MissingExtra, match=r"isthmus\[keyring\]"):
        Secret("keyring:SF").reveal()


def test_resolving_twice_is_resolving_once() -> None:
    secret = resolve("env:A")
    assert resolve(secret) is secret


def test_copies_stay_hidden_and_plain_secrets_are_not_pickled() -> None:
    assert copy.deepcopy(Secret("hunter2")).reveal() == "hunter2"
    assert pickle.loads(pickle.dumps(Secret("env:A"))) == Secret("env:A")
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hunter2"))
