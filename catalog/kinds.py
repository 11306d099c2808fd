"""What a kind of source can be told in a project file. Connectors declare it; this checks it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.catalog.secrets import Secret, is_reference
from isthmus.catalog.suggest import did_you_mean
from isthmus.catalog.toml_places import Places
from isthmus.errors import ConfigError

__all__ = ["Key", "SourceKind", "absolute", "checked_options", "unknown_key"]

_WORDS: dict[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "a table",
    list: "a list",
}


@dataclass(frozen=True)
class Key:
    """One key of a source's table.

    Attributes:
        help: what it says, in a line.
        types: the Python types that TOML values may have here.
        choices: the only texts allowed; empty allows any.
        secret: the text becomes a `Secret`.
        path: the text names a file or folder; a relative one starts at the project file's folder.
        each: the value is a table of named tables, each with these keys.
    """

    help: str
    types: tuple[type, ...] = (str,)
    choices: tuple[str, ...] = ()
    secret: bool = False
    path: bool = False
    each: Mapping[str, Key] | None = None


@dataclass(frozen=True)
class SourceKind:
    """A kind of source, as the project file sees it.

    Attributes:
        name: the value of ``kind``.
        required: alternatives; all keys of at least one of them must be there.
        keys: every key but ``kind``.
    """

    name: str
    required: tuple[tuple[str, ...], ...] = ()
    keys: Mapping[str, Key] = field(default_factory=dict)


def checked_options(
    kind: SourceKind,
    options: Mapping[str, Any],
    path: tuple[str, ...],
    places: Places,
    folder: Path,
    where: str | None = None,
) -> dict[str, Any]:
    """The options of a source: secrets wrapped, paths absolute, references in other texts resolved.

    Args:
        kind: what the keys mean.
        options: the table of the source, without its ``kind``.
        path: the source's place in the file, such as ``("sources", "crm")``.
        places: where the keys stand.
        folder: where relative paths start.
        where: what has these keys, for errors; a source of the kind if None.

    Raises:
        ConfigError: a key is unknown or missing, or a value does not fit.
    """
    where = where or f"a {kind.name} source"
    checked = _checked(kind.keys, options, path, places, folder, where)
    if kind.required and not any(set(keys) <= set(checked) for keys in kind.required):
        raise ConfigError(
            f"{'.'.join(path)} says too little to reach the {where.rpartition(' ')[2]}",
            place=places.of(path),
            remedy=f"{where.capitalize()} needs {_alternatives(kind.required)}.",
        )
    return checked


def unknown_key(
    path: tuple[str, ...], known: Iterable[str], places: Places, where: str
) -> ConfigError:
    """The error for a key that means nothing, with the nearest one that does."""
    known = list(known)
    return ConfigError(
        f"{'.'.join(path[:-1]) or 'the project'} has a key {path[-1]!r}, "
        f"which means nothing in {where}",
        place=places.of(path),
        remedy=did_you_mean(path[-1], known) or f"The keys are {', '.join(known)}.",
    )


def absolute(path: str, folder: Path) -> str:
    """A path or URL, with relative paths made to start at the folder.

    >>> absolute("s3://bucket/x", Path("/p")), absolute("lake", Path("/p"))
    ('s3://bucket/x', '/p/lake')
    """
    if "://" in path or "::" in path:
        return path
    return os.path.normpath(folder / os.path.expanduser(path))


def _checked(
    keys: Mapping[str, Key],
    options: Mapping[str, Any],
    path: tuple[str, ...],
    places: Places,
    folder: Path,
    where: str,
) -> dict[str, Any]:
    checked = {}
    for name, value in options.items():
        here = (*path, name)
        if name not in keys:
            raise unknown_key(here, keys, places, where)
        key = keys[name]
        if key.each is None:
            checked[name] = _value(key, value, here, places, folder)
        else:
            tables = _fits(Key(key.help, (dict,)), value, here, places)
            checked[name] = {
                inner: _checked(
                    key.each,
                    _fits(Key(key.help, (dict,)), options, (*here, inner), places),
                    (*here, inner),
                    places,
                    folder,
                    f"a table of {where}",
                )
                for inner, options in tables.items()
            }
    return checked


def _value(key: Key, value: Any, path: tuple[str, ...], places: Places, folder: Path) -> Any:
    if isinstance(value, Secret):
        return value if key.secret else value.reveal()
    value = _fits(key, value, path, places)
    if not isinstance(value, str):
        return value
    if key.secret:
        return Secret(value, places.of(path))
    if is_reference(value):
        value = Secret(value, places.of(path)).reveal()
    if key.choices and value not in key.choices:
        raise ConfigError(
            f"{'.'.join(path)} is {value!r}",
            place=places.of(path),
            remedy=did_you_mean(value, key.choices) or f"It may be {_or(key.choices)}.",
        )
    return absolute(value, folder) if key.path else value


def _fits(key: Key, value: Any, path: tuple[str, ...], places: Places) -> Any:
    if isinstance(value, os.PathLike) and str in key.types:
        value = os.fspath(value)
    if isinstance(value, Mapping) and dict in key.types:
        return dict(value)
    # True is an int in Python, but not in a project file.
    if isinstance(value, bool) and bool not in key.types:
        fits = False
    else:
        fits = isinstance(value, key.types) or (isinstance(value, int) and float in key.types)
    if not fits:
        wanted = _or([_WORDS.get(t, t.__name__) for t in key.types])
        raise ConfigError(
            f"{'.'.join(path)} must be {wanted}, not {_WORDS.get(type(value), 'something else')}",
            place=places.of(path),
            remedy=f"It says: {key.help}.",
        )
    return value


def _or(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _alternatives(required: tuple[tuple[str, ...], ...]) -> str:
    """Alternatives of several keys are set off by semicolons, so that "and" binds them."""
    return "; or ".join(" and ".join(keys) for keys in required)
