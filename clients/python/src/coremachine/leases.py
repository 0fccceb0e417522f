"""What a worker holds and owes: leases, which of their tasks wait, run and have ended, and what of that was told."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Tuple

Key = Tuple[str, int]
Task = Mapping[str, Any]
_REMEMBERED = 4096
_BATCH_BYTES = 4 << 20
_BATCH_OUTCOMES = 1000


class Running:
    """An attempt that was begun. `context` is whatever the worker watches it by."""

    def __init__(self, task: Task, context: Any) -> None:
        self.task = task
        self.context = context
        self.dropped = False  #: its lease is gone
        self.given_up = False  #: its outcome was decided without it


class LeaseBook:
    """No threads and no clock: who owns it sees to it that one thread at a time is in it.

    Every task that was taken is told of exactly once, however often a report has to be sent, unless its lease is gone.
    """

    def __init__(self) -> None:
        self.closing = False
        self._waiting: Deque[Task] = deque()
        self._running: Dict[Key, Running] = {}
        self._zombies = 0
        self._untold: Deque[Tuple[Dict[str, Any], int]] = deque()  # each with its bytes
        self._batch: List[Dict[str, Any]] = []
        self._open: Dict[str, int] = {}  # tasks of each lease that were not told of
        self._terms: Dict[str, Tuple[float, float]] = {}  # when each lease was renewed, and for how long
        self._known: "OrderedDict[str, None]" = OrderedDict()

    # ---- taking and running ----

    def take(self, tasks: List[Task], now: float) -> int:
        """Adds tasks; those of leases that it has or had are passed over. Returns how many were new."""
        fresh = [task for task in tasks if task["lease"] not in self._open and task["lease"] not in self._known]
        for task in fresh:
            lease = task["lease"]
            self._open[lease] = self._open.get(lease, 0) + 1
            self._terms[lease] = (now, task["term_ms"] / 1000)
            if task["alone"]:
                self._waiting.appendleft(task)
            else:
                self._waiting.append(task)
        if self.closing:
            self.close()
        return len(fresh)

    def next(self, now: float, begin: Callable[[Task], Any]) -> Optional[Running]:
        """The next task, which begins now."""
        if self._alone_runs():
            return None
        for at, task in enumerate(self._waiting):
            renewed, term = self._terms[task["lease"]]
            if term and now >= renewed + term:
                continue  # somebody else may have it by now
            if task["alone"] and self.running:
                return None
            del self._waiting[at]
            running = Running(task, begin(task))
            self._running[(task["lease"], task["index"])] = running
            return running
        return None

    def ended(self, running: Running, outcome: Dict[str, Any], size: int = 0) -> bool:
        """False: nobody waits for this outcome any more. Its result has about `size` bytes."""
        if running.given_up:
            return False
        if running.dropped:
            self._zombies -= 1
            return False
        del self._running[(running.task["lease"], running.task["index"])]
        self._tell(running.task, outcome, size)
        return True

    def give_up(self, running: Running, outcome: Dict[str, Any]) -> None:
        """Decides about an attempt whose handler does not end."""
        self.ended(running, outcome)
        running.given_up = True

    # ---- telling ----

    def reports(self) -> List[Dict[str, Any]]:
        """What is to be told next: the same again until it was heard."""
        if self._batch:
            return self._batch
        size = 0
        while self._untold and size < _BATCH_BYTES and len(self._batch) < _BATCH_OUTCOMES:
            outcome, bytes_ = self._untold.popleft()
            self._batch.append(outcome)
            size += bytes_
        return self._batch

    def reported(self, news: List[Mapping[str, str]]) -> None:
        for outcome in self._batch:
            self._told(outcome["lease"])
        self._batch = []
        self.hear(news)

    def refused(self, why: str) -> Optional[str]:
        """They cannot be had: told one by one from now on. A result that is refused by itself is told once more as a
        failure, and if that is refused, too, it is dropped with its lease. Returns the lease it is about."""
        batch, self._batch = self._batch, []
        if len(batch) == 1:
            outcome = batch[0]
            if outcome["status"] == "completed":
                # Handed out anew it would come to the same.
                error = {"type": "refused_result", "message": f"the server does not take the result: {why}",
                         "permanent": True}
                self._batch = [
                    {"lease": outcome["lease"], "index": outcome["index"], "attempt": outcome["attempt"],
                     "status": "failed", "error": error}
                ]
            else:
                self._drop(outcome["lease"])
            return str(outcome["lease"])
        self._batch = batch[:1]
        self._untold.extendleft((outcome, _BATCH_BYTES) for outcome in reversed(batch[1:]))
        return None

    def leases(self) -> List[str]:
        return list(self._open)

    def shortest_term(self) -> Optional[float]:
        terms = [term for _, term in self._terms.values() if term]
        return min(terms) if terms else None

    def renewed(self, leases: List[str], news: List[Mapping[str, str]], asked: float) -> None:
        for lease in leases:
            if lease in self._terms:
                self._terms[lease] = (asked, self._terms[lease][1])
        self.hear(news)

    def hear(self, news: List[Mapping[str, str]]) -> None:
        for each in news:
            lease, state = each["lease"], each["state"]
            if lease not in self._open:
                continue
            if state == "gone":
                self._drop(lease)
            elif state in ("recalled", "cancelled"):
                self._return(lambda task, lease=lease: task["lease"] == lease)
                if state == "cancelled":
                    self._cancel(lease)

    # ---- ending ----

    def close(self) -> None:
        """What has not begun goes back, and so does what comes from now on."""
        self.closing = True
        self._return(lambda task: True)

    @property
    def empty(self) -> bool:
        return not self._open

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._running) + self._zombies

    @property
    def untold(self) -> int:
        return sum(self._open.values())

    @property
    def has_reports(self) -> bool:
        return bool(self._batch or self._untold)

    @property
    def has_alone(self) -> bool:
        return self._alone_runs() or any(task["alone"] for task in self._waiting)

    def attempts(self) -> List[Running]:
        return list(self._running.values())

    # ---- underneath ----

    def _alone_runs(self) -> bool:
        return any(running.task["alone"] for running in self._running.values())

    def _tell(self, task: Task, outcome: Dict[str, Any], size: int = 0) -> None:
        told = {"lease": task["lease"], "index": task["index"], "attempt": task["attempt"], **outcome}
        self._untold.append((told, size))

    def _told(self, lease: str) -> None:
        if lease not in self._open:
            return
        self._open[lease] -= 1
        if self._open[lease] == 0:
            self._forget(lease)

    def _return(self, which: Callable[[Task], bool]) -> None:
        kept: Deque[Task] = deque()
        for task in self._waiting:
            if which(task):
                self._tell(task, {"status": "returned"})
            else:
                kept.append(task)
        self._waiting = kept

    def _cancel(self, lease: str) -> None:
        for running in self._running.values():
            if running.task["lease"] == lease:
                running.context._cancel()

    def _drop(self, lease: str) -> None:
        self._cancel(lease)
        for key, running in list(self._running.items()):
            if key[0] == lease:
                running.dropped = True
                self._zombies += 1
                del self._running[key]
        self._waiting = deque(task for task in self._waiting if task["lease"] != lease)
        self._untold = deque(each for each in self._untold if each[0]["lease"] != lease)
        self._forget(lease)

    def _forget(self, lease: str) -> None:
        self._open.pop(lease, None)
        self._terms.pop(lease, None)
        self._known[lease] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
