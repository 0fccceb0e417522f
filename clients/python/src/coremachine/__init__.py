"""Jobs and workers for a CoreMachine server, over HTTP, with nothing but the standard library.

>>> from coremachine import Client, Worker
"""

from .client import Client, Event, Job
from .errors import (
    Conflict,
    CoreMachineError,
    InvalidParams,
    JobFailed,
    NotAllowed,
    NotFound,
    Permanent,
    Problem,
    Retry,
    Unavailable,
    Unreachable,
)
from .worker import Context, Worker

__all__ = [
    "Client",
    "Conflict",
    "Context",
    "CoreMachineError",
    "Event",
    "InvalidParams",
    "Job",
    "JobFailed",
    "NotAllowed",
    "NotFound",
    "Permanent",
    "Problem",
    "Retry",
    "Unavailable",
    "Unreachable",
    "Worker",
]
__version__ = "0.1.0"
