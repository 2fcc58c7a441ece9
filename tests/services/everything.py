"""A program that does whatever touches a secret, and logs it: prints log lines, and writes its secrets to a file.

python -m tests.services.everything DATABASE_URL VAR_DIR SECRETS_FILE
"""

import contextlib
import json
import sys
from pathlib import Path

from falcon.testing import TestClient

from tests.houses import opened
from tests.mailbox import mails, token_in
from tests.outbox import drain
from twooter import logs
from twooter.api.app import create_app
from twooter.errors import TwooterError
from twooter.services.house import Services
from twooter.settings import Settings

OLD, NEW, NEWEST, WRONG = (
    "old secret phrase",
    "new secret phrase",
    "newest secret phrase",
    "wrong secret phrase",
)
ADDRESS = "somebody.secret@example.com"


def main(database_url: str, var_dir: str, secrets_file: str) -> None:
    """Register, sign in, confirm, change, reset, fail in every way, delete."""
    settings = Settings.model_validate(
        {"database_url": database_url, "var_dir": var_dir, "log_format": "json", "log_level": "debug"}
    )
    logs.configure(settings)
    with opened(settings) as services:
        client = TestClient(create_app(services))
        secrets = [OLD, NEW, NEWEST, WRONG, ADDRESS, *_act(services, client, Path(var_dir))]
        secrets += [key.decode() for key in settings.signing_keys()]
        Path(secrets_file).write_text(json.dumps(secrets))


def _act(services: Services, client: TestClient, var_dir: Path) -> list[str]:
    made: list[str] = []
    client.simulate_post("/v1/accounts", json={"username": "alice", "email": ADDRESS, "password": OLD})
    drain(services)
    made.append(token_in(mails(var_dir)[-1]))
    client.simulate_post("/v1/email-confirmations", json={"token": made[0]})
    for name, password in (
        ("alice", OLD),
        ("alice", WRONG),
        (ADDRESS, OLD),
        (ADDRESS, WRONG),
        ("nobody", WRONG),
    ):
        answer = client.simulate_post("/v1/tokens", json={"username": name, "password": password})
        made += [answer.json["token"]] if answer.status_code == 201 else []
    headers = {"Authorization": f"Bearer {made[-1]}"}
    for address in ("/v1/me", "/v1/tokens", f"/v1/me?token={made[-1]}"):
        client.simulate_get(address, headers=headers)
    client.simulate_get("/v1/me", headers={"Authorization": f"Bearer {made[-1]}x"})
    for old in (WRONG, OLD):
        client.simulate_post("/v1/me/password", json={"old_password": old, "password": NEW}, headers=headers)
    client.simulate_post("/v1/password-resets", json={"email": ADDRESS})
    drain(services)
    made.append(token_in(mails(var_dir)[-1]))
    for _ in range(2):
        client.simulate_put("/v1/password-resets", json={"token": made[-1], "password": NEWEST})
    signed_in = client.simulate_post("/v1/tokens", json={"username": "alice", "password": NEWEST})
    made.append(signed_in.json["token"])
    _crash(client, services, made[-1])
    client.simulate_delete("/v1/me", headers={"Authorization": f"Bearer {made[-1]}"})
    drain(services)
    return made


def _crash(client: TestClient, services: Services, token: str) -> None:
    """Make a request crash inside, with everything secret in its variables."""
    services.storage.database.execute_sql("ALTER TABLE known_networks RENAME TO hidden")
    with contextlib.suppress(TwooterError):
        client.simulate_post("/v1/tokens", json={"username": ADDRESS, "password": NEWEST})
        client.simulate_get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    services.storage.database.execute_sql("ALTER TABLE hidden RENAME TO known_networks")


if __name__ == "__main__":
    main(*sys.argv[1:])
