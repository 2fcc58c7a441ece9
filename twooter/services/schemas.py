"""The schema at start: a process takes no work before the database is new enough for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from twooter.errors import Unavailable
from twooter.logs import get_logger
from twooter.storage.database import Storage
from twooter.storage.migrations import pending

log = get_logger("schema")
_RETRY_SECONDS = 1.0


def await_schema(storage: Storage, stopping: threading.Event) -> bool:
    """Return True once no migration of this version is pending, False when stopped before.

    Asks once when all is well; else every second, for a migration may be running or the database coming up. A schema
    that is newer than this version is fine: migrations fit the version still running.
    """
    while not stopping.is_set():
        try:
            missing = pending(storage)
        except Unavailable:
            log.warning("schema_unknown", hint="the database does not answer")
        else:
            if not missing:
                return True
            log.error("schema_too_old", pending=missing, hint="run: python -m twooter migrate")
        stopping.wait(_RETRY_SECONDS)
    return False


def when_schema_is_ready(storage: Storage, stopping: threading.Event, then: Callable[[], None]) -> None:
    """Call `then` from a thread of its own once the schema is new enough."""

    def run() -> None:
        if await_schema(storage, stopping):
            then()
        storage.close()

    threading.Thread(target=run, name="schema", daemon=True).start()
