"""Password hashes: bounded in number, the same for every way to type an accent."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from twooter.errors import Unavailable
from twooter.services.hashes import Hashes


def test_composed_and_decomposed_accents_are_the_same_password() -> None:
    made = Hashes(max_at_once=1, max_waiting=1)
    password_hash = made.make("caf\u00e9 au lait")
    assert made.verify(password_hash, "cafe\u0301 au lait")
    assert not made.verify(password_hash, "cafe au lait")


@pytest.mark.parametrize("password_hash", ["", "x", "$argon2id$v=19$m=8,t=1,p=1$x$y"])
def test_what_is_no_hash_is_never_right(password_hash: str) -> None:
    assert not Hashes(max_at_once=1, max_waiting=1).verify(password_hash, "anything")


def test_no_more_hashes_run_than_allowed_and_no_more_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Hashes(max_at_once=2, max_waiting=3)
    running, most, lock, full = 0, 0, threading.Lock(), threading.Event()
    answers = threading.Semaphore(0)

    def hash_slowly(*_: object) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        assert full.wait(5)
        with lock:
            running -= 1
        return "hash"

    monkeypatch.setattr(PasswordHasher, "hash", hash_slowly)

    def one() -> bool:
        try:
            made.make("password")
        except Unavailable:
            answers.release()
            return False
        return True

    with ThreadPoolExecutor(200) as pool:
        asked = [pool.submit(one) for _ in range(200)]
        for _ in range(195):  # refused at once: nobody waits for a place that is not there
            assert answers.acquire(timeout=5)
        full.set()
        assert sum(future.result() for future in asked) == 5
    assert most == 2
