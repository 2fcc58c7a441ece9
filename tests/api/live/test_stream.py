"""What one hears when one listens: each topic, only what one may see, everything again after a break, and once only."""

from collections.abc import Callable

import pytest
import redis

from tests.api.live.conftest import Person
from tests.listeners import Listener
from tests.outbox import drain
from tests.processes import wait_until
from tests.queries import recorded
from twooter.api.live.server import StreamServer
from twooter.domain.accounts import Role
from twooter.domain.actions import Kind
from twooter.domain.streams import TWOOT, News, Pointer, Position, log_under
from twooter.domain.twoots import Visibility
from twooter.services.house import Services

Meet = Callable[[str], Person]


def test_public_twoots_are_heard_as_the_public_timeline_shows_them(ada: Person, ben: Person) -> None:
    with ada.listen("public") as listener:
        twoot = ben.write("Good morning.")
        heard = listener.next()
    assert heard is not None
    assert (heard.name, heard.data["id"], heard.data["author"]["username"]) == (
        "public",
        str(twoot.id),
        "ben",
    )
    assert heard.data["viewer"] == {"liked": False, "retwooted": False, "bookmarked": False}


def test_public_is_not_what_is_unlisted_for_followers_or_mentions(ada: Person, ben: Person) -> None:
    with ada.listen("public,tag:tea") as listener:
        for visibility in (Visibility.UNLISTED, Visibility.FOLLOWERS, Visibility.MENTIONED):
            ben.write("@ada hears nothing of #tea", visibility=visibility)
        last = ben.write("At last.")
        heard = listener.next()
    assert heard is not None
    assert heard.data["id"] == str(last.id)


def test_a_hashtag_is_heard_by_any_spelling_even_before_its_first_use(ada: Person, ben: Person) -> None:
    with ada.listen("tag:Tea") as listener:
        ben.write("Coffee. #coffee")
        twoot = ben.write("Tea. #TEA")
        heard = listener.next()
    assert heard is not None
    assert (heard.name, heard.data["id"]) == ("tag:tea", str(twoot.id))


def test_home_is_what_those_one_follows_write_and_pass_on(
    ada: Person, ben: Person, person: Meet, services: Services
) -> None:
    cho = person("cho")
    ada.follow(ben)
    strange = cho.write("Strange.")
    with ada.listen("home") as listener:
        cho.write("Unheard.")
        mine, bens = ada.write("Mine."), ben.write("For followers.", visibility=Visibility.FOLLOWERS)
        services.actions.act(ben.viewer, Kind.RETWOOT, strange.id)
        drain(services)
        heard = [listener.next() for _ in range(3)]
    shown = [(h.data["type"], (h.data.get("twoot") or h.data)["id"]) for h in heard if h is not None]
    assert shown == [("twoot", str(mine.id)), ("twoot", str(bens.id)), ("retwoot", str(strange.id))]


@pytest.mark.parametrize("changes", [{"popular_followers": 1}], indirect=True)
def test_home_has_popular_accounts_too_that_are_pushed_to_nobody(
    ada: Person, ben: Person, person: Meet, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twooter.services.popular.AHEAD_MS", 0)
    for one in (ada, person("cho")):
        one.follow(ben)
    ben.write("Two hear me: too many.")
    with ada.listen("home") as listener:
        assert services.audiences.popular_of(ada.id) == [f"by:{ben.id}"]
        twoot = ben.write("Popular.")
        heard = listener.next()
    assert heard is not None
    assert (heard.name, heard.data["id"]) == ("home", str(twoot.id))


def test_home_has_what_is_written_under_followed_hashtags_once(
    ada: Person, ben: Person, person: Meet, services: Services, server: StreamServer
) -> None:
    cho = person("cho")
    ada.follow(ben)
    cho.write("First #tea.")
    services.followed_hashtags.follow(ada.viewer, "tea")
    with ada.listen("home,tag:jam") as listener:
        under = cho.write("A cup of #Tea and #jam.")
        bens, mine = ben.write("Mine is #tea, too."), ada.write("And mine is #tea.")
        cho.write("Nobody hears of #tea here.", visibility=Visibility.UNLISTED)
        services.followed_hashtags.follow(ada.viewer, "jam")
        wait_until(lambda: log_under("jam") in server._hub.logs, seconds=20, what="the hashtag's log")
        services.followed_hashtags.unfollow(ada.viewer, "tea")
        wait_until(lambda: log_under("tea") not in server._hub.logs, seconds=20, what="the end of the other")
        cho.write("No more #tea.")
        last = cho.write("Only #jam.")
        heard = [listener.next() for _ in range(6)]
    told = [(h.name, h.data["id"]) for h in heard if h is not None]
    assert sorted(told) == sorted(
        [
            *(("home", str(twoot.id)) for twoot in (under, bens, mine, last)),
            *(("tag:jam", str(twoot.id)) for twoot in (under, last)),
        ]
    )


def test_notifications_are_heard_as_their_list_shows_them(
    ada: Person, ben: Person, services: Services
) -> None:
    twoot = ada.write("Like me.")
    with ada.listen("notifications") as listener:
        services.actions.act(ben.viewer, Kind.LIKE, twoot.id)
        drain(services)
        ben.write("Hello @ada", visibility=Visibility.MENTIONED)
        heard = [listener.next() for _ in range(2)]
    told = [
        (h.data["type"], h.data["accounts"][0]["username"], h.data["read"]) for h in heard if h is not None
    ]
    assert told == [("like", "ben", False), ("mention", "ben", False)]


def test_what_a_block_or_a_mute_hides_is_not_heard_from_the_next_event_on(
    ada: Person, ben: Person, person: Meet, services: Services
) -> None:
    cho, dan = person("cho"), person("dan")
    ada.follow(ben)
    with ada.listen("home,public") as listener:
        services.blocks.block(ben.viewer, ada.id)
        services.relationships.mute(dan.viewer, ada.id, seconds=None)
        services.relationships.mute(ada.viewer, dan.id, seconds=None)
        ben.write("Not for ada.")
        dan.write("Muted.")
        last = cho.write("For everybody.")
        heard = listener.next()
    assert heard is not None
    assert heard.data["id"] == str(last.id)


def test_what_was_deleted_before_it_is_sent_is_not_heard(
    ada: Person, ben: Person, services: Services, server: StreamServer
) -> None:
    with ada.listen("public") as listener:
        begins = listener.begins
    gone, stays = ben.write("Gone."), ben.write("Stays.")
    services.twoots.delete(ben.viewer, gone.id)
    with ada.listen("public", headers={"Last-Event-ID": str(begins)}) as listener:
        heard = listener.next()
    assert heard is not None
    assert heard.data["id"] == str(stays.id)


def test_who_comes_back_hears_what_it_missed_once_and_in_order(ada: Person, ben: Person) -> None:
    with ada.listen("public") as listener:
        first = ben.write("Heard.")
        heard = listener.next()
    assert heard is not None
    assert heard.data["id"] == str(first.id)
    missed = [ben.write(f"Missed {number}.") for number in range(3)]
    with ada.listen("public", headers={"Last-Event-ID": str(heard.id)}) as listener:
        again = [listener.next() for _ in missed]
        live = ben.write("Live.")
        then = listener.next()
    assert [h.data["id"] for h in again if h is not None] == [str(twoot.id) for twoot in missed]
    assert then is not None
    assert then.data["id"] == str(live.id)


def test_of_several_topics_nothing_is_passed_over_when_one_comes_back(ada: Person, ben: Person) -> None:
    ada.follow(ben)
    topics = "home,public,tag:tea"
    with ada.listen(topics) as listener:
        ben.write("One. #tea")
        first = listener.next()
    assert first is not None  # the other topics have the same twoot, and were not heard
    with ada.listen(topics, last_event_id=str(first.id)) as listener:
        rest = {h.name for h in (listener.next(), listener.next()) if h is not None}
    assert {first.name} | rest == {"home", "public", "tag:tea"}


def test_who_was_away_too_long_is_told_to_read_again(ada: Person, ben: Person, redis_url: str) -> None:
    with ada.listen("public") as listener:
        ben.write()
        heard = listener.next()
    assert heard is not None
    with redis.Redis.from_url(redis_url, socket_timeout=5) as behind:
        behind.flushall()
    with ada.listen("public", headers={"Last-Event-ID": str(heard.id)}) as listener:
        told = listener.next()
    assert told is not None
    assert (told.name, told.data) == ("reset", {"topics": ["public"]})


def test_a_ticket_lets_in_once(ada: Person, services: Services, server: StreamServer) -> None:
    assert server.port is not None
    ticket = services.tickets.make(ada.viewer)
    with (
        Listener(server.port, "home", ticket=ticket) as first,
        Listener(server.port, "home", ticket=ticket) as second,
    ):
        assert (first.status, second.status, second.problem["code"]) == (200, 401, "bad_ticket")


def test_a_ticket_ends_with_its_token(ada: Person, services: Services, server: StreamServer) -> None:
    assert server.port is not None
    viewer = ada.viewer
    ticket = services.tickets.make(viewer)
    services.tokens.revoke_all(viewer)
    with Listener(server.port, "home", ticket=ticket) as listener:
        assert (listener.status, listener.problem["code"]) == (401, "bad_ticket")


def test_a_revoked_token_ends_what_it_began(ada: Person, services: Services) -> None:
    with ada.listen("public") as listener:
        services.tokens.revoke_all(ada.viewer)
        told, then = listener.next(), listener.next()
    assert told is not None
    assert (told.name, told.data, then) == ("end", {"code": "unauthorized"}, None)


def test_a_suspended_account_is_ended_and_nobody_else(ada: Person, ben: Person, services: Services) -> None:
    with ada.listen("public") as adas, ben.listen("public") as bens:
        services.accounts.suspend("ada")
        told = adas.next()
        twoot = ben.write("Still here.")
        heard = bens.next()
    assert told is not None
    assert told.data == {"code": "unauthorized"}
    assert heard is not None
    assert heard.data["id"] == str(twoot.id)


def test_a_silenced_account_is_not_heard_in_public(
    ada: Person, ben: Person, person: Meet, services: Services
) -> None:
    cho = person("cho")
    services.accounts.promote("cho", Role.MODERATOR)
    services.moderation.silence(cho.viewer, ben.id, "Noise.")
    with ada.listen("public") as listener:
        ben.write("Silence.")
        last = cho.write("Heard.")
        heard = listener.next()
    assert heard is not None
    assert heard.data["id"] == str(last.id)


def test_an_event_costs_as_many_statements_for_many_as_for_one(
    ada: Person, ben: Person, services: Services
) -> None:
    quoted = ada.write("Quoted.")
    twoot = ben.write("I quote.", quote_of=quoted.id)
    news = News("public", Position(1, 0), Pointer(TWOOT, (twoot.id, ben.id)))
    counts = []
    services.audiences.shown(news, [ada.id])  # what is quoted is asked for at once where it was met before
    for viewer_ids in ([ada.id], [ada.id, *range(1, 190)]):
        with recorded(services.storage) as names:
            assert ada.id in services.audiences.shown(news, viewer_ids)
        counts.append(names)
    assert counts[0] == counts[1]
    assert len(counts[0]) <= 6, counts
