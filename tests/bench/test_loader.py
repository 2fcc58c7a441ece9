"""The bulk loader writes what publishing and the workers would have written, aggregates included."""

from pathlib import Path

import pytest

from bench import bulk, dataset, loader
from tests.houses import opened
from twooter.domain import grammar
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft, check_draft
from twooter.settings import Settings

ROWS = 1_500


def test_the_same_seed_makes_the_same_data() -> None:
    first, second, other = (dataset.make(ROWS, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert list(first.texts()) == list(second.texts())
    assert first.twoot_ids != other.twoot_ids


def test_texts_are_twoots_with_exactly_their_hashtags() -> None:
    data = dataset.make(ROWS)
    for text, tags in zip(data.texts(), data.tags, strict=True):
        assert not check_draft(Draft(text))
        assert grammar.parse(text).hashtags == tuple(data.hashtags[tag] for tag in tags)


def test_ids_grow_and_accounts_are_there_before_they_write() -> None:
    data = dataset.make(ROWS)
    assert list(data.twoot_ids) == sorted(set(data.twoot_ids))
    assert all(
        data.account_ids[author] < id_ for author, id_ in zip(data.authors, data.twoot_ids, strict=True)
    )


@pytest.mark.parametrize("backend", ["mariadb"], indirect=True)
def test_a_loaded_database_has_no_drift(database_url: str, tmp_path: Path) -> None:
    loaded = loader.load(database_url, ROWS)
    with opened(Settings.model_validate({"database_url": database_url, "var_dir": tmp_path})) as services:
        report = services.audits.audit()
        assert report.complete
        assert not any(report.amounts.values()), report.amounts
        assert len(services.timelines.hashtag(loaded.hashtag, Page(20)).items) == 20
    with bulk.connected(database_url) as connection:
        assert bulk.value(connection, "SELECT COUNT(*) FROM twoots") == ROWS
