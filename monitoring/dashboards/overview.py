"""The overview: objectives, budgets, and what happens now."""

from __future__ import annotations

from monitoring.panels import Dashboard, Panel
from monitoring.queries import OBJECTIVES, bad, most, quantiles, rate

OVERVIEW = Dashboard(
    "overview",
    "Twooter: overview",
    "Whether Twooter keeps what it promises, what is left of its error budgets, and what happens now.",
    {
        "Objectives of 30 days": [
            *(
                Panel(
                    f"{name}: budget left",
                    "percentunit",
                    {"left": f"1 - {bad(name, '30d')} / {budget}"},
                    "What is left of the error budget of 30 days. Below zero the objective is missed.",
                    kind="stat",
                    red_below=0.0,
                )
                for name, (_, _, budget) in OBJECTIVES.items()
            ),
            Panel(
                "Burn rate of the last hour",
                "none",
                {name: f"{bad(name, '1h')} / {budget}" for name, (_, _, budget) in OBJECTIVES.items()},
                "At 1 a budget lasts 30 days, at 14.4 two of them.",
                width=16,
            ),
            Panel(
                "Versions",
                "none",
                {"{{component}} {{version}}": "count by (component, version) (twooter_build_info)"},
                "Pods by version. Two versions for longer than a rollout takes: a rollout that hangs.",
                kind="bargauge",
            ),
        ],
        "Now": [
            Panel(
                "Requests",
                "reqps",
                {"{{status}}": rate("twooter_http_requests_total", "status")},
                "Answered requests, by status.",
            ),
            Panel(
                "Time of a request",
                "s",
                quantiles("twooter_http_request_seconds"),
                "All routes together.",
            ),
            Panel(
                "Time to the statistics",
                "s",
                quantiles("twooter_aggregate_delay_seconds"),
                "From the oldest event of a batch to its being applied, all consumers together.",
            ),
            Panel(
                "What waits",
                "s",
                {
                    "outbox": most("twooter_outbox_oldest_seconds"),
                    "{{consumer}}": most("twooter_unfinished_oldest_seconds", "consumer"),
                },
                "Age of the oldest event that is not sealed, and of the oldest batch that is not applied.",
            ),
            Panel(
                "Seen from outside",
                "s",
                {
                    "since a probe succeeded": most("twooter_probe_success_age_seconds"),
                    "time of the last one": most("twooter_probe_seconds"),
                },
                "What `python -m twooter probe` found. Empty without probes.",
                width=24,
            ),
            Panel(
                "Drift",
                "none",
                {"{{kind}}": most("twooter_aggregate_drift", "kind")},
                "What the last audit found wrong in the aggregates. Anything but 0 is a bug.",
                red_from=1,
            ),
            Panel(
                "Log lines worth reading",
                "none",
                {"{{level}} {{logger}}": "sum by (level, logger) (increase(twooter_log_events_total[5m]))"},
                "Warnings and errors of five minutes, by part of the code.",
            ),
        ],
    },
)
