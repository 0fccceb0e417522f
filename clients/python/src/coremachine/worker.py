"""A worker: takes tasks from a server, runs their handlers on threads, and says what became of them."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import random
import signal
import socket
import threading
import time
import uuid
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

from .client import Client
from .connection import dump, load
from .context import Context
from .errors import CoreMachineError, InvalidParams, NotAllowed, NotFound, Permanent, Problem, Retry, Unreachable
from .leases import LeaseBook, Running

Handler = Callable[..., Any]

_LARGE = 1 << 20  # bytes of JSON; what has more is kept as an artifact
_MOST_LOST = 64  # threads whose handlers do not end that are replaced
_POLL_WAIT = 20.0
_SEEN_EVERY = 10.0
_FOR_REPORTS = 5.0


_Types = Union[type, Tuple[type, ...]]
_NUMBER = (int, float)
#: what is used of a task, and of the news of a lease
_TASK: Mapping[str, _Types] = {
    "lease": str, "job_id": str, "task_type": str, "idempotency_key": str, "stage": int, "round": int, "index": int,
    "attempt": int, "term_ms": _NUMBER, "timeout_ms": _NUMBER, "heartbeat_ms": _NUMBER, "alone": bool, "params": dict,
}
_NEWS: Mapping[str, _Types] = {"lease": str, "state": str}


class _StrangeAnswer(CoreMachineError):
    """It is no problem, and not what was asked for: something between here and the server has answered, or the server
    is of another kind. Nobody knows what the server has heard."""


#: how a call comes to nothing; it is made again later
_CAME_TO_NOTHING = (Unreachable, Problem, _StrangeAnswer)


class Worker:
    """Runs tasks of a server in this process.

    >>> worker = Worker("http://127.0.0.1:8080", concurrency=4)
    >>> @worker.task("resize")
    ... def resize(params, context):
    ...     return {"width": params["width"] // 2}
    >>> worker.run()   # until SIGTERM

    A handler is called with the params, or with the params and a Context, on a thread of its own; it may be a coroutine
    function. What it returns is the result. An exception fails the attempt, to be tried again as the retry policy of
    the task type says; `Permanent` says that this would not help, `Retry` when to.

    Leases are renewed by a thread of their own, whatever the handlers do. A task may run more than once, here or
    elsewhere, when a worker or its connection is lost; each has one recorded outcome.
    """

    def __init__(
        self,
        server: Union[str, Client] = "http://127.0.0.1:8080",
        *,
        token: Optional[str] = None,
        ca_file: Optional[str] = None,
        name: Optional[str] = None,
        concurrency: Optional[int] = None,
        resolver_id: str = "default",
        drain: float = 30.0,
        grace: float = 10.0,
        logger: Optional[logging.Logger] = None,
    ) -> None:
        self.client = server if isinstance(server, Client) else Client(server, token=token, ca_file=ca_file)
        self.name = name or f"{socket.gethostname()[:80]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.concurrency = concurrency or os.cpu_count() or 1
        self.resolver_id = resolver_id
        self.drain_limit = drain
        self.grace = grace
        self.log = logger or logging.getLogger("coremachine.worker")
        self._handlers: Dict[str, Handler] = {}
        self._book = LeaseBook()
        self._changed = threading.Condition()
        self._draining = False
        self._over = False
        self._lost = 0
        self._heard = False
        self._fault: Optional[Exception] = None
        self._threads: List[threading.Thread] = []

    def task(self, name: str) -> Callable[[Handler], Handler]:
        """Declares the decorated function the handler of this task type."""

        def register(handler: Handler) -> Handler:
            if name in self._handlers:
                raise ValueError(f"the task type {name!r} has a handler already")
            self._handlers[name] = handler
            return handler

        return register

    # ---- its life ----

    def run(self, *, signals: bool = True) -> None:
        """Works until `drain` is called, or SIGTERM or SIGINT comes (in the main thread, unless `signals` is False):
        then nothing more is taken, what runs may end within the drain limit, what has not begun goes back, and all is
        reported. Raises what the server said if it refuses the very first request."""
        if not self._handlers:
            raise ValueError("this worker has no task; declare some with @worker.task(name)")
        before = self._catch_signals() if signals and threading.current_thread() is threading.main_thread() else {}
        try:
            for duty in [self._hand] * self.concurrency + [self._poll, self._report, self._renew]:
                self._start(duty)
            with self._changed:
                while not self._draining:
                    self._look_after()
                    # Short, so that a signal is seen: its handler runs in this very thread.
                    self._changed.wait(0.2)
            self._wind_up()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._fault is not None:
            raise self._fault

    def drain(self) -> None:
        """Asks it to end. Any thread, and a signal handler; returns at once."""
        self._draining = True

    def _catch_signals(self) -> Dict[int, Any]:
        def ask(number: int, _: Any) -> None:
            if self._draining:
                raise KeyboardInterrupt(f"signal {number} came again")
            self.drain()

        return {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}

    def _start(self, duty: Callable[[], None]) -> None:
        thread = threading.Thread(target=duty, name=f"coremachine-{duty.__name__.strip('_')}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _wind_up(self) -> None:
        self.log.info("draining: nothing more is taken")
        with self._changed:
            self._book.close()
            self._changed.notify_all()
        if self._fault is None:
            self._leave()
        if not self._settle(time.monotonic() + self.drain_limit):
            self.log.warning("the drain limit is over: what still runs is told to end")
            with self._changed:
                for running in self._book.attempts():
                    running.context._cancel()
            self._settle(time.monotonic() + self.grace + _FOR_REPORTS)
        with self._changed:
            untold = self._book.untold
            self._over = True
            self._changed.notify_all()
        if self._fault is None:
            self._leave()
        for thread in self._threads:
            thread.join(0.0 if untold else 1.0)
        if untold:
            self.log.warning("%d tasks could not be reported: they are handed out anew", untold)

    def _settle(self, until: float) -> bool:
        with self._changed:
            while not self._book.empty:
                if time.monotonic() >= until:
                    return False
                self._look_after()
                self._changed.wait(0.1)
            return True

    def _leave(self) -> None:
        try:
            self.client.connection.request("POST", "/api/v1/workers/$leave", body={"worker": self.name})
        except (CoreMachineError, ValueError) as error:
            self.log.warning("could not leave: %s", error)

    # ---- handlers ----

    def _hand(self) -> None:
        while True:
            with self._changed:
                running = self._book.next(time.monotonic(), self._begin)
                while running is None:
                    if self._over:
                        return
                    self._changed.wait(1.0)
                    running = self._book.next(time.monotonic(), self._begin)
            outcome, size = self._call(running)
            with self._changed:
                if running.given_up:
                    self._lost -= 1
                    return  # another thread has its place
                if self._draining and running.context._cancelled.is_set() and outcome["status"] == "failed":
                    outcome = {"status": "returned"}
                self._book.ended(running, outcome, size)
                self._changed.notify_all()

    def _begin(self, task: Mapping[str, Any]) -> Context:
        return Context(task, self.name, self.client, self.log)

    def _call(self, running: Running) -> Tuple[Dict[str, Any], int]:
        """What the attempt came to, and the bytes of its result."""
        context: Context = running.context
        began = time.monotonic()
        try:
            handler = self._handlers[context.task_type]
            result = handler(*self._arguments(handler, self._params(running.task), context))
            if inspect.isawaitable(result):
                result = asyncio.run(_await(result))
            kept, size = self._kept(result)
            return {"status": "completed", "result": kept, "took_ms": _ms(began)}, size
        except Permanent as error:
            failure: Dict[str, Any] = {"type": error.type, "message": str(error), "permanent": True}
        except Retry as error:
            failure = {"type": error.type, "message": str(error)}
            if error.after is not None:
                failure["retry_after"] = f"{round(error.after * 1000)}ms"
        except Exception as error:  # noqa: BLE001: whatever a handler raises fails its attempt
            failure = {"type": type(error).__name__, "message": str(error)}
            context.log.debug("the handler raised", exc_info=True)
        except BaseException as error:  # SystemExit and the like end the attempt, not the worker
            failure = {"type": type(error).__name__, "message": str(error)}
        progress = _sound(context._latest())
        return {"status": "failed", "error": failure, "progress": progress, "took_ms": _ms(began)}, 0

    @staticmethod
    def _arguments(handler: Handler, params: Any, context: Context) -> List[Any]:
        try:
            takes = [
                each
                for each in inspect.signature(handler).parameters.values()
                if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD, each.VAR_POSITIONAL)
            ]
        except (TypeError, ValueError):
            return [params]
        has_room = len(takes) > 1 or any(each.kind is each.VAR_POSITIONAL for each in takes)
        return [params, context] if has_room else [params]

    def _params(self, task: Mapping[str, Any]) -> Any:
        params = task["params"]
        return self.client._value(params)

    def _kept(self, result: Any) -> Tuple[Any, int]:
        """The result, or a reference to it if it is large, and its bytes."""
        try:
            text = dump(result)
        except (TypeError, ValueError) as error:
            raise Permanent(f"the result is not valid JSON: {error}", type="handler_contract") from error
        if len(text) <= _LARGE:
            return result, len(text)
        reference = self.client.upload(text, "application/json")
        reference["automatic"] = True
        return reference, 0

    def _look_after(self) -> None:
        """Attempts that are over their time."""
        now = time.monotonic()
        for running in self._book.attempts():
            context: Context = running.context
            silence = running.task["heartbeat_ms"] / 1000
            message = None
            if context.deadline is not None and now >= context.deadline:
                context._cancel()
                if now >= context.deadline + self.grace:
                    message = (
                        f"the attempt took longer than its timeout of {running.task['timeout_ms']} ms, "
                        "and its handler did not return"
                    )
            if silence and now >= context._last_beat() + silence:
                context._cancel()
                message = f"the attempt was not heard of for its heartbeat of {running.task['heartbeat_ms']} ms"
            if message is None:
                continue
            error = {"type": "timeout", "message": message}
            self._book.give_up(
                running, {"status": "failed", "error": error, "progress": _sound(context._latest())}
            )
            self._lost += 1
            context.log.warning("the handler of %r ignores that it is to end", context.task_type)
            if self._lost <= _MOST_LOST:
                self._start(self._hand)
            self._changed.notify_all()

    # ---- what it says to the server ----

    def _poll(self) -> None:
        pause = _Pause()
        while True:
            with self._changed:
                room = self._room()
                while room <= 0:
                    if self._draining or self._over:
                        return
                    self._changed.wait(1.0)
                    room = self._room()
                if self._draining or self._over:
                    return
            body = {**self._about(), "max_tasks": room, "wait": f"{int(_POLL_WAIT * 1000)}ms"}
            try:
                tasks = self._ask("$poll", body, "tasks", _TASK, patience=_POLL_WAIT)
            except _CAME_TO_NOTHING as error:
                if self._mind(error, pause):
                    return
                continue
            pause.reset()
            with self._changed:
                self._book.take(tasks, time.monotonic())
                self._changed.notify_all()

    def _room(self) -> int:
        """One task for each thread, and one ahead of it; none beside what runs alone."""
        if self._book.closing or self._book.has_alone:
            return 0
        return min(2 * self.concurrency - self._book.waiting - self._book.running, 10_000)

    def _report(self) -> None:
        pause = _Pause()
        while True:
            with self._changed:
                while not self._book.has_reports:
                    if self._over:
                        return
                    self._changed.wait(1.0)
                if self._over:
                    return
                outcomes = list(self._book.reports())
            try:
                news = self._ask("$complete", {"worker": self.name, "outcomes": outcomes}, "leases", _NEWS)
            except InvalidParams as error:
                with self._changed:
                    lease = self._book.refused(str(error))
                    self._changed.notify_all()
                if lease is not None:
                    self.log.error("the server refuses a report on lease %s: %s", lease, error)
                continue
            except _CAME_TO_NOTHING as error:
                if self._mind(error, pause):
                    return
                continue
            pause.reset()
            with self._changed:
                self._book.reported(news)
                self._changed.notify_all()

    def _renew(self) -> None:
        pause = _Pause(most=2.0)
        last = time.monotonic()
        while True:
            with self._changed:
                while True:
                    if self._over:
                        return
                    term = self._book.shortest_term()
                    due = last + min(term / 3 if term else _SEEN_EVERY, _SEEN_EVERY)
                    if due <= time.monotonic():
                        break
                    self._changed.wait(min(due - time.monotonic(), 1.0))
                leases = self._book.leases()
                said = [(running, running.context._take_news()) for running in self._book.attempts()]
            asked = time.monotonic()
            progress = [
                {"lease": running.task["lease"], "index": running.task["index"], "attempt": running.task["attempt"],
                 "progress": _sound(news)}
                for running, news in said
                if news is not None
            ]
            try:
                said_too = {"leases": leases, "progress": progress}
                news = self._ask("$heartbeat", {**self._about(), **said_too}, "leases", _NEWS)
            except _CAME_TO_NOTHING as error:
                for running, told in said:
                    if told is not None:
                        running.context._put_news_back()
                if self._mind(error, pause):
                    return
                continue
            pause.reset()
            last = asked
            with self._changed:
                self._book.renewed(leases, news, asked)
                self._changed.notify_all()

    def _about(self) -> Dict[str, Any]:
        return {
            "worker": self.name,
            "task_types": sorted(self._handlers),
            "concurrency": self.concurrency,
            "resolver_id": self.resolver_id,
        }

    def _ask(
        self, verb: str, body: Mapping[str, Any], member: str, fits: Mapping[str, _Types], patience: float = 0.0
    ) -> List[Any]:
        """This list of the answer, whose elements have these members."""
        try:
            answer = self.client.connection.request(
                "POST", f"/api/v1/workers/{verb}", body=body, patience=patience, repeat=False
            )[2]
        except ValueError as error:
            raise _StrangeAnswer(f"{self.client.connection.server} answers {verb} with what is no JSON: {error}") from error
        found = answer.get(member) if isinstance(answer, dict) else None
        if not isinstance(found, list) or not all(_has(each, fits) for each in found):
            raise _StrangeAnswer(
                f"{self.client.connection.server} answers {verb} with what no server says; is it one? {str(answer)[:200]}"
            )
        if not self._heard:
            self.log.info("connected to %s as %s", self.client.connection.server, self.name)
        self._heard = True
        return found

    def _mind(self, error: Exception, pause: "_Pause") -> bool:
        """After a call that came to nothing. True: there is no point in going on."""
        if isinstance(error, (NotAllowed, NotFound, InvalidParams)) and not self._heard:
            self._fault = error
            self.drain()
            return True
        if pause.first:
            self.log.warning("%s", error)
        until = time.monotonic() + pause.next(getattr(error, "retry_after", None))
        with self._changed:
            while time.monotonic() < until and not self._over:
                self._changed.wait(until - time.monotonic())
            return self._over


def _has(value: Any, members: Mapping[str, _Types]) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), types) for name, types in members.items())


class _Pause:
    """Pauses between tries: anything up to a limit that doubles each time."""

    def __init__(self, first: float = 0.1, most: float = 10.0) -> None:
        self._first = first
        self._most = most
        self._limit = 0.0

    @property
    def first(self) -> bool:
        return self._limit == 0.0

    def next(self, at_least: Optional[float] = None) -> float:
        self._limit = self._first if self._limit == 0.0 else min(self._limit * 2, self._most)
        return max(random.uniform(0.0, self._limit), at_least or 0.0)

    def reset(self) -> None:
        self._limit = 0.0


async def _await(result: Any) -> Any:
    return await result


def _ms(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 3)


def _sound(value: Any) -> Any:
    """What JSON cannot say is no progress."""
    try:
        return load(dump(value))
    except (TypeError, ValueError):
        return None
