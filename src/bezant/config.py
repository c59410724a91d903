"""Settings: read once from the environment, checked, frozen, and handed on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path

from bezant.core.deliveries import is_mail_address

_PREFIX = "BEZANT_"
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?", re.ASCII)
_PUBLIC_URL = re.compile(r"https?://[0-9A-Za-z.\-\[\]:]{1,255}", re.ASCII)
_IGNORED = ("BEZANT_TEST_", "BEZANT_SOAK_", "BEZANT_BENCH_")


LOG_LEVELS = ("debug", "info", "warning", "error")
SMTP_SECURITIES = ("starttls", "tls", "none")
TRANSACT_ENVELOPES = ("iposhpresponse", "iposTransactResponse", "both")
DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://")


class BadSettings(Exception):
    """A setting that is unknown or cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting is an environment variable: ``BEZANT_`` and the field's name in capitals."""

    home: Path = Path("var")
    """Where the embedded database, the root key and ``demo.json`` are kept."""
    database_url: str = ""
    """``postgresql://...`` or ``sqlite:///path``; empty: SQLite in ``home``."""
    root_key_file: Path | None = None
    """64 hex digits, readable by its owner only; default ``root.key`` in ``home``."""
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    """How this gateway is reached: ``https://pay.example.com``, without a slash at the end. Empty: by callers
    as each of them does, by payers at ``http://host:port``. For answers that name addresses. With ``https``,
    payers' cookies are for TLS alone, and their browsers are told to come by it."""
    auth_errors_ok: bool = False
    """Whether iPOSpays' token API answers errors with status 200, as its documentation shows them."""
    transact_envelope: str = "iposhpresponse"
    """The key under which iPOSpays' transactions are answered: ``iposhpresponse``, ``iposTransactResponse``,
    or ``both``, since clients do not agree."""
    transact_strict_reference: bool = False
    """Whether a transaction is declined whose reference the vendor's own hosts would not take: 20 letters and
    digits are what they do."""
    workers: int = 1
    """Server processes. More than one needs PostgreSQL."""
    acquirer: str = ""
    """``host:port`` of the card acquirer; empty with ``--demo``: the built-in sandbox."""
    gift_host: str = ""
    """``host:port`` of the gift host; empty with ``--demo``: the built-in sandbox. Without one, gift cards
    are declined. The acquirer's time-outs are its time-outs, too."""
    lender: str = ""
    """URL of the lender, without the protocol's paths; empty with ``--demo``: the built-in sandbox. Without
    one, consumer finance is declined. The acquirer's time-outs are its time-outs, too."""
    lender_token_file: Path | None = None
    """File with the token that proves us to the lender, readable by its owner only."""
    sms: str = ""
    """URL that text messages are posted to; empty with ``--demo``: the sandbox's inbox. Without one, no
    one-time password can be sent to a customer."""
    sms_token_file: Path | None = None
    """File with the token that proves us to whoever sends them, readable by its owner only."""
    smtp: str = ""
    """``host:port`` of the relay that mails are handed to; empty with ``--demo``: the sandbox's inbox.
    Without one, no mails are sent."""
    smtp_security: str = "starttls"
    """How it is spoken to: ``starttls``, ``tls`` (from the first byte on), or ``none``."""
    smtp_user: str = ""
    """Who logs in there; empty: nobody does."""
    smtp_password_file: Path | None = None
    """File with that user's password, readable by its owner only."""
    smtp_ca_file: Path | None = None
    """Certificates that are trusted there instead of the system's."""
    mail_from: str = "bezant@localhost.localdomain"
    """The address that mails come from."""
    message_retries: int = 120
    """How often a mail or text message that nobody took is sent again. One-time passwords have their own
    haste."""
    message_pause_seconds: float = 60.0
    """How long after."""
    messages_per_target: int = 5
    """How many links and how many receipts a merchant may have sent to one address or phone in an hour."""
    messages_per_merchant: int = 2000
    """The same to all of its payers together."""
    notice_retries: int = 10
    """How often a notice that nobody took is sent again."""
    notice_pause_seconds: float = 10.0
    """How long after the last time."""
    notice_seconds: float = 10.0
    """How long a merchant's server may take to answer one. What a process was sending when it died is sent
    anew after twice as long."""
    notices_to_loopback: bool = False
    """Whether sandbox merchants may be told on this machine, without TLS, at any port; ``--demo`` sets it."""
    acquirer_connections: int = 2
    acquirer_connect_seconds: float = 5.0
    acquirer_read_seconds: float = 6.0
    lease_seconds: float = 45.0
    """How long a payment may be under way before it is taken to be lost."""
    write_lanes: int = 1
    read_lanes: int = 2
    group_max: int = 64
    """Works that one commit may carry."""
    queue_max: int = 2000
    """Works that may wait for a lane; more are refused at once."""
    admitted_max: int = 256
    """Requests worked on at a time, beside those that wait for a host; more are refused at once."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses whose X-Forwarded-For is believed."""
    iso_keys: Path | None = None
    """Folder with the RSA public keys of sales organizations that may have card numbers: ``ISO_ID.pem``."""
    log_level: str = "info"
    jobs: bool = True
    """Whether ``serve`` runs the timetable."""

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'bezant.db'}"

    @property
    def root_key(self) -> Path:
        """The root key's file."""
        return self.root_key_file or self.home / "root.key"

    @property
    def lease(self) -> timedelta:
        """``lease_seconds`` as a duration."""
        return timedelta(seconds=self.lease_seconds)

    @property
    def acquirer_address(self) -> tuple[str, int] | None:
        """The acquirer's host and port, when one is set."""
        return _address("acquirer", self.acquirer)

    @property
    def gift_address(self) -> tuple[str, int] | None:
        """The gift host's host and port, when one is set."""
        return _address("gift_host", self.gift_host)

    @property
    def smtp_address(self) -> tuple[str, int] | None:
        """The mail relay's host and port, when one is set."""
        return _address("smtp", self.smtp)

    @property
    def pages_url(self) -> str:
        """What the addresses of hosted pages, receipts and codes begin with."""
        return self.public_url or f"http://{self.host}:{self.port}"

    def problems(self) -> list[str]:
        """What does not fit together."""
        found = []
        if self.workers > 1 and not self.database.startswith("postgresql"):
            found.append("more than one worker needs PostgreSQL")
        if self.log_level not in LOG_LEVELS:
            found.append(f"log_level is one of {', '.join(LOG_LEVELS)}")
        if self.transact_envelope not in TRANSACT_ENVELOPES:
            found.append(f"transact_envelope is one of {', '.join(TRANSACT_ENVELOPES)}")
        if not self.database.startswith(DATABASES):
            found.append("database_url is neither sqlite:///path nor postgresql://...")
        rail = self.acquirer_connect_seconds + self.acquirer_read_seconds
        if self.lease_seconds <= rail:
            found.append(f"lease_seconds must be more than the acquirer's time-outs together ({rail:g})")
        if self.public_url and _PUBLIC_URL.fullmatch(self.public_url) is None:
            found.append("public_url is http:// or https:// and a host, without a path")
        return found + self._notice_problems()

    def _notice_problems(self) -> list[str]:
        found = []
        if self.smtp_security not in SMTP_SECURITIES:
            found.append(f"smtp_security is one of {', '.join(SMTP_SECURITIES)}")
        if not is_mail_address(self.mail_from):
            found.append("mail_from is a mail address, such as receipts@example.com")
        if bool(self.smtp_user) != (self.smtp_password_file is not None):
            found.append("smtp_user and smtp_password_file are set together")
        if self.smtp_user and self.smtp_security == "none":
            found.append("smtp_user needs smtp_security tls or starttls: its password is not sent in clear")
        if self.notice_pause_seconds <= 0 or self.notice_seconds <= 0 or self.message_pause_seconds <= 0:
            found.append("notice_pause_seconds, notice_seconds and message_pause_seconds are more than 0")
        return found


def load(environment: Mapping[str, str]) -> Settings:
    """The settings in ``environment``. Raises ``BadSettings`` for a name or a value that is not one."""
    known = {field.name: field for field in fields(Settings)}
    values: dict[str, object] = {}
    for variable, text in environment.items():
        if not variable.startswith(_PREFIX) or variable.startswith(_IGNORED) or not text:
            continue
        name = variable.removeprefix(_PREFIX).lower()
        if name not in known:
            message = f"unknown setting {variable}"
            raise BadSettings(message)
        values[name] = _value(variable, str(known[name].type), text)
    settings = Settings(**values)  # type: ignore[arg-type]  # _value read each by its field
    if problems := settings.problems():
        raise BadSettings("; ".join(problems))
    return settings


def to_environment(settings: Settings) -> dict[str, str]:
    """The environment from which ``load`` reads these settings again."""
    found = {}
    for field in fields(Settings):
        value = getattr(settings, field.name)
        if isinstance(value, bool):
            value = int(value)
        elif isinstance(value, tuple):
            value = ",".join(value)
        found[_PREFIX + field.name.upper()] = "" if value is None else str(value)
    return found


def _value(variable: str, kind: str, text: str) -> object:
    match kind:
        case "int":
            return _integer(variable, text)
        case "float":
            if _NUMBER.fullmatch(text) is None:
                message = f"{variable} is not a number"
                raise BadSettings(message)
            return float(text)
        case "bool":
            if text not in {"0", "1"}:
                message = f"{variable} is 0 or 1"
                raise BadSettings(message)
            return text == "1"
        case "Path" | "Path | None":
            return Path(text)
        case "tuple[str, ...]":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        case _:
            return text


def _address(variable: str, text: str) -> tuple[str, int] | None:
    if not text:
        return None
    host, _, port = text.rpartition(":")
    return host, _integer(variable, port)


def _integer(variable: str, text: str) -> int:
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) is None:
        message = f"{variable} is not a whole number"
        raise BadSettings(message)
    return int(text)
