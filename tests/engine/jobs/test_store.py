"""Jobs change hands without being lost or done twice; the clock is ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.catalog.project import JobLimits
from isthmus.engine.jobs.model import Asked, Callback, JobState, Retry, Work
from isthmus.engine.jobs.store import Held, Hold, JobStore
from isthmus.errors import Refused


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> JobStore:
    return JobStore(tmp_path, now=clock, limits=JobLimits(running=2, queued=3))


def asked(user: str = "ada", priority: int = 0, **more: object) -> Asked:
    return Asked(
        project="p",
        work=Work.SQL,
        text="SELECT 1",
        user=user,
        priority=priority,
        **more,  # type: ignore[arg-type]
    )


def claim(store: JobStore, worker: str = "w1", lease: float = 30) -> Hold | None:
    claimed = store.claim(worker, "p", lease)
    return None if claimed is None else claimed[0]


def test_a_job_is_taken_by_one_worker_only(store: JobStore) -> None:
    job = store.submit(asked())
    hold = claim(store, "w1")
    assert hold == Hold(job, "w1", 1)
    assert claim(store, "w2") is None


def test_another_projects_jobs_are_left_alone(store: JobStore) -> None:
    store.submit(asked())
    assert store.claim("w1", "another", 30) is None


def test_priority_goes_before_age(store: JobStore, clock: Clock) -> None:
    old = store.submit(asked("a"))
    clock.now += 1
    urgent = store.submit(asked("b", priority=5))
    assert [claim(store).job, claim(store).job] == [urgent, old]  # type: ignore[union-attr]


def test_a_users_jobs_beyond_the_limit_wait_and_others_go_on(store: JobStore) -> None:
    first, second, third = (store.submit(asked("ada")) for _ in range(3))
    other = store.submit(asked("bob"))
    taken = [claim(store) for _ in range(3)]
    assert [h.job for h in taken if h] == [first, second, other]
    assert claim(store) is None
    assert taken[0] is not None
    store.done(taken[0], rows=0, pages=1, bill={})
    assert (hold := claim(store)) is not None and hold.job == third


def test_too_many_waiting_jobs_are_refused_with_a_remedy(store: JobStore) -> None:
    for _ in range(3):
        store.submit(asked())
    with pytest.raises(Refused, match=r"3 jobs waiting already\n.*isthmus jobs list"):
        store.submit(asked())
    store.submit(asked("bob"))


def test_a_dead_workers_job_is_begun_again_and_the_dead_one_has_no_say(
    store: JobStore, clock: Clock
) -> None:
    job = store.submit(asked())
    dead = claim(store, "w1", lease=30)
    assert dead is not None
    clock.now += 29
    assert claim(store, "w2") is None
    clock.now += 2
    alive = claim(store, "w2")
    assert alive == Hold(job, "w2", 2)
    assert store.renew(dead, 30, {}) is Held.LOST
    assert not store.done(dead, rows=1, pages=1, bill={})
    assert not store.failed(dead, "late")
    assert not store.again(dead, "late", 0)
    assert store.done(alive, rows=7, pages=1, bill={})
    assert (status := store.status(job)) and (status.state, status.rows) == (JobState.DONE, 7)


def test_a_lease_that_is_renewed_lasts(store: JobStore, clock: Clock) -> None:
    store.submit(asked())
    hold = claim(store, lease=30)
    assert hold is not None
    for _ in range(5):
        clock.now += 20
        assert store.renew(hold, 30, {"rows": 5}) is Held.ON
        assert claim(store, "w2") is None


def test_a_job_that_kills_its_workers_fails_in_the_end(store: JobStore, clock: Clock) -> None:
    job = store.submit(asked(retry=Retry(attempts=2)))
    for _ in range(2):
        assert claim(store) is not None
        clock.now += 31
    assert claim(store) is None
    status = store.status(job)
    assert status is not None and status.state is JobState.FAILED
    assert status.error == "the worker w1 was lost in attempt 2"


def test_a_retry_waits_and_a_released_job_does_not(store: JobStore, clock: Clock) -> None:
    job = store.submit(asked())
    hold = claim(store)
    assert hold is not None and store.again(hold, "busy", 60)
    assert claim(store) is None
    clock.now += 61
    hold = claim(store)
    assert hold is not None and hold.attempt == 2
    assert store.release(hold)
    assert (again := claim(store)) and (again.job, again.attempt) == (job, 2)


def test_cancelling_a_waiting_job_ends_it_and_a_running_one_is_told(store: JobStore) -> None:
    waiting, running = store.submit(asked("a", priority=-1)), store.submit(asked("b"))
    hold = claim(store)
    assert hold is not None and hold.job == running
    assert store.cancel(waiting) and store.cancel(running)
    assert (status := store.status(waiting)) and status.state is JobState.CANCELLED
    assert store.renew(hold, 30, {}) is Held.CANCEL
    assert store.stopped(hold, "it was asked to stop")
    assert not store.cancel(running)


def test_a_job_whose_worker_died_while_it_was_cancelled_is_cancelled(
    store: JobStore, clock: Clock
) -> None:
    job = store.submit(asked())
    claim(store)
    store.cancel(job)
    clock.now += 31
    assert claim(store, "w2") is None
    assert (status := store.status(job)) and status.state is JobState.CANCELLED


def test_results_expire_once(store: JobStore, clock: Clock) -> None:
    job = store.submit(asked(keep=100.0))
    hold = claim(store)
    assert hold is not None
    store.done(hold, rows=1, pages=1, bill={})
    assert store.expired() == []
    clock.now += 101
    assert store.expired() == [job]
    assert store.expired() == []
    assert (status := store.status(job)) and (status.state, status.pages) == (JobState.DONE, None)


@pytest.mark.parametrize("end", ["done", "failed", "cancelled", "lost"])
def test_every_end_leaves_one_message(store: JobStore, clock: Clock, end: str) -> None:
    job = store.submit(asked(callback=Callback("http://x/"), retry=Retry(attempts=1)))
    hold = claim(store)
    assert hold is not None and store.due("p", 30) is None
    if end == "done":
        store.done(hold, rows=1, pages=1, bill={})
    elif end == "failed":
        store.failed(hold, "no")
    elif end == "cancelled":
        store.stopped(hold, "asked")
    else:
        clock.now += 31
        assert claim(store) is None
    message = store.due("p", 30)
    assert message is not None and message.job == job
    assert store.due("p", 30) is None, "it is with somebody now"
    clock.now += 31
    again = store.due("p", 30)
    assert again is not None and again.id == message.id, "who had it has died"
    store.delivered(again)
    clock.now += 1000
    assert store.due("p", 30) is None


def test_the_store_outlives_its_object(tmp_path: Path, clock: Clock) -> None:
    job = JobStore(tmp_path, now=clock).submit(asked(bounds={"max_calls": 3}, parameters=b"x"))
    status = JobStore(tmp_path, now=clock).status(job)
    assert status is not None
    assert (status.asked.bounds, status.asked.parameters) == ({"max_calls": 3}, b"x")
