#!/usr/bin/env python3
"""servers.py PROGRAM MODULES SCENARIO: several servers on one store, which are killed, stopped and replaced. Ends with 77
where there is no PostgreSQL."""
import http.client
import json
import pathlib
import signal
import subprocess
import sys
import threading

from cluster import OVER, NoAnswer, check, run, until

TREE = pathlib.Path(__file__).resolve().parents[2]


def killed(cluster):
    """The owner of a job dies: another server goes on with it."""
    a, b = cluster.server("a", "--workers", "2"), cluster.server("b", "--workers", "2")
    failed = a.submit("fan_out", count=5, fail_percent=100, fail_attempts=3)
    check(a.wait_for(failed)["status"] == "failed", "a job that is over")
    job = a.submit("fan_out", count=3000, sleep_ms=2)
    check(cluster.owner_of(job) == "a", "the server that was asked has the job")
    until(lambda: b.completed_tasks(job) >= 300, "300 tasks are done")
    a.kill()
    cluster.whole(b, job, 3000)
    check(cluster.owner_of(job) == "b", "the other server has it now")
    check(b.post(f"/jobs/{failed}/$retry").status == 202, "what had ended there can be retried here")
    check(b.wait_for(failed)["status"] == "completed" and cluster.owner_of(failed) == "b", "and is this server's now")
    check("taking over 1 job" in b.log.read_text(), "and says so")
    recorded = b.get(f"/jobs/{job}/tasks?stage=2&status=completed&limit=200").json["items"]
    check(len(recorded) == 200 and len({task["index"] for task in recorded}) == 200, "tasks are listed once each")
    # It comes back under its name, and has nothing to do with what it had.
    a.start()
    check(a.job(job)["status"] == "completed", "whoever is asked knows it")
    cluster.whole(a, a.submit("fan_out", count=50), 50)
    check([a.stop(), b.stop()] == [0, 0], "they end well")


def raw(server, method, path, body=None, fields=None):
    """Bytes there and back."""
    connection = http.client.HTTPConnection(server.address, timeout=90)
    connection.request(method, "/api/v1" + path, body, {"Content-Type": "application/octet-stream"} | (fields or {}))
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def artifacts(cluster):
    """Large values are every server's: they survive the server that stored them."""
    options = ["--workers", "2", "--body-limit", "8000000", "--module", str(cluster.modules / "liblarge.so")]
    a, b = cluster.server("a", *options), cluster.server("b", *options)

    # Any server has what another one was given.
    content = bytes(i * i % 251 for i in range(3_500_000))
    status, told = raw(a, "POST", "/artifacts", content)
    check(status == 201, f"it is stored: {status} {told[:300]}")
    path = "/artifacts/" + json.loads(told)["$artifact"]
    check(raw(b, "GET", path) == (200, content), "the other server has it")
    check(raw(b, "GET", path, fields={"Range": "bytes=1048570-1048600"}) == (206, content[1048570:1048601]), "and parts of it")

    # The owner of a job with large params, results and an output is killed in the middle.
    count, filler = 400, "params " * 220_000
    job = a.submit("collect_large", count=count, filler=filler)
    until(lambda: b.completed_tasks(job, 1) >= 100, "100 tasks are done")
    a.kill()
    view = b.wait_for(job)
    check(view["status"] == "completed" and cluster.owner_of(job) == "b", f"the other server has ended it: {view['status']} {view['error']}")
    result = view["result"]
    check(result["sum"] == count * (count - 1) // 2 and result["filler"] == len(filler), f"{str(result)[:500]}")
    check(result["bytes"] == sum(1_500_000 + i for i in range(0, count, 40)), f"all large results are whole: {result['bytes']}")
    status, lines = raw(b, "GET", "/artifacts/" + result["lines"]["$artifact"])
    seen = [json.loads(line)["i"] for line in lines.decode().splitlines()]
    check(status == 200 and sorted(seen) == list(range(count)), f"each line is there once: {len(seen)} of {len(set(seen))}")
    params = b.get(f"/jobs/{job}").json["params"]
    check(json.loads(raw(b, "GET", "/artifacts/" + params["$artifact"])[1])["filler"] == filler, "its params are as they were")

    # A result that is large itself, asked of a server that came later; who stored it is gone.
    c = cluster.server("c", *options)
    job = b.submit("hello_world", message="x" * 2_000_000)
    b.wait_for(job)
    b.kill()
    view = c.wait_for(job)
    said = json.loads(raw(c, "GET", "/artifacts/" + view["result"]["$artifact"])[1])
    check(said == {"greeting": "x" * 2_000_000}, "a large result can be read")
    check(raw(c, "GET", path) == (200, content), "what was uploaded stays for a while, although the server that took it is gone")
    kept = cluster.postgres.one("SELECT count(*) FROM artifact_reference r WHERE NOT EXISTS (SELECT 1 FROM artifact WHERE id = r.artifact)")
    check(kept == "0", f"{kept} artifacts that jobs name are gone")

    # With its job it goes.
    named = view["result"]["$artifact"]
    check(c.ask("DELETE", f"/api/v1/jobs/{job}").status == 204, "the job is deleted")
    until(lambda: raw(c, "GET", "/artifacts/" + named)[0] == 404, "and its result with it")
    check(c.stop() == 0, "it ends well")
    check("collecting artifacts" not in c.log.read_text(), "and without a word about artifacts")
    told = subprocess.run([cluster.program, "db", "check", "--store", cluster.store, "-o", "json"], capture_output=True, text=True)
    check(json.loads(told.stdout)["sound"], f"{told}")


def poisoned(cluster):
    """A job ends each server that has it, until it counts as poison. The others come to their end."""
    options = ["--workers", "2", "--module", str(cluster.modules / "liblarge.so")]
    servers = [cluster.server(name, *options) for name in "abcdef"]
    innocent = servers[0].submit("fan_out", count=3000, sleep_ms=10)
    poison = servers[0].submit("end_process")

    def verdict():
        found = cluster.postgres.one(f"SELECT status FROM job WHERE id = '{poison}'")
        return found if found in OVER else None
    check(until(verdict, "the job is over") == "dead", "it is dead")
    left = [server for server in servers if server.process.poll() is None]
    check(len(left) == 1, f"five servers have died of it: {[server.process.poll() for server in servers]}")
    error = left[0].job(poison)["error"]
    check(error["code"] == "poison" and error["message"].startswith("5 servers in a row died"), f"{error}")
    cluster.whole(left[0], innocent, 3000)
    check(left[0].stop() == 0, "the last one ends well")


def stopped(cluster):
    """The owner of a job is stopped for longer than its term: it is fenced, and what it says later is not taken."""
    a, b = cluster.server("a", "--workers", "2"), cluster.server("b", "--workers", "2")
    job = a.submit("fan_out", count=1500, sleep_ms=2)
    until(lambda: b.completed_tasks(job) >= 100, "100 tasks are done")
    a.signal(signal.SIGSTOP)
    cluster.whole(b, job, 1500)
    a.signal(signal.SIGCONT)
    check(a.exit_code() == 1, f"a server that was fenced ends with {a.process.returncode}")
    check("taken over" in a.log.read_text(), "and says why")
    cluster.whole(b, job, 1500)
    check(b.process.poll() is None, "the other one goes on")
    a.start()
    cluster.whole(a, a.submit("fan_out", count=50), 50)
    # One whose port is taken leaves again, and nobody waits for it.
    told = subprocess.run([cluster.program, "serve", "--listen", b.address, "--store", cluster.store, "--server-name", "c"],
                          cwd=cluster.folder, capture_output=True, text=True)
    check(told.returncode == 4, f"a server whose port is taken ends with {told.returncode}: {told.stderr}")
    left = cluster.postgres.rows("SELECT fenced FROM server WHERE name = 'c'")
    check(left == [["t"]], f"and has left: {left}")
    cluster.whole(b, a.submit("fan_out", count=50), 50)


def rolling(cluster):
    """Servers are replaced one after another while jobs come in: no job that was accepted is lost."""
    servers = [cluster.server(name, "--workers", "2", "--drain-limit", "5s", "--grace", "2s") for name in "abc"]
    accepted, refused, ended = [], [], threading.Event()

    def submit_on_and_on(number):
        turn = number
        while not ended.is_set():
            turn += 1
            server = servers[turn % len(servers)]
            try:
                answer = server.post("/jobs/fan_out", {"count": 30, "sleep_ms": 5})
            except NoAnswer:
                continue  # the next one, as a load balancer would
            if answer.status == 202:
                accepted.append(answer.json["job_id"])
                server.get(f"/jobs/{accepted[-1]}?wait=200ms")
            elif answer.status != 503:
                refused.append(f"{answer.status} {answer.text}")

    def submitter(number):
        while not ended.is_set():
            try:
                submit_on_and_on(number)
            except NoAnswer:
                pass

    threads = [threading.Thread(target=submitter, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            for server in servers:
                so_far = len(accepted)
                until(lambda: len(accepted) > so_far + 10, "jobs come in")
                check(server.stop() == 0, f"{server.name} ends with {server.process.returncode}")
                server.start()
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    check(not refused, f"refused: {refused[:3]}")
    check(len(accepted) == len(set(accepted)) and len(accepted) > 60, f"{len(accepted)} jobs were accepted")
    for number, job in enumerate(accepted):
        result = servers[number % 3].wait_for(job)["result"]
        check(result == {"count": 30, "succeeded": 30, "failed": 0, "sum": 435}, f"{job}: {result}")
    outcomes = cluster.postgres.rows("SELECT DISTINCT count(*), count(DISTINCT task), min(kind), max(kind) FROM task "
                                     "WHERE round = 2 GROUP BY job")
    check(outcomes == [["30", "30", "completed", "completed"]], f"of each task there is one outcome: {outcomes}")
    jobs = cluster.postgres.rows("SELECT status, count(*) FROM job GROUP BY status")
    check(jobs == [["completed", str(len(accepted))]], f"{len(accepted)} were accepted, and there are {jobs}")


def events_of(server, job):
    text = server.get(f"/jobs/{job}/events").text
    return [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]


def no_place(cluster, server):
    """One that cannot listen ends, while the others ask it for what they ask all."""
    ended = threading.Event()

    def ask_all():
        while not ended.is_set():
            check(server.get("/workers").status == 200, "a list is put together without it")

    asking = threading.Thread(target=ask_all)
    asking.start()
    try:
        for _ in range(3):
            late = subprocess.run([cluster.program, "serve", "--listen", server.address, "--store", cluster.store,
                                   "--server-name", "late"], cwd=cluster.folder, capture_output=True, text=True)
            check(late.returncode == 4 and "another program listens there" in late.stderr, f"it says why: {late}")
    finally:
        ended.set()
        asking.join()


def requests(cluster):
    """Any server answers any request."""
    a = cluster.server("a", "--workers", "2")
    b = cluster.server("b", "--workers", "2")

    done = a.submit("fan_out", count=20)
    check(b.get(f"/jobs/{done}?wait=60s").json["status"] == "completed", "it is waited for")
    check(events_of(b, done)[0] == "job.accepted" and events_of(b, done)[-1] == "job.completed", "its events are told")

    job = a.submit("fan_out", count=100_000, sleep_ms=20)
    until(lambda: b.completed_tasks(job) > 0, "it runs")
    check(cluster.owner_of(job) == "a", "one of them has it")
    shown = b.get(f"/jobs/{job}").json
    check((shown["job_id"], shown["status"], shown["params"]["count"]) == (job, "running", 100_000), f"it is shown: {shown}")
    check(b.get(f"/jobs/{job}/result").status == 409, "it has no result yet")
    check(b.get(f"/jobs/{job}/tasks?stage=2&limit=5").json["items"][0]["task_type"] == "echo", "its tasks are listed")
    running = b.get(f"/jobs/{job}/tasks?stage=2&status=running").json["items"]
    check(running and running[0]["status"] == "running", "also those that run, which only its server knows")
    check(b.get(f"/jobs/{job}/explain").json["reasons"], "it is explained")
    cells = b.get(f"/jobs/{job}/heatmap?stage=2&cells=4").json["cells"]
    check(sum(each["tasks"]["running"] for each in cells) > 0, f"it has a heat map: {cells}")
    check(b.get(f"/jobs/{job}?wait=10ms").json["status"] == "running", "it is waited for, for a while")
    check(b.post(f"/jobs/{job}/$pause").json["status"] == "paused", "it is paused")
    check(b.post(f"/jobs/{job}/$pause").status == 202, "it is paused already")
    check(b.post(f"/jobs/{job}/$resume").status == 202, "and resumed")
    check(b.ask("DELETE", f"/api/v1/jobs/{job}").status == 409, "not deleted while it runs")
    told = []
    listener = threading.Thread(target=lambda: told.extend(events_of(b, job)))
    listener.start()
    check(b.post(f"/jobs/{job}/$cancel").status == 202, "it is cancelled")
    check(b.wait_for(job)["status"] == "cancelled", "until it is over")
    listener.join()
    check(told[-1] == "job.cancelled", f"who follows its events hears it: {told[-3:]}")
    check(b.post(f"/jobs/{job}/$cancel").status == 409, "it is over")

    failed = a.submit("fan_out", count=10, fail_percent=100, fail_attempts=3)
    check(b.wait_for(failed)["status"] == "failed", "a job that fails")
    check(b.post(f"/jobs/{failed}/$retry").json["attempt"] == 2, "is tried again")
    check(b.wait_for(failed)["status"] == "completed", "and completes")
    check(cluster.owner_of(failed) == "a", "where it was")
    check(b.ask("DELETE", f"/api/v1/jobs/{failed}").status == 204, "it is deleted")
    check(a.get(f"/jobs/{failed}").status == 404 and b.get(f"/jobs/{failed}").status == 404, "for both")

    twin = subprocess.run([cluster.program, "serve", "--listen", "127.0.0.1:0", "--store", cluster.store, "--server-name",
                           "b"], cwd=cluster.folder, capture_output=True, text=True)
    check(twin.returncode != 0 and "in use by another process" in twin.stderr, f"a name is one server's: {twin}")
    no_place(cluster, a)

    # What is to happen once does, whoever is asked.
    key = {"Idempotency-Key": "once"}
    answers = [server.ask("POST", "/api/v1/jobs/fan_out", {"count": 1}, key) for server in (b, a, b)]
    check([answer.status for answer in answers] == [202, 200, 200], "a key is taken once")
    check(len({answer.json["job_id"] for answer in answers}) == 1, "by one job")

    # What is of all of them.
    both = [server.submit("fan_out", count=100_000, sleep_ms=20) for server in (a, b)]
    for server in (a, b):
        until(lambda: [(each["name"], each["server"]) for each in server.get("/workers").json["items"]] ==
              [("local", "a"), ("local", "b")], "each lists the workers of both")
        until(lambda: {task["job_id"] for each in server.get("/workers").json["items"] for task in each["tasks"]} ==
              set(both), "each shows what runs on both")
        waiting = [stage["tasks"]["queued"] for job in both for stage in server.job(job)["stages"] if stage["stage"] == 2]
        check(len(waiting) == 2, f"both wait: {waiting}")
        until(lambda: server.get("/queues/echo").json["depth"] > max(waiting) + 1000, "and what waits on both")
        depths = [each["depth"] for each in server.get("/queues").json["items"] if each["name"] == "echo"]
        check(len(depths) == 1 and depths[0] > max(waiting) + 1000, f"{depths}")
    check(a.ask("PUT", "/api/v1/limits/echo", {"max_concurrency": 1}).status == 200, "a limit is set")
    check(b.get("/limits").json == a.get("/limits").json, "for both")
    counts = b.post("/jobs/$cancel", {"filter": {"type": "fan_out"}}).json
    check(counts["changed"] == 2, f"all are cancelled: {counts}")
    check([b.wait_for(job)["status"] for job in both] == ["cancelled"] * 2, "and over")


def versions(cluster):
    """A job of a type that only one server has waits for that one."""
    module = str(cluster.modules / "libwords.so")
    a = cluster.server("a", "--workers", "2")
    b = cluster.server("b", "--workers", "0", "--module", module)
    job = b.submit("count_words", texts=["one two", "three"])
    other = b.submit("fan_out", count=10)
    b.kill()
    cluster.whole(a, other, 10)
    view = a.job(job)
    check(view["status"] in ("queued", "running"), f"it waits: {view['status']}")
    explained = a.get(f"/jobs/{job}/explain")
    check(explained.status == 200, f"{explained.status} {explained.text}")
    reasons = explained.json["reasons"]
    check([each["code"] for each in reasons] == ["no_worker"], f"{reasons}")
    check("count_words" in json.dumps(reasons) and "server" in json.dumps(reasons), f"{reasons}")
    refused = a.post(f"/jobs/{job}/$pause")
    check(refused.status == 503 and "count_words" in refused.text, f"nobody can pause it: {refused.status} {refused.text}")
    c = cluster.server("c", "--workers", "2", "--module", module)
    check(a.wait_for(job)["result"] == {"count": 3}, "another server with that type goes on with it")
    check(cluster.owner_of(job) == "c", "and has it")


def database(cluster):
    """PostgreSQL is away for longer than a term: no server takes another one for dead because of it."""
    a, b = cluster.server("a", "--workers", "2"), cluster.server("b", "--workers", "2")
    jobs = [server.submit("fan_out", count=2000, sleep_ms=2) for server in (a, b)]
    until(lambda: all(b.completed_tasks(job) >= 100 for job in jobs), "both run")
    cluster.postgres.stop(signal.SIGQUIT)
    for server in (a, b):
        until(lambda: "does not answer" in server.log.read_text(), f"{server.name} has noticed")
    gone_for = threading.Event()
    gone_for.wait(4)  # more than a term: it is the time itself that matters here
    cluster.postgres.start()
    for job in jobs:
        cluster.whole(b, job, 2000)
    check(a.process.poll() is None and b.process.poll() is None, "both live")
    check([cluster.owner_of(job) for job in jobs] == ["a", "b"], "each has what it had")


def take(server, types, worker="hands", wait="20s"):
    body = {"worker": worker, "task_types": types, "concurrency": 1, "max_tasks": 1, "wait": wait}
    answer = server.post("/workers/$poll", body)
    check(answer.status == 200, f"{answer.status} {answer.text}")
    return answer.json["tasks"]


def completion(task, result):
    return {"lease": task["lease"], "index": task["index"], "attempt": task["attempt"], "status": "completed",
            "result": result}


def workers(cluster):
    """A worker may talk to any server, and to another one each time."""
    a = cluster.server("a", "--workers", "0")
    b = cluster.server("b", "--workers", "0")

    # What one server handed out may be said to the other.
    job = a.submit("hello_world", message="Welcome")
    task, = take(b, ["greet"])
    check(task["job_id"] == job, "a server without work hands out what another one has")
    beat = {"worker": "hands", "task_types": ["greet"], "leases": [task["lease"]]}
    for server in (a, b):
        check(server.post("/workers/$heartbeat", beat).json["leases"] == [{"lease": task["lease"], "state": "held"}],
              "any server renews a lease")
        shown = server.get("/workers").json["items"]
        check([each["name"] for each in shown] == ["hands"] and len(shown[0]["tasks"]) == 1, f"the worker is listed: {shown}")
    said = b.post("/workers/$complete", {"worker": "hands", "outcomes": [completion(task, {"output": 1.10})]})
    check(said.json["leases"] == [{"lease": task["lease"], "state": "gone"}], f"{said.text}")
    check(a.wait_for(job)["result"] == {"greeting": 1.1}, "a result that was said to the other server counts")
    again = b.post("/workers/$complete", {"worker": "hands", "outcomes": [completion(task, {"output": 2})]})
    check(again.json["leases"][0]["state"] == "gone", "to say it again does no harm")

    # Outcomes of several servers in one report.
    jobs = [server.submit("hello_world", message=server.name) for server in (a, b)]
    tasks = take(a, ["greet"]) + take(b, ["greet"])
    check({each["job_id"] for each in tasks} == set(jobs), "tasks of both")
    said = a.post("/workers/$complete", {"worker": "hands", "outcomes": [completion(each, {"output": 0}) for each in tasks]})
    check([each["state"] for each in said.json["leases"]] == ["gone", "gone"], f"{said.text}")
    check(all(b.wait_for(job)["status"] == "completed" for job in jobs), "both are done")

    # The one that handed it out dies: its lease goes to the other, and the result counts there.
    job = b.submit("hello_world", message="late")
    task, = take(b, ["greet"])
    b.kill()
    report = {"worker": "hands", "outcomes": [completion(task, {"output": "late"})]}

    def taken():
        answer = a.post("/workers/$complete", report)
        check(answer.status in (200, 503), f"{answer.status} {answer.text}")
        return answer.status == 200 and answer.json
    check(until(taken, "the result is taken")["leases"][0]["state"] == "gone", "by the one that has the job now")
    view = a.wait_for(job)
    check(view["result"] == {"greeting": "late"}, f"{view}")
    attempts = cluster.postgres.rows(f"SELECT attempt FROM task WHERE job = '{job}'")
    check(attempts == [["1"]], f"the task ran once: {attempts}")
    b.start()

    # Nobody keeps what a worker that has left was to get.
    check(a.post("/workers/$leave", {"worker": "hands"}).status == 204, "it leaves")
    until(lambda: not [each for server in (a, b) for each in server.get("/workers").json["items"]], "all servers hear it")

    # Worker processes, each with a server of its own, and all the jobs on one of them.
    first = cluster.worker("first", a)
    cluster.worker("second", b)
    for server in (a, b):
        until(lambda: {each["name"] for each in server.get("/workers").json["items"]} == {"first", "second"}, "listed")
    job = a.submit("fan_out", count=2000, sleep_ms=2)
    until(lambda: b.completed_tasks(job) >= 100, "it runs")
    names = until(lambda: (lambda found: len(found) == 2 and found)(
        [row[0] for row in cluster.postgres.rows(
            f"SELECT DISTINCT worker FROM task_result WHERE job = '{job}' AND worker <> ''")]), "both workers run its tasks")
    check(sorted(names) == ["first", "second"], f"{names}")
    # The server of the job dies. The worker that talked to it waits; the other one goes on.
    a.kill()
    cluster.whole(b, job, 2000)
    first.send_signal(signal.SIGTERM)
    check(first.wait() == 0, "a worker whose server is gone can be drained")


def queue(cluster):
    """Servers and workers with a Redis between them: a server dies, and its tasks do not."""
    url = cluster.redis()
    a, b = (cluster.server(name, "--workers", "0", "--queue", url) for name in "ab")
    hands = [cluster.worker(name, url) for name in ("first", "second")]
    for server in (a, b):
        until(lambda: {each["name"] for each in server.get("/workers").json["items"]} == {"first", "second"}, "listed")
    jobs = [server.submit("fan_out", count=1000, sleep_ms=4) for server in (a, b)]
    until(lambda: all(b.completed_tasks(job) >= 50 for job in jobs), "both run")
    a.kill()
    for job in jobs:
        cluster.whole(b, job, 1000)
    check([cluster.owner_of(job) for job in jobs] == ["b", "b"], "the server that is left has both")
    for each in hands:
        each.send_signal(signal.SIGTERM)
    check([each.wait() for each in hands] == [0, 0], "workers drain")


def takeover(cluster):
    """A server dies, and it takes long until another one has its jobs: longer than Redis remembers it. What workers have
    and do meanwhile is theirs, and counts."""
    cluster.term, cluster.lease_term = "25s", "10s"
    url = cluster.redis()
    a, b = (cluster.server(name, "--workers", "0", "--queue", url) for name in "ab")
    for name in ("first", "second"):
        cluster.worker(name, url)
    job = a.submit("fan_out", count=8, sleep_ms=3000)

    def taken():
        return [task for each in b.get("/workers").json["items"] for task in each["tasks"] if task["task_type"] == "echo"]
    until(lambda: len(taken()) >= 4, "both have as much as they can do")
    a.kill()
    cluster.whole(b, job, 8)
    check(cluster.owner_of(job) == "b", "the server that is left has it")
    made = cluster.postgres.rows(f"SELECT kind, max(attempt) FROM task WHERE job = '{job}' GROUP BY kind")
    check(made == [["completed", "1"]], f"each task ran once: {made}")


def moving(cluster):
    """A server on SQLite is emptied while new jobs go to servers on PostgreSQL."""
    old = cluster.server("old", "--workers", "1", "--body-limit", "8000000", store="sqlite:old.db")
    a, b = cluster.server("a"), cluster.server("b")
    large = old.wait_for(old.submit("hello_world", message="x" * 2_000_000))
    check(old.ask("PUT", "/api/v1/limits/echo", {"max_concurrency": 3, "rate": 1000}).status == 200, "a limit")
    check(old.ask("PUT", "/api/v1/limits/greet", {"paused": True}).status == 200, "a pause")
    plans = {"nightly": {"job_type": "hello_world", "cron": "0 3 * * *", "time_zone": "Europe/Berlin"},
             "often": {"job_type": "fan_out", "params": {"count": 3}, "every": "1h", "tags": ["x"], "paused": True}}
    for name, plan in plans.items():
        check(old.ask("PUT", "/api/v1/schedules/" + name, plan).status == 201, f"the schedule {name}")
    job = old.submit("fan_out", count=200, sleep_ms=2)
    copy = [sys.executable, "-B", str(TREE / "deploy/copy-settings.py"), old.url, b.url]
    for schedules in (2, 0):
        told = subprocess.run(copy, capture_output=True, text=True)
        check((told.returncode, told.stdout) == (0, f"2 limits and {schedules} schedules\n"), f"{told}")
    check(a.get("/limits").json == old.get("/limits").json, f"{a.get('/limits').text}")
    for name in plans:
        was, now = old.get("/schedules/" + name).json, a.get("/schedules/" + name).json
        for key in ("job_type", "params", "cron", "time_zone", "every", "tags"):
            check(was.get(key) == now.get(key), f"{name}: {key}: {was.get(key)}, {now.get(key)}")
    check([old.get("/schedules/" + name).json["paused"] for name in plans] == [True, True], "the old one fires no more")
    check([a.get("/schedules/" + name).json["paused"] for name in plans] == [False, True], "the new one does")
    view = old.wait_for(job)
    check(view["result"]["succeeded"] == 200, "what it had it ends")
    check(old.stop() == 0, "then it can go")
    told = subprocess.run([cluster.program, "db", "stats", "--store", "sqlite:old.db", "-o", "json"], cwd=old.folder,
                          capture_output=True, text=True)
    check(json.loads(told.stdout)["unfinished_jobs"] == 0, f"{told}")
    check(raw(a, "GET", "/artifacts/" + large["result"]["$artifact"])[0] == 404, "large values stay with their jobs")
    old.start()
    said = raw(old, "GET", "/artifacts/" + old.job(large["job_id"])["result"]["$artifact"])
    check(said[0] == 200 and json.loads(said[1]) == {"greeting": "x" * 2_000_000}, "where they can be read")
    for what in (["http://127.0.0.1:1"], [b.url + "/nowhere"]):
        told = subprocess.run([*copy[:3], *what, a.url], capture_output=True, text=True)
        check(told.returncode == 1 and what[0].rstrip("/") in told.stderr, f"it says what is wrong: {told}")


SCENARIOS = {each.__name__: each for each in (killed, artifacts, poisoned, stopped, rolling, requests, versions, database, moving, queue, takeover,
                                           workers)}

if __name__ == "__main__":
    run(SCENARIOS[sys.argv[3]], sys.argv[1], sys.argv[2])
