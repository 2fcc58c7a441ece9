"""Many at once: pieces of work that begin at the same moment, each in a thread of its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from twooter.storage.database import Storage

T = TypeVar("T")


def at_once(storage: Storage | None, works: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """Return what each piece of work returned or raised, in their order; a storage's connections are closed."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T | Exception:
        gate.wait()
        try:
            return work()
        except Exception as ex:  # noqa: BLE001 - whatever went wrong is what the test asks for
            return ex
        finally:
            if storage is not None:
                storage.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
