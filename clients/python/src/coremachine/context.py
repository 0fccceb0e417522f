"""What a task handler is told, and what it can ask for."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Dict, Iterable, Mapping, MutableMapping, Optional, Union

if TYPE_CHECKING:
    from .client import Client


class Context:
    """One attempt of a task."""

    def __init__(self, task: Mapping[str, Any], worker: str, client: "Client", logger: logging.Logger) -> None:
        self.job_id: str = task["job_id"]
        self.stage: int = task["stage"]
        self.round: int = task["round"]
        self.index: int = task["index"]
        #: counts every try of this task from 1
        self.attempt: int = task["attempt"]
        self.task_type: str = task["task_type"]
        #: the same for every attempt of one task: what makes an outside effect happen once
        self.idempotency_key: str = task["idempotency_key"]
        #: whose work the job is part of (W3C Trace Context), to be passed on; empty if nobody said
        self.traceparent: str = task.get("traceparent", "")
        #: what an earlier attempt said last of how far it had come
        self.last_progress: Any = task.get("progress")
        self.worker = worker
        self.client = client
        self.log: logging.LoggerAdapter[logging.Logger] = _TaskLog(
            logger, {"job_id": self.job_id, "task_index": self.index, "attempt": self.attempt}
        )
        self._began = time.monotonic()
        timeout_ms = task.get("timeout_ms", 0)
        #: time.monotonic() at which the attempt is over its time
        self.deadline: Optional[float] = self._began + timeout_ms / 1000 if timeout_ms else None
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._beat = self._began
        self._progress: Any = None
        self._news = False

    @property
    def cancelled(self) -> bool:
        """The attempt is no longer wanted, or over its time. Long work asks now and then, and returns."""
        return self._cancelled.is_set() or (self.deadline is not None and time.monotonic() >= self.deadline)

    def sleep(self, seconds: float) -> bool:
        """Waits, unless the attempt is not wanted any more; True if it is not."""
        left = seconds if self.deadline is None else min(seconds, max(self.deadline - time.monotonic(), 0.0))
        self._cancelled.wait(left)
        return self.cancelled

    def heartbeat(self, progress: Any = None) -> None:
        """Tells that the attempt lives, and how far it has come: the next attempt finds the last word of this one."""
        with self._lock:
            self._beat = time.monotonic()
            if progress is not None:
                self._progress = progress
                self._news = True

    def artifact(self, content: Union[bytes, Iterable[bytes]], media_type: str = "application/json") -> Dict[str, Any]:
        """Stores content and returns the reference that stands for it; it stays if the result names it."""
        return self.client.upload(content, media_type)

    # ---- for the worker ----

    def _cancel(self) -> None:
        self._cancelled.set()

    def _take_news(self) -> Any:
        with self._lock:
            if not self._news:
                return None
            self._news = False
            return self._progress

    def _put_news_back(self) -> None:
        with self._lock:
            self._news = True

    def _latest(self) -> Any:
        with self._lock:
            return self._progress

    def _last_beat(self) -> float:
        with self._lock:
            return self._beat


class _TaskLog(logging.LoggerAdapter):  # type: ignore[type-arg]
    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> "tuple[Any, MutableMapping[str, Any]]":
        fields = " ".join(f"{name}={value}" for name, value in (self.extra or {}).items())
        return f"{msg} {fields}", kwargs
