"""Settings to services: the only place that chooses implementations."""

from __future__ import annotations

from twooter.domain.transfers import Kind
from twooter.domain.windows import DAY_MS
from twooter.foundations import lay
from twooter.services import aggregates
from twooter.services.account_lists import AccountLists
from twooter.services.accounts import Accounts
from twooter.services.actions import Actions
from twooter.services.addresses import Addresses
from twooter.services.analytics import Analytics
from twooter.services.archives import Archives
from twooter.services.audiences import Audiences
from twooter.services.audits import Audits
from twooter.services.background import Job
from twooter.services.batches import Batches
from twooter.services.blocks import Blocks
from twooter.services.cards import Cards
from twooter.services.confirmations import Confirmations
from twooter.services.deletions import Deletions
from twooter.services.demos import Demos
from twooter.services.edges import Edges
from twooter.services.edits import Edits
from twooter.services.encounters import Encounters
from twooter.services.exports import Exports
from twooter.services.fanout import Fanout
from twooter.services.follow_edges import FollowEdges
from twooter.services.follow_imports import FollowImports
from twooter.services.follow_requests import FollowRequests
from twooter.services.followed_hashtags import FollowedHashtags
from twooter.services.follows import Follows
from twooter.services.hashes import Hashes
from twooter.services.hashtags import Hashtags
from twooter.services.histories import Histories
from twooter.services.homes import Homes
from twooter.services.house import Services
from twooter.services.imports import Imports
from twooter.services.indexes import Indexes
from twooter.services.limits import Limits
from twooter.services.links import Links
from twooter.services.mails import Mails
from twooter.services.maintenance import Maintenance
from twooter.services.messages import Messages
from twooter.services.moderation import Moderation
from twooter.services.notices import Notices
from twooter.services.notifications import Notifications
from twooter.services.outcomes import Outcomes
from twooter.services.parked import Parked
from twooter.services.partings import Partings
from twooter.services.passwords import Passwords
from twooter.services.people import People
from twooter.services.pins import Pins
from twooter.services.poll_ends import PollEnds
from twooter.services.polls import Polls
from twooter.services.popular import Popular
from twooter.services.posting import Folder, Post, Smtp
from twooter.services.publications import Publications
from twooter.services.relationships import Relationships
from twooter.services.remains import Remains
from twooter.services.repairs import Repairs
from twooter.services.reports import Reports
from twooter.services.scheduled_twoots import ScheduledTwoots
from twooter.services.schedules import Schedules
from twooter.services.searches import Searches
from twooter.services.stats import MessageStats
from twooter.services.streams import Streams
from twooter.services.suggestions import Suggestions
from twooter.services.takeouts import Takeouts
from twooter.services.tallies import Tallies
from twooter.services.threads import Threads
from twooter.services.tickets import Tickets
from twooter.services.timelines import Timelines
from twooter.services.tokens import Tokens
from twooter.services.transfer_runs import TransferRuns
from twooter.services.transfers import Transfers
from twooter.services.trends import Trends
from twooter.services.twoots import Twoots
from twooter.services.versions import Versions
from twooter.settings import Settings
from twooter.storage.cache import Cache
from twooter.storage.counters import Counters
from twooter.storage.homes import HomeWindows
from twooter.storage.memory_streams import MemoryLogs
from twooter.storage.streams import Logs, RedisLogs


def wire(settings: Settings) -> Services:
    """Return the services of the settings; nothing connects before it is used."""
    base = lay(settings)
    storage, ids, outboxes = base.storage, base.ids, base.outboxes
    cache = Cache.open(settings)
    versions = Versions(cache)
    hashtags = Hashtags(storage, ids)
    counters = Counters(cache)
    limits = Limits(counters, _rates(settings))
    hashes = Hashes(
        max_at_once=settings.max_concurrent_hashes,
        max_waiting=max(1, settings.threads // 2 - settings.max_concurrent_hashes),
    )
    addresses = Addresses(settings.hashing_key())
    links = Links(settings.signing_keys())
    tokens = Tokens(storage, ids, hashes, limits, addresses, token_days=settings.token_days)
    base.background.add(Job("token_uses", 60, tokens.flush, at_stop=True))
    deletions = Deletions(storage, ids, outboxes, hashtags, addresses, versions, Partings(outboxes))
    mails = Mails(
        storage,
        addresses,
        links,
        limits,
        counters,
        _post(settings),
        mail_from=settings.mail_from,
        public_url=settings.public_url,
    )
    accounts = Accounts(storage, ids, outboxes, hashes, limits, addresses, versions)
    archives = Archives(storage, hashtags, outboxes, versions)
    outcomes = Outcomes(storage)
    audits = Audits(storage, ids, outcomes)
    cards = Cards(storage)
    histories = Histories(storage, ids)
    indexes = Indexes(storage)
    popular = Popular(storage, ids, least_followers=settings.popular_followers)
    windows = HomeWindows.open(settings, cache)
    homes = Homes(storage, cards, popular, windows)
    follows = Follows(storage, ids, outboxes, cards)
    follow_edges = FollowEdges(storage, outboxes, homes)
    transfers = Transfers(storage, ids, outboxes)
    takeouts = Takeouts(storage, outboxes, cards, transfers, public_url=settings.public_url)
    follow_imports = FollowImports(storage, follows, transfers, public_url=settings.public_url)
    transfer_runs = TransferRuns(
        storage,
        ids,
        outboxes,
        transfers,
        {Kind.TAKEOUT: takeouts.step, Kind.FOLLOWS: follow_imports.step},
    )
    twoots = Twoots(
        storage,
        ids,
        outboxes,
        hashtags,
        cards,
        versions,
        needs_confirmed_email=settings.needs_confirmed_email,
        homes=homes,
    )
    threads = Threads(storage, cards, twoots)
    tallies = Tallies(storage, outboxes)
    polls, scheduled_twoots = Polls(ids, outboxes, twoots), ScheduledTwoots(storage, ids, twoots)
    logs = _logs(settings)
    streams = Streams(storage, logs)
    notifications = Notifications(storage, cards, twoots)
    actions = Actions(storage, ids, outboxes, twoots, cards, versions, homes)
    encounters = Encounters(follows, actions, twoots, polls, scheduled_twoots)
    return Services(
        settings=settings,
        storage=storage,
        ids=ids,
        outboxes=outboxes,
        batches=Batches(
            storage,
            ids,
            appliers={"aggregates": aggregates.apply},
            handlers={
                "threads": threads.handle,
                "edges": Edges(storage).handle,
                "fanout": Fanout(storage, popular, windows, streams).handle,
                "follows": follow_edges.handle,
                "search": indexes.handle,
                "polls": tallies.handle,
                "mails": mails.handle,
                "notifications": Notices(
                    storage, ids, is_sharded=settings.database_sharded, streams=streams
                ).handle,
                "deletions": deletions.handle,
                "transfers": transfer_runs.handle,
            },
            max_attempts=settings.max_attempts,
        ),
        hashtags=hashtags,
        timelines=Timelines(storage, cards, hashtags),
        homes=homes,
        account_lists=AccountLists(storage, ids, cards),
        followed_hashtags=FollowedHashtags(storage, ids, hashtags),
        twoots=twoots,
        edits=Edits(storage, ids, outboxes, hashtags, twoots, versions),
        threads=threads,
        notifications=notifications,
        actions=actions,
        pins=Pins(storage, ids, twoots, cards),
        polls=polls,
        scheduled_twoots=scheduled_twoots,
        publications=Publications(storage, ids, outboxes, twoots),
        tallies=tallies,
        poll_ends=PollEnds(storage, ids, outboxes, is_sharded=settings.database_sharded),
        versions=versions,
        accounts=accounts,
        follows=follows,
        follow_requests=FollowRequests(outboxes, follows),
        blocks=Blocks(storage, ids, outboxes, follows),
        relationships=Relationships(storage, ids, cards),
        people=People(storage),
        suggestions=Suggestions(storage, ids, outcomes),
        tokens=tokens,
        passwords=Passwords(storage, outboxes, hashes, limits, addresses, links),
        confirmations=Confirmations(storage, ids, outboxes, limits, addresses, links),
        deletions=deletions,
        limits=limits,
        moderation=Moderation(storage, ids, outboxes, accounts, versions),
        reports=Reports(storage, ids, cards, twoots),
        messages=Messages(
            storage,
            twoots,
            hashtags,
            cards,
            limits,
            may_post_anonymously=settings.may_post_anonymously,
        ),
        stats=MessageStats(storage),
        timings=base.timings,
        histories=histories,
        indexes=indexes,
        searches=Searches(storage, cards, histories),
        analytics=Analytics(storage, ids),
        imports=Imports(storage, ids, archives),
        exports=Exports(storage),
        takeouts=takeouts,
        follow_imports=follow_imports,
        transfer_runs=transfer_runs,
        demos=Demos(storage, ids, outboxes, archives, accounts, encounters),
        audits=audits,
        outcomes=outcomes,
        repairs=Repairs(storage, ids, audits, follow_edges),
        parked=Parked(storage, ids),
        schedules=Schedules(storage, ids),
        trends=Trends(storage, ids),
        remains=Remains(storage, ids),
        maintenance=Maintenance(storage, ids, notification_ms=settings.notification_days * DAY_MS),
        audiences=Audiences(storage, cards, notifications, popular, logs),
        tickets=Tickets(tokens, logs),
        background=base.background,
    )


def _logs(settings: Settings) -> Logs | None:
    """Return the logs of live updates; processes that share nothing have none."""
    if settings.cache_url is not None:
        return RedisLogs(settings.cache_url.get_secret_value(), entries=settings.stream_entries)
    return MemoryLogs(entries=settings.stream_entries) if settings.embedded else None


def _post(settings: Settings) -> Post:
    if settings.smtp_url is None or settings.mail == "folder":
        return Folder(settings.var_dir / "mail")
    return Smtp(settings.smtp_url.get_secret_value())


def _rates(settings: Settings) -> dict[str, str]:
    return {
        "registrations": settings.limit_registrations,
        "sign_ins": settings.limit_sign_ins,
        "sign_ins_network": settings.limit_sign_ins_network,
        "sign_ins_strangers": settings.limit_sign_ins_strangers,
        "mails": settings.limit_mails,
        "twoots": settings.limit_twoots,
        "anonymous_messages": settings.limit_anonymous_messages,
        "searches": settings.limit_searches,
        "follows": settings.limit_follows,
        "reports": settings.limit_reports,
        "actions": settings.limit_actions,
        "exports": settings.limit_exports,
        "imports": settings.limit_imports,
    }
