"""HTTP with one server: a connection for each thread, kept open between requests."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
import urllib.parse
from typing import Any, Dict, IO, Iterable, Mapping, Optional, Tuple, Union

from .errors import Conflict, InvalidParams, NotAllowed, NotFound, Problem, Unavailable, Unreachable

Body = Union[bytes, Iterable[bytes], None]
_LOST = (OSError, http.client.HTTPException)


class Connection:
    """Speaks with one server. Any thread may use it, and each has a connection of its own."""

    def __init__(
        self, server: str, token: Optional[str] = None, ca_file: Optional[str] = None, timeout: float = 30.0
    ) -> None:
        url = urllib.parse.urlsplit(server)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"{server!r} is no server: it should be http://HOST:PORT or https://HOST:PORT")
        self.server = server.rstrip("/")
        self._secure = url.scheme == "https"
        self._host: str = url.hostname
        self._port: int = url.port or (443 if self._secure else 80)
        self._prefix = url.path.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._tls = ssl.create_default_context(cafile=ca_file) if self._secure else None
        self._local = threading.local()

    def _open(self, timeout: float) -> http.client.HTTPConnection:
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout)

    def _fields(self, fields: Optional[Mapping[str, str]]) -> Dict[str, str]:
        all_fields = {"Accept": "application/json", "User-Agent": "coremachine-python/0.1.0"}
        if self._token:
            all_fields["Authorization"] = f"Bearer {self._token}"
        all_fields.update(fields or {})
        return all_fields

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Optional[Mapping[str, Any]] = None,
        body: Any = None,
        fields: Optional[Mapping[str, str]] = None,
        patience: float = 0.0,
        repeat: Optional[bool] = None,
        give_up_at: Optional[float] = None,
    ) -> Tuple[int, Mapping[str, str], Any]:
        """The status, the fields and the body of the answer. JSON goes out and comes back as values.

        A request that may be `repeat`ed is sent again when the connection is lost or the server asks for that, with
        growing pauses, for up to half a minute or until `give_up_at` (time.monotonic).
        """
        again = method in ("GET", "HEAD", "PUT", "DELETE") if repeat is None else repeat
        until = give_up_at if give_up_at is not None else time.monotonic() + 30.0
        pause = 0.1
        while True:
            try:
                return self._request(method, path, query, body, fields, patience)
            except (Unreachable, Unavailable) as error:
                if not again or time.monotonic() + pause > until:
                    raise
                asked = getattr(error, "retry_after", None)
                time.sleep(min(max(pause, asked or 0.0), max(until - time.monotonic(), 0.0)))
                pause = min(pause * 2, 5.0)

    def _request(
        self, method: str, path: str, query: Any, body: Any, fields: Any, patience: float
    ) -> Tuple[int, Mapping[str, str], Any]:
        data: Optional[bytes] = None
        headers = self._fields(fields)
        if body is not None:
            data = body if isinstance(body, bytes) else dump(body)
            headers.setdefault("Content-Type", "application/json")
        kept = getattr(self._local, "connection", None)
        for connection in ([kept] if kept is not None else []) + [None]:
            fresh = connection is None
            if connection is None:
                connection = self._open(self._timeout)
            try:
                if connection.sock is not None:
                    connection.sock.settimeout(self._timeout + patience)
                else:
                    connection.timeout = self._timeout
                    connection.connect()
                    connection.sock.settimeout(self._timeout + patience)
                connection.request(method, self._target(path, query), body=data, headers=headers)
                response = connection.getresponse()
                content = response.read()
            except _LOST as error:
                connection.close()
                self._local.connection = None
                # One that had been idle may have been closed meanwhile; then nothing was heard of this.
                closed_before = isinstance(error, (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError))
                if fresh or not closed_before:
                    raise Unreachable(f"{self.server}: {error}") from error
                continue
            self._local.connection = None if response.will_close else connection
            answered = {name.lower(): value for name, value in response.getheaders()}
            if response.status >= 400:
                raise problem_of(response.status, answered, content)
            return response.status, answered, _value_of(answered, content)
        raise AssertionError("unreachable code")

    def stream(
        self, method: str, path: str, *, fields: Optional[Mapping[str, str]] = None, body: Body = None, timeout: float
    ) -> Tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """An answer to be read as it comes, on a connection of its own, which the caller closes."""
        connection = self._open(timeout)
        try:
            connection.request(
                method, self._target(path, None), body=body, headers=self._fields(fields),
                encode_chunked=body is not None and not isinstance(body, bytes),
            )
            response = connection.getresponse()
        except _LOST as error:
            connection.close()
            raise Unreachable(f"{self.server}: {error}") from error
        if response.status >= 400:
            answered = {name.lower(): value for name, value in response.getheaders()}
            content = response.read()
            connection.close()
            raise problem_of(response.status, answered, content)
        return connection, response

    def close(self) -> None:
        """Closes the connection of this thread."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _target(self, path: str, query: Optional[Mapping[str, Any]]) -> str:
        said = {name: value for name, value in (query or {}).items() if value is not None}
        return self._prefix + path + ("?" + urllib.parse.urlencode(said) if said else "")


def dump(value: Any) -> bytes:
    """Strict JSON: no NaN, no infinities, no lone surrogates."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def load(content: bytes) -> Any:
    return json.loads(content.decode("utf-8"))


def seconds(duration: Union[float, int, str, None]) -> Optional[str]:
    """A duration for the server: numbers are seconds, texts like ``"5m"`` are passed on."""
    if duration is None or isinstance(duration, str):
        return duration
    return f"{round(duration * 1000)}ms"


def quote(segment: str) -> str:
    return urllib.parse.quote(segment, safe="$")


def problem_of(status: int, fields: Mapping[str, str], content: bytes) -> Problem:
    document: Dict[str, Any] = {}
    try:
        parsed = load(content)
        if isinstance(parsed, dict):
            document = parsed
    except ValueError:
        document = {"detail": content[:200].decode("utf-8", "replace")}
    kinds = {400: InvalidParams, 422: InvalidParams, 401: NotAllowed, 403: NotAllowed, 404: NotFound, 409: Conflict,
             429: Unavailable, 503: Unavailable}
    problem = kinds.get(status, Problem)(status, document)
    try:
        problem.retry_after = float(fields["retry-after"])
    except (KeyError, ValueError):
        pass
    return problem


def _value_of(fields: Mapping[str, str], content: bytes) -> Any:
    if "json" in fields.get("content-type", ""):
        return load(content) if content else None
    return content or None


def read_lines(stream: IO[bytes]) -> Iterable[bytes]:
    """Lines of a stream without their ends; stops where the stream does."""
    while True:
        line = stream.readline()
        if not line:
            return
        yield line.rstrip(b"\r\n")
