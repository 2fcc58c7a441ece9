"""A small parent process for a test server: whatever happens to the tests, the server and its folder go.

Run as `python supervisor.py OWNER_PID FOLDER COMMAND...`. It prints the server's process id, then waits. When the
owner ends (even by SIGKILL), or on SIGTERM, it stops the server's process group and removes the folder. When the
server ends by itself the folder stays, so that it can be read, or the server started again in it.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

GRACE_SECONDS = 10.0


def main(owner_pid: int, folder: Path, command: list[str]) -> None:
    """Start the command, print its process id, and watch over it until the owner is gone."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole terminal; the owner decides
    owner = os.pidfd_open(owner_pid)
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, process_group=0
        )
    print(server.pid, flush=True)
    try:
        _wait(owner, server)
    finally:
        _stop(server)
        shutil.rmtree(folder, ignore_errors=True)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _wait(owner: int, server: subprocess.Popen[bytes]) -> None:
    """Return when the owner has ended; on the way, take note of the server's end."""
    ended = os.pidfd_open(server.pid)
    poll = select.poll()
    poll.register(owner, select.POLLIN)
    poll.register(ended, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll()}
        if owner in ready:
            return
        server.wait()
        poll.unregister(ended)


def _stop(server: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGCONT)  # a frozen one could not obey
        os.killpg(server.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
