"""A slot of a periodic task runs once, whoever asks."""

import threading

from tests.houses import opened
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage.tables import ScheduleClaims

_LONG = 365 * 86_400


def test_the_second_claim_of_a_slot_is_refused(services: Services) -> None:
    assert services.schedules.claim("task", _LONG)
    assert not services.schedules.claim("task", _LONG)
    assert services.schedules.claim("another", _LONG)


def test_of_many_schedulers_at_once_one_runs(services: Services, settings: Settings) -> None:
    won = list[bool]()
    barrier = threading.Barrier(6)

    def claim() -> None:
        with opened(settings) as mine:
            barrier.wait()
            won.append(mine.schedules.claim("task", _LONG))

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 5 + [True]
    names = ScheduleClaims._meta.table_name
    assert services.storage.database.execute_sql(f"SELECT COUNT(*) FROM {names}").fetchone()[0] == 1  # noqa: S608 - our own name
