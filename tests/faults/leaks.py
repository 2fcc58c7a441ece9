"""What must stand in no log line, metric or refusal, and what a log must not say after bad input alone."""

import json
import re

from tests import servers
from tests.faults.apps import SECRET
from tests.faults.clients import PASSWORD

SECRETS = {
    "a bearer token": re.compile(r"twt_\d+_\d+_[\w-]{20,}"),
    "a mail address": re.compile(r"(?<![\w.+-])(?!name@example)[\w.+-]+@[\w-]+\.(?:com|example|org)\b"),
    "a password": re.compile(re.escape(PASSWORD)),
    "a password's hash": re.compile(r"\$argon2"),
    "a password of the database": re.compile(re.escape(servers.PASSWORD)),
    "user and password of a URL": re.compile(r"://[^/@\s:*]*:[^/@\s*]+@"),
    "a signing key": re.compile(re.escape(SECRET)),
}


def assert_no_secrets(text: str, *others: str) -> None:
    """Assert that the text holds nothing of the kind, nor any of the others."""
    for name, pattern in SECRETS.items():
        found = pattern.search(text)
        assert found is None, f"{name}: {text[max(0, found.start() - 300) : found.end() + 100]}"
    for other in others:
        assert other not in text, other


def assert_calm(log: str) -> None:
    """Assert that nobody was alarmed: no error, no traceback, not even a warning that is not about waiting."""
    alarming = [
        line
        for line in log.splitlines()
        if line.startswith("{") and json.loads(line)["level"] in ("error", "critical", "exception")
    ]
    assert not alarming, alarming[:3]
    assert "Traceback" not in log, log[log.index("Traceback") :][:3000]
