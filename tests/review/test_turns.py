"""Threads that take turns."""

import threading
import time

import pytest

from parcelscope.review.turns import Turns


@pytest.mark.parametrize("places", [1, 3])
def test_no_more_are_in_at_once_than_there_are_places(places: int) -> None:
    turns, inside, most = Turns(places), [0], [0]
    count = threading.Lock()

    def work() -> None:
        for _ in range(20):
            with turns.turn():
                with count:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                time.sleep(0.0005)
                with count:
                    inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most[0], inside[0]) == (places, 0)


def test_whoever_came_first_is_next() -> None:
    turns, order, waiting = Turns(1), [], []

    def work(number: int) -> None:
        with turns.turn():
            order.append(number)

    with turns.turn():
        for number in range(5):
            thread = threading.Thread(target=work, args=(number,))
            thread.start()
            waiting.append(thread)
            while len(turns._waiting) <= number:
                time.sleep(0.001)
    for thread in waiting:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def test_whoever_just_went_comes_after_those_who_wait() -> None:
    turns, order = Turns(1), []

    def greedy() -> None:
        for _ in range(3):
            with turns.turn():
                order.append("greedy")
                started.set()
                while not turns._waiting and "patient" not in order:
                    time.sleep(0.001)

    def patient() -> None:
        started.wait()
        with turns.turn():
            order.append("patient")

    started = threading.Event()
    threads = [threading.Thread(target=work) for work in (greedy, patient)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order == ["greedy", "patient", "greedy", "greedy"]


def test_an_error_gives_the_place_back() -> None:
    turns = Turns(1)

    def fail() -> None:
        with turns.turn():
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        fail()
    with turns.turn():
        pass
