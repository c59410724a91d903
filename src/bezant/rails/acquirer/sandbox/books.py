"""What the sandbox host believes happened: every message it booked, and what became of it.

The other side of the gateway's own books, so that a test can compare the two. A message is known by its
type, terminal number, audit number and transmission time; the same message again changes nothing and
gives the same entry. Card numbers are kept as a keyed fingerprint and the last four digits.

Rules (industry practice where there is one, else our choice):

- A reversal is always taken. What it names is reversed, also when it was settled; what it names and was
  never seen is remembered, and declined with 12 should it still arrive. A reversed authorization takes
  its captures and increments with it; a reversed capture makes its authorization live again.
- An authorization that names another one is its increment: taken over by the same capture.
- A capture names its authorization: unknown is 25, not live is 12. Any amount is taken. A capture that
  names a live sale or capture changes that one's amount (a tip).
- A message that is repeated gets its first answer; a capture or reversal that was declined is tried again.
- A message whose key is known but whose amount or card is another is 94, and changes nothing.
- Batch totals are compared with the terminal's unsettled sales, captures and refunds, which they settle.
  A batch number settles once; repeats get the first answer. Totals that differ are noted, and refused
  with 95 only by a strict host.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import Final

import msgspec

from bezant.core.payments.messages import Ask
from bezant.rails.acquirer import spec
from bezant.rails.acquirer.codec import IsoMessage
from bezant.rails.acquirer.codes import APPROVALS, APPROVED
from bezant.rails.acquirer.sandbox.journal import Journal
from bezant.rails.acquirer.sandbox.scripts import ask_of

NOT_FOUND: Final = "25"
INVALID: Final = "12"
DUPLICATE: Final = "94"
OUT_OF_BALANCE: Final = "95"

_TRIED_AGAIN: Final = frozenset({spec.COMPLETION, spec.REVERSAL})
_SETTLED_ASKS: Final = frozenset({Ask.SALE.value, Ask.CAPTURE.value, Ask.REFUND.value})

Key = tuple[str, str, str, str]
"""Message type (of the first, not the repeat), terminal number, audit number, transmission time."""

Account = tuple[str, str]
"""Merchant number, terminal number."""


class State(StrEnum):
    """What became of a booked message."""

    LIVE = "live"
    """Approved, and in force."""
    CAPTURED = "captured"
    """An authorization that a capture has taken over."""
    SETTLED = "settled"
    REVERSED = "reversed"
    DECLINED = "declined"
    DONE = "done"
    """A reversal, or a change of amount, that took place."""
    AWAITED = "awaited"
    """Reversed before it arrived."""


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True, tag="entry", gc=False):
    """One booked message. Amounts are minor units; ``approved`` is zero for a declined one."""

    sequence: int
    message_type: str
    terminal: str
    audit_number: str
    transmitted: str
    state: State
    ask: str = ""
    merchant: str = ""
    reference: str = ""
    amount: int = 0
    approved: int = 0
    currency: str = ""
    code: str = ""
    approval_code: str = ""
    results: str = ""
    last4: str = ""
    fingerprint: str = ""
    original: Key | None = None
    captured_by: Key | None = None
    batch: str = ""
    repeats: int = 0

    @property
    def key(self) -> Key:
        """What this entry is known by."""
        return self.message_type, self.terminal, self.audit_number, self.transmitted

    @property
    def account(self) -> Account:
        """Whose batch it belongs to."""
        return self.merchant, self.terminal


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """Counts and amounts (minor units) of a batch. Sales and captures are debits, refunds credits."""

    debit_count: int = 0
    debits: int = 0
    credit_count: int = 0
    credits: int = 0


class Batch(msgspec.Struct, kw_only=True, tag="batch"):
    """Totals that were told, and what these books said. Settled exactly when ``code`` is 00."""

    merchant: str
    terminal: str
    number: str
    told: Sums
    booked: Sums
    reconciled: bool
    code: str


Record = Entry | Batch


def key_of(message: Mapping[str, str]) -> Key:
    """What an entry for this message is known by."""
    return (
        spec.first_of(message[spec.MTI]),
        message[spec.TERMINAL],
        message[spec.AUDIT_NUMBER],
        message[spec.TRANSMITTED],
    )


def original_key_of(message: Mapping[str, str]) -> Key:
    """The key of the entry that a message names as its original."""
    named = message[spec.ORIGINAL]
    return spec.first_of(named[:4]), message[spec.TERMINAL], named[4:10], named[10:20]


def _place(key: Key) -> str:
    """Where the books have the entry of a key; the fields of one are of fixed lengths.

    A text, since Python's collector walks through all of a mapping that has tuples whenever it comes by:
    after two hundred thousand sales it took 60 ms, thrice in a row, and the host answered nobody meanwhile.
    """
    return "".join(key)


class Books:
    """All entries and batches, in memory and, with a journal, on file."""

    def __init__(self, *, journal: Journal[Record] | None, seed: int, strict: bool) -> None:
        self._journal = journal
        self._seed = seed
        self._strict = strict
        self._fingerprint_key = secrets.token_bytes(32) if journal is None else journal.key
        self._entries: dict[str, Entry] = {}
        """By their places."""
        self._batches: dict[tuple[str, str, str], Batch] = {}
        self._increments: dict[Key, list[Key]] = {}
        self._unsettled: dict[Account, dict[str, Entry]] = {}
        """By their places."""
        self._sequence = 0
        self._approvals = 0
        if journal is not None:
            self._restore(journal.replay())

    @property
    def count(self) -> int:
        """Entries booked."""
        return len(self._entries)

    def repeated(self, message: IsoMessage) -> Entry | None:
        """The entry of a message that is a repeat, if it is one. Its code is 94 where content differs."""
        entry = self._find(key_of(message))
        if entry is None or entry.state is State.AWAITED:
            return None
        if entry.message_type in _TRIED_AGAIN and entry.state is State.DECLINED:
            return None
        entry.repeats += 1
        same = (
            entry.amount == int(message[spec.AMOUNT])
            and entry.ask == ask_of(message)
            and hmac.compare_digest(entry.fingerprint, self._fingerprint(message))
        )
        return entry if same else msgspec.structs.replace(entry, code=DUPLICATE, approval_code="")

    def book(self, message: IsoMessage, *, code: str, approved: int, results: str) -> Entry:
        """Book an authorization, verification, sale or refund with the issuer's answer."""
        entry = self._new(message)
        entry.results = results
        if entry.state is State.AWAITED:
            entry.state, entry.code = State.REVERSED, INVALID
        elif code in APPROVALS:
            self._approvals += 1
            # A card that is good holds nothing: there is nothing to capture or to take back.
            entry.state = State.DONE if entry.ask == Ask.VERIFY else State.LIVE
            entry.code, entry.approved = code, approved
            entry.approval_code = f"TAS{(self._seed + self._approvals) % 1000:03d}"
        else:
            entry.code = code
        self._keep(entry)
        return entry

    def capture(self, message: IsoMessage) -> Entry:
        """Book a capture of the authorization that it names, or a change of a sale's amount."""
        entry = self._new(message)
        original = self._find(original_key_of(message))
        if entry.state is State.AWAITED:
            entry.state, entry.code = State.REVERSED, INVALID
        elif original is None or original.state is State.AWAITED:
            entry.code = NOT_FOUND
        elif original.state is not State.LIVE or original.ask == Ask.REFUND:
            entry.code = INVALID
        else:
            entry.code, entry.approved = APPROVED, entry.amount
            entry.approval_code = original.approval_code
            if original.ask == Ask.AUTHORIZE:
                entry.state = State.LIVE
                for held in (original, *self._increments_of(original)):
                    held.state, held.captured_by = State.CAPTURED, entry.key
                    self._keep(held)
            else:
                entry.state, original.approved = State.DONE, entry.amount
            self._keep(original)
        self._keep(entry)
        return entry

    def reverse(self, message: IsoMessage) -> Entry:
        """Book a reversal of whatever it names."""
        entry = self._new(message)
        entry.state, entry.code = State.DONE, APPROVED
        original_key = original_key_of(message)
        original = self._find(original_key)
        if original is None:
            self._keep(self._blank(original_key))
        else:
            entry.approval_code = original.approval_code
            self._undo(original)
        self._keep(entry)
        return entry

    def refuse(self, message: IsoMessage, code: str) -> Entry:
        """Book a message that was declined whatever it asked for."""
        entry = self._new(message)
        if entry.state is State.AWAITED:
            entry.state = State.REVERSED
        entry.code = code
        self._keep(entry)
        return entry

    def settle(self, account: Account, number: str, told: Sums, *, decline: str | None = None) -> Batch:
        """Compare totals with these books and settle. ``decline`` refuses whatever they say."""
        key = (*account, number)
        earlier = self._batches.get(key)
        if earlier is not None and earlier.code == APPROVED:
            return earlier
        booked = _sums(self._unsettled.get(account, {}).values())
        reconciled = booked == told
        code = decline or (OUT_OF_BALANCE if self._strict and not reconciled else APPROVED)
        merchant, terminal = account
        batch = Batch(
            merchant=merchant,
            terminal=terminal,
            number=number,
            told=told,
            booked=booked,
            reconciled=reconciled,
            code=code,
        )
        self._take_batch(batch)
        self._write(batch)
        return batch

    def listed(
        self,
        *,
        terminal: str | None = None,
        reference: str | None = None,
        state: str | None = None,
        ask: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[Entry]:
        """Entries that have everything named, oldest first, from the one after sequence ``after``."""
        wanted = (
            entry
            for entry in self._entries.values()
            if entry.sequence > after
            and (terminal is None or entry.terminal == terminal)
            and (reference is None or entry.reference == reference)
            and (state is None or entry.state == state)
            and (ask is None or entry.ask == ask)
        )
        return list(islice(wanted, limit))

    def in_force(self, *, terminal: str | None, settled: bool) -> Iterator[Entry]:
        """Approved entries that move or hold money and were not reversed or taken over."""
        states = {State.LIVE, State.SETTLED} if settled else {State.LIVE}
        for entry in self._entries.values():
            if entry.state in states and (terminal is None or entry.terminal == terminal):
                yield entry

    def batches(self, terminal: str | None = None) -> list[Batch]:
        """Batches told so far, oldest first."""
        return [batch for batch in self._batches.values() if terminal in {None, batch.terminal}]

    def unsettled(self, terminal: str | None = None) -> dict[Account, Sums]:
        """What the next batch of each account would come to."""
        return {
            account: _sums(entries.values())
            for account, entries in self._unsettled.items()
            if entries and terminal in {None, account[1]}
        }

    def flush(self) -> None:
        """Put what was booked on file. To be called before an answer leaves."""
        if self._journal is not None:
            self._journal.flush()

    def _find(self, key: Key | None) -> Entry | None:
        return None if key is None else self._entries.get(_place(key))

    def _new(self, message: IsoMessage) -> Entry:
        """The entry for a message, declined until decided; one that was awaited stays so."""
        key = key_of(message)
        entry = self._find(key)
        if entry is None:
            entry = self._blank(key)
            entry.state = State.DECLINED
        entry.ask = ask_of(message)
        entry.merchant = message[spec.MERCHANT].rstrip()
        entry.reference = message.get(spec.REFERENCE, "")
        entry.amount = int(message[spec.AMOUNT])
        entry.currency = message.get(spec.CURRENCY, "")
        entry.last4 = message.get(spec.PAN, "")[-4:]
        entry.fingerprint = self._fingerprint(message)
        if spec.ORIGINAL in message:
            entry.original = original_key_of(message)
        return entry

    def _blank(self, key: Key) -> Entry:
        self._sequence += 1
        message_type, terminal, audit_number, transmitted = key
        return Entry(
            sequence=self._sequence,
            message_type=message_type,
            terminal=terminal,
            audit_number=audit_number,
            transmitted=transmitted,
            state=State.AWAITED,
        )

    def _undo(self, entry: Entry) -> None:
        """Reverse an entry that is in force, and what hangs on it."""
        if entry.state not in {State.LIVE, State.CAPTURED, State.SETTLED}:
            return
        entry.state = State.REVERSED
        self._keep(entry)
        capture = self._find(entry.captured_by)
        if capture is not None:
            self._undo(capture)
        if entry.ask == Ask.AUTHORIZE:
            for increment in self._increments_of(entry):
                self._undo(increment)
        original = self._find(entry.original)
        if original is None or entry.ask == Ask.AUTHORIZE:
            return
        for held in (original, *self._increments_of(original)):
            if held.captured_by == entry.key and held.state is State.CAPTURED:
                held.state, held.captured_by = State.LIVE, None
                self._keep(held)

    def _increments_of(self, authorization: Entry) -> list[Entry]:
        """What raised an authorization and is in force."""
        found = (self._entries[_place(key)] for key in self._increments.get(authorization.key, ()))
        return [entry for entry in found if entry.state in {State.LIVE, State.CAPTURED}]

    def _fingerprint(self, message: IsoMessage) -> str:
        pan = message.get(spec.PAN)
        return "" if pan is None else hmac.digest(self._fingerprint_key, pan.encode(), "sha256").hex()[:32]

    def _keep(self, entry: Entry) -> None:
        self._take_entry(entry)
        self._write(entry)

    def _write(self, record: Record) -> None:
        if self._journal is not None:
            self._journal.add(record)

    def _take_entry(self, entry: Entry) -> None:
        place = _place(entry.key)
        if entry.ask == Ask.AUTHORIZE and entry.original and place not in self._entries:
            self._increments.setdefault(entry.original, []).append(entry.key)
        self._entries[place] = entry
        if entry.state is State.LIVE and entry.ask in _SETTLED_ASKS:
            self._unsettled.setdefault(entry.account, {})[place] = entry
        elif entry.account in self._unsettled:
            self._unsettled[entry.account].pop(place, None)

    def _take_batch(self, batch: Batch) -> None:
        """Note a batch and settle what is unsettled: the same when it happens and when it is replayed."""
        self._batches[batch.merchant, batch.terminal, batch.number] = batch
        if batch.code == APPROVED:
            for entry in self._unsettled.pop((batch.merchant, batch.terminal), {}).values():
                entry.state, entry.batch = State.SETTLED, batch.number

    def _restore(self, records: Iterable[Record]) -> None:
        for record in records:
            match record:
                case Batch():
                    self._take_batch(record)
                case Entry():
                    self._take_entry(record)
                    self._sequence = max(self._sequence, record.sequence)
        own_codes = {Ask.AUTHORIZE, Ask.SALE, Ask.REFUND}
        self._approvals = sum(
            1 for entry in self._entries.values() if entry.approval_code and entry.ask in own_codes
        )


def _sums(entries: Collection[Entry]) -> Sums:
    debits = [entry.approved for entry in entries if entry.ask != Ask.REFUND]
    refunds = [entry.approved for entry in entries if entry.ask == Ask.REFUND]
    return Sums(debit_count=len(debits), debits=sum(debits), credit_count=len(refunds), credits=sum(refunds))
