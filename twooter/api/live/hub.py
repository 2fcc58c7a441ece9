"""The hub: brings what happens to who listens, shown to each as it may see it, in the order of the logs."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

import orjson

from twooter.api.fragments import Fragments
from twooter.api.live import frames
from twooter.api.live.connections import Connection
from twooter.api.native.notifications import notification
from twooter.domain.notifications import Notification
from twooter.domain.streams import Mark, News, Position
from twooter.domain.twoots import Retwoot
from twooter.logs import get_logger
from twooter.metrics import STREAM_EVENTS, STREAM_LAG
from twooter.services.audiences import Audiences, Removed, Told, Updated

log = get_logger("streams")

_AT_ONCE = 32
_PATIENCE_SECONDS = 30
_MAX_WAITING = 10_000
"""Events; when more wait to be shown, all are told to read again instead."""
MAX_CATCH_UP = 1_000
"""Events that a connection may wait for while it catches up."""


class Delivery(NamedTuple):
    """An event for some who listen; `missed` where it is of the past."""

    news: News
    to: list[Connection]
    missed: bool


class Body(NamedTuple):
    """What is sent; `name` is the event's, None for that of its topic."""

    name: str | None
    data: bytes


class Hub:
    """Lives in the loop's thread; what asks the database runs in one other, so that order is kept."""

    def __init__(self, audiences: Audiences, fragments: Fragments, threads: Executor) -> None:
        self._audiences = audiences
        self._fragments = fragments
        self._threads = threads
        self._listening: defaultdict[str, set[Connection]] = defaultdict(set)
        self._queue: deque[Delivery] = deque()
        self._is_needed = asyncio.Event()

    @property
    def logs(self) -> list[str]:
        """Return the logs that somebody listens to."""
        return list(self._listening)

    def add(self, connection: Connection, names: Iterable[str]) -> None:
        """Let a connection hear of logs from now on."""
        for name in names:
            self._listening[name].add(connection)

    def remove(self, connection: Connection, names: Iterable[str]) -> None:
        """Let a connection hear of logs no more."""
        for name in names:
            listening = self._listening.get(name)
            if listening is not None:
                listening.discard(connection)
                if not listening:
                    del self._listening[name]

    def tell(self, news: News) -> None:
        """Bring an event to who listens."""
        now: list[Connection] = []
        for connection in self._listening.get(news.log, ()):
            if connection.waiting is None:
                now.append(connection)
            elif len(connection.waiting) < MAX_CATCH_UP:
                connection.waiting.append(news)
            else:
                connection.close(frames.end("slow", 1000), "slow")
        if now:
            self._put(Delivery(news, now, missed=False))

    async def catch_up(self, connection: Connection, missed: Sequence[News]) -> None:
        """Bring what a connection missed, as fast as it reads, then what happened meanwhile.

        From then on it is told at once. One that reads nothing for half a minute is dropped.
        """
        seen: set[tuple[str, Position]] = set()
        waiting, connection.waiting = [*missed, *(connection.waiting or ())], []
        while waiting:
            for at in range(0, len(waiting), _AT_ONCE):
                for news in waiting[at : at + _AT_ONCE]:
                    if (news.log, news.position) not in seen:
                        seen.add((news.log, news.position))
                        connection.unsent += 1
                        self._put(Delivery(news, [connection], missed=True))
                if not await self._has_read(connection):
                    return
            waiting, connection.waiting = connection.waiting, []
        connection.waiting = None

    async def _has_read(self, connection: Connection) -> bool:
        until = time.monotonic() + _PATIENCE_SECONDS
        while connection.unsent or connection.transport.get_write_buffer_size():
            if connection.transport.is_closing():
                return False
            if time.monotonic() > until:
                connection.outcome = "slow"
                connection.transport.abort()
                return False
            await asyncio.sleep(0.01)
        return True

    def reset(self, names: Iterable[str] | None = None) -> None:
        """Tell who listens to logs, or to any, that it may have missed something of them."""
        topics: defaultdict[Connection, set[str]] = defaultdict(set)
        for name in self.logs if names is None else names:
            for connection in self._listening.get(name, ()):
                if connection.visit is not None:
                    topics[connection].add(connection.visit.topics[connection.visit.topic_of[name]])
        for connection, lost in topics.items():
            connection.send(frames.reset(sorted(lost)))

    async def run(self) -> None:
        """Show and send, batch after batch, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._is_needed.wait()
            batch = [self._queue.popleft() for _ in range(min(_AT_ONCE, len(self._queue)))]
            if not self._queue:
                self._is_needed.clear()
            for delivery, bodies in await loop.run_in_executor(self._threads, self._render, batch):
                self._send(delivery, bodies)

    def _put(self, delivery: Delivery) -> None:
        if len(self._queue) >= _MAX_WAITING:
            log.warning("stream_overrun", events=len(self._queue))
            for connection in {connection for waiting in self._queue for connection in waiting.to}:
                connection.unsent = 0
            self._queue.clear()
            self.reset()
        self._queue.append(delivery)
        self._is_needed.set()

    def _render(self, batch: list[Delivery]) -> list[tuple[Delivery, dict[int, Body] | None]]:
        return [(delivery, self._bodies(delivery.news, delivery.to)) for delivery in batch]

    def _bodies(self, news: News, connections: list[Connection]) -> dict[int, Body] | None:
        """Return by account what is sent of an event, or None when that cannot be told."""
        viewer_ids = sorted({c.visit.account_id for c in connections if c.visit is not None})
        try:
            shown = self._audiences.shown(news, viewer_ids)
        except Exception as ex:  # noqa: BLE001 - whatever a bad minute brings, the others are told
            log.error("stream_event_not_shown", error=type(ex).__name__, kind=news.pointer.kind)
            return None
        rendered: dict[Any, Body] = {}
        bodies: dict[int, Body] = {}
        for viewer_id, value in shown.items():
            key = _sameness(value)
            if key not in rendered:
                rendered[key] = Body(_name(value), orjson.dumps(self._shape(value)))
            bodies[viewer_id] = rendered[key]
        return bodies

    def _shape(self, value: Told) -> Any:  # Any: a shape
        if isinstance(value, Notification):
            return notification(value, self._fragments.render)
        if isinstance(value, Removed):
            return {"id": str(value.id)}
        return self._fragments.item(value.card if isinstance(value, Updated) else value)

    def _send(self, delivery: Delivery, bodies: dict[int, Body] | None) -> None:
        news = delivery.news
        sent = 0
        for connection in delivery.to:
            connection.unsent = max(0, connection.unsent - 1)
            visit = connection.visit
            topic = None if visit is None else visit.topic_of.get(news.log)
            if visit is None or topic is None:
                continue
            name = visit.topics[topic]
            if bodies is None:
                connection.send(frames.reset([name]))
            elif visit.account_id in bodies:
                id_ = str(Mark(news.position, topic))
                body = bodies[visit.account_id]
                sent += connection.send(frames.event(body.name or name, body.data, id_))
        STREAM_EVENTS.inc(sent)
        if sent and not delivery.missed:
            STREAM_LAG.observe(max(0.0, time.time() - news.position.ms / 1000))


def _name(value: Told) -> str | None:
    """Return what an event is called that is not of something new."""
    if isinstance(value, Updated):
        return "twoot.updated"
    return f"{value.what}.deleted" if isinstance(value, Removed) else None


def _sameness(value: Told) -> Any:  # Any: a key
    """Return what viewers for whom the same is shown have in common."""
    if isinstance(value, Notification):
        return id(value)
    if isinstance(value, Removed):
        return value
    card = value.card if isinstance(value, Retwoot | Updated) else value
    quoted = card.quoted
    inner = None if quoted is None else (quoted.twoot.id, quoted.flags, quoted.poll)
    return card.flags, card.poll, inner  # whoever has not voted in a poll does not see what others chose
