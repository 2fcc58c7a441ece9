"""Events: packed as short lists, read again also when a newer version has added something."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twooter.domain.events import (
    AccountEvent,
    DeletionEvent,
    Envelope,
    MailEvent,
    TwootEvent,
    appeared,
    cause_of,
    gone,
    pack,
    unpack,
)
from twooter.domain.twoots import Ref, Twoot

IDS = st.integers(0, 2**63 - 1)
SIGNS = st.sampled_from([1, -1])
EVENTS = st.one_of(
    st.builds(
        TwootEvent,
        SIGNS,
        IDS,
        IDS,
        IDS,
        st.lists(IDS).map(tuple),
        st.none() | IDS,
        st.none() | IDS,
        st.integers(1, 9),
    ),
    st.builds(AccountEvent, SIGNS, IDS, IDS),
    st.builds(MailEvent, st.sampled_from(["confirmation", "reset"]), IDS, st.none() | st.text()),
    st.builds(DeletionEvent, IDS),
)
ENVELOPES = st.builds(Envelope, EVENTS, IDS, st.none() | st.text(), st.none() | st.text())


@given(ENVELOPES)
def test_an_envelope_is_read_as_it_was_packed(envelope: Envelope) -> None:
    packed = pack(envelope)
    assert unpack([list(value) if isinstance(value, tuple) else value for value in packed]) == envelope
    assert packed[2] == envelope.event.kind


@pytest.mark.parametrize(
    "packed",
    [[], [1], [1, None], [1, None, "unknown"], [1, None, "twoot"], [1, None, "account", 1, 2], [1, None, []],
     [1, None, "deletion", 1, 2, 3], "text", 7, None, {"a": 1}, [1, None, "account", 1, 2, 3, 4]],
)  # fmt: skip
def test_what_is_no_event_is_an_error(packed: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(packed)


def test_a_trace_stands_beside_the_request_that_caused_it() -> None:
    """The version before takes what stands there for a request id; behind the fields it would refuse the event."""
    plain, traced = (
        Envelope(DeletionEvent(7), 1, "request"),
        Envelope(DeletionEvent(7), 1, "request", "00-a-b-01"),
    )
    assert pack(plain) == [1, "request", "deletion", 7]
    assert pack(traced) == [1, ["request", "00-a-b-01"], "deletion", 7]
    assert cause_of(pack(plain)) == ("request", None)
    assert cause_of(pack(traced)) == ("request", "00-a-b-01")


@pytest.mark.parametrize(
    "packed", [None, 1, "text", [], [1], [1, 2], [1, [2, 3]], [1, ["a"]], [1, {}, "deletion", 7]]
)
def test_what_is_no_event_has_no_cause(packed: Any) -> None:
    assert cause_of(packed) == (None, None)


def test_a_twoot_goes_as_it_came_in_a_newer_version() -> None:
    twoot = Twoot(id=1 << 22, author_id=7, text="yes", parent=Ref(5, 6))
    came, went = appeared(twoot, (1, 2)), gone(twoot, (1, 2))
    assert came == TwootEvent(1, 7, twoot.id, twoot.created_ms, (1, 2), 5, 6, 1)
    assert went == TwootEvent(-1, 7, twoot.id, twoot.created_ms, (1, 2), 5, 6, 2)
    assert appeared(Twoot(id=1, author_id=7, text="no"), ()).parent_id is None
