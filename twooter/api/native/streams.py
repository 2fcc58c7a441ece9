"""Live updates over HTTP: tickets for browsers, and what the stream is; a process of its own serves it."""

from __future__ import annotations

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.operations import Auth, operation
from twooter.domain.streams import MAX_TOPICS, TICKET_SECONDS, parse_topics
from twooter.errors import Elsewhere
from twooter.services.tickets import Tickets


class StreamQuery(params.Query):
    """What to listen to; each event's data is a row of its topic's list, its id is what to go on after."""

    topics: str = Field(
        "home",
        max_length=3000,
        description=f"Up to {MAX_TOPICS} of `home`, `notifications`, `public` and `tag:NAME`, commas between them; "
        "what is new under followed hashtags is heard as `home`.",
    )
    ticket: str | None = Field(
        None,
        max_length=100,
        description="In place of the Authorization header, which browsers cannot send here.",
    )
    last_event_id: str | None = Field(
        None, max_length=100, description="In place of the header `Last-Event-ID`: go on after this event."
    )


class TicketShape(BaseModel):
    """Lets one stream begin."""

    ticket: str
    expires_in_seconds: int
    url: str = Field(description="Address of the stream, without its query.")


class StreamResource:
    """`/v1/stream`: described here, served by `python -m twooter stream`."""

    def __init__(self, *, stream_url: str) -> None:
        self._address = f"{stream_url}/v1/stream"

    @operation(
        "Listen to live updates, as Server-Sent Events named by their topic",
        query=StreamQuery,
        answers={200: str},
        errors=(400, 401, 421, 429, 503),
        media_type="text/event-stream",
    )
    def on_get(self, req: falcon.Request, _: falcon.Response) -> None:
        """Say where it is."""
        parse_topics(params.query(req, StreamQuery).topics)
        raise Elsewhere(f"Live updates are at {self._address}, which another process serves: ask there.")


class TicketsResource:
    """`/v1/stream/tickets`."""

    def __init__(self, tickets: Tickets, *, stream_url: str) -> None:
        self._tickets = tickets
        self._address = f"{stream_url}/v1/stream"

    @operation(
        "Get a ticket with which a browser listens to live updates once",
        auth=Auth.REQUIRED,
        answers={201: TicketShape},
        errors=(503,),
    )
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Make."""
        ticket = self._tickets.make(req.context.viewer)
        resp.status = falcon.HTTP_201
        resp.media = {"ticket": ticket, "expires_in_seconds": TICKET_SECONDS, "url": self._address}
