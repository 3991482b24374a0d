"""Many at once, and some who die: no parcel is decided twice, and no event is lost."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.inference.postgres_server import Server, postgres_server
from tests.review.queue_world import (
    ANA,
    BO,
    NOON,
    SUE,
    carton,
    log,
    look,
    new_url,
    parcel,
    require_whole,
    review_with,
)

from parcelscope.review import queue
from parcelscope.review.errors import LostLease, TooLate
from parcelscope.review.items import enrol
from parcelscope.review.queue import Decision
from parcelscope.review.roles import Person

INSPECT = Decision(decision="inspect")
WORKERS = Path(__file__).parent / "queue_workers.py"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    of = request.getfixturevalue("server") if request.param == "postgresql" else None
    return new_url(tmp_path, of)


def at_once(*works: Callable[[], object]) -> None:
    """Do all of these in threads that start together; the first error of any is raised."""
    failed: list[BaseException] = []
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            gate.wait()
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def decides_all(engine: Engine, person: Person) -> Callable[[], None]:
    def work() -> None:
        while held := queue.take(engine, person):
            for one in held:
                queue.decide(engine, person, one.item_id, INSPECT)

    return work


def analysts(count: int) -> list[Person]:
    return [Person(name=f"a{number}", role="analyst") for number in range(count)]


def require_each_decided_once(engine: Engine, count: int) -> None:
    decided = Counter(event.item_id for event in log(engine, "decide"))
    assert len(decided) == count
    assert set(decided.values()) == {1}


def test_many_threads_decide_each_parcel_once(url: str) -> None:
    with review_with(url, *(parcel(number) for number in range(120))) as engine:
        at_once(*(decides_all(engine, person) for person in analysts(12)))
        require_each_decided_once(engine, 120)


def test_several_processes_decide_each_parcel_once(url: str) -> None:
    with (
        review_with(url, *(parcel(number) for number in range(60))) as engine,
        ExitStack() as stack,
    ):
        workers = [stack.enter_context(worker(url, f"p{number}")) for number in range(3)]
        for one in workers:
            assert one.stdout is not None
            assert one.stdout.readline() == b"ready\n"
        for one in workers:
            one.communicate(b"go\n", timeout=60)
        assert [one.returncode for one in workers] == [0, 0, 0]
        require_each_decided_once(engine, 60)


def test_what_a_killed_process_was_answered_is_kept_and_the_rest_goes_on(
    url: str, tmp_path: Path
) -> None:
    chance = random.Random(7)
    with review_with(url, *(parcel(number) for number in range(400))) as engine:
        told = []
        for number in range(3):
            answered = tmp_path / f"answered-{number}"
            with worker(url, f"p{number}", str(answered)) as killed:
                assert killed.stdout is not None
                assert killed.stdin is not None
                assert killed.stdout.readline() == b"ready\n"
                killed.stdin.write(b"go\n")
                killed.stdin.flush()
                while not answered.exists():
                    time.sleep(0.005)
                time.sleep(chance.uniform(0, 0.05))  # somewhere in the middle of a decision
                killed.kill()
            told += answered.read_text(encoding="utf-8").split()
            require_whole(engine)
        decided = [event.item_id for event in log(engine, "decide")]
        assert len(decided) == len(set(decided))
        # One decision at most was written by each, whose answer it did not live to write down.
        assert set(told) <= set(decided)
        assert len(decided) - len(told) <= 3
        later = time.time() + queue.LEASE_S + 1
        assert len(queue.take(engine, ANA, ahead=999, now=later)) == 400 - len(decided)


def test_a_key_pressed_twice_decides_once(url: str) -> None:
    with review_with(url, parcel(1)) as engine:
        queue.take(engine, ANA)
        twice = Decision(decision="inspect", idempotency_key="k")
        events = []
        at_once(*[lambda: events.append(queue.decide(engine, ANA, parcel(1).item_id, twice))] * 6)
        assert len({event.seq for event in events}) == 1
        assert len(log(engine, "decide")) == 1


def test_undo_pressed_twice_at_once_takes_back_one(url: str) -> None:
    with review_with(url, parcel(1), parcel(2)) as engine:
        queue.take(engine, ANA)
        for number in (1, 2):
            queue.decide(engine, ANA, parcel(number).item_id, INSPECT)
        at_once(*[lambda: queue.undo(engine, ANA, key="u")] * 4)
        assert [look(engine, parcel(number)).state for number in (1, 2)] == ["decided", "open"]


def test_one_parcel_has_one_winner(url: str) -> None:
    """Whoever took it last decides; the one before is told so, whatever the order is."""
    with review_with(url, *(parcel(number) for number in range(20))) as engine:
        lost = []

        def decide(person: Person, item_id: str) -> None:
            try:
                queue.decide(engine, person, item_id, INSPECT)
            except LostLease as error:
                lost.append(str(error))

        for number in range(20):
            item_id = parcel(number).item_id
            queue.take(engine, ANA, ahead=1, now=NOON)
            at_once(
                lambda: queue.take(engine, BO, ahead=1, now=NOON + 1000),
                lambda item_id=item_id: decide(ANA, item_id),
                lambda item_id=item_id: decide(BO, item_id),
            )
            for person in (ANA, BO):
                for held in queue.take(engine, person, ahead=0):
                    queue.decide(engine, person, held.item_id, INSPECT)
        decided = Counter(event.item_id for event in log(engine, "decide"))
        assert max(decided.values()) == 1


def test_a_carton_released_while_its_parcels_are_decided(url: str) -> None:
    """Each parcel is decided or released, never both, and all of the release or nothing happens."""
    inside = [parcel(number, carton_id="MC-1") for number in range(30)]
    with review_with(url, carton(1, priority=-99.0), *inside) as engine:
        people = analysts(4)

        def some(person: Person) -> Callable[[], None]:
            def work() -> None:
                for _ in range(4):
                    for one in queue.take(engine, person, ahead=1):
                        queue.decide(engine, person, one.item_id, INSPECT)

            return work

        at_once(
            *(some(person) for person in people),
            lambda: queue.release_carton(engine, SUE, carton(1).item_id, "all toys"),
        )
        ended = Counter(event.item_id for event in log(engine) if event.kind != "enrol")
        assert set(ended.values()) == {1}
        released = log(engine, "release")
        assert released[0].told()["parcels"] == len(released) - 1


def test_everything_at_once_stays_whole(url: str) -> None:
    """Enrolling, heartbeats, undoing and releasing, all at once."""
    inside = [parcel(number, carton_id=f"MC-{number % 3}") for number in range(60)]
    with review_with(url, *(carton(number) for number in range(3)), *inside) as engine:

        def analyst(person: Person) -> Callable[[], None]:
            chance = random.Random(person.name)

            def work() -> None:
                for _ in range(12):
                    held = queue.take(engine, person)
                    queue.renew(engine, person, [one.item_id for one in held])
                    for one in held:
                        try:
                            if chance.random() < 0.3:
                                queue.ask_second(engine, person, one.item_id, "unsure")
                            else:
                                queue.decide(engine, person, one.item_id, INSPECT)
                            if chance.random() < 0.3:
                                queue.undo(engine, person)
                        except (LostLease, TooLate):
                            pass
                    queue.release(engine, person, {one.item_id: one.lease_number for one in held})

            return work

        def supervise() -> None:
            for number in range(3):
                try:
                    queue.release_carton(engine, SUE, carton(number).item_id, "all toys")
                    queue.undo(engine, SUE)
                except (LostLease, TooLate):
                    pass

        def score() -> None:
            for run in range(4):
                newer = [replace(one, risk=run / 10) for one in inside]
                enrol(engine, newer, f"run-{run}")

        at_once(*(analyst(person) for person in analysts(4)), supervise, score)


def worker(*words: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, str(WORKERS), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
