"""Settings: every bad value is refused in a sentence that names its variable and never shows the value."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.crowds import at_once
from twooter.settings import Settings, read_settings

KEY = "k" * 32
PRODUCTION = {
    "ENV": "production",
    "DATABASE_URL": "mysql://user:hunter2@db.example.org/twooter",
    "BROKER_URL": "redis://:hunter2@broker.example.org/0",
    "SECRET_KEYS": KEY,
    "METRICS_PORT": "9100",
    "SMTP_URL": "smtps://user:hunter2@mail.example.org",
}

Environment = Callable[..., None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Return what sets variables."""

    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"TWOOTER_{name}", value)

    return put


def refusal() -> str:
    """Return the sentence with which the settings are refused."""
    with pytest.raises(SystemExit) as caught:
        read_settings()
    return str(caught.value)


BAD = {
    "ENV": ["staging", "Production"],
    "PUBLIC_URL": ["twooter.example.org", "javascript:alert(1)", "ftp://twooter.example.org"],
    "PORT": ["70000", "-1", "eighty", "80.5", "0x50"],
    "WORKERS": ["0", "65", "two"],
    "THREADS": ["0", "65"],
    "GRACEFUL_SECONDS": ["0", "soon"],
    "KEEPALIVE_SECONDS": ["0"],
    "BODY_TIMEOUT_SECONDS": ["0"],
    "MAX_BODY_BYTES": ["1023", "64k"],
    "METRICS_PORT": ["0", "70000", "none"],
    "TRUSTED_PROXIES": ["10.0.0.0/33", "proxy.example.org", "10.0.0.1/8"],
    "CORS_ORIGINS": ["*", "https://*.example.org", "web.example.org", "https://web.example.org/", "null"],
    "DATABASE_URL": [
        "postgresql://u:hunter2@db/x",
        "db.example.org",
        "mysql://u:hunter/2@db/x",
        "mysql://u:p@[::1/x",
    ],
    "DATABASE_TLS": ["on", "sometimes"],
    "DATABASE_CONNECT_TIMEOUT_SECONDS": ["0", "-1", "fast"],
    "DATABASE_READ_TIMEOUT_SECONDS": ["0"],
    "BROKER_URL": [
        "http://broker",
        "memory://",
        "broker.example.org:6379",
        "redis://:hunter#2@broker:6379:1/0",
    ],
    "CACHE_URL": ["memcached://cache", "cache"],
    "CACHE_TIMEOUT_SECONDS": ["0", "1.5"],
    "DATABASE_SHARDED": ["perhaps"],
    "HOME_ENTRIES": ["19", "901"],
    "STREAM_PORT": ["-1", "65536", "many"],
    "STREAM_URL": ["stream.example.org", "ftp://example.org"],
    "STREAM_CONNECTIONS": ["0"],
    "STREAM_CONNECTIONS_PER_ACCOUNT": ["0"],
    "STREAM_ENTRIES": ["9", "100001"],
    "HOME_DAYS": ["0"],
    "POPULAR_FOLLOWERS": ["0"],
    "TOKEN_DAYS": ["0", "9999"],
    "NOTIFICATION_DAYS": ["0", "9999"],
    "MAX_CONCURRENT_HASHES": ["0", "99"],
    "ANONYMOUS_MESSAGES": ["perhaps"],
    "REQUIRE_CONFIRMED_EMAIL": ["perhaps"],
    "SMTP_URL": ["mail.example.org", "http://mail.example.org"],
    "MAIL": ["smtp", "var/mail", "Folder"],
    "LIMIT_REGISTRATIONS": ["20", "0/hour", "20/fortnight", "20 per hour", "-1/hour"],
    "LIMIT_SIGN_INS": ["many"],
    "LIMIT_SIGN_INS_NETWORK": ["10/0 minutes"],
    "LIMIT_SIGN_INS_STRANGERS": ["/minute"],
    "LIMIT_MAILS": ["1e3/hour"],
    "LIMIT_TWOOTS": ["10/minute; 5/second"],
    "LIMIT_ANONYMOUS_MESSAGES": ["unlimited"],
    "LIMIT_SEARCHES": ["300"],
    "LIMIT_REPORTS": ["30"],
    "LIMIT_FOLLOWS": ["0"],
    "LIMIT_ACTIONS": ["-1/minute"],
    "LIMIT_EXPORTS": ["5 per week"],
    "LIMIT_IMPORTS": ["10"],
    "RELAY_POLL_SECONDS": ["0", "6"],
    "RESEND_SECONDS": ["0"],
    "MAX_ATTEMPTS": ["0"],
    "EXPORTER_SECONDS": ["0", "61"],
    "TIMINGS_SECONDS": ["0"],
    "OTEL_ENDPOINT": ["collector:4318", "grpc://collector:4317", "http://user:hunter2@collector:4318"],
    "OTEL_SAMPLE_RATIO": ["-0.1", "1.5", "often"],
    "LOG_FORMAT": ["xml"],
    "LOG_LEVEL": ["verbose", "INFO"],
}
ANYTHING = {"VAR_DIR", "HOST", "DATABASE_TLS_CA", "SECRET_KEYS", "ADDRESS_KEY", "MAIL_FROM"}
ANYTHING |= {"PROBE_TOKEN", "PROBE_USERNAME", "PROBE_PASSWORD"}
"""Any text may be meant."""


def test_every_setting_is_tried() -> None:
    assert {name.upper() for name in Settings.model_fields} == BAD.keys() | ANYTHING


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_bad_value_is_named_and_not_shown(environment: Environment, name: str, value: str) -> None:
    environment(**{name: value})
    told = refusal()
    assert told.count(f"TWOOTER_{name}: ") == 1
    assert len(told.splitlines()) == 2
    sentence = told.partition(f"TWOOTER_{name}: ")[2]
    assert len(value) < 3 or value not in sentence
    assert "hunter" not in told


def test_all_bad_values_are_told_at_once(environment: Environment) -> None:
    environment(PORT="x", THREADS="0", LOG_LEVEL="loud")
    assert [line.split(":")[0].strip() for line in refusal().splitlines()[1:]] == [
        "TWOOTER_PORT", "TWOOTER_THREADS", "TWOOTER_LOG_LEVEL",
    ]  # fmt: skip


def test_no_traceback_shows_a_value() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"database_url": "postgresql://u:hunter2@db/x", "port": "hunter2"})
    assert "hunter2" not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(("changes", "word"), [
    ({"DATABASE_URL": ""}, "TWOOTER_DATABASE_URL"),
    ({"BROKER_URL": ""}, "TWOOTER_BROKER_URL"),
    ({"SECRET_KEYS": ""}, "TWOOTER_SECRET_KEYS"),
    ({"SECRET_KEYS": f"{KEY},short"}, "TWOOTER_SECRET_KEYS"),
    ({"ADDRESS_KEY": "short"}, "TWOOTER_ADDRESS_KEY"),
    ({"METRICS_PORT": ""}, "TWOOTER_METRICS_PORT"),
    ({"SMTP_URL": ""}, "TWOOTER_SMTP_URL (or TWOOTER_MAIL=folder"),
    ({"DATABASE_URL": "sqlite:///file"}, "SQLite"),
])  # fmt: skip
def test_production_refuses_what_is_for_laptops(
    environment: Environment, changes: dict[str, str], word: str
) -> None:
    environment(**PRODUCTION | changes)
    told = refusal()
    assert word in told
    assert "production" in told
    assert "hunter2" not in told


def test_production_starts_with_what_it_needs(environment: Environment) -> None:
    environment(**PRODUCTION)
    settings = read_settings()
    assert (settings.embedded, settings.may_post_anonymously, settings.needs_confirmed_email) == (
        False,
        False,
        True,
    )
    environment(ANONYMOUS_MESSAGES="true", REQUIRE_CONFIRMED_EMAIL="false")
    settings = read_settings()
    assert (settings.may_post_anonymously, settings.needs_confirmed_email) == (True, False)


def test_production_writes_mails_to_files_only_when_told_to(environment: Environment) -> None:
    environment(**PRODUCTION | {"SMTP_URL": "", "MAIL": "folder"})
    assert read_settings().mail == "folder"


def test_mail_addresses_are_hashed_with_the_oldest_key_unless_it_is_named(environment: Environment) -> None:
    environment(SECRET_KEYS=f"{KEY}1")
    before = read_settings().hashing_key()
    environment(SECRET_KEYS=f"{KEY}2,{KEY}1")
    assert read_settings().hashing_key() == before
    environment(SECRET_KEYS=f"{KEY}2", ADDRESS_KEY=f"{KEY}1")
    assert read_settings().hashing_key() == before


def test_a_laptop_needs_nothing() -> None:
    settings = read_settings()
    assert (settings.embedded, settings.may_post_anonymously, settings.needs_confirmed_email) == (
        True,
        True,
        False,
    )
    assert settings.database_dsn == f"sqlite:///{Path('var').resolve() / 'twooter.sqlite3'}"


def test_secrets_are_masked_however_settings_are_printed(environment: Environment) -> None:
    environment(**PRODUCTION, CACHE_URL="redis://:hunter2@cache/1", ADDRESS_KEY=f"hunter2{KEY}")
    settings = read_settings()
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "hunter2" not in shown
        assert KEY not in shown
    assert settings.database_dsn == PRODUCTION["DATABASE_URL"]
    assert settings.signing_keys() == (KEY.encode(),)


def test_lists_are_comma_separated(environment: Environment) -> None:
    environment(
        TRUSTED_PROXIES="10.0.0.0/8, 2001:db8::/32,192.0.2.1", CORS_ORIGINS=" https://a.example , http://b:8080,",
        SECRET_KEYS=f"{KEY}1, {KEY}2",
    )  # fmt: skip
    settings = read_settings()
    assert [str(network) for network in settings.trusted_proxies] == [
        "10.0.0.0/8",
        "2001:db8::/32",
        "192.0.2.1/32",
    ]
    assert settings.cors_origins == ("https://a.example", "http://b:8080")
    assert settings.signing_keys() == (f"{KEY}1".encode(), f"{KEY}2".encode())


def test_an_empty_variable_is_no_variable(environment: Environment) -> None:
    environment(PORT="", DATABASE_URL="", CORS_ORIGINS="", ANONYMOUS_MESSAGES="")
    assert read_settings() == Settings.model_validate({})


def test_the_public_address_follows_the_port_unless_it_is_set(environment: Environment) -> None:
    environment(PORT="8123")
    assert read_settings().public_url == "http://127.0.0.1:8123"
    environment(PUBLIC_URL="https://twooter.example.org/")
    assert read_settings().public_url == "https://twooter.example.org"


@pytest.mark.parametrize("url", ["redis://h/0", "rediss://:p@h:6380/1", "amqp://u:p@h//", "amqps://h/vhost"])
def test_brokers_are_redis_and_rabbitmq(url: str) -> None:
    assert Settings.model_validate({"broker_url": url}).broker_url is not None


def test_settings_do_not_change() -> None:
    settings = Settings.model_validate({})
    with pytest.raises(ValidationError):
        settings.port = 1


def test_a_laptops_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings.model_validate({"var_dir": tmp_path / "var"})
    found = at_once(None, [partial(Settings.signing_keys, settings)] * 16)
    assert len(set(map(str, found))) == 1, found
    (path,) = (tmp_path / "var").iterdir()
    assert (path.name, stat.S_IMODE(path.stat().st_mode)) == ("secret_key", 0o600)
    assert settings.signing_keys() == (path.read_text().encode(),)
    assert len(path.read_text()) >= 43


def test_two_laptops_have_different_keys(tmp_path: Path) -> None:
    one, other = (Settings.model_validate({"var_dir": tmp_path / name}).signing_keys() for name in "ab")
    assert one != other


def test_a_refusal_is_all_that_a_command_prints() -> None:
    environment = {**os.environ, "TWOOTER_DATABASE_URL": "oracle://u:hunter2@db/x"}
    ran = subprocess.run(
        [sys.executable, "-m", "twooter", "config"], env=environment, cwd=Path(__file__).parents[1],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.splitlines() == [
        "Twooter cannot start with these settings:",
        "  TWOOTER_DATABASE_URL: must begin with mysql:// or sqlite:// or mariadb:// or mysql+pymysql://",
    ]


def test_the_standard_endpoint_of_traces_counts_where_ours_is_not_set(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://standard:4318/")
    assert Settings().otel_endpoint == "http://standard:4318"
    environment(OTEL_ENDPOINT="http://ours:4318")
    assert Settings().otel_endpoint == "http://ours:4318"


def test_an_endpoint_without_opentelemetry_says_what_to_install(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    environment(OTEL_ENDPOINT="http://collector:4318")
    assert "pip install 'twooter[otel]'" in refusal()
