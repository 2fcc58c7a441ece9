"""The API: requests by route, limits, caches."""

from __future__ import annotations

from monitoring.panels import Dashboard, Panel
from monitoring.queries import bad, mean, rate

API = Dashboard(
    "api",
    "Twooter: API",
    "Requests by route: how many, how long, which fail and which are refused.",
    {
        "Requests": [
            Panel(
                "By route",
                "reqps",
                {"{{method}} {{route}}": rate("twooter_http_requests_total", "method", "route")},
                "The route `none` is what no route takes.",
            ),
            Panel(
                "Refused and failed",
                "reqps",
                {
                    "{{status}} {{method}} {{route}}": rate(
                        'twooter_http_requests_total{status=~"[45].."}', "status", "method", "route"
                    )
                },
                "4xx are mistakes of clients, 5xx are ours.",
            ),
            Panel(
                "Part that fails",
                "percentunit",
                {"5xx": bad("Availability", "5m")},
                "The objective allows 0.1 % in 30 days.",
            ),
        ],
        "Time": [
            Panel(
                "Mean time, by route",
                "s",
                {"{{method}} {{route}}": mean("twooter_http_route_seconds", "method", "route")},
                "What is slow. Percentiles by route: GET /v1/analytics/requests.",
                width=12,
            ),
            Panel(
                "Part of reads above 250 ms",
                "percentunit",
                {"slow": bad("Latency", "5m")},
                "The objective allows 5 % in 30 days.",
                width=12,
            ),
            Panel(
                "Requests in work at once",
                "none",
                {"{{instance}}": rate("twooter_http_request_seconds_sum", "instance")},
                "The mean. Near TWOOTER_WORKERS × TWOOTER_THREADS a pod is full.",
            ),
            Panel(
                "Processors",
                "none",
                {"{{instance}}": rate('process_cpu_seconds_total{component="api"}', "instance")},
                "Cores in use by a pod, all of its processes.",
            ),
            Panel(
                "Memory",
                "bytes",
                {"{{instance}}": 'sum by (instance) (process_resident_memory_bytes{component="api"})'},
                "Resident memory of a pod's processes; what they share is counted for each.",
            ),
        ],
        "Limits, sign-ins, caches": [
            Panel(
                "Refused by rate limits",
                "reqps",
                {"{{limit}}": rate("twooter_rate_limit_refusals_total", "limit")},
                "By the limit that refused.",
            ),
            Panel(
                "Sign-ins",
                "reqps",
                {"{{outcome}}": rate("twooter_sign_ins_total", "outcome")},
                "`refused`: the name or the password was wrong. Many of them: somebody guesses.",
            ),
            Panel(
                "Caches",
                "ops",
                {"{{cache}} {{outcome}}": rate("twooter_cache_lookups_total", "cache", "outcome")},
                "`error`: Redis did not answer. `fallback`: what was done without it.",
            ),
        ],
    },
)
