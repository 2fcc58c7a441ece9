"""The house: every service of a process, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twooter import traces
from twooter.domain.accounts import Viewer
from twooter.services.account_lists import AccountLists
from twooter.services.accounts import Accounts
from twooter.services.actions import Actions
from twooter.services.analytics import Analytics
from twooter.services.audiences import Audiences
from twooter.services.audits import Audits
from twooter.services.background import Background
from twooter.services.batches import Batches
from twooter.services.blocks import Blocks
from twooter.services.confirmations import Confirmations
from twooter.services.deletions import Deletions
from twooter.services.demos import Demos
from twooter.services.edits import Edits
from twooter.services.exports import Exports
from twooter.services.follow_imports import FollowImports
from twooter.services.follow_requests import FollowRequests
from twooter.services.followed_hashtags import FollowedHashtags
from twooter.services.follows import Follows
from twooter.services.hashtags import Hashtags
from twooter.services.histories import Histories
from twooter.services.homes import Homes
from twooter.services.ids import Ids
from twooter.services.imports import Imports
from twooter.services.indexes import Indexes
from twooter.services.limits import Limits
from twooter.services.maintenance import Maintenance
from twooter.services.messages import Messages
from twooter.services.moderation import Moderation
from twooter.services.notifications import Notifications
from twooter.services.outboxes import Outboxes
from twooter.services.outcomes import Outcomes
from twooter.services.parked import Parked
from twooter.services.passwords import Passwords
from twooter.services.people import People
from twooter.services.pins import Pins
from twooter.services.poll_ends import PollEnds
from twooter.services.polls import Polls
from twooter.services.publications import Publications
from twooter.services.relationships import Relationships
from twooter.services.remains import Remains
from twooter.services.repairs import Repairs
from twooter.services.reports import Reports
from twooter.services.scheduled_twoots import ScheduledTwoots
from twooter.services.schedules import Schedules
from twooter.services.searches import Searches
from twooter.services.stats import MessageStats
from twooter.services.suggestions import Suggestions
from twooter.services.takeouts import Takeouts
from twooter.services.tallies import Tallies
from twooter.services.threads import Threads
from twooter.services.tickets import Tickets
from twooter.services.timelines import Timelines
from twooter.services.timings import Timings
from twooter.services.tokens import Tokens
from twooter.services.transfer_runs import TransferRuns
from twooter.services.trends import Trends
from twooter.services.twoots import Twoots
from twooter.services.versions import Versions
from twooter.settings import Settings
from twooter.storage.database import Storage


@dataclass(frozen=True, slots=True)
class Services:
    """Everything Twooter can do, put together once per process."""

    settings: Settings
    storage: Storage
    ids: Ids
    outboxes: Outboxes
    batches: Batches
    hashtags: Hashtags
    timelines: Timelines
    homes: Homes
    account_lists: AccountLists
    followed_hashtags: FollowedHashtags
    twoots: Twoots
    edits: Edits
    threads: Threads
    notifications: Notifications
    actions: Actions
    pins: Pins
    polls: Polls
    tallies: Tallies
    poll_ends: PollEnds
    scheduled_twoots: ScheduledTwoots
    publications: Publications
    versions: Versions
    accounts: Accounts
    follows: Follows
    follow_requests: FollowRequests
    blocks: Blocks
    relationships: Relationships
    people: People
    suggestions: Suggestions
    tokens: Tokens
    passwords: Passwords
    confirmations: Confirmations
    deletions: Deletions
    limits: Limits
    moderation: Moderation
    reports: Reports
    messages: Messages
    stats: MessageStats
    timings: Timings
    histories: Histories
    analytics: Analytics
    imports: Imports
    indexes: Indexes
    searches: Searches
    exports: Exports
    takeouts: Takeouts
    follow_imports: FollowImports
    transfer_runs: TransferRuns
    demos: Demos
    audits: Audits
    outcomes: Outcomes
    repairs: Repairs
    parked: Parked
    schedules: Schedules
    trends: Trends
    maintenance: Maintenance
    remains: Remains
    audiences: Audiences
    tickets: Tickets
    background: Background

    def authenticate(self, token: str) -> Viewer:
        """Return who a bearer token proves to be asking."""
        return self.tokens.authenticate(token)

    def authenticate_later(self, token: str, proved: Callable[[Viewer], None]) -> Viewer:
        """Return who a bearer token was last proved to be; `proved` is told who it is when something is asked."""
        return self.tokens.authenticate_later(token, proved)

    def observe_request(self, name: str, seconds: float, failed: bool) -> None:  # noqa: FBT001 - as timings have it
        """Count the time of a request."""
        self.timings.observe_request(name, seconds, failed)

    def start(self) -> None:
        """Start the background jobs of this process; after a fork, never before."""
        traces.start(self.settings)
        self.background.start()

    def stop(self) -> None:
        """Flush what the jobs hold, give the node number back and close."""
        self.background.stop()
        self.ids.release()
        self.storage.close()
        traces.stop()
