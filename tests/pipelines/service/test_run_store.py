from pathlib import Path

import pytest

from parcelscope.pipelines.service.database import open_database
from parcelscope.pipelines.service.run_store import RunStatus, RunStore, new_run_id


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(open_database(tmp_path))


def submit(store: RunStore, *, key: str | None = None, max_queued: int = 10) -> RunStatus | None:
    return store.submit(
        run_id=new_run_id(),
        feed="feed",
        budget=None,
        seed=0,
        submitted_by="a",
        request_key=key,
        max_queued=max_queued,
    )


def take(store: RunStore, folder: str = "one") -> RunStatus:
    run = store.take_next(bundle_folder=folder, bundle_digest=folder)
    assert run is not None
    return run


def test_runs_are_taken_in_their_order_and_keep_their_bundle(store: RunStore) -> None:
    first, second = submit(store), submit(store)
    assert first is not None
    assert second is not None
    assert take(store).run_id == first.run_id
    store.put_back(first.run_id, attempted=True)
    again = take(store, "two")
    assert (again.run_id, again.bundle_folder, again.attempts) == (first.run_id, "one", 2)
    assert take(store, "two").bundle_folder == "two"
    assert store.take_next(bundle_folder="two", bundle_digest="two") is None


def test_the_same_request_gives_the_same_run(store: RunStore) -> None:
    assert submit(store, key="k") == submit(store, key="k")
    assert submit(store) != submit(store)
    assert len(store.newest(limit=10)) == 3


def test_a_full_queue_takes_no_more(store: RunStore) -> None:
    assert submit(store, max_queued=1) is not None
    assert submit(store, max_queued=1) is None


def test_what_a_dead_service_left_running_is_queued_again(store: RunStore) -> None:
    submit(store)
    running = take(store)
    assert store.put_back_running() == [running.run_id]
    found = store.find(running.run_id)
    assert found is not None
    assert (found.state, found.attempts) == ("queued", 0)


def test_only_a_waiting_run_is_cancelled_at_once(store: RunStore) -> None:
    run = submit(store)
    assert run is not None
    assert store.cancel_queued(run.run_id)
    assert not store.cancel_queued(run.run_id)
    assert store.count_by_state() == {"cancelled": 1}
