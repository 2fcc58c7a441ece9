"""People of a story: what somebody does and sees over HTTP, in the words people use."""

import os
import secrets
import subprocess
import sys
from typing import Any

from tests.faults.apps import ROOT, App
from tests.faults.clients import Answer, Client, Member
from tests.processes import wait_until

PATIENCE_SECONDS = 30


class Person:
    """An account with a token, in one application. Acts return what was answered; a refusal is an `AssertionError`."""

    def __init__(self, app: App, name: str) -> None:
        self.app = app
        self._client = Client(app.port)
        self._member: Member = self._client.sign_up(f"{name}_{secrets.token_hex(4)}")
        self.id, self.name, self.token = self._member.id, self._member.username, self._member.token

    def ask(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> Answer:
        """Send a request and return its answer, whatever it is."""
        headers = None if body is None else {"Content-Type": kind}
        return self._client.call(method, path, body, token=self.token, headers=headers)

    def does(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that is granted, and return what it answered, or None."""
        answer = self.ask(method, path, body)
        assert answer.status < 300, (method, path, answer)
        return answer.json if answer.body else None

    def sees(self, path: str) -> Any:
        """Read."""
        return self.does("GET", path)

    def items(self, path: str) -> list[Any]:
        """Return a page's items."""
        return list(self.sees(path)["items"])

    def ids(self, path: str) -> list[str]:
        """Return the ids of a page's items."""
        return [item["id"] for item in self.items(path)]

    def says(self, text: str, **more: Any) -> str:
        """Publish a twoot and return its id."""
        return str(self.does("POST", "/v1/twoots", {"text": text, **more})["id"])

    def follows(self, other: "Person") -> None:
        """Follow somebody, or ask to."""
        self.does("PUT", f"/v1/accounts/{other.id}/follow")

    def home(self) -> list[str]:
        """Return the ids of one's home timeline."""
        return self.ids("/v1/timelines/home")

    def told(self) -> list[tuple[str, str]]:
        """Return what one is notified of, newest first: types, and who did it."""
        return [
            (item["type"], item["accounts"][0]["username"])
            for item in self.items("/v1/notifications?limit=100")
        ]

    def becomes(self, role: str) -> None:
        """Be given a role by an operator."""
        command = [sys.executable, "-m", "twooter", "account", "promote", self.name, "--role", role]
        private = {"TWOOTER_METRICS_PORT": "9100", "TWOOTER_VAR_DIR": str(self.app.var_dirs[0])}
        environment = {**os.environ, **self.app.settings, **private, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, env=environment, check=False, timeout=60, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def missing(person: Person, path: str) -> bool:
    """Tell whether for this person there is nothing at a path."""
    return person.ask("GET", path).status == 404


def soon(what: str, condition: Any) -> None:
    """Wait for what workers bring about."""
    wait_until(condition, seconds=PATIENCE_SECONDS, what=what)
