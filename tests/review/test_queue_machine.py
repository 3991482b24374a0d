"""Whatever people do in whatever order, the queue is what its log and a simple model say."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from tests.review.case_world import US
from tests.review.queue_world import (
    ANA,
    BO,
    NOON,
    SUE,
    carton,
    leases,
    log,
    look,
    new_url,
    parcel,
    require_whole,
)

from parcelscope.review import queue
from parcelscope.review.database import open_review
from parcelscope.review.errors import LostLease, NotAllowed, ReviewError, TooLate
from parcelscope.review.exams import Exam, log_exam
from parcelscope.review.items import NewItem, enrol
from parcelscope.review.queue import Decision
from parcelscope.review.roles import Person
from parcelscope.review.standing import WAITING, Choice

INSIDE = [parcel(number, carton_id="MC-1") for number in range(3)]
ITEMS = [carton(1), *INSIDE, parcel(3)]
people = st.sampled_from([ANA, BO, SUE])
items = st.sampled_from(ITEMS)
choices: st.SearchStrategy[Choice] = st.sampled_from(["clear", "inspect"])


class QueueMachine(RuleBasedStateMachine):
    """Three people and five items; `holders` is who should hold what."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.engine = open_review(new_url(Path(self.folder.name), None))
        self.now = NOON
        self.runs = 0
        self.holders: dict[str, tuple[str, float]] = {}
        """Name and end of the lease, by item."""
        enrol(self.engine, ITEMS, "run-0", now=self.now)

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            require_whole(self.engine)
            self.engine.dispose()
            self.folder.cleanup()

    @rule(seconds=st.sampled_from([1, 20, 100]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(person=people, ahead=st.integers(1, 3))
    def take(self, person: Person, ahead: int) -> None:
        mine = {one for one, (name, _) in self.holders.items() if name == person.name}
        busy = {
            one
            for one, (name, until) in self.holders.items()
            if name != person.name and until >= self.now
        }
        got = queue.take(self.engine, person, ahead=ahead, now=self.now)
        ids = {one.item_id for one in got}
        assert mine <= ids
        assert not ids & busy
        assert len(got) <= max(ahead, len(mine))
        for one in got:
            assert one.first_by != person.name
            assert one.state in (WAITING if person is SUE else ("open", "second"))
            self.holders[one.item_id] = (person.name, one.lease_until)

    @rule(person=people, item=items)
    def give_back(self, person: Person, item: NewItem) -> None:
        item_id = item.item_id
        mine = self.holds(person, item_id)
        numbers = leases(self.engine, item)
        assert queue.release(self.engine, person, numbers) == ([item_id] if mine else [])
        if mine:
            del self.holders[item_id]

    @rule(person=people, item=items, choice=choices)
    def decide(self, person: Person, item: NewItem, choice: Choice) -> None:
        item_id = item.item_id
        made = Decision(decision=choice)
        mine = self.holds(person, item_id)
        try:
            queue.decide(self.engine, person, item_id, made, now=self.now)
        except LostLease:
            assert not mine
        else:
            assert mine
            del self.holders[item_id]

    @rule(person=people, item=items, leans_to=choices | st.none())
    def ask(self, person: Person, item: NewItem, leans_to: Choice | None) -> None:
        item_id = item.item_id
        mine = self.holds(person, item_id)
        try:
            queue.ask_second(
                self.engine,
                person,
                item_id,
                "unsure",
                leans_to=leans_to,
                now=self.now,
            )
        except LostLease:
            assert not mine
        except NotAllowed:
            assert look(self.engine, item).state == "disputed"
        else:
            assert mine
            del self.holders[item_id]

    @rule(person=people)
    def undo(self, person: Person) -> None:
        before = {one.item_id: look(self.engine, one) for one in ITEMS}
        try:
            item = queue.undo(self.engine, person, now=self.now)
        except TooLate:
            return
        undone = log(self.engine)[-1]
        assert (undone.kind, undone.who) == ("undo", person.name)
        assert item.holder == person.name
        assert before[item.item_id].state != "open" or item.state != "open"
        for one in ITEMS:
            now = look(self.engine, one)
            if now.holder is None:
                self.holders.pop(one.item_id, None)
            else:
                self.holders[one.item_id] = (now.holder, now.lease_until)

    @rule(person=people, item=items)
    def examine(self, person: Person, item: NewItem) -> None:
        item_id = item.item_id
        log_exam(self.engine, person, US, item_id, Exam(outcome="violation"), now=self.now)
        assert look(self.engine, item).outcome == "violation"

    @rule(to=st.sampled_from(["ana", "bo", None]), item=items)
    def hand_on(self, to: str | None, item: NewItem) -> None:
        item_id = item.item_id
        try:
            queue.reassign(self.engine, SUE, item_id, to, now=self.now)
        except (LostLease, NotAllowed):
            return
        self.holders.pop(item_id, None)
        if to is not None:
            self.holders[item_id] = (to, self.now + queue.LEASE_S)

    @rule(item=items)
    def reopen(self, item: NewItem) -> None:
        item_id = item.item_id
        try:
            queue.reopen(self.engine, SUE, item_id, "again", now=self.now)
        except ReviewError:
            return
        assert look(self.engine, item).state == "open"

    @rule()
    def release_carton(self) -> None:
        try:
            done = queue.release_carton(
                self.engine, SUE, carton(1).item_id, "all toys", now=self.now
            )
        except LostLease:
            return
        for item_id in done.item_ids:
            self.holders.pop(item_id, None)

    @precondition(lambda self: self.runs < 3)
    @rule(risk=st.floats(0, 1))
    def score_again(self, risk: float) -> None:
        self.runs += 1
        before = [look(self.engine, one) for one in ITEMS]
        newer = [parcel(number, carton_id="MC-1", risk=risk) for number in range(3)]
        enrol(self.engine, newer, f"run-{self.runs}", now=self.now)
        for one in before:
            after = look(self.engine, one)
            assert (after.state, after.holder, after.decision, after.reference) == (
                one.state, one.holder, one.decision, one.reference,
            )  # fmt: skip

    @invariant()
    def whole(self) -> None:
        if not hasattr(self, "engine"):
            return
        require_whole(self.engine)
        for one in ITEMS:
            item = look(self.engine, one)
            expected = self.holders.get(one.item_id, (None, 0.0))
            assert (item.holder, item.lease_until) == expected
            assert (item.decision is None) == (item.state in WAITING)

    def holds(self, person: Person, item_id: str) -> bool:
        return self.holders.get(item_id, ("", 0.0))[0] == person.name


QueueMachine.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    suppress_health_check=[HealthCheck.too_slow],
)
TestQueueMachine = QueueMachine.TestCase
