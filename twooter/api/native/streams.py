"""Live updates over HTTP: tickets for browsers, and what the stream is; a process of its own serves it."""

from __future__ import annotations

import falcon
from pydantic import BaseModel, Field

from twooter.api import params
from twooter.api.operations import Auth, operation
from twooter.domain.streams import MAX_TOPICS, TICKET_SECONDS, parse_topics
from twooter.errors import Elsewhere
from twooter.services.tickets import Tickets

_DESCRIPTION = """\
Each event's `id` is what to go on after; its data is JSON on one line.

| event | data | when |
|---|---|---|
| a topic: `home`, `notifications`, `public`, `tag:NAME` | a row of the topic's list | it is new there |
| `twoot.updated` | the twoot, as a list shows it | it was edited, or moderators show it again |
| `twoot.deleted` | `{id}` | it was deleted, hidden by moderators, or is not for this account any more |
| `retwoot.deleted` | `{id}`, of the retwoot, not of its twoot | it was taken back |
| `account.deleted` | `{id}` | the account was deleted or suspended, and so all that it wrote and did is gone |
| `ready` | `{topics}` | the stream has begun |
| `reset` | `{topics}` | something of these topics may have been missed: read their lists again |
| `end` | `{code}` | the connection ends; come back after `retry` milliseconds |

**What changes** is told where it may have been shown: at home to its author, to those who passed it on, and to those
who follow any of them (where very many passed it on, to 10,000 of those who follow these), on `public`, on the
hashtags that it has and had, and on `notifications` to whom it mentions, answers or quotes. It is meant for wherever
the client shows that id, also within a retwoot, a quote or a notification, and may come several times, once for each
topic, and for what the client does not show: pass over what is not known. An edit that brings a twoot under another
hashtag is told there as `twoot.updated`; one that has lost its hashtag is told there as well, and its `hashtags` say
so. Who mutes or blocks an account, or is blocked by it, hears nothing of what it changes. That an account is gone is
told to all who listen, for nobody knows where it was shown.

Not told are counts, likes and votes, changed names, that an account was silenced or readmitted, and, to those who have
a twoot at home within a quote alone, what becomes of it. What is muted, blocked or unfollowed on another device is left
out from the next event on.
"""


class StreamQuery(params.Query):
    """What to listen to."""

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
        "Listen to live updates: Server-Sent Events of what is new, changed and gone",
        description=_DESCRIPTION,
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
