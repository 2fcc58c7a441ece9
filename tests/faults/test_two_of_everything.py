"""Two of everything, and everything delivered three times: nothing happens twice."""

import json
import random

import pytest

from tests.databases import MysqlDatabase
from tests.faults.apps import App
from tests.faults.clients import Client
from tests.faults.loads import Load
from tests.faults.truths import Truth
from tests.processes import wait_until
from twooter.broker import MAINTENANCE, Sender, create_celery
from twooter.settings import Settings

pytestmark = pytest.mark.timeout(
    300
)  # several processes start and wait for each other, on a busy machine too

BEAT_SECONDS = 30
"""How often the most frequent periodic task is due."""
TOPS = "twooter.tops.compute"


def test_tasks_delivered_three_times_and_shuffled_count_once(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    url = mariadb_database.fresh()
    with App.production(url, redis_url, parts=("api", "worker", "worker2")) as app, Truth(url) as truth:
        client, chance = Client(app.port), random.Random(43)
        members = [client.sign_up(f"user{number}") for number in range(3)]
        sent, kept = [], []
        send = Sender(create_celery(Settings.model_validate({"broker_url": redis_url})))
        for number in range(30):
            member = chance.choice(members)
            twoot = client.publish(member, f"#load {number} #also{number % 3}")
            if chance.random() < 0.3:
                assert client.call("DELETE", f"/v1/twoots/{twoot}", token=member.token).status == 204
            else:
                reply = {"text": f"#load reply {number}", "reply_to": twoot}
                answer = client.call("POST", "/v1/twoots", reply, token=chance.choice(members).token)
                kept += [twoot, answer.json["id"]]
            if number % 5 == 4:
                sent += 3 * truth.services.outboxes.seal()[1]
                chance.shuffle(sent)
                for delivery in sent:
                    send(delivery.consumer, delivery.batch_id)
        truth.assert_exact(kept)
        for delivery in sent:
            send(delivery.consumer, delivery.batch_id)
        client.publish(members[0], "#load last")
        for delivery in truth.services.outboxes.seal()[1]:
            send(delivery.consumer, delivery.batch_id)  # behind all the others in its queue
        truth.assert_exact(kept)


def lines(app: App, event: str, **fields: str) -> int:
    """Return how many log lines of all parts tell of an event."""
    count = 0
    for line in app.logs().splitlines():
        if line.startswith("{") and f'"{event}"' in line:
            said = json.loads(line)
            count += said.get("event") == event and all(said.get(k) == v for k, v in fields.items())
    return count


def test_two_relays_two_workers_and_two_schedulers_do_everything_once(
    mariadb_database: MysqlDatabase, redis_url: str
) -> None:
    url = mariadb_database.fresh()
    parts = ("api", "relay", "relay2", "worker", "worker2", "beat", "beat2")
    with App.production(url, redis_url, parts=parts, TWOOTER_RESEND_SECONDS="1") as app, Truth(url) as truth:
        member = Client(app.port).sign_up("alice")
        with Load(app.port, member) as load:
            load.wait_for(30)
            app.parts["relay2"].kill()
            load.wait_for(30)
            app.restart("relay2")
            load.wait_for(10)
        truth.assert_exact(load.acknowledged)
        # an account, a mail, and each twoot: sealed once
        assert truth.count("SELECT SUM(events) FROM batches") == 2 + len(truth.twoots())

        def ran(times: int) -> None:
            wait_until(lambda: lines(app, "task", task=TOPS) >= times, seconds=BEAT_SECONDS + 60, what=TOPS)

        ran(2)  # each scheduler has sent one
        queue = create_celery(Settings.model_validate({"broker_url": redis_url}))
        for _ in range(6):  # as schedulers do that were started too often
            queue.send_task(TOPS, queue=MAINTENANCE)
        ran(8)
        slots = truth.count(f"SELECT COUNT(*) FROM schedule_claims WHERE task = '{TOPS}'")  # noqa: S608 - our own name
        assert 1 <= lines(app, "tops_computed") <= slots < 8
        assert truth.count("SELECT COUNT(*) FROM top_tags") > 0
        for name in ("relay", "relay2", "beat", "beat2", "api"):
            app.terminate(name, seconds=30)
