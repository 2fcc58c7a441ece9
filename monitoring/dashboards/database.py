"""The database: statements, transactions, connections."""

from __future__ import annotations

from monitoring.panels import Dashboard, Panel
from monitoring.queries import mean, most, rate

DATABASE = Dashboard(
    "database",
    "Twooter: database",
    "Statements by name: how many, how long, which fail; transactions and connections.",
    {
        "Statements": [
            Panel(
                "Time in the database",
                "none",
                {"{{statement}}": f"topk(10, {rate('twooter_query_seconds_sum', 'statement')})"},
                "Seconds in a second, of the ten statements with the most: the mean number of connections they hold.",
                width=12,
            ),
            Panel(
                "Mean time",
                "s",
                {"{{statement}}": f"topk(10, {mean('twooter_query_seconds', 'statement')})"},
                "Of the ten slowest statements. Exact percentiles: GET /v1/analytics/queries.",
                width=12,
            ),
            Panel(
                "Statements",
                "ops",
                {"{{component}}": rate("twooter_query_seconds_count", "component")},
                "By the part that runs them.",
            ),
            Panel(
                "Above 100 ms",
                "ops",
                {"slow": rate("twooter_slow_queries_total")},
                "All statements together.",
            ),
            Panel(
                "Failed",
                "ops",
                {"{{statement}}": rate("twooter_query_errors_total", "statement")},
                "Most are duplicates that are looked for in this way: an insert that finds a row is an answer.",
            ),
        ],
        "Transactions and connections": [
            Panel(
                "Tried again",
                "ops",
                {"{{reason}}": rate("twooter_transaction_retries_total", "reason")},
                "`again`: deadlocks and lock timeouts. `lost`: connections that ended.",
            ),
            Panel(
                "Connections opened",
                "ops",
                {
                    "{{component}} {{outcome}}": rate(
                        "twooter_database_connect_seconds_count", "component", "outcome"
                    )
                },
                "A thread keeps its connection; many new ones mean that they get lost.",
            ),
            Panel(
                "Time to connect",
                "s",
                {"{{outcome}}": mean("twooter_database_connect_seconds", "outcome")},
                "What a thread waits before its first statement: there is no pool to wait for.",
            ),
        ],
        "Schema and audits": [
            Panel(
                "Schema",
                "none",
                {
                    "version": most("twooter_schema_version"),
                    "pending": most("twooter_schema_pending_migrations"),
                },
                "The newest migration that the database has, and how many are pending.",
                kind="stat",
            ),
            Panel(
                "Since the last audit",
                "s",
                {"age": most("twooter_audit_age_seconds")},
                "Audits run each hour.",
                kind="stat",
                red_from=3 * 3600,
            ),
            Panel(
                "Collections of garbage",
                "ops",
                {"generation {{generation}}": rate("twooter_gc_collections_total", "generation")},
                "Of all processes.",
            ),
        ],
    },
)
