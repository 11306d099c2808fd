"""Nothing that one test has taught may change what another predicts; the plan is always the log."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import own_threads
from tests.every_run import Watch

# Tests of the state folder name one of their own.
os.environ["ISTHMUS_STATE"] = "off"


@pytest.fixture(scope="session")
def every_run() -> Iterator[Watch]:
    """The watch over every query that a test runs over a local org."""
    watch = Watch()
    with watch.standing():
        yield watch


@pytest.fixture(scope="module", autouse=True)
def threads_of_others() -> None:
    """Let a module's tests tell the threads that they have begun from those that were there."""
    own_threads.begin()


@pytest.fixture(autouse=True)
def plan_is_log(every_run: Watch, request: pytest.FixtureRequest) -> Iterator[None]:
    """What a query's plan shows is what the org got; see `tests.every_run`.

    A test in which it can't be is marked ``log_differs("why")``.
    """
    yield
    found = every_run.take()
    if request.node.get_closest_marker("log_differs") is None:
        assert not found, "\n".join(found)
