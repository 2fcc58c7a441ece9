"""Hashtags and product: what people do."""

from __future__ import annotations

from monitoring.panels import Dashboard, Panel
from monitoring.queries import most, rate

PRODUCT = Dashboard(
    "product",
    "Twooter: hashtags and product",
    "What people do: twoots, accounts, hashtags. Read from the aggregates, so it costs the same whatever their number.",
    {
        "Today (UTC)": [
            Panel(
                "Twoots",
                "none",
                {"twoots": most("twooter_twoots_today")},
                "Of the present day.",
                kind="stat",
            ),
            Panel(
                "Active accounts",
                "none",
                {"accounts": most("twooter_active_accounts_today")},
                "Accounts that have posted today.",
                kind="stat",
            ),
            Panel(
                "New accounts",
                "none",
                {"accounts": most("twooter_new_accounts_today")},
                "Registered today.",
                kind="stat",
            ),
            Panel(
                "Top hashtags",
                "none",
                {"{{tag}}": f"sort_desc({most('twooter_top_tag_uses_today', 'tag')})"},
                "The ten used most today.",
                kind="bargauge",
                width=12,
            ),
            Panel(
                "Top hashtags over time",
                "none",
                {"{{tag}}": most("twooter_top_tag_uses_today", "tag")},
                "Uses since midnight, of those that were among the ten.",
                width=12,
            ),
        ],
        "Audience": [
            Panel(
                "Who takes part",
                "none",
                {
                    "posted, followed, liked or retwooted": most("twooter_participants_today"),
                    "posted": most("twooter_active_accounts_today"),
                },
                "Accounts, since midnight.",
            ),
            Panel(
                "Follows, likes and retwoots",
                "none",
                {"{{act}}": most("twooter_acts_today", "act")},
                "Since midnight; what was taken back is not counted.",
            ),
        ],
        "Over time": [
            Panel(
                "Twoots per minute",
                "none",
                {"twoots": most("twooter_twoots_per_minute")},
                "Of the last whole minute.",
            ),
            Panel(
                "Active accounts",
                "none",
                {"accounts": most("twooter_active_accounts_today")},
                "Since midnight.",
            ),
            Panel(
                "Posting",
                "reqps",
                {
                    "{{route}} {{status}}": rate(
                        'twooter_http_requests_total{method="POST", route=~"/v1/twoots|/messages"}',
                        "route",
                        "status",
                    )
                },
                "Requests that publish, by status.",
            ),
        ],
    },
)
