"""Carrying: questions that a reading session asks in the packet of whatever it asks first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twooter.storage.database import Session
from twooter.storage.statements import Question


class Carrying(Session):
    """Reads on another session's connection; what it carries is answered with its first questions, and before them."""

    __slots__ = ("_answers", "_carried")

    def __init__(self, tx: Session, carried: Sequence[Question[Any]]) -> None:
        # the other one only reads: nothing waits in it
        super().__init__(tx._database, tx._observers, debts=tx._debts)  # noqa: SLF001 - as above
        self._carried = carried
        self._answers: list[Any] | None = None

    def ask(self, questions: Sequence[Question[Any]]) -> list[Any]:
        """Return what each question's rows mean; the first time, what is carried is asked before them."""
        if self._answers is not None:
            return super().ask(questions)
        self._answers = []  # for to ask may be to ask again, with a debt before all
        try:
            answers = super().ask([*self._carried, *questions])
        except BaseException:
            self._answers = None
            raise
        self._answers, others = answers[: len(self._carried)], answers[len(self._carried) :]
        return others

    def answers(self) -> list[Any]:
        """Return what the rows of the carried questions mean; asks them where nothing was asked yet."""
        if self._answers is None:
            self.ask(())
        return self._answers or []
