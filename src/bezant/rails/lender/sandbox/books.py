"""What the sandbox lender owns: its customers, and an entry for each message that it carried out.

Kept in an embedded database, so that they outlive a killed process (not a lost machine: nothing is forced to
the disk). A reference is one row for good: a message that comes again finds it and gets its answer, and an
inquiry that finds none puts a fence in its place.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bezant.rails.lender.codec import (
    Booked,
    CurrencyCode,
    CustomerReply,
    CustomerRequest,
    InquiryRequest,
    LoanRequest,
    PlanRow,
    PlansReply,
    PlansRequest,
    ReturnRequest,
    encode,
)
from bezant.rails.lender.codes import APPROVED, NOT_BOOKED
from bezant.rails.lender.sandbox.plans import PlanTable

PHONES: Final = ("00008557694", "01220422223")
"""Registered from the start (source: vendor sample)."""
UNKNOWN_ENDING: Final = "0000"
"""A phone that ends so is nobody's and cannot be registered."""
LIMIT: Final = 100_000_000_00
"""What a customer may owe at once, unless registered with something else."""
WALLET: Final = 1_000_000_00
"""What a customer may draw from each balance with one order. An order does not use it up (our choice)."""
AMOUNT_MIN: Final = 1_00
AMOUNT_MAX: Final = 50_000_000_00
CURRENCY: Final[CurrencyCode] = "EGP"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS customers (
    phone TEXT NOT NULL PRIMARY KEY, ceiling INTEGER NOT NULL, wallet INTEGER NOT NULL,
    cashback INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, program TEXT NOT NULL, reference TEXT NOT NULL,
    kind TEXT NOT NULL, digest BLOB NOT NULL, code TEXT NOT NULL, phone TEXT NOT NULL DEFAULT '',
    amount INTEGER NOT NULL DEFAULT 0,
    months INTEGER NOT NULL DEFAULT 0, fee INTEGER NOT NULL DEFAULT 0, installment INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0, original TEXT NOT NULL DEFAULT '', loan_number TEXT NOT NULL DEFAULT '',
    returned INTEGER NOT NULL DEFAULT 0 CHECK (returned BETWEEN 0 AND amount), at TEXT NOT NULL,
    UNIQUE (program, reference)
) STRICT;
CREATE INDEX IF NOT EXISTS entries_by_phone ON entries (phone);
"""


class _No(Exception):
    """The answer is no, with this code."""


class Books:
    """Customers and entries. Without a ``path`` they are kept in memory.

    Raises ``BlockingIOError`` when another process has the file.
    """

    def __init__(self, path: Path | None, *, now: Callable[[], datetime]) -> None:
        self._now = now
        self._tables: dict[str, PlanTable] = {}
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
        for phone in PHONES:
            self._run("INSERT OR IGNORE INTO customers VALUES (?, ?, ?, ?)", phone, LIMIT, WALLET, WALLET)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    # -- what the lender is asked ------------------------------------------------------------------

    def customer(self, request: CustomerRequest, *, declined: str | None = None) -> CustomerReply:
        """Whether a customer is known; with ``declined``, that code."""
        known = APPROVED if self._customer(request.phone) is not None else "unknown_customer"
        return CustomerReply(phone=request.phone, code=declined or known)

    def quote(self, request: PlansRequest, *, declined: str | None = None) -> PlansReply:
        """The plans that a customer could have, or why none."""
        code, rows = declined or APPROVED, tuple[PlanRow, ...]()
        if declined is None:
            try:
                self._check(request)
                rows = self.plans(request.program).rows(request.amount)
                code = APPROVED if rows else "plan_not_offered"
            except _No as no:
                code = str(no)
        return PlansReply(
            phone=request.phone, amount=request.amount, currency=request.currency, code=code, plans=rows
        )

    def perform(self, request: LoanRequest | ReturnRequest, *, declined: str | None = None) -> Booked:
        """Carry out a message, once, and answer it; with ``declined``, answer a new one with that code."""
        digest = hashlib.sha256(encode(request)).digest()
        self._run("BEGIN IMMEDIATE")
        try:
            known = self._entry(request.program, request.reference)
            if known is None:
                self._carry_out(request, digest, declined)
        except BaseException:
            self._run("ROLLBACK")
            raise
        self._run("COMMIT")
        if known is not None and known["kind"] != "none" and known["digest"] != digest:
            kind = known["kind"]
            return Booked(
                program=request.program, reference=request.reference, kind=kind, code="reference_reused"
            )
        return self._told(request.program, request.reference)

    def inquire(self, request: InquiryRequest) -> Booked:
        """What a message was answered. One that has not come is fenced out: when it comes, it is too late."""
        self._run(
            "INSERT OR IGNORE INTO entries (program, reference, kind, digest, code, at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            *(request.program, request.reference, "none", b"", NOT_BOOKED, self._now().isoformat()),
        )
        return self._told(request.program, request.reference)

    def _carry_out(self, request: LoanRequest | ReturnRequest, digest: bytes, declined: str | None) -> None:
        code, plan = declined or APPROVED, None
        if declined is None:
            try:
                if isinstance(request, LoanRequest):
                    plan = self._granted(request)
                else:
                    self._take_back(request)
            except _No as no:
                code = str(no)
        sequence = self._run(
            "INSERT INTO entries (program, reference, kind, digest, code, amount, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(request.program, request.reference, "loan" if isinstance(request, LoanRequest) else "return"),
            *(digest, code, request.amount, self._now().isoformat()),
        ).lastrowid
        if isinstance(request, ReturnRequest):
            self._run("UPDATE entries SET original = ? WHERE sequence = ?", request.original, sequence)
            return
        self._run("UPDATE entries SET phone = ? WHERE sequence = ?", request.phone, sequence)
        if plan is not None:
            self._run(
                "UPDATE entries SET months = ?, fee = ?, installment = ?, total = ?, loan_number = ?"
                " WHERE sequence = ?",
                *(plan.months, plan.fee, plan.installment, plan.total, f"VL{sequence:09d}", sequence),
            )

    def _granted(self, request: LoanRequest) -> PlanRow:
        self._check(request)
        plan = self.plans(request.program).row(request.amount, request.months)
        if plan is None:
            raise _No("plan_not_offered")
        return plan

    def _check(self, request: LoanRequest | PlansRequest) -> None:
        customer = self._customer(request.phone)
        if customer is None:
            raise _No("unknown_customer")
        if request.currency != CURRENCY:
            raise _No("currency_differs")
        if request.amount < AMOUNT_MIN:
            raise _No("below_minimum")
        if request.amount > AMOUNT_MAX:
            raise _No("above_maximum")
        if request.amount + self._owed(request.phone) > customer["ceiling"]:
            raise _No("over_limit")
        if request.wallet > customer["wallet"] or request.cashback > customer["cashback"]:
            raise _No("wallet_too_small")

    def _take_back(self, request: ReturnRequest) -> None:
        original = self._entry(request.program, request.original)
        if original is None or original["kind"] != "loan" or original["code"] != APPROVED:
            raise _No("unknown_original")
        if original["loan_number"] != request.loan_number:
            raise _No("unknown_original")
        if request.currency != CURRENCY:
            raise _No("currency_differs")
        if original["returned"] + request.amount > original["amount"]:
            raise _No("exceeds_original")
        self._run(
            "UPDATE entries SET returned = returned + ? WHERE sequence = ?",
            *(request.amount, original["sequence"]),
        )

    # -- what it is asked about them ---------------------------------------------------------------

    def register(self, phone: str, *, limit: int, wallet: int, cashback: int) -> None:
        """Make a customer known, or known otherwise. Amounts in minor units. Raises ``ValueError``."""
        if phone.endswith(UNKNOWN_ENDING):
            raise ValueError(f"a phone that ends with {UNKNOWN_ENDING} is never registered")
        self._run("INSERT OR REPLACE INTO customers VALUES (?, ?, ?, ?)", phone, limit, wallet, cashback)

    def plans(self, program: str) -> PlanTable:
        """The plans of a program."""
        return self._tables.get(program) or self._tables.get("") or PlanTable()

    def offer(self, table: PlanTable, program: str = "") -> None:
        """Have other plans from now on, for one program or for all that have none of their own."""
        self._tables[program] = table

    def entries(self, program: str | None = None) -> list[dict[str, Any]]:
        """What was carried out, oldest first, without digests."""
        rows = self._run("SELECT * FROM entries WHERE ? IN ('', program) ORDER BY sequence", program or "")
        return [{name: row[name] for name in row.keys() if name != "digest"} for row in rows]  # noqa: SIM118 - a row is not a mapping

    def wrong(self) -> list[str]:
        """What is wrong with the books: loans whose returns are not what was taken off them."""
        rows = self._run(
            "SELECT loan.reference FROM entries AS loan WHERE loan.kind = 'loan' AND loan.returned <>"
            " coalesce((SELECT sum(amount) FROM entries AS back WHERE back.program = loan.program"
            " AND back.kind = 'return' AND back.original = loan.reference AND back.code = ?), 0)",
            APPROVED,
        )
        return [f"{row['reference']}: returns do not add up" for row in rows]

    def reset(self) -> None:
        """Forget all entries, plans and customers but those of the start."""
        self._tables.clear()
        self._run("DELETE FROM entries")
        self._run("DELETE FROM customers")
        for phone in PHONES:
            self._run("INSERT INTO customers VALUES (?, ?, ?, ?)", phone, LIMIT, WALLET, WALLET)

    # -- rows --------------------------------------------------------------------------------------

    def _told(self, program: str, reference: str) -> Booked:
        row = self._entry(program, reference)
        assert row is not None
        if row["code"] != APPROVED:
            return Booked(program=program, reference=reference, kind=row["kind"], code=row["code"])
        loan = row["kind"] == "loan"
        plan = (
            PlanRow(months=row["months"], fee=row["fee"], installment=row["installment"], total=row["total"])
            if loan
            else None
        )
        return Booked(
            program=program,
            reference=reference,
            kind=row["kind"],
            code=APPROVED,
            amount=row["amount"],
            currency=CURRENCY,
            transaction_number=f"VTX{row['sequence']:09d}",
            loan_number=row["loan_number"] if loan else None,
            plan=plan,
        )

    def _entry(self, program: str, reference: str) -> sqlite3.Row | None:
        return self._one("SELECT * FROM entries WHERE program = ? AND reference = ?", program, reference)

    def _customer(self, phone: str) -> sqlite3.Row | None:
        return self._one("SELECT * FROM customers WHERE phone = ?", phone)

    def _owed(self, phone: str) -> int:
        row = self._one(
            "SELECT coalesce(sum(amount - returned), 0) AS owed FROM entries WHERE phone = ? AND code = ?",
            *(phone, APPROVED),
        )
        assert row is not None
        owed: int = row["owed"]
        return owed

    def _one(self, statement: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._run(statement, *values).fetchone()
        return row

    def _run(self, statement: str, *values: object) -> sqlite3.Cursor:
        return self._database.execute(statement, values)
