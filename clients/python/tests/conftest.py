"""A real server for every test that wants one. COREMACHINE_PROGRAM says where the program is."""

import os
import pathlib
import subprocess
import threading
from typing import Callable, Iterator, List

import pytest

from coremachine import Client, Worker

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Server:
    """A `coremachine serve`, on a free port and then always on that one."""

    def __init__(self, program: str, folder: pathlib.Path, *arguments: str) -> None:
        self._command = [program, "serve", "--log-level", "warn", *arguments]
        self._folder = folder
        self._listen = "127.0.0.1:0"
        self.url = ""
        self.start()

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COREMACHINE_")}
        self.process = subprocess.Popen(
            [*self._command, "--listen", self._listen],
            cwd=self._folder, env={**environment, "HOME": str(self._folder)}, stdout=subprocess.PIPE, text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line
        self.url = line[len("listening on "):].strip()
        self._listen = self.url.split("//")[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)


@pytest.fixture(scope="session")
def program() -> str:
    found = os.environ.get("COREMACHINE_PROGRAM") or str(ROOT / "build" / "coremachine")
    if not os.access(found, os.X_OK):
        pytest.skip("COREMACHINE_PROGRAM names no program")
    return found


@pytest.fixture
def start_server(program: str, tmp_path: pathlib.Path) -> Iterator[Callable[..., Server]]:
    started: List[Server] = []

    def start(*arguments: str) -> Server:
        started.append(Server(program, tmp_path, *arguments))
        return started[-1]

    yield start
    for server in started:
        server.kill()


@pytest.fixture(scope="module")
def local(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a server that runs its tasks itself."""
    server = Server(program, tmp_path_factory.mktemp("server"), "--store", "memory:", "--workers", "2")
    yield Client(server.url)
    assert server.stop() == 0


@pytest.fixture
def remote(start_server: Callable[..., Server]) -> Client:
    """A client of a server that leaves its tasks to workers."""
    return Client(start_server("--store", "memory:", "--workers", "0", "--lease-term", "2s").url)


@pytest.fixture
def run_worker() -> Iterator[Callable[[Worker], threading.Thread]]:
    """Runs workers on threads, and drains them at the end."""
    running: List[Worker] = []
    threads: List[threading.Thread] = []

    def run(worker: Worker) -> threading.Thread:
        thread = threading.Thread(target=worker.run, kwargs={"signals": False}, daemon=True)
        running.append(worker)
        threads.append(thread)
        thread.start()
        return thread

    yield run
    for worker in running:
        worker.drain()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
