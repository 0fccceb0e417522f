#!/usr/bin/env python3
"""scale.py PROGRAM [--tasks N] [--repeat N] [--only TABLE]: the tables "Through Redis and PostgreSQL" of
docs/performance.md.

Starts a PostgreSQL (fsync on), a Redis, a server and workers in a temporary directory, all of them on this machine, and
measures how many durable tasks without an effect a second go through all of it, and how long a hello_world takes. Where
there is no PostgreSQL the store is SQLite, and without a Redis only workers over HTTP are measured.
"""
import argparse
import glob
import http.client
import json
import os
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("program")
arguments.add_argument("--tasks", type=int, default=100_000, help="of a stage (100000)")
arguments.add_argument("--repeat", type=int, default=3, help="of which the median is shown (3)")
arguments.add_argument("--samples", type=int, default=300, help="of hello_world (300)")
arguments.add_argument("--only", choices=["workers", "batches", "latency"])
arguments.add_argument("--store", choices=["postgres", "sqlite"])
arguments.add_argument("--way", choices=["redis", "http"])
arguments.add_argument("--folder", help="where the stores are; by default a temporary directory")
arguments.add_argument("--keep-logs", action="store_true")
asked = arguments.parse_args()
program = os.path.realpath(asked.program)
for name in [name for name in os.environ if name.startswith("COREMACHINE_")]:
    if name != "COREMACHINE_POSTGRES_BIN":
        del os.environ[name]
children = []


def start(command, **how):
    child = subprocess.Popen(command, **how)
    children.append(child)
    return child


def end(child, how=signal.SIGTERM):
    child.send_signal(how)
    status = child.wait()
    children.remove(child)
    return status


def until(is_so, what):
    by = time.monotonic() + 60
    while not is_so():
        if time.monotonic() > by:
            sys.exit(f"{what}: it took more than a minute")
        time.sleep(0.01)


class Postgres:
    """A cluster of its own, with a database for each server, and every commit on disk."""

    def __init__(self, folder):
        found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
        found.sort(key=lambda path: int(path.split("/")[-3]))
        self.programs = os.environ.get("COREMACHINE_POSTGRES_BIN") or (found and os.path.dirname(found[-1]))
        if not self.programs:
            raise FileNotFoundError("initdb")
        self.folder = os.path.join(folder, "postgres")
        os.mkdir(self.folder)
        self.who = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.log = open(os.path.join(folder, "postgres.log"), "w")
        subprocess.run([f"{self.programs}/initdb", "-A", "trust", "-U", "postgres", "--locale=C", "-E", "UTF8", "-D",
                        self.folder], check=True, stdout=self.log, stderr=self.log, cwd="/", **self.who)
        self.child = start([f"{self.programs}/postgres", "-D", self.folder, "-c", "listen_addresses=", "-c",
                            f"unix_socket_directories={self.folder}", "-c", "fsync=on", "-c", "synchronous_commit=on"],
                           stdout=self.log, stderr=self.log, cwd="/", **self.who)
        until(lambda: subprocess.run([f"{self.programs}/pg_isready", "-q", "-h", self.folder]).returncode == 0,
              "PostgreSQL")
        self.number = 0

    def url(self):
        self.number += 1
        name = f"bench{self.number}"
        subprocess.run([f"{self.programs}/createdb", "-h", self.folder, "-U", "postgres", name], check=True)
        return f"postgres://postgres@/{name}?host={self.folder}"


class Sqlite:
    def __init__(self, folder):
        self.folder = folder
        self.number = 0

    def url(self):
        self.number += 1
        return f"sqlite:{self.folder}/bench{self.number}.db"


class Redis:
    def __init__(self, folder):
        path = shutil.which("redis-server")
        if not path:
            raise FileNotFoundError("redis-server")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        start([path, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", folder,
               "--logfile", os.path.join(folder, "redis.log")], stdout=subprocess.DEVNULL)
        until(self.answers, "Redis")
        self.number = 0

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def url(self):
        self.number += 1
        return f"redis://127.0.0.1:{self.port}?prefix=bench{self.number}"


class World:
    """A server and workers, each a process of its own."""

    def __init__(self, store, redis, workers, batch=None, folder="."):
        queue = redis.url() if redis else None
        command = [program, "serve", "--listen", "127.0.0.1:0", "--store", store.url(), "--workers", "0",
                   "--log-level", "warn"]
        if batch:
            command += ["--lease-tasks", str(batch)]
        self.log = open(os.path.join(folder, "server.log"), "a")
        self.server = start(command + (["--queue", queue] if queue else []), stdout=subprocess.PIPE, stderr=self.log,
                            text=True)
        line = self.server.stdout.readline()
        if not line.startswith("listening on "):
            sys.exit(f"the server did not start: {open(self.log.name).read()}")
        self.address = line.split("//")[1].strip()
        self.line = http.client.HTTPConnection(self.address)
        to = ["--queue", queue, "--artifacts", f"http://{self.address}"] if queue else ["--server", f"http://{self.address}"]
        self.workers = [start([program, "worker", "--concurrency", "1", "--log-level", "warn"] + to, stderr=self.log)
                        for _ in range(workers)]
        until(lambda: len(self.ask("GET", "/api/v1/workers")["items"]) == workers, "the workers")

    def ask(self, method, path, body=None):
        self.line.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = self.line.getresponse()
        text = answer.read()
        if answer.status >= 300:
            sys.exit(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text)

    def fan_out(self, count):
        """Seconds from the submission until the result is known."""
        began = time.perf_counter()
        job = self.ask("POST", "/api/v1/jobs/fan_out?wait=60s", json.dumps({"count": count}))
        while job["status"] in ("queued", "running"):
            job = self.ask("GET", f"/api/v1/jobs/{job['job_id']}?wait=60s")
        took = time.perf_counter() - began
        stage = job["stages"][-1]
        if job["status"] != "completed" or stage["tasks"]["completed"] != count:
            sys.exit(f"a job went wrong: {json.dumps(job)}")
        return took

    def hello(self):
        began = time.perf_counter()
        job = self.ask("POST", "/api/v1/jobs/hello_world?wait=60s", "{}")
        took = time.perf_counter() - began
        if job["status"] != "completed":
            sys.exit(f"a job went wrong: {json.dumps(job)}")
        return took

    def close(self):
        self.line.close()
        for child in self.workers + [self.server]:
            if end(child) != 0:
                sys.exit("a process did not end well; see " + self.log.name)
        self.server.stdout.close()


def rate(world, count):
    world.fan_out(min(count, 10_000))  # by then it is known how long a task takes
    return count / statistics.median(world.fan_out(count) for _ in range(asked.repeat))


def latency(world):
    """Median seconds of a hello_world, and of one append of 4 KiB with an fdatasync; in turns, as disks have moods."""
    hellos, syncs = [], []
    file = os.open("sync", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in range(asked.samples + 20):
        hellos.append(world.hello())
        began = time.perf_counter()
        os.write(file, b"x" * 4096)
        os.fdatasync(file)
        syncs.append(time.perf_counter() - began)
    os.close(file)
    os.unlink("sync")
    return statistics.median(hellos[20:]), statistics.median(syncs[20:])


def tables(folder):
    ways = {}
    if asked.way != "http":
        try:
            ways["Redis"] = Redis(folder)
        except FileNotFoundError:
            print("there is no redis-server: workers over HTTP alone are measured", file=sys.stderr)
    if asked.way != "redis":
        ways["HTTP"] = None
    stores = {}
    if asked.store != "sqlite":
        try:
            stores["PostgreSQL"] = Postgres(folder)
        except FileNotFoundError:
            print("there is no PostgreSQL: the store is SQLite", file=sys.stderr)
    if asked.store != "postgres":
        stores["SQLite"] = Sqlite(folder)
    each = [(way, store) for way in ways for store in stores]

    def measured(way, store, workers, batch, what):
        world = World(stores[store], ways[way], workers, batch, folder)
        found = what(world)
        world.close()
        return found

    if asked.only in (None, "workers"):
        print(f"| tasks/s of a stage of {asked.tasks:,} | 1 worker | 2 | 4 |\n|---|---|---|---|", flush=True)
        for way, store in each:
            cells = [measured(way, store, n, None, lambda world: rate(world, asked.tasks)) for n in (1, 2, 4)]
            print(f"| {way}, {store} | " + " | ".join(f"{cell:,.0f}" for cell in cells) + " |", flush=True)
        print()
    if asked.only in (None, "batches"):
        sizes = (1, 8, 64, 512, 1024)
        print(f"| tasks/s, 2 workers, at most so many tasks in an entry | " + " | ".join(str(n) for n in sizes) + " |")
        print("|---|" + "---|" * len(sizes), flush=True)
        for way, store in each:
            cells = [measured(way, store, 2, n, lambda world: rate(world, min(asked.tasks, 2_000 * n))) for n in sizes]
            print(f"| {way}, {store} | " + " | ".join(f"{cell:,.0f}" for cell in cells) + " |", flush=True)
        print()
    if asked.only in (None, "latency"):
        print("| hello_world, submitted until its result is there, 2 workers | median | in appends with fdatasync |")
        print("|---|---|---|", flush=True)
        for way, store in each:
            took, sync = measured(way, store, 2, None, latency)
            print(f"| {way}, {store} | {took * 1000:.2f} ms | {took / sync:.1f} × {sync * 1000:.2f} ms |", flush=True)


def main():
    folder = tempfile.mkdtemp(prefix="coremachine-scale-", dir=asked.folder)
    os.chmod(folder, 0o711)
    os.chdir(folder)
    try:
        tables(folder)
    finally:
        for child in reversed(children[:]):
            end(child, signal.SIGINT)
        if not asked.keep_logs:
            os.chdir("/")
            shutil.rmtree(folder, ignore_errors=True)


main()
