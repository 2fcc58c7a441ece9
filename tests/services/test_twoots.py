"""Twoots: published, read and deleted whole, once, by those who may."""

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from tests.crowds import at_once
from tests.outbox import drain
from tests.services.conftest import SignIn
from twooter.domain.accounts import State, Viewer
from twooter.domain.events import TwootEvent, unpack
from twooter.domain.grammar import Hashtag
from twooter.domain.ids import ANONYMOUS_ID
from twooter.domain.pages import Page
from twooter.domain.twoots import Card, Draft, Message, Ref
from twooter.domain.windows import Unit
from twooter.errors import Forbidden, Invalid, NotFound
from twooter.services.house import Services
from twooter.storage import entries, outbox, twoots
from twooter.storage.idempotency import Idempotency

before_the_database = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""Of what is refused, or shaped, before any database is asked."""

FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}\u200d\N{BOY}"

Publish = Callable[..., Card]


@pytest.fixture
def ada(join: SignIn) -> Viewer:
    """Sign in somebody who writes."""
    return join("ada")


@pytest.fixture
def publish(services: Services, ada: Viewer) -> Publish:
    """Return what publishes a text in Ada's name."""
    return lambda text, **given: services.twoots.publish(ada, Draft(text, **given))


def events(services: Services) -> list[tuple[TwootEvent, str | None]]:
    """Take the events of twoots, with the requests that caused them, out of the outbox."""
    taken = services.storage.transact(outbox.take)
    found = [unpack(orjson.loads(packed)) for packed in taken.packed]
    return [(e.event, e.request_id) for e in found if isinstance(e.event, TwootEvent)]


def count_of(services: Services, account_id: int) -> int:
    """Return the number of twoots that an account's row tells."""
    return services.accounts.get(account_id).twoots


def shown(services: Services, key: str | None = None) -> list[int]:
    """Return the entries of the public timeline, or of a hashtag's."""
    if key is None:
        found = services.storage.read(lambda tx: entries.fetch_public(tx, Page(100)))
    else:
        tag_id = services.hashtags.find_id(key) or 0
        found = services.storage.read(lambda tx: entries.fetch_hashtag(tx, tag_id, Page(100)))
    return [id_ for id_, _ in found]


def refusal(work: Callable[[], object]) -> list[str]:
    """Return the codes with which a text is refused."""
    with pytest.raises(Invalid) as caught:
        work()
    return [error.code for error in caught.value.errors]


def test_a_published_twoot_is_read_as_it_was_written(
    services: Services, ada: Viewer, publish: Publish
) -> None:
    card = publish("  Good morning,\r\n@Bob and #Öl \n", language="en")
    found = services.twoots.get(card.twoot.id, None)
    assert found == replace(card, flags=None)
    assert found.twoot.text == "Good morning,\n@Bob and #Öl"
    assert (found.author, found.twoot.language, found.twoot.version) == (ada.author, "en", 1)
    assert found.twoot.hashtags == ("Öl",)


def test_publishing_writes_entries_count_and_event_together(
    services: Services, ada: Viewer, publish: Publish
) -> None:
    drain(services)
    card = services.twoots.publish(ada, Draft("#Tea and #rain, #tea again"), request_id="request-1")
    id_ = card.twoot.id
    assert (shown(services), shown(services, "tea"), shown(services, "rain")) == ([id_], [id_], [id_])
    assert count_of(services, ada.account_id) == 1
    (event, request_id), *more = events(services)
    assert not more
    assert request_id == "request-1"
    tag_ids = services.hashtags.ensure_ids(services.twoots.tags_of(card.twoot))
    assert event == TwootEvent(1, ada.account_id, id_, card.twoot.created_ms, tag_ids, None, None, 1)
    assert len(event.tag_ids) == 2


@pytest.mark.parametrize(
    "text", ["x", "x" * 280, FAMILY * 280, "e\u0301" * 280, "\U0001f469\u200d\U0001f680"]
)
def test_a_text_of_1_to_280_characters_as_people_count_them_is_kept(
    publish: Publish, services: Services, text: str
) -> None:
    assert services.twoots.get(publish(text).twoot.id, None).twoot.text == text


@before_the_database
@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("", ["too_short"]),
        (" \r\n\t ", ["too_short"]),
        ("x" * 281, ["too_long"]),
        (FAMILY * 281, ["too_long"]),
        ("e" + "\u0301" * 10_000, ["too_long"]),
        ("a\0b", ["bad_character"]),
        ("a\x07b", ["bad_character"]),
        ("a\ud800b", ["bad_unicode"]),
    ],
)
def test_any_other_text_is_refused_and_nothing_written(
    services: Services, ada: Viewer, publish: Publish, text: str, codes: list[str]
) -> None:
    assert refusal(lambda: publish(text)) == codes
    assert (shown(services), count_of(services, ada.account_id)) == ([], 0)


def test_a_reply_names_its_parent(services: Services, ada: Viewer, join: SignIn, publish: Publish) -> None:
    parent = publish("a question").twoot
    drain(services)
    reply = services.twoots.publish(join("bob"), Draft("an answer", parent.id)).twoot
    assert services.twoots.get(reply.id, None).twoot.parent == Ref(parent.id, ada.account_id)
    (event, _), *_ = events(services)
    assert (event.parent_id, event.parent_author_id) == (parent.id, ada.account_id)


def test_replies_are_counted_at_their_parent(services: Services, ada: Viewer, publish: Publish) -> None:
    parent = publish("a question").twoot.id
    replies = [publish(f"answer {number}", reply_to=parent).twoot.id for number in range(3)]
    drain(services)
    assert services.twoots.get(parent, None).twoot.replies == 3
    services.twoots.delete(ada, replies[0])
    drain(services)
    assert services.twoots.get(parent, None).twoot.replies == 2


def test_nobody_answers_a_twoot_that_is_not_there(services: Services, ada: Viewer, publish: Publish) -> None:
    gone = publish("soon gone").twoot.id
    services.twoots.delete(ada, gone)
    for parent in (gone, 1, 2**63 - 1):
        assert refusal(lambda parent=parent: publish("an answer", reply_to=parent)) == ["no_such_twoot"]  # type: ignore[misc]  # a lambda with a default
    assert shown(services) == []


def test_nobody_answers_a_twoot_that_may_not_be_seen(
    services: Services, join: SignIn, publish: Publish
) -> None:
    hidden = services.twoots.publish(join("mallory"), Draft("hidden soon")).twoot.id
    services.accounts.suspend("mallory")
    assert refusal(lambda: publish("an answer", reply_to=hidden)) == ["no_such_twoot"]


def test_a_suspended_author_publishes_nothing_with_a_token_of_before(
    services: Services, ada: Viewer, publish: Publish
) -> None:
    services.accounts.suspend("ada")
    with pytest.raises(NotFound):
        publish("too late")
    assert shown(services) == []


def test_a_deleted_twoot_is_gone_everywhere(services: Services, ada: Viewer, publish: Publish) -> None:
    kept, gone = publish("#tea").twoot, publish("#tea and #rain").twoot
    drain(services)
    services.twoots.delete(ada, gone.id, request_id="request-2")
    with pytest.raises(NotFound):
        services.twoots.get(gone.id, None)
    assert shown(services) == shown(services, "tea") == [kept.id]
    assert shown(services, "rain") == []
    assert count_of(services, ada.account_id) == 1
    ((event, request_id),) = events(services)
    assert (event.sign, event.twoot_id, event.at_ms, event.version) == (-1, gone.id, gone.created_ms, 2)
    assert (len(event.tag_ids), request_id) == (2, "request-2")


def test_a_twoot_is_deleted_once(services: Services, ada: Viewer, publish: Publish) -> None:
    id_ = publish("#once").twoot.id
    services.twoots.delete(ada, id_)
    with pytest.raises(NotFound):
        services.twoots.delete(ada, id_)
    assert count_of(services, ada.account_id) == 0
    assert [event.sign for event, _ in events(services)] == [1, -1]


def test_of_many_who_delete_at_once_one_does(services: Services, ada: Viewer, publish: Publish) -> None:
    id_ = publish("#once").twoot.id
    found = at_once(services.storage, [lambda: services.twoots.delete(ada, id_)] * 8)
    assert [type(answer) for answer in found if answer is not None] == [NotFound] * 7
    assert count_of(services, ada.account_id) == 0
    assert [event.sign for event, _ in events(services)] == [1, -1]


def test_nobody_deletes_a_twoot_of_somebody_else(services: Services, join: SignIn, publish: Publish) -> None:
    id_ = publish("mine").twoot.id
    with pytest.raises(Forbidden):
        services.twoots.delete(join("bob"), id_)
    assert services.twoots.get(id_, None).twoot.text == "mine"


def test_a_twoot_that_changed_since_it_was_read_is_not_removed(
    services: Services, ada: Viewer, publish: Publish
) -> None:
    twoot = publish("#tea").twoot
    services.storage.transact(lambda tx: tx._database.execute_sql("UPDATE twoots SET version = 2"))
    assert not services.twoots.remove(twoot)
    assert shown(services) == [twoot.id]
    assert count_of(services, ada.account_id) == 1


def test_a_twoot_of_a_hidden_author_is_not_found(services: Services, publish: Publish) -> None:
    id_ = publish("hidden soon").twoot.id
    services.accounts.suspend("ada")
    with pytest.raises(NotFound):
        services.twoots.get(id_, None)
    services.accounts.suspend("ada", lift=True)
    assert services.twoots.get(id_, None).twoot.id == id_


def test_a_key_makes_one_twoot(services: Services, ada: Viewer) -> None:
    key = Idempotency("key", "a hash")
    first = services.twoots.publish(ada, Draft("#once"), idempotency_key=key)
    again = services.twoots.publish(ada, Draft("#once"), idempotency_key=key)
    assert again == first
    assert shown(services) == [first.twoot.id]
    assert count_of(services, ada.account_id) == 1


def test_of_20_at_once_with_one_key_one_is_written_and_all_are_told(services: Services, ada: Viewer) -> None:
    key = Idempotency("key", "a hash")
    found = at_once(
        services.storage,
        [lambda: services.twoots.publish(ada, Draft("#once"), idempotency_key=key).twoot.id] * 20,
    )
    assert len(set(found)) == 1, found
    assert shown(services) == shown(services, "once") == found[:1]
    assert count_of(services, ada.account_id) == 1
    assert len(events(services)) == 1


def test_a_key_of_another_request_is_refused(services: Services, ada: Viewer) -> None:
    services.twoots.publish(ada, Draft("one"), idempotency_key=Idempotency("key", "a hash"))
    codes = refusal(
        lambda: services.twoots.publish(ada, Draft("two"), idempotency_key=Idempotency("key", "another hash"))
    )
    assert codes == ["key_reused"]


def test_a_key_is_its_accounts_own(services: Services, ada: Viewer, join: SignIn) -> None:
    key = Idempotency("key", "a hash")
    mine = services.twoots.publish(ada, Draft("hello"), idempotency_key=key)
    other = services.twoots.publish(join("bob"), Draft("hello"), idempotency_key=key)
    assert mine.twoot.id != other.twoot.id


def test_a_key_of_a_twoot_deleted_since_leads_nowhere(services: Services, ada: Viewer) -> None:
    key = Idempotency("key", "a hash")
    card = services.twoots.publish(ada, Draft("hello"), idempotency_key=key)
    services.twoots.delete(ada, card.twoot.id)
    with pytest.raises(NotFound):
        services.twoots.publish(ada, Draft("hello"), idempotency_key=key)


def put(services: Services, account_id: int, state: State | None) -> None:
    """Let an account's row be in a state, or be gone."""
    id_, value = (-account_id, "active") if state is None else (account_id, state.value)
    services.storage.database.execute_sql(
        f"UPDATE accounts SET id = {id_}, state = '{value}' WHERE id IN ({account_id}, {-account_id})"  # noqa: S608 - numbers, and a word of ours
    )


@pytest.mark.parametrize("key", [None, Idempotency("key", "a hash")], ids=["without a key", "with a key"])
@pytest.mark.parametrize("state", [State.SUSPENDED, State.DELETING, None])
def test_nothing_is_written_for_who_has_gone_since_signing_in_and_the_key_stays_free(
    services: Services, ada: Viewer, state: State | None, key: Idempotency | None
) -> None:
    put(services, ada.account_id, state)
    with pytest.raises(NotFound):
        services.twoots.publish(ada, Draft("#tea"), idempotency_key=key)
    put(services, ada.account_id, State.ACTIVE)
    assert shown(services) == shown(services, "tea") == []
    assert services.storage.read(lambda tx: twoots.fetch_by_author(tx, ada.account_id, Page())) == []
    assert services.twoots.publish(ada, Draft("#tea"), idempotency_key=key).twoot.text == "#tea"


def test_a_reply_is_told_again_after_its_parent_has_gone(
    services: Services, ada: Viewer, publish: Publish
) -> None:
    parent, key = publish("a question").twoot.id, Idempotency("key", "a hash")
    reply = services.twoots.publish(ada, Draft("an answer", parent), idempotency_key=key)
    services.twoots.delete(ada, parent)
    again = services.twoots.publish(ada, Draft("an answer", parent), idempotency_key=key)
    assert again.twoot.id == reply.twoot.id


@pytest.mark.parametrize("changes", [{"require_confirmed_email": True}])
def test_nobody_posts_before_confirming_where_that_is_asked_for(
    services: Services, ada: Viewer, publish: Publish
) -> None:
    with pytest.raises(Forbidden) as caught:
        publish("too early")
    assert caught.value.code == "email_not_confirmed"
    services.confirmations.confirm_for("ada")
    confirmed = Viewer(ada.account_id, "ada", ada.role, ada.token_id, email_confirmed=True)
    assert services.twoots.publish(confirmed, Draft("now")).twoot.text == "now"


def test_a_message_keeps_its_tag_as_typed_and_its_text_unread(services: Services) -> None:
    tag = Hashtag("night-life", " Night-Life ")
    message = services.twoots.post_message(ANONYMOUS_ID, Message("about #tea", tag))
    assert services.twoots.get(message.id, None).twoot == message
    assert (message.given_tag, message.hashtags, message.tag) == (" Night-Life ", (), " Night-Life ")
    assert (shown(services, "night-life"), shown(services, "tea")) == ([message.id], [])


def test_a_hashtag_counts_once_per_twoot(services: Services, publish: Publish) -> None:
    publish("#Tea #tea #\uff54\uff45\uff41")
    publish("more #TEA")
    drain(services)
    found = services.histories.get("tea", Unit.DAY, None, None)
    assert (found.name, found.uses, found.accounts) == ("Tea", 2, 1)
