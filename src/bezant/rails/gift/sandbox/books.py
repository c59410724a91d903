"""What the gift host owns: cards with their balances, and an entry for each request that it carried out.

Kept in an embedded database, so that they outlive a killed process (not a lost machine: nothing is forced to
the disk). A balance changes in one conditional statement that leaves it at nothing or more. A card number is
never stored: a card is found by a keyed fingerprint, whose key is a file beside the books.
"""

from __future__ import annotations

import hmac
import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bezant.core.gift.messages import Ask
from bezant.rails.gift.codec import Reply, Request
from bezant.rails.gift.codes import APPROVED
from bezant.rails.gift.sandbox.cards import card_with

BALANCE_MAX: Final = 10_000_00
LOADED_IN_A_DAY_MAX: Final = 1_000_00
"""For one card, in a day of UTC (source: our choice, below what the US rule for closed loops allows)."""
PIN_MISSES_MAX: Final = 5
PIN_LOCK: Final = timedelta(hours=24)
CURRENCY: Final = "USD"

_KEY_BYTES: Final = 32
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS cards (
    program TEXT NOT NULL, fingerprint BLOB NOT NULL, last4 TEXT NOT NULL, active INTEGER NOT NULL,
    expired INTEGER NOT NULL, balance INTEGER NOT NULL CHECK (balance >= 0), opening INTEGER NOT NULL,
    pin BLOB, pin_misses INTEGER NOT NULL DEFAULT 0, pin_locked_until TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (program, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY, program TEXT NOT NULL, reference TEXT NOT NULL, ask TEXT NOT NULL,
    terminal TEXT NOT NULL, digest BLOB NOT NULL, fingerprint BLOB, original TEXT, state TEXT NOT NULL,
    code TEXT NOT NULL, amount INTEGER NOT NULL, movement INTEGER NOT NULL, balance INTEGER NOT NULL,
    was_active INTEGER NOT NULL, is_active INTEGER NOT NULL,
    refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND amount),
    at TEXT NOT NULL, UNIQUE (program, reference)
) STRICT;
CREATE INDEX IF NOT EXISTS entries_by_card ON entries (program, fingerprint);
"""

LIVE, VOIDED, CANCELLED, DECLINED = "live", "voided", "cancelled", "declined"
"""States of an entry. What is cancelled never happened; what came cancelled before it came is that, too."""


class _No(Exception):
    """The answer is no, with this code."""


@dataclass(frozen=True, slots=True)
class _Done:
    """What a request did to its card: ``movement`` is signed, ``amount`` is what the reply says."""

    fingerprint: bytes
    movement: int
    amount: int
    was_active: bool
    active: bool


class Books:
    """Cards and entries. Without a ``path`` they are kept in memory.

    Raises ``BlockingIOError`` when another process has the file.
    """

    def __init__(self, path: Path | None, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self._key = secrets.token_bytes(_KEY_BYTES) if path is None else _key_beside(path)
        if path is not None:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._database = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False, timeout=0
        )
        self._database.row_factory = sqlite3.Row
        try:
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = OFF"):
                self._run(f"PRAGMA {pragma}")
            self._database.executescript(_SCHEMA)
        except sqlite3.OperationalError:
            self._database.close()
            raise BlockingIOError("another process has these books") from None

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    # -- what the host is asked ------------------------------------------------------------------

    def perform(self, request: Request, *, declined: str | None = None) -> Reply:
        """Carry out a request, once, and answer it; with ``declined``, answer a new one with that code."""
        self._run("BEGIN IMMEDIATE")
        try:
            reply = self._answer(request, declined)
        except BaseException:
            self._run("ROLLBACK")
            raise
        self._run("COMMIT")
        return reply

    def _answer(self, request: Request, declined: str | None) -> Reply:
        known = self._entry(request.program, request.reference)
        if known is not None:
            return self._again(request, known)
        if declined is None and request.currency != CURRENCY:
            declined = "bad_request"
        if declined is not None:
            return self._refuse(request, declined)
        try:
            if request.ask is Ask.BALANCE:
                card = self._presented(request)
                return _reply(request, APPROVED, balance=card["balance"])
            return self._book(request, self._carry_out(request))
        except _No as no:
            return self._refuse(request, str(no))

    def _refuse(self, request: Request, code: str) -> Reply:
        # A balance is asked anew each time, and what could not be cancelled yet may be later.
        if request.ask not in {Ask.BALANCE, Ask.CANCEL}:
            self._add(request, state=DECLINED, code=code)
        return _reply(request, code)

    def _again(self, request: Request, known: sqlite3.Row) -> Reply:
        if known["state"] == CANCELLED:
            return _reply(request, "cancelled")
        if known["digest"] != self._digest(request):
            return _reply(request, "reference_reused")
        return _reply(request, known["code"], amount=known["amount"], balance=known["balance"])

    def _carry_out(self, request: Request) -> _Done | None:
        """What the request comes to; nothing when there is nothing to cancel."""
        match request.ask:
            case Ask.CANCEL:
                return self._cancelled(request)
            case Ask.VOID:
                return self._voided(request)
            case Ask.REFUND:
                return self._refunded(request)
            case _:
                return self._moved(request)

    def _moved(self, request: Request) -> _Done:
        card = self._presented(request)
        fingerprint, active, amount = card["fingerprint"], bool(card["active"]), request.amount
        if request.ask is Ask.ACTIVATE:
            if active:
                raise _No("already_active")
        elif not active:
            raise _No("not_active")
        if card["expired"]:
            raise _No("expired")
        if request.ask in {Ask.ACTIVATE, Ask.LOAD}:
            self._check_limits(request, card)
            return _Done(fingerprint, amount, amount, active, active=True)
        if request.ask is Ask.DEACTIVATE:
            return _Done(fingerprint, -card["balance"], card["balance"], active, active=False)
        return _Done(fingerprint, -amount, amount, active, active=True)

    def _refunded(self, request: Request) -> _Done:
        original = self._original(request)
        if original["ask"] != Ask.REDEEM or original["state"] != LIVE:
            raise _No("unknown_original")
        if original["refunded"] + request.amount > original["amount"]:
            raise _No("exceeds_original")
        if not self._card_of(original)["active"]:
            raise _No("not_active")
        self._refund(original, request.amount)
        return _Done(original["fingerprint"], request.amount, request.amount, was_active=True, active=True)

    def _voided(self, request: Request) -> _Done:
        original = self._original(request)
        if original["state"] == VOIDED:
            raise _No("already_voided")
        if original["state"] != LIVE or original["ask"] == Ask.VOID:
            raise _No("unknown_original")
        if original["refunded"]:
            raise _No("exceeds_original")
        if original["was_active"] and original["is_active"] and not self._card_of(original)["active"]:
            raise _No("not_active")
        return self._take_back(original, VOIDED)

    def _cancelled(self, request: Request) -> _Done | None:
        original = self._entry(request.program, request.original or "")
        if original is None:
            # It may still be on its way: when it comes, it is too late.
            self._add(request, reference=request.original, state=CANCELLED, code="cancelled")
            return None
        if original["state"] != LIVE:
            return None
        done = self._take_back(original, CANCELLED)
        if original["ask"] == Ask.VOID:
            self._set_state(self._original_of(original), LIVE)
        return done

    def _take_back(self, original: sqlite3.Row, state: str) -> _Done:
        """The opposite of what an entry did: of the card's state, too, if it changed that."""
        active = bool(self._card_of(original)["active"])
        back = bool(original["was_active"]) if original["was_active"] != original["is_active"] else active
        self._set_state(original, state)
        return _Done(original["fingerprint"], -original["movement"], original["amount"], active, active=back)

    def _book(self, request: Request, done: _Done | None) -> Reply:
        if done is None:
            return _reply(request, APPROVED)
        program, fingerprint = request.program, done.fingerprint
        moved = self._run(
            "UPDATE cards SET balance = balance + :movement, active = :active WHERE program = :program "
            "AND fingerprint = :fingerprint AND balance + :movement >= 0",
            movement=done.movement,
            active=done.active,
            program=program,
            fingerprint=fingerprint,
        ).rowcount
        if not moved:
            # What was marked on the way here must not stay.
            self._run("ROLLBACK")
            self._run("BEGIN IMMEDIATE")
            raise _No("insufficient_balance")
        balance: int = self._card(program, fingerprint)["balance"]
        self._add(request, state=LIVE, code=APPROVED, done=done, balance=balance)
        return _reply(request, APPROVED, amount=done.amount, balance=balance)

    # -- cards ------------------------------------------------------------------------------------

    def _presented(self, request: Request) -> sqlite3.Row:
        """The card that a request names, if its PIN, where it gives one, is right."""
        if request.number is None:
            raise _No("bad_request")
        fingerprint = self._stocked(request.program, request.number)
        if fingerprint is None:
            raise _No("unknown_card")
        card = self._card(request.program, fingerprint)
        if request.pin is not None and card["pin"] is not None:
            self._check_pin(card, request.pin)
        return card

    def _stocked(self, program: str, number: str) -> bytes | None:
        """The fingerprint of a card, which is put into the books when it is first named."""
        known = card_with(number)
        if known is None:
            return None
        fingerprint = self._hash(f"card\n{program}\n{number}")
        self._run(
            "INSERT INTO cards (program, fingerprint, last4, active, expired, balance, opening, pin) VALUES "
            "(:program, :fingerprint, :last4, :active, :expired, :balance, :balance, :pin) "
            "ON CONFLICT DO NOTHING",
            program=program,
            fingerprint=fingerprint,
            last4=number[-4:],
            active=known.active,
            expired=known.expired,
            balance=known.balance,
            pin=None if known.pin is None else self._pin(known.pin),
        )
        return fingerprint

    def _check_pin(self, card: sqlite3.Row, pin: str) -> None:
        """Wrong and locked look the same."""
        now = self._now()
        locked = card["pin_locked_until"] > _written(now)
        right = hmac.compare_digest(card["pin"], self._pin(pin))
        misses = 0 if right else card["pin_misses"] + 1
        if not locked and (misses or card["pin_misses"]):
            full = misses >= PIN_MISSES_MAX
            self._run(
                "UPDATE cards SET pin_misses = :misses, pin_locked_until = :until "
                "WHERE program = :program AND fingerprint = :fingerprint",
                misses=0 if full else misses,
                until=_written(now + PIN_LOCK) if full else "",
                program=card["program"],
                fingerprint=card["fingerprint"],
            )
        if locked or not right:
            raise _No("wrong_pin")

    def _check_limits(self, request: Request, card: sqlite3.Row) -> None:
        loaded = self._run(
            "SELECT COALESCE(SUM(movement), 0) FROM entries WHERE program = :program AND ask IN "
            "('activate', 'load') AND fingerprint = :fingerprint AND state = 'live' AND at >= :day",
            program=request.program,
            fingerprint=card["fingerprint"],
            day=_written(self._now())[:10],
        ).fetchone()[0]
        full = card["balance"] + request.amount > BALANCE_MAX
        if full or loaded + request.amount > LOADED_IN_A_DAY_MAX:
            raise _No("limit_exceeded")

    def _card(self, program: str, fingerprint: bytes) -> sqlite3.Row:
        found: sqlite3.Row = self._run(
            "SELECT * FROM cards WHERE program = :program AND fingerprint = :fingerprint",
            program=program,
            fingerprint=fingerprint,
        ).fetchone()
        return found

    def _card_of(self, entry: sqlite3.Row) -> sqlite3.Row:
        return self._card(entry["program"], entry["fingerprint"])

    # -- entries ----------------------------------------------------------------------------------

    def _entry(self, program: str, reference: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._run(
            "SELECT * FROM entries WHERE program = :program AND reference = :reference",
            program=program,
            reference=reference,
        ).fetchone()
        return found

    def _original(self, request: Request) -> sqlite3.Row:
        found = self._entry(request.program, request.original or "")
        if found is None:
            raise _No("unknown_original")
        return found

    def _original_of(self, entry: sqlite3.Row) -> sqlite3.Row:
        found = self._entry(entry["program"], entry["original"])
        assert found is not None
        return found

    def _set_state(self, entry: sqlite3.Row, state: str) -> None:
        """Change an entry's state, and what its original counts as refunded if it is a refund."""
        self._run(
            "UPDATE entries SET state = :state WHERE sequence = :sequence",
            state=state,
            sequence=entry["sequence"],
        )
        if entry["ask"] == Ask.REFUND:
            amount: int = entry["amount"]
            self._refund(self._original_of(entry), amount if state == LIVE else -amount)

    def _refund(self, redemption: sqlite3.Row, amount: int) -> None:
        self._run(
            "UPDATE entries SET refunded = refunded + :amount WHERE sequence = :sequence",
            amount=amount,
            sequence=redemption["sequence"],
        )

    def _add(
        self,
        request: Request,
        *,
        state: str,
        code: str,
        reference: str | None = None,
        done: _Done | None = None,
        balance: int = 0,
    ) -> None:
        self._run(
            "INSERT INTO entries (program, reference, ask, terminal, digest, fingerprint, original, state, "
            "code, amount, movement, balance, was_active, is_active, at) VALUES (:program, :reference, :ask, "
            ":terminal, :digest, :fingerprint, :original, :state, :code, :amount, :movement, :balance, "
            ":was_active, :is_active, :at)",
            program=request.program,
            reference=reference or request.reference,
            ask=request.ask.value,
            terminal=request.terminal,
            digest=self._digest(request),
            fingerprint=done.fingerprint if done else None,
            original=request.original,
            state=state,
            code=code,
            amount=done.amount if done else 0,
            movement=done.movement if done else 0,
            balance=balance,
            was_active=done.was_active if done else False,
            is_active=done.active if done else False,
            at=_written(self._now()),
        )

    # -- what a tool may ask ----------------------------------------------------------------------

    def card(self, program: str, number: str) -> dict[str, Any] | None:
        """A card's ``balance`` and whether it is ``active``."""
        fingerprint = self._stocked(program, number)
        if fingerprint is None:
            return None
        card = self._card(program, fingerprint)
        return {"balance": card["balance"], "active": bool(card["active"]), "last4": card["last4"]}

    def entries(self, program: str | None = None) -> list[dict[str, Any]]:
        """Entries, oldest first. Amounts in minor units."""
        rows = self._run(
            "SELECT program, reference, ask, terminal, original, state, code, amount, movement, refunded "
            "FROM entries WHERE :program IS NULL OR program = :program ORDER BY sequence",
            program=program,
        )
        return [dict(row) for row in rows]

    def wrong(self) -> list[str]:
        """Cards whose balance is not what they began with and all that was moved since."""
        rows = self._run(
            "SELECT c.last4, c.balance, c.opening + COALESCE(SUM(e.movement), 0) AS expected FROM cards c "
            "LEFT JOIN entries e ON e.program = c.program AND e.fingerprint = c.fingerprint "
            "GROUP BY c.program, c.fingerprint HAVING c.balance <> expected"
        )
        return [f"card {row['last4']} holds {row['balance']}, not {row['expected']}" for row in rows]

    def _digest(self, request: Request) -> bytes:
        said = (request.ask, request.terminal, request.amount, request.number, request.original)
        return self._hash(f"request\n{said!r}")

    def _pin(self, pin: str) -> bytes:
        """Zeros in front do not count: callers that take a PIN for a number have lost them."""
        return self._hash(f"pin\n{pin.lstrip('0')}")

    def _hash(self, said: str) -> bytes:
        return hmac.digest(self._key, said.encode(), "sha256")

    def _run(self, statement: str, **values: object) -> sqlite3.Cursor:
        return self._database.execute(statement, values)


def _reply(request: Request, code: str, *, amount: int = 0, balance: int = 0) -> Reply:
    return Reply(id=request.id, reference=request.reference, code=code, amount=amount, balance=balance)


def _written(at: datetime) -> str:
    """An instant as text that sorts like it."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _key_beside(path: Path) -> bytes:
    """The key in the file beside the books; made, for its owner only, when there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".key")
    key = beside.read_bytes() if beside.exists() else b""
    if len(key) != _KEY_BYTES:
        key = secrets.token_bytes(_KEY_BYTES)
        with closing(os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")) as file:
            file.write(key)
    return key
