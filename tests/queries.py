"""Which statements a piece of work runs, by name."""

from collections.abc import Iterator
from contextlib import contextmanager

from twooter.storage.database import Storage


@contextmanager
def recorded(storage: Storage) -> Iterator[list[str]]:
    """Give a list that fills with the names of the statements run meanwhile, in their order."""
    names: list[str] = []

    def observe(name: str, _seconds: float, _failed: bool) -> None:  # noqa: FBT001 - the signature of observers
        names.append(name)

    storage.observers.append(observe)
    try:
        yield names
    finally:
        storage.observers.remove(observe)
