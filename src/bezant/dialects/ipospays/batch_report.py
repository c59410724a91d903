"""Closed batches (source: vendor docs; what stands inside profiles and payments: our choice)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from bezant.core.batches import Batch, Totals
from bezant.core.credentials import Scope
from bezant.core.merchants import Caller, Profile
from bezant.core.money import Money
from bezant.core.payments import SettledBatch
from bezant.dialects.ipospays import codes, fields
from bezant.dialects.ipospays.codes import Error
from bezant.dialects.ipospays.envelope import REPORTED, View
from bezant.dialects.ipospays.operation import Call, Form, Operation, Problems, Shown, Values
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Field, Layout, Reply, array, nested

LATEST_MAX: Final = 10
"""Batches of a report that names no day (our choice)."""
OF_A_DAY_MAX: Final = 100
LISTED_MAX: Final = 1000
"""Transactions listed for each of several batches; its totals are of all of them (our choice)."""
LISTED_ALONE_MAX: Final = 10_000

NUMBER_WITHOUT_DAY: Final = Error("batchDate", "Batch Date is required with a Batch Number")
NO_SUCH_BATCH: Final = Error("batchNo", "No closed batch is registered for this Batch Number")

DAY: Final = Field(
    name="batchDate",
    read=codecs.calendar_day,
    invalid=codes.invalid("batchDate", "Batch Date"),
    note="the local day on which it was closed",
)
NUMBER: Final = Field(
    name="batchNo",
    read=codecs.integer(minimum=1, maximum=2**31 - 1),
    invalid=codes.invalid("batchNo", "Batch Number"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    tpn: str
    caller: Caller
    settled: SettledBatch

    @property
    def batch(self) -> Batch:
        return self.settled.batch

    @property
    def totals(self) -> Totals:
        return self.batch.totals

    def money(self, minor: int) -> Money:
        return Money(minor, self.batch.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paid:
    amount: Money
    count: int


_PAYMENTS: Layout[_Paid] = Layout(
    Reply("total_amount", codecs.shortest_number, lambda p: p.amount),
    Reply("count", codecs.json, lambda p: p.count),
)


def _none(report: _Report) -> _Paid:
    """No cash and no bank debits come this way."""
    return _Paid(amount=report.money(0), count=0)


def _merchant_number(report: _Report) -> str:
    endpoints = report.caller.terminal.endpoints
    return next(endpoints[profile].merchant_number for profile in Profile if profile in endpoints)


_PROFILE: Layout[_Report] = Layout(
    Reply("tpn", codecs.json, lambda r: r.tpn),
    Reply("terminal_id", codecs.json, lambda r: r.caller.terminal.number),
    Constant("processor", "ISO 8583"),
    Reply("merchant_id", codecs.json, _merchant_number, "as the acquirer knows it"),
    Reply(
        "transactions",
        array(REPORTED),
        lambda r: [View(member) for member in r.settled.members.payments],
        f"newest first, at most {LISTED_MAX}, of one batch alone {LISTED_ALONE_MAX}",
    ),
)

REPORT: Layout[_Report] = Layout(
    Reply("batch_number", codecs.json, lambda r: str(r.batch.number)),
    Constant("batch_status", "CLOSED"),
    Reply(
        "batch_closed_at",
        codecs.moment(codecs.day_and_time),
        lambda r: r.caller.local(r.batch.closed_at) if r.batch.closed_at else None,
        "local (our addition)",
    ),
    Reply("total_transactions", codecs.json, lambda r: r.totals.count),
    Reply(
        "batch_total",
        codecs.shortest_number,
        lambda r: r.money(r.totals.net),
        "sales with tips, fees and taxes, less refunds; below 0 where more went back",
    ),
    Reply("total_tip", codecs.shortest_number, lambda r: r.money(r.totals.tip)),
    Reply("total_fee", codecs.shortest_number, lambda r: r.money(r.totals.fee)),
    Reply("total_without_fee", codecs.shortest_number, lambda r: r.money(r.totals.net - r.totals.fee)),
    Reply("cash_payment", nested(_PAYMENTS), _none),
    Reply("alter_payments", nested(_PAYMENTS), _none),
    Reply("batch_profiles", array(_PROFILE), lambda r: [r]),
)


def _check(values: Values) -> Iterable[Error]:
    if values.get(NUMBER.name) is not None and DAY.name in values and values[DAY.name] is None:
        yield NUMBER_WITHOUT_DAY


def _period(caller: Caller, day: date | None) -> dict[str, datetime]:
    """The instants between which that day lies on the store's wall clock."""
    if day is None:
        return {}
    zone = caller.store.zone
    begin, end = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    return {"closed_from": begin, "closed_to": end}


async def _report(call: Call) -> Shown:
    day, number = call[DAY], call[NUMBER]
    found = await call.services.reports.settled_batches(
        call.caller,
        **_period(call.caller, day),
        number=number,
        limit=LATEST_MAX if day is None else OF_A_DAY_MAX,
        members_max=LISTED_MAX if number is None else LISTED_ALONE_MAX,
    )
    reports = [_Report(tpn=call[fields.MERCHANT_ID], caller=call.caller, settled=each) for each in found]
    if number is None:
        return Shown(array(REPORT)(reports), "reported")
    if not reports:
        raise Problems(NO_SUCH_BATCH)
    return Shown(REPORT.render(reports[0]), "reported")


BATCH_REPORT: Final = Operation(
    name="batch_report",
    paths=("/api/v1/batch-report",),
    scope=Scope.BATCH_REPORT,
    forms=(
        Form(
            title="Closed batch report",
            fields=(fields.MERCHANT_ID, DAY, NUMBER),
            check=_check,
            perform=_report,
            layouts=(REPORT,),
            note=f"The latest {LATEST_MAX} batches, newest first; with `batchDate` those of that day; with "
            "`batchDate` and `batchNo` one object instead of a list.",
        ),
    ),
)
