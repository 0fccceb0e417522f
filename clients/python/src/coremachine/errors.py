"""What can go wrong, and what a task handler raises to say how its attempt failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Optional

if TYPE_CHECKING:
    from .client import Job


class CoreMachineError(Exception):
    """The base of all errors of this package."""


class Unreachable(CoreMachineError):
    """No answer: the server is not there, or the connection was lost. Nobody knows what it has heard."""


class Problem(CoreMachineError):
    """The server refused a request (RFC 9457)."""

    def __init__(self, status: int, document: Mapping[str, Any]) -> None:
        self.status = status
        self.code: str = str(document.get("code", ""))
        self.detail: str = str(document.get("detail", ""))
        self.request_id: str = str(document.get("request_id", ""))
        #: every fault: ``{"pointer": …, "detail": …}`` of a body, ``{"parameter": …, "detail": …}`` of a query
        self.errors: List[Mapping[str, Any]] = list(document.get("errors", []))
        self.retry_after: Optional[float] = None
        super().__init__(f"{status} {self.code}: {self.detail}" if self.code else f"{status} {self.detail}")


class NotFound(Problem):
    """404: no such job, job type, task or artifact."""


class Conflict(Problem):
    """409: the state of the job forbids it."""


class InvalidParams(Problem):
    """400 or 422: the request or its params are wrong; ``errors`` has every fault."""


class NotAllowed(Problem):
    """401 or 403: no token, a wrong one, or one with too low a role."""


class Unavailable(Problem):
    """429 or 503: come again later."""


class JobFailed(CoreMachineError):
    """A job that was waited for did not complete."""

    def __init__(self, job: "Job") -> None:
        self.job = job
        error = job.error or {}
        super().__init__(f"job {job.id} is {job.status}: {error.get('message', 'it has no error')}")


class Retry(Exception):
    """Raised by a task handler: this attempt failed, another may do better. Any other exception means the same, with
    the delay of the retry policy."""

    def __init__(self, message: str = "", *, after: Optional[float] = None, type: str = "error") -> None:
        super().__init__(message)
        self.after = after  #: seconds, in place of the policy's delay
        self.type = type


class Permanent(Exception):
    """Raised by a task handler: no further attempt would help."""

    def __init__(self, message: str = "", *, type: str = "error") -> None:
        super().__init__(message)
        self.type = type
