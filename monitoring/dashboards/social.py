"""The social network: home timelines, live updates, notifications, search, moderation."""

from __future__ import annotations

from collections.abc import Mapping

from monitoring.panels import Dashboard, Panel
from monitoring.queries import most, quantile, rate


def _delays(consumer: str) -> dict[str, str]:
    """Return queries for half and for 99 of 100 batches of a consumer, from their oldest events on."""
    return {
        name: quantile(q, "twooter_aggregate_delay_seconds", only=f'{{consumer="{consumer}"}}')
        for name, q in (("median", 0.5), ("99 %", 0.99))
    }


def _waiting(consumer: str) -> Mapping[str, str]:
    """Return the query for the age of what waits for a consumer."""
    return {"oldest batch": most(f'twooter_unfinished_oldest_seconds{{consumer="{consumer}"}}')}


SOCIAL = Dashboard(
    "social",
    "Twooter: social network",
    "Whether twoots reach those who follow, whether these are told, and what moderators have before them.",
    {
        "Fan-out": [
            Panel(
                "From a twoot to home timelines",
                "s",
                {**_delays("fanout"), **_waiting("fanout")},
                "By batch, from its oldest event until all followers' timelines have it.",
            ),
            Panel(
                "Timelines pushed to",
                "ops",
                {"{{outcome}}": rate("twooter_home_deliveries_total", "outcome")},
                "`kept`: in Redis. `absent`: of accounts that have not read theirs for long; nothing is pushed there.",
            ),
            Panel(
                "Tasks waiting and in flight",
                "none",
                {"{{queue}}": most('twooter_queue_depth{queue="fanout"}', "queue")},
                "What the workers of fan-out are scaled on.",
            ),
        ],
        "Home timelines": [
            Panel(
                "Pages read, by source",
                "reqps",
                {"{{source}}": rate("twooter_home_reads_total", "source")},
                "`rebuild`: read from the database and kept. `database`: below what Redis keeps, or without it.",
            ),
            Panel(
                "Part of pages that Redis did not answer",
                "percentunit",
                {
                    "missed": " / ".join(
                        [rate('twooter_home_reads_total{source!="redis"}'), rate("twooter_home_reads_total")]
                    )
                },
                "A jump: Redis was emptied, evicts, or does not answer.",
            ),
            Panel(
                "Redis did not answer",
                "ops",
                {"errors": rate('twooter_cache_lookups_total{cache="redis", outcome="error"}')},
                "All that uses the cache together.",
            ),
        ],
        "Live updates": [
            Panel(
                "Listeners",
                "none",
                {
                    "{{instance}}": most("twooter_stream_connections", "instance"),
                    "room for {{instance}}": most("twooter_stream_capacity", "instance"),
                },
                "Connections of each process, and how many it lets in.",
            ),
            Panel(
                "Ends of connections",
                "ops",
                {"{{outcome}}": rate("twooter_stream_ends_total", "outcome")},
                "`slow`: dropped by us. `refused`: at the door. `revoked`: the token holds no more.",
            ),
            Panel(
                "From the log to listeners",
                "s",
                {
                    "median": quantile(0.5, "twooter_stream_lag_seconds"),
                    "99 %": quantile(0.99, "twooter_stream_lag_seconds"),
                },
                "What happens now; what a listener catches up on is not counted.",
            ),
            Panel(
                "Events",
                "ops",
                {
                    "written by workers": rate("twooter_stream_appends_total"),
                    "sent to listeners": rate("twooter_stream_events_total"),
                },
                "One that is written goes to all who listen to its topic.",
                width=12,
            ),
            Panel(
                "Hears its log",
                "none",
                {"{{instance}}": "min by (instance) (twooter_stream_log_reachable)"},
                "0: listeners of this process get heartbeats and nothing else.",
                width=12,
                red_below=1,
            ),
        ],
        "Notifications and search": [
            Panel(
                "From what happens to notifications",
                "s",
                {**_delays("notifications"), **_waiting("notifications")},
                "By batch, from its oldest event on. Mails share their queue.",
            ),
            Panel(
                "From a twoot to the index of search",
                "s",
                {**_delays("search"), **_waiting("search")},
                "By batch, from its oldest event on.",
            ),
            Panel(
                "Searches",
                "reqps",
                {"{{status}}": rate('twooter_http_requests_total{route="/v1/search"}', "status")},
                "By status; 4xx are mostly refusals by `TWOOTER_LIMIT_SEARCHES`.",
            ),
        ],
        "Moderation": [
            Panel(
                "Open reports",
                "none",
                {"reports": most("twooter_reports_open")},
                "That no moderator has resolved.",
                kind="stat",
            ),
            Panel(
                "The oldest open report",
                "s",
                {"age": most("twooter_report_oldest_seconds")},
                "Red after two days.",
                kind="stat",
                red_from=2 * 86_400,
            ),
            Panel(
                "Reports and decisions",
                "reqps",
                {
                    "{{method}} {{route}}": rate(
                        'twooter_http_requests_total{method!="GET", route=~"/v1/reports.*|/v1/moderation.*"}',
                        "method",
                        "route",
                    )
                },
                "What people report, and what moderators do.",
            ),
        ],
    },
)
