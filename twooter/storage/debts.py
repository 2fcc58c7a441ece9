"""Debts: questions that are asked with whatever their thread asks next, at no round trip of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from twooter.storage.statements import Question

T = TypeVar("T")


class Owed(NamedTuple):
    """A question, and what is given its answer before anybody is told what else was asked."""

    question: Question[Any]
    take: Callable[[Any], None]


class Debts:
    """One question for each thread; a session that asks something asks it first."""

    def __init__(self) -> None:
        self._thread = threading.local()

    def owe(self, question: Question[T], take: Callable[[T], None]) -> None:
        """Have a question asked with whatever the calling thread asks next; `take` may raise, and ends that."""
        self._thread.owed = Owed(question, take)

    def find(self) -> Owed | None:
        """Return what the calling thread owes."""
        return getattr(self._thread, "owed", None)

    def forget(self) -> None:
        """Let nothing be owed by the calling thread."""
        self._thread.owed = None

    def pay(
        self, ask: Callable[[Sequence[Question[Any]]], list[Any]], questions: Sequence[Question[Any]]
    ) -> list[Any]:
        """Ask what is owed together with some questions; return the answers to these."""
        owed = self.find()
        if owed is None:
            return ask(questions)
        self.forget()
        try:
            first, *answers = ask([owed.question, *questions])
        except BaseException:
            self._thread.owed = owed  # it got no answer: whoever tries again asks it again
            raise
        owed.take(first)
        return answers
