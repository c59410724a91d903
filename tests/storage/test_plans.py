"""Plans: what is asked of a terminal with a million payments is found by an index that was made for it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from bezant.core.merchants import Profile
from bezant.core.money import Money
from bezant.core.payments import Amounts, Kind, Order, Payment, PaymentQuery, State
from bezant.core.vault import Brand, Card
from bezant.storage.engine import open_engine
from bezant.storage.stores.devices import Devices
from bezant.storage.stores.payments import PaymentRows
from bezant.storage.writes import Writes

NOW = datetime(2026, 3, 23, 12, tzinfo=UTC)
TOKEN = "0123456789ABCDEF" * 2 + "01234567"
_INDEX = re.compile(r"INDEX (\w+)|$")
HOUR = timedelta(hours=1)
PAYMENT = Payment(
    merchant_id=1,
    payment_id=2,
    terminal_id=3,
    kind=Kind.SALE,
    state=State.CAPTURED,
    profile=Profile.TRADITIONAL,
    amounts=Amounts(base=Money(1), tax=Money(0), fee=Money(0), tip=Money(0)),
    card=Card(token=TOKEN, bin="411111", last4="1111", brand=Brand.VISA),
    order=Order(),
    audit_number=1,
    retrieval_reference="608305501153",
    requested_at=NOW,
    sent_at=NOW,
    lease_until=NOW,
    batch_number=1,
    refunded=Money(0),
    incremented=Money(0),
)
LIST = PaymentQuery(merchant_id=1, terminal_id=3, limit=1)


@pytest.fixture
def connection(_sqlite_template: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a database with three payments, and nothing known that could help to guess well."""
    path = tmp_path / "bezant.db"
    shutil.copyfile(_sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")  # there is no such terminal
        rows = _rows(connection)
        for payment_id in range(3):
            rows.add(PAYMENT.having(payment_id=payment_id, audit_number=payment_id))
        rows.flush()
        yield connection
    engine.dispose()


def _rows(connection: Connection) -> PaymentRows:
    return PaymentRows(connection, Writes())


def _pages(connection: Connection, **more: Any) -> object:
    query = replace(LIST, **more)
    return [_rows(connection).page(replace(query, offset=offset)) for offset in (0, 1)]


QUESTIONS: Mapping[str, tuple[Callable[[Connection], object], str]] = {
    "a list": (_pages, "ix_payments_list"),
    "a list of a period": (partial(_pages, requested_from=NOW, requested_to=NOW + HOUR), "ix_payments_list"),
    "a list of a batch": (
        partial(_pages, batch_number=1),
        "ix_payments_list uq_payments_transaction_number",
    ),
    "the totals of a batch": (lambda c: _rows(c).totals(1, 3, 1), "uq_payments_transaction_number"),
    "the members of a batch, to settle them": (
        lambda c: _rows(c).settle(1, 3, 1, settled_at=NOW),
        "uq_payments_transaction_number",
    ),
    "whether a payment has a twin": (
        lambda c: _rows(c).has_twin(PAYMENT, TOKEN, since=NOW),
        "ix_payments_list ix_payments_sending",
    ),
    "when a terminal was last used": (
        lambda c: Devices(c).last_payment_at(1, 3),
        "ix_payments_list ix_payments_sending",
    ),
    "a payment by its reference": (
        lambda c: _rows(c).find_by_retrieval_reference(
            1, 3, retrieval_reference=PAYMENT.retrieval_reference, kinds=[Kind.SALE]
        ),
        "ix_payments_reference",
    ),
    "a payment by both numbers of the network": (
        lambda c: _rows(c).find_by_reference(
            1, 3, retrieval_reference=PAYMENT.retrieval_reference, audit_number=1
        ),
        "ix_payments_reference",
    ),
    "what is being sent for too long": (lambda c: _rows(c).leases_run_out(NOW, 10), "ix_payments_sending"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_is_found_by_an_index_of_its_own(connection: Connection, name: str) -> None:
    ask, indexes = QUESTIONS[name]
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    ask(connection)
    event.remove(connection, "before_cursor_execute", note)
    steps = [step for each in asked for step in _steps(connection, *each)]
    assert {_INDEX.findall(step)[0] for step in steps} == set(indexes.split())
    assert not [step for step in steps if step.startswith("SCAN") and "ix_payments_sending" not in step]


def _steps(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    """How the table of payments is read, but for rows whose keys are known."""
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
        if "payments" in row.detail and "sqlite_autoindex_payments_1" not in row.detail:
            yield row.detail
