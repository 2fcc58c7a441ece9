"""Rate limits: of networks, accounts and strangers; kept in Redis when it answers."""

from datetime import timedelta

import pytest
import redis
import time_machine

from tests.houses import PASSWORD
from tests.processes import Server
from tests.services.conftest import HOME, SignIn
from twooter.domain.clients import Client
from twooter.errors import TooMany, Unauthorized
from twooter.services.house import Services
from twooter.services.limits import Limits
from twooter.settings import Settings
from twooter.storage.cache import Cache
from twooter.storage.counters import Counters

RATES = {"registrations": "2/hour", "mails": "2/hour", "twoots": "3/minute"}


def _limits(url: str | None = None) -> Limits:
    return Limits(
        Counters(Cache.open(Settings.model_validate({"cache_url": url, "cache_timeout_seconds": 0.2}))), RATES
    )


def _guess(services: Services, name: str, network: str) -> Client:
    client = Client(network)
    with pytest.raises(Unauthorized):
        services.tokens.sign_in(name, "wrong password", client)
    return client


def test_a_used_up_limit_says_when_it_is_free_again() -> None:
    limits, client = _limits(), Client("192.0.2.1")
    for remaining in (2, 1, 0):
        limits.twoot(7, client)
        assert client.spent[-1].remaining == remaining
    with pytest.raises(TooMany) as caught:
        limits.twoot(7, client)
    assert 1 <= caught.value.retry_after_seconds <= 60
    assert client.spent[-1].reset_seconds == caught.value.retry_after_seconds
    limits.twoot(8, client)


def test_a_limit_is_free_again_after_its_window() -> None:
    limits, client = _limits(), Client("192.0.2.1")
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        limits.registration(client)
        clock.shift(timedelta(minutes=59))
        limits.registration(client)
        with pytest.raises(TooMany) as caught:
            limits.registration(client)
        assert caught.value.retry_after_seconds == 60
        clock.shift(timedelta(seconds=60))
        limits.registration(client)


def test_processes_share_their_counts_through_redis(redis_url: str) -> None:
    one, other, client = _limits(redis_url), _limits(redis_url), Client("192.0.2.1")
    one.registration(client)
    other.registration(client)
    with pytest.raises(TooMany) as caught:
        one.registration(client)
    assert 3590 <= caught.value.retry_after_seconds <= 3600


@pytest.mark.parametrize("how", ["freeze", "kill"])
def test_without_redis_each_process_counts_for_itself(private_redis: Server, how: str) -> None:
    limits, client = _limits(private_redis.url), Client("192.0.2.1")
    limits.registration(client)
    getattr(private_redis, how)()
    limits.registration(client)
    limits.registration(client)
    with pytest.raises(TooMany):
        limits.registration(client)


def test_a_counter_that_lost_its_end_gets_one_when_it_refuses(redis_url: str) -> None:
    limits, client = _limits(redis_url), Client("192.0.2.1")
    with redis.Redis.from_url(redis_url) as server:
        server.set("limit:registrations:192.0.2.1", 7)
        with pytest.raises(TooMany) as caught:
            limits.registration(client)
        assert caught.value.retry_after_seconds == 3600
        assert 3590 <= int(str(server.ttl("limit:registrations:192.0.2.1"))) <= 3600


def test_mails_to_an_address_are_limited_in_any_spelling() -> None:
    limits = _limits()
    assert [limits.may_mail(address) for address in ("a@x.org", "A@X.org", "a@X.ORG", "b@x.org")] == [
        True, True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize("changes", [{"limit_sign_ins": "2/minute"}])
def test_attempts_on_a_name_are_limited_per_network_whether_it_exists_or_not(
    services: Services, join: SignIn
) -> None:
    join("alice")
    for name in ("alice", "nobody"):
        said = [_guess(services, name, "198.51.100.1").spent for _ in range(2)]
        with pytest.raises(TooMany) as caught:
            services.tokens.sign_in(name, PASSWORD, Client("198.51.100.1"))
        assert caught.value.retry_after_seconds >= 1
        _guess(services, name, "198.51.100.2")
        assert [[quota.name for quota in spent] for spent in said] == [
            ["sign_ins_network", "sign_ins", "sign_ins_strangers"]
        ] * 2


@pytest.mark.parametrize("changes", [{"limit_sign_ins_network": "3/minute"}])
def test_one_network_cannot_try_many_accounts(services: Services) -> None:
    for name in ("a", "b", "c"):
        _guess(services, name, "198.51.100.1")
    with pytest.raises(TooMany):
        services.tokens.sign_in("d", PASSWORD, Client("198.51.100.1"))


@pytest.mark.parametrize("changes", [{"limit_sign_ins_strangers": "5/15 minutes"}])
def test_strangers_from_many_networks_do_not_lock_the_owner_out(services: Services, join: SignIn) -> None:
    join("alice")  # from HOME
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        for number in range(5):
            _guess(services, "alice", f"198.51.100.{number}")
        with pytest.raises(TooMany) as caught:
            services.tokens.sign_in("Alice", PASSWORD, Client("198.51.100.99"))
        assert caught.value.retry_after_seconds == 900
        assert services.tokens.sign_in("alice", PASSWORD, Client(HOME)).bearer
        clock.shift(timedelta(minutes=15))
        assert services.tokens.sign_in("alice", PASSWORD, Client("198.51.100.99")).bearer


@pytest.mark.parametrize("changes", [{"limit_sign_ins": "1/minute"}])
def test_the_limit_comes_before_the_hash(
    services: Services, join: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    join("alice")
    _guess(services, "alice", HOME)
    monkeypatch.setattr(services.tokens._hashes, "verify", lambda *_: pytest.fail("a hash was made"))
    with pytest.raises(TooMany):
        services.tokens.sign_in("alice", PASSWORD, Client(HOME))


@pytest.mark.parametrize("rate", ["", "many", "0/minute", "5", "5/fortnight", "-1/minute"])
def test_a_rate_that_is_none_is_refused_with_its_variable(rate: str) -> None:
    with pytest.raises(ValueError, match="limit_twoots"):
        Settings.model_validate({"limit_twoots": rate})
