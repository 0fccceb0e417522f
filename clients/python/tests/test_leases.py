"""What a worker holds and owes, without a server."""

import random
from typing import Any, Dict, List, Tuple

import pytest

from coremachine.leases import LeaseBook


class Watched:
    cancelled = False

    def _cancel(self) -> None:
        self.cancelled = True


def tasks(lease: str, count: int, alone: bool = False) -> List[Dict[str, Any]]:
    return [{"lease": lease, "index": i, "attempt": 1, "term_ms": 30_000, "alone": alone} for i in range(count)]


def begin(_: Any) -> Watched:
    return Watched()


def tell(book: LeaseBook) -> List[Tuple[str, int, str]]:
    told = []
    while book.reports():
        told += [(each["lease"], each["index"], each["status"]) for each in book.reports()]
        book.reported([])
    return told


DONE = {"status": "completed", "result": None}


def test_what_was_taken_is_told_once_and_then_forgotten() -> None:
    book = LeaseBook()
    assert book.take(tasks("a", 2), 0) == 2
    assert book.take(tasks("a", 2), 0) == 0
    first = book.next(0, begin)
    second = book.next(0, begin)
    assert book.next(0, begin) is None
    assert book.ended(first, DONE)
    batch = book.reports()
    book.ended(second, DONE)
    assert book.reports() is batch and len(batch) == 1
    book.reported([])
    assert tell(book) == [("a", 1, "completed")]
    assert book.empty
    assert book.take(tasks("a", 2), 0) == 0


@pytest.mark.parametrize(
    "state, of_waiting, cancelled, wanted",
    [
        ("held", [], False, True),
        ("recalled", [("a", 1, "returned"), ("a", 2, "returned")], False, True),
        ("cancelled", [("a", 1, "returned"), ("a", 2, "returned")], True, True),
        ("gone", [], True, False),
    ],
)
def test_what_news_mean(state: str, of_waiting: list, cancelled: bool, wanted: bool) -> None:
    book = LeaseBook()
    book.take(tasks("a", 3), 0)
    runs = book.next(0, begin)
    book.hear([{"lease": "a", "state": state}])
    assert tell(book) == of_waiting
    assert runs.context.cancelled == cancelled
    assert book.running == 1
    assert book.ended(runs, DONE) == wanted
    assert book.running == 0
    tell(book)
    assert book.empty == (state != "held")


def test_what_runs_alone_has_nothing_beside_it() -> None:
    book = LeaseBook()
    book.take(tasks("a", 2), 0)
    before = book.next(0, begin)
    book.take(tasks("b", 2, alone=True), 0)
    assert book.has_alone and book.next(0, begin) is None
    book.ended(before, DONE)
    for _ in range(2):
        alone = book.next(0, begin)
        assert alone.task["lease"] == "b" and book.next(0, begin) is None
        book.ended(alone, DONE)
    assert book.next(0, begin).task["lease"] == "a"


def test_who_was_out_of_touch_begins_nothing() -> None:
    book = LeaseBook()
    book.take(tasks("a", 1), 0)
    assert book.next(30, begin) is None
    book.renewed(["a"], [], 30)
    assert book.next(31, begin) is not None


def test_a_report_that_is_refused_is_told_one_by_one() -> None:
    book = LeaseBook()
    book.take(tasks("a", 1) + tasks("b", 1), 0)
    for _ in range(2):
        book.ended(book.next(0, begin), DONE)
    assert len(book.reports()) == 2
    assert book.refused("?") is None
    assert len(book.reports()) == 1
    assert book.refused("too deep") == "a"
    assert book.reports()[0]["error"]["message"] == "the server does not take the result: too deep"
    assert book.refused("no") == "a"
    assert tell(book) == [("b", 0, "completed")]
    assert book.empty


def test_large_outcomes_are_told_in_pieces() -> None:
    book = LeaseBook()
    book.take(tasks("a", 5), 0)
    for _ in range(5):
        book.ended(book.next(0, begin), DONE, 2 << 20)
    sizes = []
    while book.reports():
        sizes.append(len(book.reports()))
        book.reported([])
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("seed", range(50))
def test_random_days(seed: int) -> None:
    chance = random.Random(seed)
    book = LeaseBook()
    taken: Dict[str, int] = {}
    gone = set()
    running = []
    told: Dict[Tuple[str, int], int] = {}

    def note() -> None:
        for lease, index, _ in tell(book):
            told[(lease, index)] = told.get((lease, index), 0) + 1

    for _ in range(300):
        step = chance.randrange(7)
        if step == 0:
            lease = str(len(taken) + 1)
            taken[lease] = chance.randint(1, 5)
            book.take(tasks(lease, taken[lease], chance.random() < 0.1), 0)
        elif step in (1, 2):
            attempt = book.next(0, begin)
            if attempt:
                running.append(attempt)
        elif step in (3, 4) and running:
            book.ended(running.pop(chance.randrange(len(running))), DONE)
        elif step == 5:
            note()
        elif step == 6 and taken:
            lease = chance.choice(list(taken))
            state = chance.choice(["held", "recalled", "cancelled", "gone"])
            if state == "gone":
                gone.add(lease)
            book.hear([{"lease": lease, "state": state}])
    book.close()
    for attempt in running:
        book.ended(attempt, DONE)
    note()
    assert book.empty and book.running == 0 and book.waiting == 0
    for lease, count in taken.items():
        for index in range(count):
            times = told.get((lease, index), 0)
            assert times <= 1
            assert times == 1 or lease in gone
