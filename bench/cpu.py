"""CPU time of the server processes and all their children, and who holds which connections."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Mapping
from pathlib import Path

import psutil


class Accounts:
    """Roots of process trees by name, whose CPU time is read as a whole."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)

    def read_ms(self) -> dict[str, float]:
        """Return CPU milliseconds used so far by name; ended children count through their parent."""
        return {name: sum(map(_tree_part_ms, _tree(pid))) for name, pid in self._roots.items()}

    def read_fine_ms(self) -> float:
        """Return CPU milliseconds of all running threads to the nanosecond, for work shorter than the clock's 10 ms."""
        pids = [pid for root in self._roots.values() for pid in _tree(root)]
        return sum(_scheduled_ns(pid) for pid in pids) / 1e6


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return what was used between two readings, by name."""
    return {name: after[name] - before[name] for name in after}


class Machine:
    """The whole machine's CPU time from now on."""

    def __init__(self) -> None:
        self._begun, self._busy_ms, self._own_ms = time.monotonic(), _busy_ms(), _own_ms()

    def others(self, known_ms: float) -> float:
        """Return the share (0..1) that went neither to this process and its ended children, nor to what is known."""
        capacity_ms = (time.monotonic() - self._begun) * 1000 * (psutil.cpu_count() or 1)
        others_ms = _busy_ms() - self._busy_ms - (_own_ms() - self._own_ms) - known_ms
        return max(0.0, others_ms / capacity_ms)


def connections_per_worker(root_pid: int, port: int) -> list[int]:
    """Return how many clients each child of a web server's parent holds, the least first."""
    counts = []
    for child in psutil.Process(root_pid).children():
        with contextlib.suppress(psutil.Error):
            held = [
                c for c in child.net_connections("tcp") if c.status == "ESTABLISHED" and c.laddr.port == port
            ]
            counts.append(len(held))
    return sorted(counts)


def rss_mib(root_pid: int) -> list[float]:
    """Return the resident memory of each child of a web server's parent."""
    return [child.memory_info().rss / 2**20 for child in psutil.Process(root_pid).children()]


def _busy_ms() -> float:
    times = psutil.cpu_times()
    return (times.user + times.nice + times.system + times.irq + times.softirq) * 1000.0


def _own_ms() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (time.process_time() + children.ru_utime + children.ru_stime) * 1000.0


def _tree(root: int) -> list[int]:
    with contextlib.suppress(psutil.Error):
        return [root, *(child.pid for child in psutil.Process(root).children(recursive=True))]
    return []


def _tree_part_ms(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) * 10.0  # utime, stime, and those of ended children, in 1/100 s
    return 0.0


def _scheduled_ns(pid: int) -> int:
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(task.read_text().split()[0])
    return total
