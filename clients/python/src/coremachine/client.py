"""Jobs of a server: submit, wait, follow, change."""

from __future__ import annotations

import http.client
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Union

from .connection import Connection, load, quote, read_lines, seconds
from .errors import CoreMachineError, JobFailed, Unavailable, Unreachable

Duration = Union[float, int, str]
_TERMINAL = frozenset({"completed", "completed_with_errors", "failed", "dead", "cancelled"})
_LONGEST_WAIT = 50.0


@dataclass(frozen=True)
class Job:
    """A job as it was when the server told of it. `raw` has all that it said."""

    id: str
    type: str
    status: str
    raw: Mapping[str, Any]

    @property
    def is_over(self) -> bool:
        return self.status in _TERMINAL

    @property
    def params(self) -> Any:
        return self.raw.get("params")

    @property
    def result(self) -> Any:
        return self.raw.get("result")

    @property
    def error(self) -> Optional[Mapping[str, Any]]:
        return self.raw.get("error")

    @property
    def stages(self) -> Sequence[Mapping[str, Any]]:
        return self.raw.get("stages", [])

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Job":
        return cls(id=raw["job_id"], type=raw.get("job_type", ""), status=raw.get("status", ""), raw=raw)


@dataclass(frozen=True)
class Event:
    """Something that happened to a job. `seq` counts from 1 within the job."""

    seq: int
    name: str
    data: Mapping[str, Any]


class Client:
    """The jobs of one server. Any thread may use it.

    >>> client = Client("http://127.0.0.1:8080")
    >>> client.run("hello_world", {"message": "Welcome"})
    {'greeting': 'Welcome'}
    """

    def __init__(
        self,
        server: str = "http://127.0.0.1:8080",
        *,
        token: Optional[str] = None,
        ca_file: Optional[str] = None,
        timeout: float = 30.0,
    ) -> None:
        self.connection = Connection(server, token, ca_file, timeout)

    # ---- submitting ----

    def submit(
        self,
        job_type: str,
        params: Optional[Mapping[str, Any]] = None,
        *,
        priority: Optional[int] = None,
        delay: Optional[Duration] = None,
        run_at: Optional[datetime] = None,
        tags: Iterable[str] = (),
        timeout: Optional[Duration] = None,
        idempotency_key: Optional[str] = None,
        wait: Optional[Duration] = None,
    ) -> Job:
        """Submits a job; it is on the server's disk when this returns. With `wait` it may be over by then.

        Without an `idempotency_key` of yours one is made up, so that a submission whose answer was lost can be made
        again without a second job.
        """
        query: Dict[str, Any] = {
            "priority": priority,
            "delay": seconds(delay),
            "run_at": _rfc3339(run_at),
            "tags": ",".join(tags) or None,
            "timeout": seconds(timeout),
            "wait": seconds(wait),
        }
        _, _, raw = self.connection.request(
            "POST",
            f"/api/v1/jobs/{quote(job_type)}",
            query=query,
            body=dict(params or {}),
            fields={"Idempotency-Key": idempotency_key or str(uuid.uuid4())},
            patience=_patience(wait),
            repeat=True,
        )
        return Job.of(raw)

    def run(
        self, job_type: str, params: Optional[Mapping[str, Any]] = None, *, wait: Optional[float] = None, **options: Any
    ) -> Any:
        """Submits a job, waits for its end and returns its result. Raises JobFailed for a job that did not complete, and
        TimeoutError after `wait` seconds."""
        until = None if wait is None else time.monotonic() + wait
        first = _LONGEST_WAIT if wait is None else min(wait, _LONGEST_WAIT)
        job = self.submit(job_type, params, wait=first, **options)
        if not job.is_over:
            job = self.wait(job.id, None if until is None else max(until - time.monotonic(), 0.0))
        if job.status not in ("completed", "completed_with_errors"):
            raise JobFailed(job)
        return self._value(job.result)

    def execute(
        self, task: str, params: Optional[Mapping[str, Any]] = None, *, wait: Optional[Duration] = None
    ) -> Mapping[str, Any]:
        """Runs one task by itself, as a job: ``{job_id, task_name, params, result, error}``."""
        _, _, raw = self.connection.request(
            "POST",
            f"/api/v1/tasks/{quote(task)}/$execute",
            query={"wait": seconds(wait)},
            body={"params": dict(params or {})},
            fields={"Idempotency-Key": str(uuid.uuid4())},
            patience=_patience(wait),
            repeat=True,
        )
        return raw

    # ---- looking ----

    def job(self, job_id: str) -> Job:
        return Job.of(self._get(f"/api/v1/jobs/{quote(job_id)}"))

    def wait(self, job_id: str, timeout: Optional[float] = None) -> Job:
        """The job when it is over. Raises TimeoutError if that takes longer than `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _LONGEST_WAIT if until is None else min(max(until - time.monotonic(), 0.0), _LONGEST_WAIT)
            job = Job.of(
                self._get(f"/api/v1/jobs/{quote(job_id)}", query={"wait": seconds(left)}, patience=left)
            )
            if job.is_over:
                return job
            if until is not None and time.monotonic() >= until:
                raise TimeoutError(f"job {job_id} is {job.status} after {timeout} s")

    def result(self, job_id: str) -> Any:
        """The result of a job that is over; Conflict while it runs. Large values are fetched."""
        return self._value(self._get(f"/api/v1/jobs/{quote(job_id)}/result"))

    def jobs(self, *, limit: Optional[int] = None, **filters: Any) -> Iterator[Job]:
        """Jobs, newest first; `status`, `type`, `tags`, `q`, `since` and `until` narrow them down."""
        for raw in self._pages("/api/v1/jobs", filters, limit):
            yield Job.of(raw)

    def tasks(
        self, job_id: str, *, stage: Optional[int] = None, status: Optional[str] = None,
        expand: Iterable[str] = (), limit: Optional[int] = None,
    ) -> Iterator[Mapping[str, Any]]:
        """The tasks of one stage, by index. `expand` may name params and result."""
        query = {"stage": stage, "status": status, "expand": ",".join(expand) or None}
        return self._pages(f"/api/v1/jobs/{quote(job_id)}/tasks", query, limit)

    def explain(self, job_id: str) -> List[Mapping[str, Any]]:
        """Why the job is not finished."""
        return self._get(f"/api/v1/jobs/{quote(job_id)}/explain")["reasons"]

    def events(self, job_id: str, *, after: int = 0) -> Iterator[Event]:
        """What has happened to the job since the event with the number `after`, and what happens from now on, to its
        end: without a gap and without a repeat, also when the connection is lost in between."""
        pause = 0.1
        while True:
            try:
                for event in self._events_until_lost(job_id, after):
                    after = event.seq
                    pause = 0.1
                    yield event
                    if event.name.startswith("job.") and event.name[4:] in _TERMINAL:
                        return
            except (Unreachable, Unavailable):
                pass
            time.sleep(pause)
            pause = min(pause * 2, 5.0)

    def _events_until_lost(self, job_id: str, after: int) -> Iterator[Event]:
        fields = {"Accept": "text/event-stream"}
        if after:
            fields["Last-Event-ID"] = str(after)
        # The server sends a heartbeat every 15 s.
        connection, response = self.connection.stream(
            "GET", f"/api/v1/jobs/{quote(job_id)}/events", fields=fields, timeout=60.0
        )
        said: Dict[str, str] = {}
        try:
            for line in read_lines(response):
                name, _, value = line.decode("utf-8").partition(":")
                if line and name:
                    said[name] = value[1:] if value.startswith(" ") else value
                elif not line and "data" in said:
                    yield Event(int(said.get("id", "0")), said.get("event", "message"), load(said["data"].encode()))
                    said = {}
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self.connection.server}: {error}") from error
        finally:
            connection.close()

    # ---- changing ----

    def cancel(self, job_id: str) -> Job:
        return self._act(job_id, "cancel")

    def pause(self, job_id: str) -> Job:
        return self._act(job_id, "pause")

    def resume(self, job_id: str) -> Job:
        return self._act(job_id, "resume")

    def retry(self, job_id: str) -> Job:
        """Runs again what did not complete."""
        return self._act(job_id, "retry")

    def signal(self, job_id: str, name: str, data: Any = None) -> Job:
        """Opens the gate of this name, now or when the job comes to it."""
        return self._act(job_id, "signal", {"name": name, "data": data})

    def delete(self, job_id: str) -> None:
        """Forgets a job that is over."""
        self.connection.request("DELETE", f"/api/v1/jobs/{quote(job_id)}")

    # ---- registries ----

    def job_types(self) -> List[Mapping[str, Any]]:
        return self._get("/api/v1/job-types")

    def task_types(self, tags: Iterable[str] = ()) -> List[Mapping[str, Any]]:
        return self._get("/api/v1/tasks", query={"tags": ",".join(tags) or None})

    def workers(self) -> List[Mapping[str, Any]]:
        return self._get("/api/v1/workers")["items"]

    # ---- large values ----

    def artifact(self, reference: Union[str, Mapping[str, Any]]) -> bytes:
        """The content of an artifact, by its id or by a reference to it."""
        name = reference if isinstance(reference, str) else reference["$artifact"]
        connection, response = self.connection.stream("GET", f"/api/v1/artifacts/{quote(name)}", timeout=60.0)
        try:
            return response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self.connection.server}: {error}") from error
        finally:
            connection.close()

    def upload(
        self, content: Union[bytes, Iterable[bytes]], media_type: str = "application/octet-stream"
    ) -> Dict[str, Any]:
        """Stores content as an artifact and returns the reference that stands for it. Needs the role `worker`. Pieces
        are sent as they come, so that nothing has to be in memory as a whole."""
        connection, response = self.connection.stream(
            "POST", "/api/v1/artifacts", body=content, fields={"Content-Type": media_type}, timeout=60.0
        )
        try:
            return load(response.read())
        finally:
            connection.close()

    def _value(self, value: Any) -> Any:
        """The value itself, where the server put a reference in its place."""
        if isinstance(value, Mapping) and len(value) == 4 and value.get("automatic") is True and "$artifact" in value:
            return load(self.artifact(value))
        return value

    # ---- underneath ----

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Any other request: ``client.request("GET", "/api/v1/schedules")``; returns what the body says."""
        return self.connection.request(method, path, **options)[2]

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _get(self, path: str, query: Optional[Mapping[str, Any]] = None, patience: float = 0.0) -> Any:
        return self.connection.request("GET", path, query=query, patience=patience)[2]

    def _act(self, job_id: str, verb: str, body: Any = None) -> Job:
        return Job.of(self.connection.request("POST", f"/api/v1/jobs/{quote(job_id)}/${verb}", body=body)[2])

    def _pages(self, path: str, query: Mapping[str, Any], limit: Optional[int]) -> Iterator[Mapping[str, Any]]:
        said = dict(query)
        told = 0
        while True:
            said["limit"] = 200 if limit is None else min(200, limit - told)
            if said["limit"] <= 0:
                return
            page = self._get(path, query=said)
            yield from page["items"]
            told += len(page["items"])
            if page["next_cursor"] is None:
                return
            said["cursor"] = page["next_cursor"]


def _patience(wait: Optional[Duration]) -> float:
    return 0.0 if wait is None else 60.0


def _rfc3339(time_: Optional[datetime]) -> Optional[str]:
    if time_ is None:
        return None
    if time_.tzinfo is None:
        raise CoreMachineError("run_at needs a time zone: datetime.now(timezone.utc) has one")
    return time_.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
