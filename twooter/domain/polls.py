"""Polls: what a twoot may ask, what one may vote, and who sees how a poll stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from twooter.domain import text
from twooter.domain.windows import DAY_MS
from twooter.errors import FieldError

MIN_OPTIONS, MAX_OPTIONS = 2, 4
MAX_OPTION = 50
MAX_OPEN_MS = 31 * DAY_MS
"""From its twoot on, a poll can be voted in for as long as that."""


@dataclass(frozen=True, slots=True)
class Poll:
    """What is asked, of whom one (or `multiple`) options may be chosen, and until when."""

    options: tuple[str, ...]
    multiple: bool
    ends_ms: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a poll stands, as somebody sees it: how many voted, and for each option; a voter of several counts once.

    `choices` are the viewer's, by the options' places; None where nobody in particular looks, or the viewer has not
    voted.
    """

    poll: Poll
    voters: int = 0
    votes: tuple[int, ...] = ()
    choices: tuple[int, ...] | None = None
    ended: bool = False
    is_own: bool = False

    @property
    def shows_votes(self) -> bool:
        """Return whether the viewer sees what was voted for: after the end, once it has voted, and of its own poll."""
        return self.ended or self.is_own or self.choices is not None

    def with_vote(self, choices: tuple[int, ...], *, is_counted: bool) -> Standing:
        """Return it as who voted so sees it: with its own vote, which a worker may not have heard of yet."""
        if is_counted:
            return replace(self, choices=choices)
        votes = tuple(number + (place in choices) for place, number in enumerate(self.votes))
        return replace(self, voters=self.voters + 1, votes=votes, choices=choices)


def cleaned(poll: Poll) -> Poll:
    """Return a poll as it is kept."""
    return replace(poll, options=tuple(text.clean(option) for option in poll.options))


def opened(poll: Poll | None) -> Standing | None:
    """Return how a new poll stands for its author."""
    return None if poll is None else Standing(poll, votes=(0,) * len(poll.options), is_own=True)


def check_poll(poll: Poll, published_ms: int) -> list[FieldError]:
    """Return what is wrong with a poll, already cleaned, of a twoot that is published at a time."""
    errors: list[FieldError] = []
    if not MIN_OPTIONS <= len(poll.options) <= MAX_OPTIONS:
        errors.append(
            FieldError("poll.options", "bad_number", f"Give {MIN_OPTIONS} to {MAX_OPTIONS} options.")
        )
    for place, option in enumerate(poll.options):
        errors += text.check_line(f"poll.options.{place}", option, max_graphemes=MAX_OPTION, min_graphemes=1)
    if len(set(poll.options)) < len(poll.options):
        errors.append(FieldError("poll.options", "repeated", "Give each option once."))
    if not published_ms < poll.ends_ms <= published_ms + MAX_OPEN_MS:
        detail = "A poll ends after its twoot is published, and at most 31 days later."
        errors.append(FieldError("poll.expires_at", "bad_time", detail))
    return errors


def check_choices(poll: Poll, choices: Sequence[int]) -> list[FieldError]:
    """Return what is wrong with a vote."""
    if not choices or (len(choices) > 1 and not poll.multiple):
        detail = "Choose one option at least." if poll.multiple else "Choose one option."
        return [FieldError("choices", "bad_number", detail)]
    if len(set(choices)) < len(choices):
        return [FieldError("choices", "repeated", "Name each option once.")]
    if any(place not in range(len(poll.options)) for place in choices):
        return [FieldError("choices", "no_such_option", "Name options by their places; the first is 0.")]
    return []


def packed(choices: Iterable[int]) -> int:
    """Return choices as they are kept: a bit for each option."""
    return sum(1 << place for place in set(choices))


def unpacked(bits: int) -> tuple[int, ...]:
    """Return the choices of such bits, in the options' order."""
    return tuple(place for place in range(MAX_OPTIONS) if bits >> place & 1)
