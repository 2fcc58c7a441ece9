"""Two versions on one database: this code beside a newer schema, during a rollout and after a rollback."""

import pytest

from tests.databases import MysqlDatabase
from tests.faults.apps import App
from tests.faults.clients import Client
from tests.faults.loads import TAG, Load
from tests.faults.truths import Truth

pytestmark = pytest.mark.timeout(
    300
)  # several processes start and wait for each other, on a busy machine too

NEXT = (
    *(
        f"ALTER TABLE {table} ADD COLUMN of_the_next_version VARCHAR(32) NULL"
        for table in (
            "accounts",
            "twoots",
            "outbox",
            "deliveries",
            "batches",
            "hashtags",
            "windows",
            "tokens",
        )
    ),
    "CREATE TABLE next_versions (id BIGINT PRIMARY KEY, name VARCHAR(32) NULL)",
    "CREATE INDEX next_version ON twoots (of_the_next_version)",
    "INSERT INTO schema_migrations (name, applied) VALUES ('9999_next', NOW())",
)
"""What a next version may do to the schema while this one runs: expand it."""


def test_this_version_goes_on_while_and_after_the_next_one_expands_the_schema(
    mariadb_server_url: str, worker_id: str, redis_url: str
) -> None:
    database = MysqlDatabase(mariadb_server_url, f"versions_{worker_id}")
    parts = ("api", "relay", "worker", "beat")
    with App.production(database.url, redis_url, parts=parts) as app, Truth(database.url) as truth:
        client = Client(app.port)
        member = client.sign_up("alice")
        with Load(app.port, member) as load:
            load.wait_for(20)
            for statement in NEXT:
                truth.services.storage.database.execute_sql(statement)
            load.wait_for(20)
            for part in ("api", "relay", "worker"):  # pods of this version that start on the newer schema
                if part != "api":
                    app.terminate(part)
                    app.restart(part)
            app.add("api2")
            assert Client(app.parts["api2"].port).sign_up("bob").id
            load.wait_for(20)
        assert load.broken == []
        assert set(load.statuses) == {201}
        kept = client.publish(member, f"#{TAG} to stay")
        gone = client.publish(member, f"#{TAG} to go")
        assert client.call("DELETE", f"/v1/twoots/{gone}", token=member.token).status == 204
        truth.assert_exact([*load.acknowledged, kept])
    database.drop()
