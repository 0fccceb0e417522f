"""What the tests of several servers share: a PostgreSQL of their own, servers and workers as processes, and requests."""
import http.client
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
PATIENCE = 120  # seconds until something that should come true counts as never
OVER = {"completed", "completed_with_errors", "failed", "dead", "cancelled"}


class Checks:
    def __init__(self):
        self.count = 0
        self.failures = []

    def __call__(self, holds, what):
        self.count += 1
        if not holds:
            self.failures.append(what)
            print("FAILED:", what, flush=True)

    def end(self):
        print(f"{self.count} checks, {len(self.failures)} failed")
        sys.exit(1 if self.failures or self.count == 0 else 0)


check = Checks()


class NeverTrue(Exception):
    pass


def until(holds, what):
    """Looks again and again until `holds()` is true, and returns what it gave."""
    end = time.monotonic() + PATIENCE
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > end:
            raise NeverTrue(what)
        time.sleep(0.02)


def programs_of_postgres():
    said = os.environ.get("COREMACHINE_POSTGRES_BIN")
    if said:
        return pathlib.Path(said)
    found = [path.parent for path in pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


class Postgres:
    """A server in a temporary directory, reached by a socket in it. As root it runs as another user."""

    def __init__(self, folder):
        self.programs = programs_of_postgres()
        if not self.programs:
            print("SKIPPED: there is no PostgreSQL here: install it, or let COREMACHINE_POSTGRES_BIN say where initdb is")
            sys.exit(SKIPPED)
        self.data = folder / "data"
        self.log = open(folder / "postgres.log", "ab")
        self.data.mkdir()
        self.user = {}
        if os.geteuid() == 0:
            who = next(pwd.getpwnam(name) for name in ("postgres", "nobody") if has_user(name))
            os.chown(self.data, who.pw_uid, who.pw_gid)
            os.chmod(folder, 0o711)
            self.user = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
        self.run("initdb", "-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D", self.data)
        self.process = None
        self.start()

    def run(self, program, *arguments):
        subprocess.run([self.programs / program, *arguments], check=True, stdout=self.log, stderr=self.log, cwd="/",
                       **self.user)

    def start(self):
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", self.data, "-c", "listen_addresses=", "-c",
             f"unix_socket_directories={self.data}", "-c", "max_connections=80"],
            stdout=self.log, stderr=self.log, cwd="/", **self.user)
        until(self.answers, "PostgreSQL answers")

    def answers(self):
        return subprocess.run([self.programs / "pg_isready", "-q", "-h", self.data, "-U", "postgres"], cwd="/").returncode == 0

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        self.process.wait()

    def url(self):
        return f"postgres://postgres@/postgres?host={self.data}"

    def rows(self, sql):
        told = subprocess.run([self.programs / "psql", "-h", self.data, "-U", "postgres", "-qAtX", "-c", "SET search_path = coremachine",
                               "-c", sql, "postgres"], capture_output=True, text=True, cwd="/")
        if told.returncode != 0:
            raise RuntimeError(f"{sql}: {told.stderr}")
        return [line.split("|") for line in told.stdout.splitlines()]

    def one(self, sql):
        return self.rows(sql)[0][0]


def has_user(name):
    try:
        pwd.getpwnam(name)
        return True
    except KeyError:
        return False


class Answer:
    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields
        self.text = body.decode()

    @property
    def json(self):
        return json.loads(self.text)


class NoAnswer(Exception):
    pass


class Server:
    def __init__(self, cluster, name, *options, store=None):
        self.cluster = cluster
        self.name = name
        self.store = store or cluster.store
        self.folder = cluster.folder / name
        self.folder.mkdir(exist_ok=True)
        self.options = options
        self.log = self.folder / "server.log"
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.cluster.program, "serve", "--listen", "127.0.0.1:0", "--store", self.store, "--server-name",
                 self.name, "--server-term", self.cluster.term, "--lease-term", self.cluster.lease_term, *self.options],
                cwd=self.folder, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on http://"):
            raise RuntimeError(f"{self.name} does not start: {self.log.read_text()[-2000:]}")
        self.address = line.split("//")[1].strip()
        self.url = "http://" + self.address

    def ask(self, method, path, body=None, fields=None, timeout=90):
        """Throws NoAnswer where nobody answers."""
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"} | (fields or {}))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{self.name}: {method} {path}: {error!r}") from error
        finally:
            connection.close()

    def get(self, path):
        return self.ask("GET", "/api/v1" + path)

    def post(self, path, body=None):
        return self.ask("POST", "/api/v1" + path, body)

    def submit(self, job_type, **params):
        answer = self.post("/jobs/" + job_type, params)
        if answer.status != 202:
            raise RuntimeError(f"{self.name}: submitting {job_type}: {answer.status} {answer.text}")
        return answer.json["job_id"]

    def job(self, job):
        """Nothing where its server has just gone: another one will have it in a moment."""
        answer = self.get("/jobs/" + job)
        if answer.status == 503:
            return None
        check(answer.status == 200, f"{self.name}: {job}: {answer.status} {answer.text}")
        return answer.json

    def completed_tasks(self, job, stage=2):
        view = self.job(job)
        return sum(each["tasks"]["completed"] for each in view["stages"] if each["stage"] == stage) if view else 0

    def wait_for(self, job):
        """The job when it is over."""
        def over():
            answer = self.get(f"/jobs/{job}?wait=20s")
            check(answer.status in (200, 503), f"{self.name}: waiting for {job}: {answer.status} {answer.text}")
            return answer.status == 200 and answer.json["status"] in OVER and answer.json
        return until(over, f"{job} is over")

    def signal(self, which):
        self.process.send_signal(which)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def exit_code(self):
        return self.process.wait(timeout=PATIENCE)

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.exit_code()


class Cluster:
    """Servers on one store. A server that is not heard of for three fifths of the term is fenced."""
    term = "3s"
    lease_term = "3s"

    def __init__(self, program, modules):
        self.program = program
        self.modules = pathlib.Path(modules).resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="coremachine-servers-"))
        os.environ["HOME"] = str(self.folder)
        for name in [name for name in os.environ if name.startswith("COREMACHINE_") and not name.endswith("POSTGRES_BIN")]:
            del os.environ[name]
        self.processes = []
        self.postgres = Postgres(self.folder)
        self.store = self.postgres.url()

    def server(self, name, *options, store=None):
        server = Server(self, name, *options, store=store)
        self.processes.append(server)
        return server

    def worker(self, name, server, *options):
        log = open(self.folder / f"{name}.log", "ab")
        place = ["--server", server.url] if isinstance(server, Server) else ["--queue", server]
        worker = subprocess.Popen([self.program, "worker", *place, "--name", name, "--concurrency", "2", "--drain", "2s", "--grace", "1s",
                                   *options], cwd=self.folder, stdout=log, stderr=log)
        self.processes.append(worker)
        return worker

    def redis(self):
        """The URL of a queue in a Redis of our own; it ends with the cluster."""
        programs = [shutil.which(name) for name in ("redis-server", "redis-check-rdb")]
        if not any(programs):
            print("SKIPPED: there is no redis-server")
            sys.exit(SKIPPED)
        socket = self.folder / "redis.sock"
        log = open(self.folder / "redis.log", "ab")
        # Debian's redis-tools has the server under the name of another program.
        self.processes.append(subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(socket), "--dir", str(self.folder), "--save", "",
             "--appendonly", "no"], executable=next(filter(None, programs)), stdout=log, stderr=log))
        until(socket.exists, "Redis has its socket")
        return f"unix://{socket}?prefix=servers"

    def whole(self, server, job, count):
        """It completes, and of each task there is one outcome."""
        view = server.wait_for(job)
        check(view["status"] == "completed", f"{job} is {view['status']}: {view['error']}")
        if view["status"] != "completed":
            return
        result = view["result"]
        check(result["succeeded"] == count, f"{job}: {result}")
        check(result["sum"] == count * (count - 1) // 2, f"{job}: {result}")
        outcomes = self.postgres.rows(
            f"SELECT count(*), count(DISTINCT task), min(task), max(task) FROM task WHERE job = '{job}' AND round = 2")
        check(outcomes == [[str(count), str(count), "0", str(count - 1)]], f"{job}: outcomes {outcomes}")
        kinds = self.postgres.rows(f"SELECT DISTINCT kind FROM task_result WHERE job = '{job}'")
        # An attempt that a worker lost with its lease is no outcome.
        check({kind for kind, in kinds} <= {"completed", "lost"}, f"{job}: {kinds}")

    def owner_of(self, job):
        return self.postgres.one(f"SELECT s.name FROM job j JOIN server s ON s.incarnation = j.owner WHERE j.id = '{job}'")

    def end(self):
        for each in self.processes:
            process = each.process if isinstance(each, Server) else each
            if process.poll() is None:
                process.kill()
                process.wait()
        self.postgres.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def tell(self):
        for log in sorted(self.folder.rglob("*.log")):
            print(f"--- {log.relative_to(self.folder)}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-40:]))


def run(scenario, program, modules):
    cluster = Cluster(os.path.realpath(program), modules)
    try:
        scenario(cluster)
        if check.failures:
            cluster.tell()
    except BaseException:
        cluster.tell()
        raise
    finally:
        cluster.end()
    check.end()
