"""Imports: ids from the rows' own times, and aggregates that equal what was imported."""

import io
import random
from collections import Counter
from datetime import UTC, datetime
from functools import partial

import orjson
import pytest
from falcon.testing import TestClient

from tests.outbox import drain
from twooter.api.app import create_app
from twooter.domain import ids
from twooter.domain.pages import Page
from twooter.errors import Conflict
from twooter.services.house import Services
from twooter.storage import imports
from twooter.storage.imports import Position

TAGS = ["coffee", "night-life", "1337code", "日本", "Straße"]


def load(services: Services, *lines: str) -> int:
    return services.imports.load(io.BytesIO("\n".join(lines).encode()), lambda _: None).rows


def test_statistics_of_24_years_equal_a_plain_count(services: Services) -> None:
    chance = random.Random(7)
    rows = [
        (chance.choice(TAGS), datetime(year, chance.randint(1, 12), chance.randint(1, 28), tzinfo=UTC))
        for year in range(2000, 2024)
        for _ in range(25)
    ]
    chance.shuffle(rows)
    assert load(services, *(f"m{i},{tag},{when.isoformat()}" for i, (tag, when) in enumerate(rows))) == 600
    drain(services)
    client = TestClient(create_app(services))
    shown = orjson.loads(client.simulate_get("/management/message-stats").content)
    by_year_start = {
        year: (ids.first_at(ms(year)), ids.first_at(ms(year + 1)), str(year)) for year in range(2000, 2024)
    }
    counted = {
        name: dict(
            services.storage.database.execute_sql(
                f"SELECT given_tag, COUNT(*) FROM twoots WHERE id >= {low} AND id < {high} GROUP BY given_tag"  # noqa: S608 - two numbers of ours
            ).fetchall()
        )
        for low, high, name in by_year_start.values()
    }
    assert shown == counted
    expected = Counter((str(when.year), tag) for tag, when in rows)
    assert Counter({(year, tag): n for year, tags in shown.items() for tag, n in tags.items()}) == expected


def ms(year: int) -> int:
    return round(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)


def test_newest_first_by_id_is_newest_first_by_time(services: Services) -> None:
    days = random.Random(3).sample(range(1, 29), 28)
    load(services, *(f"day {day},tag,2005-02-{day:02d}" for day in days))
    shown = [card.twoot.text for card in services.timelines.public(Page(100)).items]
    assert shown == [f"day {day}" for day in range(28, 0, -1)]


def test_rows_of_one_millisecond_keep_their_order_and_run_over_into_the_next(services: Services) -> None:
    number = ids.SEQUENCES + 1_500
    assert load(services, *(f"{i},tag,2010-01-01" for i in range(number))) == number
    assert load(services, "later,tag,2010-01-01") == 1
    rows = services.storage.database.execute_sql("SELECT text, id FROM twoots ORDER BY id").fetchall()
    assert [text for text, _ in rows] == [*(str(i) for i in range(number)), "later"]
    start = ms(2010)
    assert Counter(ids.time_ms(id_) - start for _, id_ in rows) == {0: ids.SEQUENCES, 1: 1_501}


def test_a_full_millisecond_does_not_disturb_the_one_behind_it(services: Services) -> None:
    load(services, *(f"{i},tag,2010-01-01T00:00:00.001Z" for i in range(10)))
    load(services, *(f"{i},tag,2010-01-01T00:00:00Z" for i in range(ids.SEQUENCES + 5)))
    assert load(services, "a,tag,2010-01-01", "b,tag,2010-01-01T00:00:00.001Z") == 2
    count = services.storage.database.execute_sql(
        "SELECT COUNT(*), COUNT(DISTINCT id) FROM twoots"
    ).fetchone()
    assert tuple(count) == (ids.SEQUENCES + 17, ids.SEQUENCES + 17)


def test_an_empty_tag_means_the_hashtags_of_the_text(services: Services) -> None:
    load(services, "#One and #two,,2010-01-01", "#none of it,given tag,2011-01-01", "plain,,2012-01-01")
    drain(services)
    shown = [card.twoot for card in services.timelines.public(Page(10)).items]
    assert [twoot.tag for twoot in shown] == [None, "given tag", "One"]
    client = TestClient(create_app(services))
    assert client.simulate_get("/management/message-stats").json == {
        "2010": {"One": 1, "two": 1},
        "2011": {"given tag": 1},
    }


def test_spellings_share_a_hashtag_and_the_first_one_stays(services: Services) -> None:
    load(services, "a,Coffee,2010-01-01", "b,COFFEE ,2010-01-01", "c,coffee,2010-01-01")
    drain(services)
    client = TestClient(create_app(services))
    assert client.simulate_get("/management/message-stats").json == {"2010": {"Coffee": 3}}
    shown = client.simulate_get("/messages", params={"tag": "cOFFEE"}).json
    assert [message["tag"] for message in shown] == ["coffee", "COFFEE ", "Coffee"]


@pytest.mark.parametrize("file", ["", "\n\n", "message,tag,timestamp\n", "\ufeffMessage,Tag,Timestamp"])
def test_a_file_without_rows_is_fine(services: Services, file: str) -> None:
    assert load(services, file) == 0
    assert services.imports.load(io.BytesIO(file.encode()), lambda _: None).is_repeated


def test_two_imports_of_one_file_do_not_mix(services: Services) -> None:
    """Somebody else has moved the position after this import read it."""
    file = io.BytesIO(b"a,b,2010-01-01\n" * 2_500)

    def progress(_: int) -> None:
        for own in services.storage.read(lambda tx: imports.fetch(tx, ids.IMPORTED_ID)):
            if own.line == 1_000:
                there = Position(own.file_sha256, 1_001, "x")
                services.storage.transact(
                    partial(imports.move, account_id=ids.IMPORTED_ID, former=own, now=there)
                )

    with pytest.raises(Conflict, match="importing this file"):
        services.imports.load(file, progress)
    count = services.storage.database.execute_sql("SELECT COUNT(*) FROM twoots").fetchone()[0]
    assert count == 1_000


def test_progress_counts_every_byte(services: Services) -> None:
    file = b"a,b,2010-01-01\n" * 30
    seen: list[int] = []
    services.imports.load(io.BytesIO(file), seen.append)
    assert sum(seen) == len(file)
