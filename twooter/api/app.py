"""The Falcon application: the doorway, error handlers, and THE route table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import falcon
import falcon.media
import orjson

from twooter import errors
from twooter.api import errors as answers
from twooter.api.clients import Clients
from twooter.api.cursors import Cursors
from twooter.api.documents import DocsFileResource, DocsResource, HomeResource, OpenApiResource
from twooter.api.doorway import Doorway, Proofs
from twooter.api.fragments import Fragments
from twooter.api.lists import Lists
from twooter.api.native.account_lists import (
    AccountListResource,
    AccountListsResource,
    ListAccountResource,
    ListAccountsResource,
    ListTimeline,
)
from twooter.api.native.accounts import AccountResource, AccountsResource, LookupResource
from twooter.api.native.actions import (
    BookmarkResource,
    BookmarksResource,
    LikeResource,
    LikersResource,
    MyLikesResource,
    PinResource,
    PinsResource,
    RetwootersResource,
    RetwootResource,
)
from twooter.api.native.analytics import SeriesResource, SummaryResource
from twooter.api.native.audience import ActsResource, AudienceResource, RetentionResource
from twooter.api.native.confirmations import ConfirmationsResource, MyConfirmationsResource
from twooter.api.native.edits import HistoryResource
from twooter.api.native.follow_imports import (
    FollowImportLinesResource,
    FollowImportResource,
    FollowImportsResource,
)
from twooter.api.native.followed_hashtags import FollowedHashtagResource, MyHashtagsResource
from twooter.api.native.hashtags import HashtagResource, HashtagsResource, TrendsResource
from twooter.api.native.me import MeResource
from twooter.api.native.messages import MessagesResource, MessageStatsResource
from twooter.api.native.moderation import (
    HideResource,
    LogResource,
    SilenceResource,
    SuspendResource,
)
from twooter.api.native.notifications import (
    MutedThreadResource,
    NotificationsResource,
    ReadResource,
    UnreadResource,
)
from twooter.api.native.passwords import PasswordResetsResource, PasswordResource
from twooter.api.native.people import (
    BlocksResource,
    FollowersResource,
    FollowingResource,
    FollowRequestsResource,
    MutesResource,
)
from twooter.api.native.relationships import (
    BlockResource,
    Changes,
    FollowRequestResource,
    FollowResource,
    MuteResource,
    MyFollowerResource,
    NoteResource,
    RelationshipsResource,
)
from twooter.api.native.reports import CaseResource, CasesResource, ReportsResource
from twooter.api.native.scheduled_twoots import ScheduledTwootResource, ScheduledTwootsResource
from twooter.api.native.searches import SearchResource
from twooter.api.native.streams import StreamResource, TicketsResource
from twooter.api.native.suggestions import SuggestionsResource
from twooter.api.native.takeouts import ArchiveResource, ExportResource, ExportsResource
from twooter.api.native.threads import ThreadResource
from twooter.api.native.timelines import (
    AccountTimeline,
    HashtagTimeline,
    HomeTimeline,
    PublicTimeline,
)
from twooter.api.native.timings import TimingsResource
from twooter.api.native.tokens import TokenResource, TokensResource
from twooter.api.native.twoots import TwootResource, TwootsResource
from twooter.api.native.votes import VoteResource
from twooter.api.ops import OPS_RESOURCES, add_head, add_ops_routes
from twooter.services.analytics import Analytics
from twooter.services.histories import Histories
from twooter.services.house import Services
from twooter.settings import Settings
from twooter.storage import timings


@dataclass(frozen=True, slots=True)
class Route:
    """An address and the resource behind it."""

    path: str
    resource: Any  # Any: Falcon's resources have no common type


def routes(services: Services) -> tuple[Route, ...]:
    """Return every route; what is not here is not served."""
    settings = services.settings
    public_url = settings.public_url
    lists = Lists(Cursors(settings.signing_keys()), services.versions, public_url=public_url)
    fragments = Fragments(public_url=public_url)
    timelines = (services.timelines, lists, fragments)
    clients = Clients(settings.trusted_proxies)
    twoots = (services.twoots, services.edits, services.limits, clients)
    served = (
        *_people(services, clients, lists),
        *_graph(services, clients, lists),
        *_scheduled(services, clients),
        Route("/v1/twoots/{id}", TwootResource(*twoots, public_url=public_url)),
        Route("/v1/twoots/{id}/history", HistoryResource(services.edits)),
        Route("/v1/twoots/{id}/thread", ThreadResource(services.threads, lists, fragments)),
        Route("/v1/timelines/home", HomeTimeline(services.homes, lists, fragments)),
        Route("/v1/timelines/public", PublicTimeline(*timelines)),
        Route("/v1/timelines/tags/{tag}", HashtagTimeline(*timelines)),
        Route("/v1/accounts/{id}/twoots", AccountTimeline(*timelines)),
        *_lists(services, clients, lists, fragments),
        *_actions(services, clients, lists, fragments),
        Route("/v1/search", SearchResource(services.searches, services.limits, clients, lists, fragments)),
        Route("/messages", MessagesResource(services.messages, clients)),
        Route("/management/message-stats", MessageStatsResource(services.stats)),
        *_notifications(services, lists, fragments),
        Route("/v1/stream", StreamResource(stream_url=settings.stream_address)),
        Route("/v1/stream/tickets", TicketsResource(services.tickets, stream_url=settings.stream_address)),
        *_own_data(services, clients, lists),
        *_moderation(services, clients, lists),
        *_analytics(services.histories, services.analytics),
    )
    return (*served, *_documents(served, settings))


def _documents(served: tuple[Route, ...], settings: Settings) -> tuple[Route, ...]:
    described = list(served)
    documents = (
        Route("/", HomeResource(public_url=settings.public_url)),
        Route("/openapi.json", OpenApiResource(described)),
        Route("/docs", DocsResource()),
        Route("/docs/{file}", DocsFileResource()),
    )
    described.extend(documents)
    if settings.metrics_port is None:
        described.extend(Route(path, resource) for path, resource in OPS_RESOURCES.items())
    return documents


def _lists(services: Services, clients: Clients, lists: Lists, fragments: Fragments) -> tuple[Route, ...]:
    found, counted = services.account_lists, (services.limits, clients)
    return (
        Route("/v1/lists", AccountListsResource(found, *counted, lists)),
        Route("/v1/lists/{id}", AccountListResource(found)),
        Route("/v1/lists/{id}/accounts", ListAccountsResource(found, lists)),
        Route("/v1/lists/{id}/accounts/{member}", ListAccountResource(found, *counted)),
        Route("/v1/timelines/lists/{id}", ListTimeline(found, lists, fragments)),
        Route("/v1/hashtags/{tag}/follow", FollowedHashtagResource(services.followed_hashtags, *counted)),
        Route("/v1/me/hashtags", MyHashtagsResource(services.followed_hashtags, lists)),
    )


def _scheduled(services: Services, clients: Clients) -> tuple[Route, ...]:
    scheduled, limits, public_url = services.scheduled_twoots, services.limits, services.settings.public_url
    publish = TwootsResource(services.twoots, scheduled, limits, clients, public_url=public_url)
    return (
        Route("/v1/twoots", publish),
        Route("/v1/scheduled", ScheduledTwootsResource(scheduled)),
        Route("/v1/scheduled/{id}", ScheduledTwootResource(scheduled, limits, clients)),
    )


def _actions(services: Services, clients: Clients, lists: Lists, fragments: Fragments) -> tuple[Route, ...]:
    limited = (services.limits, clients)
    actions, pins, public_url = services.actions, services.pins, services.settings.public_url
    return (
        Route("/v1/twoots/{id}/like", LikeResource(actions, limited, public_url=public_url)),
        Route("/v1/twoots/{id}/retwoot", RetwootResource(actions, limited, public_url=public_url)),
        Route("/v1/twoots/{id}/bookmark", BookmarkResource(actions, limited, public_url=public_url)),
        Route("/v1/twoots/{id}/vote", VoteResource(services.polls, limited, public_url=public_url)),
        Route("/v1/twoots/{id}/pin", PinResource(pins, limited, public_url=public_url)),
        Route("/v1/twoots/{id}/likes", LikersResource(actions, lists)),
        Route("/v1/twoots/{id}/retwoots", RetwootersResource(actions, lists)),
        Route("/v1/accounts/{id}/pins", PinsResource(pins, public_url=public_url)),
        Route("/v1/me/likes", MyLikesResource(actions, lists, fragments)),
        Route("/v1/bookmarks", BookmarksResource(actions, lists, fragments)),
    )


def _notifications(services: Services, lists: Lists, fragments: Fragments) -> tuple[Route, ...]:
    notifications = services.notifications
    return (
        Route("/v1/notifications", NotificationsResource(notifications, lists, fragments)),
        Route("/v1/notifications/unread", UnreadResource(notifications)),
        Route("/v1/notifications/read", ReadResource(notifications)),
        Route("/v1/twoots/{id}/mute", MutedThreadResource(notifications)),
    )


def _own_data(services: Services, clients: Clients, lists: Lists) -> tuple[Route, ...]:
    counted, public_url = (services.limits, clients, lists), services.settings.public_url
    takeouts, imports = services.takeouts, services.follow_imports
    return (
        Route("/v1/me/exports", ExportsResource(takeouts, *counted, public_url=public_url)),
        Route("/v1/me/exports/{id}", ExportResource(takeouts, public_url=public_url)),
        Route("/v1/me/exports/{id}/archive", ArchiveResource(takeouts)),
        Route("/v1/me/imports/following", FollowImportsResource(imports, *counted)),
        Route("/v1/me/imports/following/{id}", FollowImportResource(imports)),
        Route("/v1/me/imports/following/{id}/lines", FollowImportLinesResource(imports, lists)),
    )


def _moderation(services: Services, clients: Clients, lists: Lists) -> tuple[Route, ...]:
    reports, moderation, public_url = services.reports, services.moderation, services.settings.public_url
    return (
        Route("/v1/reports", ReportsResource(reports, services.limits, clients)),
        Route("/v1/moderation/reports", CasesResource(reports, lists, public_url=public_url)),
        Route("/v1/moderation/reports/{id}", CaseResource(reports, public_url=public_url)),
        Route("/v1/moderation/accounts/{id}/silence", SilenceResource(moderation)),
        Route("/v1/moderation/accounts/{id}/suspend", SuspendResource(moderation)),
        Route("/v1/moderation/twoots/{id}/hide", HideResource(moderation)),
        Route("/v1/moderation/log", LogResource(moderation, lists)),
    )


def _audience(analytics: Analytics) -> tuple[Route, ...]:
    return (
        Route("/v1/analytics/accounts", AudienceResource(analytics)),
        Route("/v1/analytics/follows", ActsResource(analytics, "follows")),
        Route("/v1/analytics/likes", ActsResource(analytics, "likes")),
        Route("/v1/analytics/retwoots", ActsResource(analytics, "retwoots")),
        Route("/v1/analytics/retention", RetentionResource(analytics)),
    )


def _analytics(histories: Histories, analytics: Analytics) -> tuple[Route, ...]:
    return (
        Route("/v1/hashtags", HashtagsResource(histories)),
        Route("/v1/hashtags/{tag}", HashtagResource(histories)),
        Route("/v1/trends", TrendsResource(histories)),
        Route("/v1/analytics/twoots", SeriesResource(analytics)),
        Route("/v1/analytics/summary", SummaryResource(analytics)),
        *_audience(analytics),
        Route("/v1/analytics/requests", TimingsResource(analytics, timings.REQUESTS)),
        Route("/v1/analytics/queries", TimingsResource(analytics, timings.QUERIES)),
    )


def _people(services: Services, clients: Clients, lists: Lists) -> tuple[Route, ...]:
    accounts, tokens, passwords = services.accounts, services.tokens, services.passwords
    confirmations, public_url = services.confirmations, services.settings.public_url
    return (
        Route("/v1/accounts", AccountsResource(accounts, clients)),
        Route("/v1/accounts/{id}", AccountResource(accounts)),
        Route("/v1/accounts/lookup", LookupResource(accounts)),
        Route("/v1/me", MeResource(accounts, services.deletions)),
        Route("/v1/me/password", PasswordResource(passwords, clients)),
        Route("/v1/me/email-confirmations", MyConfirmationsResource(confirmations, clients)),
        Route("/v1/email-confirmations", ConfirmationsResource(confirmations, public_url=public_url)),
        Route("/v1/password-resets", PasswordResetsResource(passwords, clients, public_url=public_url)),
        Route("/v1/tokens", TokensResource(tokens, clients, lists)),
        Route("/v1/tokens/{id}", TokenResource(tokens)),
    )


def _graph(services: Services, clients: Clients, lists: Lists) -> tuple[Route, ...]:
    people = (services.people, lists)
    relationships, requests = services.relationships, services.follow_requests
    changes = Changes(relationships, services.limits, clients)
    return (
        Route("/v1/accounts/{id}/follow", FollowResource(services.follows, changes)),
        Route("/v1/accounts/{id}/block", BlockResource(services.blocks, changes)),
        Route("/v1/accounts/{id}/mute", MuteResource(relationships, changes)),
        Route("/v1/accounts/{id}/note", NoteResource(relationships, changes)),
        Route("/v1/accounts/{id}/followers", FollowersResource(*people)),
        Route("/v1/accounts/{id}/following", FollowingResource(*people)),
        Route("/v1/me/followers/{id}", MyFollowerResource(requests, changes)),
        Route("/v1/follow-requests", FollowRequestsResource(*people)),
        Route("/v1/follow-requests/{id}", FollowRequestResource(requests, changes)),
        Route("/v1/blocks", BlocksResource(*people)),
        Route("/v1/mutes", MutesResource(*people)),
        Route("/v1/relationships", RelationshipsResource(relationships)),
        Route("/v1/suggestions", SuggestionsResource(services.suggestions)),
    )


class App(falcon.App[Any, Any]):
    """Falcon's application without the method that it keeps to itself, and would refuse before the doorway."""

    def __call__(self, env: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # Any: WSGI's callable
        """Answer a request."""
        if env["REQUEST_METHOD"] == "WEBSOCKET":
            env["REQUEST_METHOD"] = "OTHER"
        return super().__call__(env, start_response)


def create_doorway(services: Services) -> Doorway:
    """Return the middleware every request passes."""
    settings = services.settings
    return Doorway(
        services.authenticate,
        services.observe_request,
        authenticate_later=services.authenticate_later,
        cors_origins=settings.cors_origins,
        max_body_bytes=settings.max_body_bytes,
        body_timeout_seconds=settings.body_timeout_seconds,
    )


def create_app(services: Services, doorway: Doorway | None = None) -> falcon.App[Any, Any]:
    """Return the WSGI application; probes and metrics are in it unless they have a port of their own."""
    if doorway is None:
        doorway = create_doorway(services)
    app = App(middleware=[doorway, Proofs(services.tokens.settle)])
    app.req_options.strip_url_path_trailing_slash = False
    app.req_options.auto_parse_qs_csv = False
    app.req_options.keep_blank_qs_values = True
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = falcon.media.JSONHandler(dumps=orjson.dumps)
    app.add_error_handler(Exception, answers.on_crash)
    app.add_error_handler(falcon.HTTPError, answers.on_http_error)
    app.add_error_handler(errors.TwooterError, answers.on_refusal)
    for route in routes(services):
        add_head(route.resource)
        app.add_route(route.path, route.resource)
    if services.settings.metrics_port is None:
        add_ops_routes(app, alive=lambda: None, ready=doorway.trouble)
    return app
