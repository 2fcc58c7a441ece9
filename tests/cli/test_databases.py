"""What commands that work on the data begin with."""

import threading

from tests.processes import wait_until
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
    ((until_ms,),) = rows

    def is_free() -> bool:
        return bool(services.storage.read(lambda tx: until_ms < tx.now_ms()))

    # a process's clock may be ahead of the database's by the time that its lease took: far less than a lease is long
    wait_until(is_free, seconds=20, what="the number's return")
    services.ids.release()
    services.storage.close()
