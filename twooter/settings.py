"""All settings, read from TWOOTER_* variables; the only reader of the environment."""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_RATE = re.compile(r"[1-9][0-9]*/(?:[1-9][0-9]* )?(?:second|minute|hour|day)s?")
_ORIGIN = re.compile(r"https?://[^/\s*?#@]+")
_SCHEMES = {
    "database_url": ("mysql", "sqlite", "mariadb", "mysql+pymysql"),
    "broker_url": ("redis", "amqp", "rediss", "amqps"),
    "cache_url": ("redis", "rediss", "unix"),
    "smtp_url": ("smtp", "smtps"),
}
_MIN_KEY = 32
_LAST_PORT = 65_535

Tls = Literal["auto", "disabled", "preferred", "required", "verify-ca", "verify-identity"]


def setting(default: Any, description: str, **bounds: Any) -> Any:  # Any: pydantic's own Field does the same
    """Return a field with a description, which README's table shows."""
    return Field(default=default, description=description, **bounds)


class Settings(BaseSettings):
    """Typed settings of every process; secrets are masked wherever they are printed."""

    model_config = SettingsConfigDict(
        env_prefix="TWOOTER_",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    env: Literal["laptop", "production"] = setting("laptop", "`production` refuses laptop conveniences.")
    var_dir: Path = setting(Path("var"), "Folder for the SQLite file, mails and the secret key of a laptop.")
    public_url: str = setting(
        "http://127.0.0.1:8000",
        "Address clients see; used in links and mails; unset: follows `TWOOTER_PORT`.",
    )

    host: str = setting("127.0.0.1", "Address the web server listens on.")
    port: int = setting(8000, "Port of the web server.", ge=0, le=65535)
    workers: int = setting(1, "Web server processes.", ge=1, le=64)
    threads: int = setting(8, "Threads per web server process.", ge=1, le=64)
    graceful_seconds: int = setting(
        20, "Time a stopping web server gives requests in flight, and a stopping worker its tasks.", ge=1
    )
    keepalive_seconds: int = setting(75, "Idle time of a kept connection; longer than the proxy's.", ge=1)
    body_timeout_seconds: int = setting(10, "Time a client has to send its body.", ge=1)
    max_body_bytes: int = setting(65_536, "Largest accepted request body.", ge=1024)
    metrics_port: int | None = setting(
        None,
        "Port of `/metrics`, `/healthz`, `/readyz`; unset: on the web server's port (refused in production).",
        ge=1,
        le=65535,
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = setting(
        (), "Networks, comma separated, whose `X-Forwarded-For` is believed."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = setting(
        (), "Origins, comma separated, that browsers may call from."
    )

    database_url: SecretStr | None = setting(
        None,
        "`mysql://user:password@host:port/name` or `sqlite:///file`; unset: SQLite in `TWOOTER_VAR_DIR`.",
    )
    database_tls: Tls = setting("auto", "TLS to MySQL; `auto`: disabled on loopback, else `verify-identity`.")
    database_tls_ca: Path | None = setting(None, "CA file for MySQL's certificate; unset: the system's.")
    database_connect_timeout_seconds: float = setting(2.0, "Time to connect to the database.", gt=0)
    database_read_timeout_seconds: float = setting(10.0, "Time one statement may take.", gt=0)
    database_sharded: bool = setting(
        False, "Whether the database is sharded by account, so that a worker's transaction is of one account."
    )
    broker_url: SecretStr | None = setting(
        None, "Celery's broker (`redis://`, `amqp://`); unset: inside the process."
    )
    cache_url: SecretStr | None = setting(None, "Redis for caches and rate limits; unset: none.")
    cache_timeout_seconds: float = setting(0.05, "Time one call to the cache may take.", gt=0, le=1)

    home_entries: int = setting(400, "Newest rows of a home timeline that Redis keeps.", ge=20, le=900)
    home_days: int = setting(14, "Time after which Redis forgets a home timeline that nobody reads.", ge=1)
    popular_followers: int = setting(
        10_000,
        "Followers above which an account's twoots are merged into home timelines when these are read.",
        ge=1,
    )

    stream_port: int | None = setting(
        None, "Port of live updates; unset: the one after `TWOOTER_PORT`; 0: any free one.", ge=0, le=65535
    )
    stream_url: str | None = setting(
        None,
        "Address clients find live updates at, without a path; unset: `TWOOTER_PUBLIC_URL` in production, where a "
        "proxy leads `/v1/stream` there, else this machine's `TWOOTER_STREAM_PORT`.",
    )
    stream_connections: int = setting(10_000, "Listeners to live updates per process.", ge=1)
    stream_connections_per_account: int = setting(
        10, "Listeners to live updates per account and process.", ge=1
    )
    stream_entries: int = setting(1000, "Newest events that the log of a topic keeps.", ge=10, le=100_000)

    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = setting(
        (),
        "Signing keys, comma separated, newest first: the first signs, all verify; production needs 32 "
        "characters and more. Drop the last one only with `TWOOTER_ADDRESS_KEY`.",
    )
    address_key: SecretStr | None = setting(
        None,
        "Key of the hashes by which mail addresses are owned: never to change; unset: the last of "
        "`TWOOTER_SECRET_KEYS`.",
    )
    token_days: int = setting(90, "Lifetime of a token.", ge=1, le=3650)
    notification_days: int = setting(90, "Time after which notifications are removed.", ge=1, le=3650)
    max_concurrent_hashes: int = setting(2, "Passwords hashed at once per process.", ge=1, le=32)
    anonymous_messages: bool | None = setting(
        None, "Whether `POST /messages` works without a token; unset: only on a laptop."
    )
    require_confirmed_email: bool | None = setting(
        None, "Whether posting needs a confirmed e-mail address; unset: only in production."
    )
    smtp_url: SecretStr | None = setting(
        None,
        "`smtp://user:password@host:port` (`smtps://` for TLS from the start); unset: see `TWOOTER_MAIL`.",
    )
    mail: Literal["auto", "folder"] = setting(
        "auto",
        "`folder`: mails become files in `TWOOTER_VAR_DIR`, in production too; `auto`: only without "
        "`TWOOTER_SMTP_URL`, and on a laptop.",
    )
    mail_from: str = setting("twooter@localhost", "Sender of mails.")

    limit_registrations: str = setting("20/hour", "New accounts per network.")
    limit_sign_ins: str = setting("10/15 minutes", "Password attempts per account and network.")
    limit_sign_ins_network: str = setting("100/15 minutes", "Password attempts per network.")
    limit_sign_ins_strangers: str = setting(
        "50/15 minutes", "Password attempts per account from networks that never signed in to it."
    )
    limit_mails: str = setting(
        "5/hour", "Password reset mails per address, and requests for them per network ×10."
    )
    limit_twoots: str = setting("300/15 minutes", "Twoots per account.")
    limit_anonymous_messages: str = setting("300/15 minutes", "Anonymous messages per network.")
    limit_follows: str = setting(
        "600/15 minutes",
        "Follows, blocks, mutes, notes, lists, followed hashtags and their taking back, per account.",
    )

    limit_actions: str = setting(
        "1500/15 minutes", "Likes, retwoots, bookmarks, pins and their taking back, votes, per account."
    )
    limit_exports: str = setting("5/7 days", "Archives of an account's own data.")
    limit_imports: str = setting("10/day", "Lists of whom to follow, per account.")
    limit_searches: str = setting("300/minute", "Searches per account, or per network without one.")
    limit_reports: str = setting("30/hour", "Reports to moderators, per account.")

    relay_poll_seconds: float = setting(0.1, "Longest pause of an idle relay.", gt=0, le=5)
    resend_seconds: int = setting(
        60, "Age after which an unfinished batch is sent again; doubled each time, up to 8 times it.", ge=1
    )
    max_attempts: int = setting(5, "Sendings of a batch before its failing events are parked.", ge=1)
    probe_token: SecretStr | None = setting(None, "Token `probe` signs in with; or a name and a password:")
    probe_username: str | None = setting(None, "Account `probe` signs in to; its mail address is confirmed.")
    probe_password: SecretStr | None = setting(None, "Password of that account.")
    exporter_seconds: float = setting(5.0, "How often the exporter measures.", gt=0, le=60)
    timings_seconds: int = setting(60, "How often a process writes its request and query times.", ge=1)

    otel_endpoint: str | None = setting(
        None,
        "OpenTelemetry collector that traces are sent to over OTLP/HTTP, such as `http://collector:4318`; unset: "
        "`OTEL_EXPORTER_OTLP_ENDPOINT`, else nothing is traced. Needs `twooter[otel]`, which the image has.",
    )
    otel_sample_ratio: float = setting(
        1.0, "Share of requests that are traced, where the caller has not decided.", ge=0, le=1
    )

    log_format: Literal["auto", "json", "console"] = setting(
        "auto", "`auto`: console on a terminal, else JSON."
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "Least level that is logged.")

    @model_validator(mode="before")
    @classmethod
    def _standard_endpoint(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Take the variable that every program with OpenTelemetry knows, where ours is not set."""
        standard = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        return {"otel_endpoint": standard, **given} if standard else given

    @field_validator("otel_endpoint")
    @classmethod
    def _can_trace(cls, value: str | None) -> str | None:
        if value is None:
            return value
        if re.fullmatch(r"https?://[^\s@?#]+", value) is None:
            raise ValueError(
                "must be http:// or https:// and a host; credentials go into OTEL_EXPORTER_OTLP_HEADERS"
            )
        if importlib.util.find_spec("opentelemetry") is None:
            raise ValueError("is set, but OpenTelemetry is not installed: pip install 'twooter[otel]'")
        return value.rstrip("/")

    @field_validator("trusted_proxies", "cors_origins", "secret_keys", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:  # Any: whatever the environment or a test gives
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator(
        "limit_registrations",
        "limit_sign_ins",
        "limit_sign_ins_network",
        "limit_sign_ins_strangers",
        "limit_mails",
        "limit_twoots",
        "limit_anonymous_messages",
        "limit_searches",
        "limit_reports",
        "limit_follows",
        "limit_actions",
        "limit_exports",
        "limit_imports",
    )
    @classmethod
    def _is_rate(cls, value: str) -> str:
        if _RATE.fullmatch(value) is None:
            raise ValueError("must be a rate such as 10/15 minutes")
        return value

    @field_validator("public_url", "stream_url")
    @classmethod
    def _no_slash(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(_ORIGIN.fullmatch, value)):
            raise ValueError("must be origins such as https://app.example.org, without a path or wildcard")
        return value

    @field_validator(*_SCHEMES)
    @classmethod
    def _is_url(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None:
            return value
        try:
            url = urlsplit(value.get_secret_value())
            url.port  # noqa: B018 - looked at for its error
        except ValueError:  # whose words repeat a part of the value, which may be the password
            raise ValueError("is no URL; percent-encode what is special in a password") from None
        known = _SCHEMES[str(info.field_name)]
        if url.scheme not in known:
            raise ValueError(f"must begin with {' or '.join(f'{scheme}://' for scheme in known)}")
        return value

    @model_validator(mode="after")
    def _follow_port(self) -> Settings:
        if "public_url" not in self.model_fields_set:
            object.__setattr__(
                self, "public_url", f"http://127.0.0.1:{self.port}"
            )  # frozen for everybody else
        return self

    @model_validator(mode="after")
    def _production(self) -> Settings:
        if self.env != "production":
            return self
        missing = [
            f"TWOOTER_{n.upper()}"
            for n in ("database_url", "broker_url", "metrics_port")
            if not getattr(self, n)
        ]
        if not self.secret_keys:
            missing.append("TWOOTER_SECRET_KEYS")
        if self.smtp_url is None and self.mail != "folder":
            missing.append("TWOOTER_SMTP_URL (or TWOOTER_MAIL=folder, to have mails written to files)")
        if missing:
            raise ValueError(f"TWOOTER_ENV=production needs {', '.join(missing)}")
        given = {"SECRET_KEYS": self.secret_keys, "ADDRESS_KEY": (self.address_key,)}
        for name, keys in given.items():
            if any(key is not None and len(key.get_secret_value()) < _MIN_KEY for key in keys):
                raise ValueError(
                    f"TWOOTER_ENV=production needs TWOOTER_{name} of {_MIN_KEY} characters and more"
                )
        if self.database_dsn.startswith("sqlite"):
            raise ValueError("TWOOTER_ENV=production needs a MySQL TWOOTER_DATABASE_URL, not SQLite")
        return self

    @property
    def database_dsn(self) -> str:
        """Return the database's URL with its password; never to be logged."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.var_dir.resolve() / 'twooter.sqlite3'}"

    @property
    def stream_listens_on(self) -> int:
        """Return the port of live updates, 0 for any."""
        if self.stream_port is not None:
            return self.stream_port
        return self.port + 1 if 0 < self.port < _LAST_PORT else 0

    @property
    def stream_address(self) -> str:
        """Return where clients find live updates, without the path."""
        if self.stream_url is not None:
            return self.stream_url
        return self.public_url if self.env == "production" else f"http://127.0.0.1:{self.stream_listens_on}"

    @property
    def embedded(self) -> bool:
        """Return whether relay, beat and worker live inside the web server's process."""
        return self.broker_url is None

    @property
    def may_post_anonymously(self) -> bool:
        """Return whether `POST /messages` works without a token."""
        return self.env == "laptop" if self.anonymous_messages is None else self.anonymous_messages

    @property
    def needs_confirmed_email(self) -> bool:
        """Return whether posting needs a confirmed e-mail address."""
        return (
            self.env == "production" if self.require_confirmed_email is None else self.require_confirmed_email
        )

    def signing_keys(self) -> tuple[bytes, ...]:
        """Return the signing keys, newest first; on a laptop made once into `var/secret_key`, mode 0600."""
        if self.secret_keys:
            return tuple(key.get_secret_value().encode() for key in self.secret_keys)
        path = self.var_dir / "secret_key"
        self.var_dir.mkdir(parents=True, exist_ok=True)
        draft = self.var_dir / f".secret_key.{secrets.token_hex(8)}"
        if not path.exists():
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(32))
            try:
                path.hardlink_to(draft)  # atomic, and loses to a process that was faster
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return (path.read_text().strip().encode(),)

    def hashing_key(self) -> bytes:
        """Return the key of mail addresses' hashes, which outlives every signing key but the last."""
        if self.address_key is not None:
            return self.address_key.get_secret_value().encode()
        return self.signing_keys()[-1]


def in_kubernetes() -> bool:
    """Return whether this process runs in a pod: Kubernetes sets the variable in each."""
    return "KUBERNETES_SERVICE_HOST" in os.environ


def read_settings() -> Settings:
    """Return the settings of the environment.

    Raises: SystemExit naming each bad variable, never its value.
    """
    try:
        return Settings()
    except ValidationError as ex:
        wrong: dict[str, str] = {}
        for error in ex.errors(include_input=False, include_url=False, include_context=False):
            name = f"TWOOTER_{str(error['loc'][0]).upper()}" if error["loc"] else "TWOOTER_ENV"
            wrong.setdefault(name, error["msg"].removeprefix("Value error, "))
        lines = [f"{name}: {message}" for name, message in wrong.items()]
        raise SystemExit("Twooter cannot start with these settings:\n  " + "\n  ".join(lines)) from None
