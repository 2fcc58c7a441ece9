"""The Celery application that relay and beat send with: settings for Redis, RabbitMQ and the memory transport."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from typing import Any

import orjson
from celery import Celery
from kombu.transport import TRANSPORT_ALIASES, redis, virtual

from twooter.domain.queues import QueueFigures
from twooter.settings import Settings

NOTIFY, MAINTENANCE = "notify", "maintenance"
QUEUES = {
    "aggregates": "aggregates",
    "edges": "aggregates",
    "threads": "aggregates",
    "fanout": "fanout",
    "follows": "aggregates",
    "search": "aggregates",
    "polls": "aggregates",
    "mails": NOTIFY,
    "notifications": NOTIFY,
    "deletions": MAINTENANCE,
    "transfers": "maintenance",
}
"""Consumer to queue; queues are by urgency, so that one big account cannot delay the small ones."""
ALL_QUEUES = ("fanout", "aggregates", NOTIFY, MAINTENANCE)
APPLY = "twooter.batches.apply"
_TIMEOUT_SECONDS = 0.25


def create_celery(settings: Settings) -> Celery:
    """Return a Celery application for the settings; connects at first use."""
    url = "memory://" if settings.broker_url is None else settings.broker_url.get_secret_value()
    app = Celery("twooter", broker=url, set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_default_queue=MAINTENANCE,
        task_time_limit=60,
        task_soft_time_limit=45,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # however long an outage lasts
        broker_connection_timeout=2.0,
        broker_transport_options=_transport_options(url),
        task_publish_retry=False,
        task_publish_retry_policy={"max_retries": 0},
        enable_utc=True,
        timezone="UTC",
    )
    if url.startswith("amqp"):
        app.conf.update(
            task_default_queue_type="quorum",
            task_create_missing_queue_type="quorum",  # every queue but the default one is made where it is named
            worker_detect_quorum_queues=True,
            broker_native_delayed_delivery_queue_type="classic",  # 28 queues Celery insists on and nobody uses
        )
    return app


def _transport_options(url: str) -> dict[str, Any]:  # Any: each transport has its own
    if url.startswith("memory"):
        return {"polling_interval": 0.02}
    if url.startswith("amqp"):
        return {"confirm_publish": True, "max_retries": 0, "read_timeout": 2, "write_timeout": 2}
    return {
        "visibility_timeout": 300,
        "socket_timeout": _TIMEOUT_SECONDS,
        "socket_connect_timeout": _TIMEOUT_SECONDS,
        "max_retries": 0,
        "retry_on_timeout": False,
    }


class _Qos(redis.QoS):
    """Kombu's bookkeeping of what a worker holds, where an unanswered acknowledgement costs no place.

    Kombu logs that it could not acknowledge and counts the message as held for ever: after as many as a worker has
    processes, it would never fetch another one. Redis gives the message out again, and the ledger knows it.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge."""
        try:
            super().ack(delivery_tag)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - Kombu's signature
        """Give back."""
        try:
            super().reject(delivery_tag, requeue=requeue)
        except Exception:
            virtual.QoS.ack(self, delivery_tag)
            raise


class _Channel(redis.Channel):
    QoS = _Qos


class RedisTransport(redis.Transport):
    """Redis as a broker."""

    Channel = _Channel


TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:RedisTransport"))


class Sender:
    """Sends batches to their consumers' queues.

    A broker that needs long to fail is left alone for as long, so that half of a relay's time is for sealing.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._rests_until = 0.0

    def __call__(self, consumer: str, batch_id: int) -> None:
        """Send one task; raises when the broker does not take it."""
        began = time.monotonic()
        if began < self._rests_until:
            raise ConnectionError("the broker did not answer a moment ago")
        try:
            self._app.send_task(APPLY, args=(consumer, batch_id), queue=QUEUES[consumer])
        except Exception:
            failed = time.monotonic()
            self._rests_until = failed + (failed - began)
            raise


_PATIENT = {"socket_timeout": 2.0, "socket_connect_timeout": 2.0}
"""A question that nobody waits for may take longer than a task's sending."""
_UNACKED = "unacked"
_MAX_UNACKED = 10_000


class Depths:
    """Tells how long the queues are, over a connection of its own that is kept while it works."""

    def __init__(self, settings: Settings) -> None:
        self._app = create_celery(settings)
        self._is_redis = not str(self._app.conf.broker_url).startswith("amqp")
        if self._is_redis:
            self._app.conf.broker_transport_options |= _PATIENT
        self._connection: Any = None  # Any: Kombu has no types

    def __call__(self) -> list[QueueFigures]:
        """Return each queue's length; raises when the broker does not answer."""
        try:
            if self._connection is None:
                self._connection = self._app.connection_for_read()
                self._connection.connect()
            return self._of_redis() if self._is_redis else [self._of_rabbitmq(queue) for queue in ALL_QUEUES]
        except Exception:
            broken, self._connection = self._connection, None
            with suppress(Exception):  # it has said what is wrong already
                broken.release()
            raise

    def _of_redis(self) -> list[QueueFigures]:
        """Ask for the lists, and for the messages that workers hold, which Kombu keeps together with their queues."""
        with self._connection.default_channel.conn_or_acquire() as client:
            pipe = client.pipeline(transaction=False)
            for queue in ALL_QUEUES:
                pipe.llen(queue)
            pipe.hlen(_UNACKED)
            pipe.hscan(_UNACKED, count=_MAX_UNACKED)
            *waiting, held, (_, some) = pipe.execute()
        in_flight = Counter(orjson.loads(message)[2] for message in some.values())
        share = max(1.0, held / max(1, len(some)))  # more than were looked at are spread as these are
        return [
            QueueFigures(queue, length, in_flight=round(in_flight[queue] * share))
            for queue, length in zip(ALL_QUEUES, waiting, strict=True)
        ]

    def _of_rabbitmq(self, queue: str) -> QueueFigures:
        """Ask for one queue; one that nobody has declared yet is empty, and asking for it costs the channel."""
        channel = self._connection.channel()
        try:
            found = channel.queue_declare(queue, passive=True)
        except self._connection.channel_errors:
            return QueueFigures(queue, 0, consumers=0)
        channel.close()
        return QueueFigures(queue, found.message_count, consumers=found.consumer_count)
