"""Made-up twoots in realistic shares, the same for the same seed: who wrote what, when, with which hashtags."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from twooter.domain import ids
from twooter.domain.events import TwootEvent
from twooter.domain.grammar import Hashtag, tag_key

START_MS = 1_136_073_600_000
"""2006-01-01T00:00:00Z."""
END_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: long ago enough that no minutes or hours of it are kept any more."""

TWOOTS_PER_ACCOUNT = 20
TWOOTS_PER_HASHTAG = 50
MIN_HASHTAGS = 1_000
"""So that reads by prefix find as many of them in a small data set as in a large one."""
REPLY_SHARE = 0.3
HASHTAG_COUNTS = (0.55, 0.25, 0.14, 0.06)
"""Shares of twoots with 0, 1, 2, 3 hashtags."""
ZIPF_EXPONENT = 1.05
_REPLIED_WITHIN = 200
"""Mean number of twoots between a twoot and a reply to it."""

_PROSE = (
    "morning coffee rain train window garden bread music late early river market bicycle letter winter summer "
    "quiet street neighbour kitchen paper green yellow again never always today found lost small old new café "
    "naïve über 今日 雨 🌧️ ☕ 👩‍🚀 жизнь город песня"
)
_WORDS = _PROSE.split()
_SUBJECTS = (
    "coffee rain music garden bread cycling books cats travel films football cooking running chess history poetry "
    "science weather trains design Café Жизнь 読書 猫 España"
)
_TAGS = _SUBJECTS.split()


@dataclass(frozen=True, slots=True)
class Dataset:
    """Columns of twoots in the order of their ids; accounts and hashtags by their number."""

    seed: int
    account_ids: array[int]
    hashtags: tuple[Hashtag, ...]
    hashtag_ids: array[int]
    twoot_ids: array[int]
    authors: array[int]
    parents: array[int]
    """Number of the twoot that is answered, or -1."""
    tags: list[tuple[int, ...]]

    def username(self, account: int) -> str:
        """Return the name of the account with this number."""
        return f"bench_{account}"

    def texts(self) -> Iterator[str]:
        """Yield each twoot's text, which names its hashtags."""
        random = Random(f"{self.seed} texts")
        for tags in self.tags:
            words = random.choices(_WORDS, k=random.randint(4, 22))
            words += [f"#{self.hashtags[tag].name}" for tag in tags]
            if random.random() < 0.1:
                words.append(f"@{self.username(random.randrange(len(self.account_ids)))}")
            yield " ".join(words)

    def events(self) -> Iterator[TwootEvent]:
        """Yield what each twoot means to the aggregates, oldest first."""
        for at, id_ in enumerate(self.twoot_ids):
            parent = self.parents[at]
            yield TwootEvent(
                1,
                self.account_ids[self.authors[at]],
                id_,
                ids.time_ms(id_),
                tuple(self.hashtag_ids[tag] for tag in self.tags[at]),
                None if parent < 0 else self.twoot_ids[parent],
                None if parent < 0 else self.account_ids[self.authors[parent]],
                1,
            )


def make(
    rows: int, *, seed: int = 1, accounts: int | None = None, start_ms: int = START_MS, end_ms: int = END_MS
) -> Dataset:
    """Return a data set of `rows` twoots, more of them in later years, a few accounts writing most."""
    random = Random(seed)
    if accounts is None:
        accounts = max(50, rows // TWOOTS_PER_ACCOUNT)
    hashtags = tuple(_hashtags(max(MIN_HASHTAGS, rows // TWOOTS_PER_HASHTAG)))
    twoot_ids = _ids(random, rows, start_ms, end_ms)
    authors = array("q")
    parents = array("q")
    for at in range(rows):
        registered = 50 + (accounts - 50) * at // rows
        authors.append(int(registered * random.random() ** 2))
        is_reply = at > 0 and random.random() < REPLY_SHARE
        parents.append(max(0, at - 1 - int(random.expovariate(1 / _REPLIED_WITHIN))) if is_reply else -1)
    return Dataset(
        seed,
        array("q", (_registered(k, accounts, start_ms, twoot_ids) for k in range(accounts))),
        hashtags,
        array("q", (ids.compose(start_ms + k, ids.IMPORT_NODE, 1) for k in range(len(hashtags)))),
        twoot_ids,
        authors,
        parents,
        _tags(random, rows, len(hashtags)),
    )


def _hashtags(count: int) -> Iterator[Hashtag]:
    for at in range(count):
        name = _TAGS[at % len(_TAGS)] + (str(at // len(_TAGS)) if at >= len(_TAGS) else "")
        yield Hashtag(tag_key(name), name)


def _ids(random: Random, rows: int, start_ms: int, end_ms: int) -> array[int]:
    """Return growing ids whose density grows with time."""
    made = array("q")
    last_ms, sequence = 0, 0
    for at in range(rows):
        time_ms = (
            start_ms
            + 86_400_000
            + int((end_ms - start_ms - 86_400_000) * math.sqrt((at + random.random()) / rows))
        )
        sequence = sequence + 1 if time_ms == last_ms else 0
        last_ms = time_ms
        made.append(ids.compose(time_ms, ids.IMPORT_NODE, sequence))
    return made


def _registered(account: int, accounts: int, start_ms: int, twoot_ids: array[int]) -> int:
    """Return an account's id: the first ones at the start, the others shortly before they may write."""
    if account < 50:
        return ids.compose(start_ms + account, ids.IMPORT_NODE, 0)
    rows = len(twoot_ids)
    first = min(rows - 1, -(-(account - 49) * rows // max(1, accounts - 50)))
    return ids.compose(
        ids.time_ms(twoot_ids[max(0, first - 1)]) - 1000 + account % 1000,
        ids.IMPORT_NODE,
        account % ids.SEQUENCES,
    )


def _tags(random: Random, rows: int, pool: int) -> list[tuple[int, ...]]:
    """Return each twoot's distinct hashtags, the popular ones by far more often (Zipf)."""
    weights = list(accumulate(1 / (rank**ZIPF_EXPONENT) for rank in range(1, pool + 1)))
    counts = random.choices(range(len(HASHTAG_COUNTS)), HASHTAG_COUNTS, k=rows)
    drawn = iter(random.choices(range(pool), cum_weights=weights, k=sum(counts)))
    return [tuple(dict.fromkeys(next(drawn) for _ in range(count))) for count in counts]
