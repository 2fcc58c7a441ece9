"""A small world: people, what they write and do, and what is told of it."""

from dataclasses import replace

from twooter.domain import actions
from twooter.domain.accounts import Viewer
from twooter.domain.events import (
    ActionEvent,
    Envelope,
    Event,
    FollowAnswerEvent,
    FollowEvent,
)
from twooter.domain.notifications import Kind, Noted
from twooter.domain.pages import Page
from twooter.domain.twoots import Draft, Twoot
from twooter.services.edits import Change
from twooter.services.house import Services
from twooter.services.notices import Notices
from twooter.storage import notifications
from twooter.storage.tables import Blocks, Mutes, Notifications


class World:
    """Three people, what they write, and the consumer of events about it."""

    def __init__(self, services: Services, people: dict[str, Viewer]) -> None:
        self.services, self.people = services, people
        self.notices = Notices(services.storage, services.ids)
        self._names = {viewer.account_id: name for name, viewer in people.items()}

    def id(self, name: str) -> int:
        return self.people[name].account_id

    def write(self, name: str, text: str, **options: object) -> Twoot:
        draft = replace(Draft(text), **options)  # type: ignore[arg-type]  # a Draft's own fields
        return self.services.twoots.publish(self.people[name], draft).twoot

    def deliver(self, *told: Event, notices: Notices | None = None) -> None:
        (notices or self.notices).handle([Envelope(event, 0, None) for event in told])

    def act(self, name: str, kind: actions.Kind, twoot: Twoot, *, version: int, active: bool) -> ActionEvent:
        edge_id = self.services.ids.make()
        return ActionEvent(
            self.id(name), int(kind), twoot.id, twoot.author_id, version, active, edge_id, "public"
        )

    def like(self, name: str, twoot: Twoot, version: int = 1, *, active: bool = True) -> ActionEvent:
        return self.act(name, actions.Kind.LIKE, twoot, version=version, active=active)

    def follow(self, name: str, target: str, state: str = "active", version: int = 1) -> FollowEvent:
        return FollowEvent(self.id(name), self.id(target), version, state, self.services.ids.make())

    def answer(self, name: str, follower: str, state: str, version: int = 1) -> FollowAnswerEvent:
        return FollowAnswerEvent(self.id(name), self.id(follower), version, state, 1)

    def put(self, table: type[Blocks] | type[Mutes], **columns: object) -> None:
        with self.services.storage.database.bind_ctx([table]):
            table.insert(edge_id=1, **columns).execute()

    def edit(self, twoot: Twoot, text: str) -> Twoot:
        author = next(v for v in self.people.values() if v.account_id == twoot.author_id)
        return self.services.edits.edit(author, twoot.id, Change(text)).twoot

    def forget(self) -> None:
        with self.services.storage.database.bind_ctx([Notifications]):
            Notifications.delete().execute()

    def ids(self, name: str) -> list[int]:
        """Return the ids of what is told to somebody, newest first."""
        return [noted.id for noted in self._noted(name)]

    def told(self, name: str) -> list[tuple[Kind, str]]:
        """Return what is stored as told to somebody, newest first."""
        return [(noted.key.kind, self._names[noted.key.actor_id]) for noted in self._noted(name)]

    def _noted(self, name: str) -> list[Noted]:
        page, account_id = Page(limit=100), self.id(name)
        return self.services.storage.read(lambda tx: notifications.fetch(tx, account_id, [], page))

    def everything(self) -> dict[str, list[tuple[Kind, str]]]:
        return {name: sorted(self.told(name)) for name in self.people}
