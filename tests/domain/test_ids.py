"""Ids: ordered by time, never twice, strict about what names one."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twooter.domain import ids
from twooter.domain.ids import EPOCH_MS, MAX_AHEAD_MS, MAX_ID, MAX_TIME_MS, SEQUENCES, Generator

TIMES = st.integers(EPOCH_MS, MAX_TIME_MS)
PARTS = st.tuples(TIMES, st.integers(0, 1023), st.integers(0, SEQUENCES - 1))


class Clock:
    """A clock that shows what it is told."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


@given(PARTS, PARTS)
def test_ids_are_ordered_as_their_parts_are(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    assert (ids.compose(*one) < ids.compose(*other)) == (one < other)


@given(PARTS)
def test_an_id_fits_63_bits_and_keeps_its_time(parts: tuple[int, int, int]) -> None:
    id_ = ids.compose(*parts)
    assert 0 <= id_ <= MAX_ID
    assert ids.time_ms(id_) == parts[0]
    assert ids.first_at(parts[0]) <= id_ < ids.first_at(parts[0]) + 2**22


@pytest.mark.parametrize(
    "parts",
    [
        (EPOCH_MS - 1, 0, 0),
        (MAX_TIME_MS + 1, 0, 0),
        (EPOCH_MS, 1024, 0),
        (EPOCH_MS, -1, 0),
        (EPOCH_MS, 0, 4096),
    ],
)
def test_parts_out_of_range_make_no_id(parts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="no id"):
        ids.compose(*parts)


def test_the_first_id_of_times_outside_is_clamped() -> None:
    assert ids.first_at(0) == 0
    assert ids.first_at(MAX_TIME_MS + 10**15) == ids.first_at(MAX_TIME_MS) <= MAX_ID


@given(st.integers(1, MAX_ID))
def test_an_id_is_read_back(id_: int) -> None:
    assert ids.parse(str(id_)) == id_


@pytest.mark.parametrize(
    "text",
    ["", "0", "01", "-1", "+1", " 1", "1 ", "1\n", "1_0", "1.0", "1e3", "٣", "１", "²", "0x10", "abc", "None", "1" * 20,
     str(MAX_ID + 1), str(2**64), str(2**70), "9" * 19, "9" * 5_000],
)  # fmt: skip
def test_what_is_no_id(text: str) -> None:
    assert ids.parse(text) is None


@given(st.text(max_size=25))
def test_only_the_one_spelling_of_a_number_is_an_id(text: str) -> None:
    id_ = ids.parse(text)
    assert id_ is None or str(id_) == text


@given(st.lists(st.integers(-5_000, 5_000), min_size=1, max_size=200))
def test_ids_grow_whatever_the_clock_does(steps: list[int]) -> None:
    clock = Clock(EPOCH_MS + 10**9)
    generator = Generator(7, clock)
    made = []
    for step in steps:
        clock.now_ms += step
        made.append(generator.make())
    assert made == sorted(set(made))


def test_a_clock_that_steps_back_does_not_stop_ids() -> None:
    clock = Clock(EPOCH_MS + 1_000)
    generator = Generator(0, clock)
    first = generator.make()
    clock.now_ms = EPOCH_MS
    assert ids.time_ms(generator.make()) == ids.time_ms(first)
    assert generator.last_ms == EPOCH_MS + 1_000


def test_a_used_up_millisecond_borrows_the_next() -> None:
    generator = Generator(0, Clock(EPOCH_MS))
    made = [generator.make() for _ in range(2 * SEQUENCES + 1)]
    assert len(set(made)) == len(made)
    assert [ids.time_ms(made[i]) - EPOCH_MS for i in (0, SEQUENCES - 1, SEQUENCES, 2 * SEQUENCES)] == [
        0,
        0,
        1,
        2,
    ]


@given(TIMES.filter(lambda t: t < MAX_TIME_MS))
def test_ids_come_after_the_former_holders(after_ms: int) -> None:
    assert ids.time_ms(Generator(3, Clock(EPOCH_MS), after_ms=after_ms).make()) > after_ms


def test_threads_never_get_the_same_id() -> None:
    generator = Generator(1, Clock(EPOCH_MS + 5))
    made: list[list[int]] = [[] for _ in range(8)]
    start = threading.Barrier(len(made))

    def run(mine: list[int]) -> None:
        start.wait()
        mine.extend(generator.make() for _ in range(2_000))

    threads = [threading.Thread(target=run, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = [id_ for mine in made for id_ in mine]
    assert len(set(together)) == len(together) == 16_000
    assert all(mine == sorted(mine) for mine in made)


@given(st.integers(-10_000, MAX_AHEAD_MS - 1), st.integers(0, SEQUENCES - 1), st.integers(0, 1023))
def test_an_id_is_above_what_it_is_about_though_that_was_made_by_a_clock_ahead(
    ahead_ms: int, sequence: int, node: int
) -> None:
    generator = Generator(7, Clock(EPOCH_MS + 20_000))
    first = generator.make()
    about = ids.compose(EPOCH_MS + 20_000 + ahead_ms, node, sequence)
    made = [generator.make(above=about), generator.make()]
    assert max(first, about) < made[0] < made[1]


def test_an_id_from_far_ahead_takes_nobody_along() -> None:
    now_ms = EPOCH_MS + 20_000
    generator = Generator(7, Clock(now_ms))
    for ahead_ms in (MAX_AHEAD_MS, 10**9):
        assert ids.time_ms(generator.make(above=ids.compose(now_ms + ahead_ms, 1, 0))) == now_ms
