"""What commands that work on the data begin with."""

import threading

from twooter.cli.databases import opened
from twooter.settings import Settings


def _background() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "background"]


def test_a_long_command_keeps_its_node_number_and_gives_it_back(settings: Settings) -> None:
    before = _background()
    with opened(settings) as services:
        services.ids.make()
        assert len(_background()) == len(before) + 1
    assert _background() == before
    rows = services.storage.database.execute_sql("SELECT until_ms FROM node_leases").fetchall()
    now_ms = services.storage.read(lambda tx: tx.now_ms())  # the clock that the lease was given back by
    assert [until_ms <= now_ms for (until_ms,) in rows] == [True]
    services.ids.release()
    services.storage.close()
