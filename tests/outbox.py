"""The outbox without relay and broker: every event brought to every consumer, here and now."""

from twooter.services.house import Services

_MAX_ROUNDS = 1000


def drain(services: Services) -> None:
    """Seal and run batches until nothing waits, also what the consumers themselves write."""
    for _ in range(_MAX_ROUNDS):
        count, deliveries = services.outboxes.seal()
        for delivery in deliveries:
            services.batches.run(delivery.consumer, delivery.batch_id)
        if not count:
            return
    raise AssertionError(f"the outbox is not empty after {_MAX_ROUNDS} batches")
