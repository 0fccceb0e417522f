import asyncio
import http.server
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from coremachine import Client, JobFailed, NotAllowed, Permanent, Retry, Worker
from coremachine.connection import dump, load

HERE = pathlib.Path(__file__).resolve().parent


def test_a_job_runs_on_handlers_in_python(remote: Client, run_worker) -> None:
    worker = Worker(remote, concurrency=4, name="snake")
    seen = {}

    @worker.task("plan")
    def plan(params):
        return {"count": params["count"]}

    @worker.task("echo")
    async def echo(params, context):
        await asyncio.sleep(0)
        seen[context.index] = (context.stage, context.attempt, context.idempotency_key, context.worker)
        return {"i": params["i"]}

    run_worker(worker)
    result = remote.run("fan_out", {"count": 50}, wait=60)
    assert result == {"count": 50, "succeeded": 50, "failed": 0, "sum": 1225}
    assert len(seen) == 50
    stage, attempt, key, name = seen[7]
    assert (stage, attempt, name) == (2, 1, "snake") and key.endswith("/7")
    assert "snake" in [each["name"] for each in remote.workers()]


def test_failures_are_tried_again_or_not(remote: Client, run_worker) -> None:
    worker = Worker(remote, concurrency=1)
    attempts = []

    @worker.task("greet")
    def greet(params, context):
        attempts.append((context.attempt, context.last_progress))
        context.heartbeat({"tries": len(attempts)})
        if params["message"] == "never":
            raise Permanent("it cannot be", type="Hopeless")
        if context.attempt == 1:
            raise Retry("not now", after=0.0)
        if context.attempt == 2:
            raise KeyError("thing")
        return {"output": params["message"]}

    run_worker(worker)
    assert remote.run("hello_world", {"message": "third"}, wait=60) == {"greeting": "third"}
    assert attempts == [(1, None), (2, {"tries": 1}), (3, {"tries": 2})]
    with pytest.raises(JobFailed) as failed:
        remote.run("hello_world", {"message": "never"}, wait=60)
    assert "it cannot be" in str(failed.value)
    assert len(attempts) == 4
    job = failed.value.job
    (task,) = remote.tasks(job.id)
    assert task["error"]["type"] == "Hopeless" or "it cannot be" in str(task["error"])


def test_what_json_cannot_say_is_no_result(remote: Client, run_worker) -> None:
    worker = Worker(remote, concurrency=1)
    results = iter([{"output": float("nan")}, {"output": object()}])
    worker.task("greet")(lambda params: next(results))
    run_worker(worker)
    for _ in range(2):
        with pytest.raises(JobFailed) as failed:
            remote.run("hello_world", wait=60)
        assert "not valid JSON" in str(failed.value)


def test_large_values_go_by_reference(start_server, run_worker) -> None:
    remote = Client(start_server("--store", "memory:", "--workers", "0", "--body-limit", "16777216").url)
    worker = Worker(remote, concurrency=2)
    lengths = []

    @worker.task("greet")
    def greet(params, context):
        lengths.append(len(params["message"]))
        stored = context.artifact([b"[1,", b"2]"], "application/json")
        assert load(context.client.artifact(stored)) == [1, 2]
        return {"output": params["message"]}

    run_worker(worker)
    message = "x" * 3_000_000
    assert remote.run("hello_world", {"message": message}, wait=60) == {"greeting": message}
    assert lengths == [3_000_000]
    (task,) = remote.tasks(next(remote.jobs()).id, expand=["params", "result"])
    assert "$artifact" in task["params"] and "$artifact" in task["result"]


def test_a_cancelled_job_tells_its_handlers(remote: Client, run_worker) -> None:
    worker = Worker(remote, concurrency=1)
    begun = threading.Event()
    told = threading.Event()

    @worker.task("greet")
    def greet(params, context):
        begun.set()
        while not context.sleep(0.02):
            pass
        told.set()
        return {"output": "late"}

    run_worker(worker)
    job = remote.submit("hello_world")
    assert begun.wait(60)
    remote.cancel(job.id)
    assert told.wait(60)
    assert remote.wait(job.id, timeout=60).status == "cancelled"


def test_a_server_that_restarts_loses_nothing(start_server, run_worker) -> None:
    server = start_server("--store", "sqlite:jobs.db", "--workers", "0", "--lease-term", "5s")
    client = Client(server.url)
    worker = Worker(server.url, concurrency=1)
    begun = threading.Event()
    go_on = threading.Event()
    calls = []

    @worker.task("greet")
    def greet(params):
        calls.append(params)
        begun.set()
        assert go_on.wait(60)
        return {"output": "after all"}

    run_worker(worker)
    job = client.submit("hello_world")
    assert begun.wait(60)
    server.kill()
    go_on.set()
    server.start()
    assert client.wait(job.id, timeout=60).result == {"greeting": "after all"}
    assert len(calls) == 1


STRANGE = [b"", b"<html>come in</html>", b"[]", b"{}", b"null", b'{"tasks": 5, "leases": null}', b'{"tasks": [7], "leases": [7]}',
           b'{"tasks": [{"lease": "1"}], "leases": [{"lease": "1"}]}', b'{"tasks": [', b'{"tasks": "\xff"}']


class StrangeServer(http.server.BaseHTTPRequestHandler):
    """Answers each call with one strange thing after the other, and then as a server does."""

    protocol_version = "HTTP/1.1"
    answered = {}
    outcomes = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        verb = self.path.rsplit("/", 1)[1]
        turn = self.answered.get(verb, 0)
        self.answered[verb] = turn + 1
        answer = STRANGE[turn] if turn < len(STRANGE) else self.sound(verb, load(body), turn == len(STRANGE))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def sound(self, verb, said, is_first):
        if verb == "$complete":
            self.outcomes.extend(said["outcomes"])
            return b'{"leases": [{"lease": "1", "state": "gone"}]}'
        if verb == "$heartbeat":
            return dump({"leases": [{"lease": lease, "state": "held"} for lease in said["leases"]]})
        if verb != "$poll" or not is_first:
            threading.Event().wait(0.05)
            return b'{"tasks": []}'
        # Its term is short, so that it is renewed again and again.
        task = {"lease": "1", "job_id": "j", "stage": 1, "round": 1, "index": 0, "attempt": 1, "task_type": "greet",
                "idempotency_key": "j/1/0", "params": {}, "timeout_ms": 0, "heartbeat_ms": 0, "term_ms": 30, "alone": False}
        return dump({"tasks": [task]})

    def log_message(self, *_) -> None:
        pass


def test_strange_answers_end_no_thread(run_worker, monkeypatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: 0.0)
    StrangeServer.answered, StrangeServer.outcomes = {}, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StrangeServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    worker = Worker(f"http://127.0.0.1:{server.server_port}", concurrency=1)
    renewed = threading.Event()

    @worker.task("greet")
    def greet(params, context):
        until = time.monotonic() + 60
        while StrangeServer.answered.get("$heartbeat", 0) <= len(STRANGE) + 1 and time.monotonic() < until:
            context.sleep(0.01)
        renewed.set()
        return {"output": "after all"}

    thread = run_worker(worker)
    until = time.monotonic() + 60
    while not StrangeServer.outcomes and time.monotonic() < until:
        time.sleep(0.01)
    assert renewed.is_set()
    assert [each["result"] for each in StrangeServer.outcomes] == [{"output": "after all"}]
    worker.drain()
    thread.join(60)
    server.shutdown()
    server.server_close()


def test_who_may_not_be_a_worker_is_told_so(start_server, tmp_path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("read-01234567890123 read\n")
    tokens.chmod(0o600)
    server = start_server("--store", "memory:", "--token-file", str(tokens))
    worker = Worker(server.url, token="read-01234567890123")
    worker.task("greet")(lambda params: None)
    with pytest.raises(NotAllowed, match="needs the role worker"):
        worker.run(signals=False)


def test_a_worker_needs_tasks_and_each_once() -> None:
    worker = Worker("http://127.0.0.1:1")
    with pytest.raises(ValueError):
        worker.run()
    worker.task("a")(lambda params: None)
    with pytest.raises(ValueError):
        worker.task("a")(lambda params: None)


def test_the_example_of_the_readme_runs_and_drains_on_sigterm(remote: Client, tmp_path) -> None:
    readme = (HERE.parent / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.S)
    worker_code = next(block for block in blocks if "worker.run()" in block)
    client_code = next(block for block in blocks if "client.run" in block)
    url = remote.connection.server
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent / "src"), "PYTHONUNBUFFERED": "1"}
    worker_file = tmp_path / "worker.py"
    worker_file.write_text(worker_code.replace("http://127.0.0.1:8080", url), encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(worker_file)], env=environment)
    try:
        client_file = tmp_path / "client.py"
        client_file.write_text(client_code.replace("http://127.0.0.1:8080", url), encoding="utf-8")
        said = subprocess.run(
            [sys.executable, str(client_file)], env=environment, capture_output=True, text=True, timeout=120, check=True
        )
        assert said.stdout.splitlines()[-1] == "{'greeting': 'WELCOME'}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
    assert remote.workers() == [] or all(each["kind"] == "local" for each in remote.workers())
