"""A server process of a test's own: start, stop, freeze, thaw, kill and restart it on the same port."""

import contextlib
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

SUPERVISOR = Path(__file__).with_name("supervisor.py")
_PORTS = range(10_000, 30_000)
"""Below what the system gives to connections, and to services of Kubernetes."""
_MAX_CLAIMS = 256
"""More than are chosen while one test runs; a server that listens needs no claim."""
_claims: deque[socket.socket] = deque()


class ServerDidNotStart(Exception):
    """A server ended, or did not answer in time; the message holds the end of its log."""


def free_port() -> int:
    """Return a loopback port that nobody listens on now, and that nobody takes before its server does.

    Not one that the system would choose: it gives those to connections too, also while their server is away for a
    moment and to be back on them. Other processes that ask here see by a name in the kernel whose port it is.
    """
    while True:
        port = random.SystemRandom().choice(_PORTS)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0twooter-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        if len(_claims) > _MAX_CLAIMS:
            _claims.popleft().close()
        return port


def private_folder(name: str) -> Path:
    """Make a folder for one server; short, since a Unix socket's path has room for 107 bytes."""
    return Path(tempfile.mkdtemp(prefix=f"twooter-{name}-"))


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Return as soon as the condition holds.

    Raises:
        TimeoutError: it did not within that time.
    """
    deadline, pause = time.monotonic() + seconds, 0.01
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
        pause = min(0.1, pause * 1.5)  # asking costs the same two cores that are waited for


def end_supervisor(pid: int) -> None:
    """Tell a supervisor of this run to stop its server, and return when both are gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    signal.pidfd_send_signal(handle, signal.SIGTERM)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.poll(30_000)
    os.close(handle)


@dataclass
class Server:
    """One process group in one folder on one port; `answers` asks it whether it is ready."""

    name: str
    command: list[str]
    folder: Path
    port: int
    url: str
    answers: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    owner_pid: int = field(default_factory=os.getpid)
    ready_seconds: float = 60.0
    pid: int = 0
    _supervisor: subprocess.Popen[str] | None = None

    def start(self) -> "Server":
        """Start the process and return when it answers.

        Raises:
            ServerDidNotStart: it ended, or stayed silent; nothing of it is left running.
        """
        self._supervisor = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                str(SUPERVISOR),
                str(self.owner_pid),
                str(self.folder),
                *self.command,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **self.environment},
        )
        self.pid = _read_pid(self._supervisor.stdout, self.name)
        try:
            self._wait_ready()
        except (TimeoutError, ServerDidNotStart) as ex:
            log = self.log()[-4000:]
            self.stop()
            raise ServerDidNotStart(f"{self.name}: {ex}\n{log}") from ex
        return self

    def _wait_ready(self) -> None:
        def ready() -> bool:
            if not self.running():
                raise ServerDidNotStart("it ended at once")
            return self.answers()

        wait_until(ready, seconds=self.ready_seconds, what="an answer")

    def log(self) -> str:
        """Return what the server wrote so far."""
        path = self.folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def running(self) -> bool:
        """Tell whether the process exists (a frozen one does)."""
        with contextlib.suppress(OSError, IndexError):
            state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
            return state != "Z"
        return False

    def freeze(self) -> None:
        """Stop the process in its tracks: connections stay open, nobody answers (SIGSTOP)."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the process without a farewell (SIGKILL) and return when it is gone; its folder stays."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        wait_until(lambda: not self.running(), seconds=10, what=f"the end of {self.name}")

    def restart(self) -> None:
        """Kill it if it runs, and start it again: same folder, same port, same URL."""
        self.kill()
        self._release()
        self.start()

    def stop(self) -> None:
        """Stop the process and remove its folder; may be called again."""
        if self._supervisor is not None:
            self._supervisor.terminate()
            self._supervisor.wait(30)
            self._close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def leave_to_owner(self) -> int:
        """Part from a server that another process owns; return its supervisor, for `end_supervisor`."""
        if self._supervisor is None:
            raise ValueError(f"{self.name} was not started here")
        pid = self._supervisor.pid
        self._supervisor.returncode = 0  # nobody here waits for it: that is what the supervisor is for
        self._close()
        return pid

    def _release(self) -> None:
        """Part from the supervisor of a process that is dead already, keeping the folder."""
        if self._supervisor is not None:
            self._supervisor.kill()
            self._supervisor.wait(30)
            self._close()

    def _close(self) -> None:
        if self._supervisor is not None and self._supervisor.stdout is not None:
            self._supervisor.stdout.close()
        self._supervisor = None

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _read_pid(stream: IO[str] | None, name: str) -> int:
    line = stream.readline() if stream is not None else ""
    if not line.strip().isdigit():
        raise ServerDidNotStart(f"{name}: its supervisor ended at once")
    return int(line)
