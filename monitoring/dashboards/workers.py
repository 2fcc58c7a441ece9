"""Workers and queues: what happens behind the answers."""

from __future__ import annotations

from monitoring.panels import Dashboard, Panel
from monitoring.queries import bad, mean, most, quantile, rate

WORKERS = Dashboard(
    "workers",
    "Twooter: workers and queues",
    "What happens behind the answers: events, batches, queues, tasks, the schedule.",
    {
        "Events": [
            Panel(
                "Applied, by consumer",
                "ops",
                {"{{consumer}}": rate("twooter_events_applied_total", "consumer")},
                "Events in a second that reached a consumer.",
            ),
            Panel(
                "Part of events later than 5 s",
                "percentunit",
                {"statistics": bad("Freshness", "5m")},
                "The objective allows 1 % in 30 days.",
            ),
            Panel(
                "Time to be applied",
                "s",
                {"{{consumer}}": quantile(0.99, "twooter_aggregate_delay_seconds", "consumer")},
                "99 of 100 batches, from their oldest event on.",
            ),
            Panel(
                "Not yet sealed",
                "none",
                {"events": most("twooter_outbox_rows")},
                "Events in the outbox. The relay seals them.",
            ),
            Panel(
                "Not yet applied",
                "none",
                {"{{consumer}}": most("twooter_unfinished_batches", "consumer")},
                "Sealed batches, by consumer. The workers apply them.",
            ),
            Panel(
                "Set aside",
                "none",
                {"{{consumer}}": most("twooter_parked_events", "consumer")},
                "Events that could not be applied and wait for an operator: `python -m twooter parked`.",
                red_from=1,
            ),
        ],
        "Queues and tasks": [
            Panel(
                "Waiting",
                "none",
                {"{{queue}}": most("twooter_queue_waiting", "queue")},
                "Tasks that no worker holds yet.",
            ),
            Panel(
                "Waiting and in flight",
                "none",
                {"{{queue}}": most("twooter_queue_depth", "queue")},
                "What workers are scaled on.",
            ),
            Panel(
                "Tasks",
                "ops",
                {"{{task}} {{outcome}}": rate("twooter_task_seconds_count", "task", "outcome")},
                "By name and outcome.",
            ),
            Panel(
                "Time of a task",
                "s",
                {"{{task}}": mean("twooter_task_seconds", "task")},
                "The mean, by name.",
            ),
            Panel(
                "Batches sealed and sent",
                "ops",
                {
                    "events sealed": rate("twooter_events_sealed_total"),
                    "batches to {{consumer}}": rate("twooter_batches_sent_total", "consumer"),
                },
                "The relay's work.",
            ),
            Panel(
                "Processors",
                "none",
                {
                    "{{component}} {{instance}}": rate(
                        'process_cpu_seconds_total{component!="api"}', "component", "instance"
                    )
                },
                "Cores in use by pods that answer no requests.",
            ),
        ],
        "Schedule": [
            Panel(
                "Since a periodic task ran",
                "s",
                {"{{task}}": most("twooter_schedule_claim_age_seconds", "task")},
                "From the start of its newest slot. Each has its own interval, from half a minute to an hour.",
                width=12,
            ),
            Panel(
                "Scheduled twoots overdue",
                "s",
                {"the one that waits longest": most("twooter_scheduled_overdue_seconds")},
                "Since it was to be published. A periodic task does so within seconds.",
                width=12,
            ),
            Panel(
                "Database and broker, asked by the exporter",
                "s",
                {
                    "database": most("twooter_database_ping_seconds"),
                    "broker": most("twooter_broker_ping_seconds"),
                },
                "Time of the smallest question. Nothing is drawn while there is no answer.",
                width=12,
            ),
        ],
    },
)
