import pytest

from coremachine import Client, Conflict, Event, InvalidParams, JobFailed, NotAllowed, NotFound, Unreachable


def test_a_job_is_submitted_waited_for_and_told(local: Client) -> None:
    assert local.run("hello_world", {"message": "Welcome"}) == {"greeting": "Welcome"}
    job = local.submit("hello_world", {"message": "Hi"}, tags=["a", "b"], priority=5)
    assert not job.is_over or job.status == "completed"
    over = local.wait(job.id, timeout=60)
    assert over.status == "completed" and over.is_over
    assert over.params == {"message": "Hi"}
    assert over.result == local.result(job.id) == {"greeting": "Hi"}
    assert over.raw["tags"] == ["a", "b"] and over.raw["priority"] == 5
    assert over.error is None and len(over.stages) == 1
    assert job.id in [each.id for each in local.jobs(type="hello_world", limit=10)]
    assert local.explain(job.id) == []
    assert [task["status"] for task in local.tasks(job.id)] == ["completed"]


def test_pages_are_read_to_their_end(local: Client) -> None:
    job = local.submit("fan_out", {"count": 450}, wait="60s")
    assert job.status == "completed"
    assert [task["index"] for task in local.tasks(job.id, stage=2)] == list(range(450))
    assert len(list(local.tasks(job.id, stage=2, limit=250))) == 250


def test_events_come_without_a_gap_and_without_a_repeat(local: Client) -> None:
    job = local.submit("fan_out", {"count": 20}, wait="60s")
    events = list(local.events(job.id))
    assert [event.seq for event in events] == sorted({event.seq for event in events})
    assert events[0].name == "job.accepted" and events[-1].name == "job.completed"
    assert events[0].data["job_id"] == job.id
    assert list(local.events(job.id, after=events[0].seq)) == events[1:]


def test_events_go_on_after_a_lost_connection(local: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    job = local.submit("hello_world", wait="60s")
    whole = list(local.events(job.id))
    original = local._events_until_lost
    calls = []

    def lose(job_id: str, after: int):
        calls.append(after)
        for event in original(job_id, after):
            yield event
            if len(calls) < len(whole):
                raise Unreachable("lost")

    monkeypatch.setattr(local, "_events_until_lost", lose)
    assert list(local.events(job.id)) == whole
    assert calls == [0] + [event.seq for event in whole[:-1]]


def test_what_is_wrong_is_raised_by_its_kind(local: Client) -> None:
    with pytest.raises(NotFound) as unknown:
        local.submit("hello_wrld")
    assert unknown.value.status == 404 and "hello_world" in unknown.value.detail
    with pytest.raises(InvalidParams) as wrong:
        local.submit("fan_out", {"count": -1, "nope": 1})
    assert sorted(error["pointer"] for error in wrong.value.errors) == ["#/count", "#/nope"]
    job = local.submit("hello_world", delay="1h")
    with pytest.raises(Conflict):
        local.result(job.id)
    with pytest.raises(Conflict):
        local.delete(job.id)
    with pytest.raises(TimeoutError):
        local.wait(job.id, timeout=0.01)
    assert local.cancel(job.id).status == "cancelled"
    with pytest.raises(Conflict):
        local.cancel(job.id)
    local.delete(job.id)
    with pytest.raises(NotFound):
        local.job(job.id)
    with pytest.raises(JobFailed) as failed:
        local.run("fan_out", {"count": 1, "fail_percent": 100, "fail_attempts": 9, "max_attempts": 1})
    assert failed.value.job.status == "failed"
    with pytest.raises(Unreachable):
        Client("http://127.0.0.1:1").connection.request("GET", "/livez", repeat=False)
    with pytest.raises(ValueError):
        Client("nowhere")


def test_paused_resumed_retried_signalled(local: Client) -> None:
    job = local.submit("hello_world", delay="1h")
    assert local.pause(job.id).status == "paused"
    assert local.resume(job.id).status == "scheduled"
    assert local.signal(job.id, "go", {"a": 1}).id == job.id
    local.cancel(job.id)
    assert local.wait(local.retry(job.id).id, timeout=60).status == "completed"


def test_the_same_key_is_the_same_job(local: Client) -> None:
    first = local.submit("hello_world", idempotency_key="k1")
    assert local.submit("hello_world", idempotency_key="k1").id == first.id
    assert local.submit("hello_world").id != first.id


def test_one_task_by_itself(local: Client) -> None:
    done = local.execute("greet", {"message": "Hi"}, wait="60s")
    assert done["result"] == {"output": "Hi"} and done["error"] is None


def test_registries(local: Client) -> None:
    assert "hello_world" in [each["name"] for each in local.job_types()]
    assert {"greet", "echo"} <= {each["name"] for each in local.task_types(["builtin"])}
    assert local.request("GET", "/api/v1/limits")["next_cursor"] is None


def test_content_is_uploaded_in_pieces_and_comes_back(local: Client) -> None:
    pieces = [b"abc" * 1000, b"", b"x" * 3_000_000]
    reference = local.upload(iter(pieces), "text/plain")
    assert reference["size"] == sum(map(len, pieces)) and reference["media_type"] == "text/plain"
    assert local.artifact(reference) == b"".join(pieces)
    assert local.artifact(local.upload(b"whole")["$artifact"]) == b"whole"
    with pytest.raises(NotFound):
        local.artifact("sha256-" + "0" * 64)


def test_tokens(start_server, tmp_path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("read-01234567890123 read\nadmin-0123456789012 admin\n")
    tokens.chmod(0o600)
    server = start_server("--store", "memory:", "--token-file", str(tokens))
    with pytest.raises(NotAllowed):
        Client(server.url).submit("hello_world")
    with pytest.raises(NotAllowed) as low:
        Client(server.url, token="read-01234567890123").submit("hello_world")
    assert low.value.status == 403
    with Client(server.url, token="admin-0123456789012") as client:
        assert client.run("hello_world") == {"greeting": "Hello"}


def test_a_server_that_is_away_for_a_moment_is_waited_for(start_server) -> None:
    server = start_server("--store", "sqlite:jobs.db")
    client = Client(server.url)
    job = client.submit("hello_world", delay="1h")
    server.kill()
    server.start()
    assert client.job(job.id).status == "scheduled"


def test_an_event_is_what_it_says() -> None:
    assert Event(1, "job.accepted", {}) == Event(1, "job.accepted", {})
