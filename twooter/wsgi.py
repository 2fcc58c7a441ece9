"""The WSGI application gunicorn serves, and what starts and stops beside it."""

from __future__ import annotations

import threading

from twooter import logs, metrics
from twooter.api.app import create_app, create_doorway
from twooter.api.board import Board
from twooter.services.schemas import when_schema_is_ready
from twooter.settings import read_settings
from twooter.wiring import wire

settings = read_settings()
logs.configure(settings)
logs.counters.append(metrics.count_log)
services = wire(settings)
doorway = create_doorway(services)
app = create_app(services, doorway)
_stopping = threading.Event()


def start(board: Board) -> None:
    """Start the background jobs; the board says ready once the schema is known to be new enough."""
    doorway.board = board
    services.start()
    when_schema_is_ready(services.storage, _stopping, board.set_ready)


def stop() -> None:
    """Flush, give the node number back, close."""
    _stopping.set()
    services.stop()
