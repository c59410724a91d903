"""Settlement and the open batch (vendor docs: settlement-api, open-batch-api)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bezant.core.batches import Totals
from bezant.core.merchants import Caller
from bezant.core.money import Money
from bezant.core.payments import Settlement
from bezant.dialects.valor import codes, families
from bezant.dialects.valor.dialect import Call, Operation, Shown, show_decline
from bezant.dialects.valor.rows import MEMBER, META, Paging, Row, rows_of
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Field, Layout, Reply, array, nested


@dataclass(frozen=True, slots=True)
class _Settled:
    settlement: Settlement
    caller: Caller
    at: datetime

    def money(self, minor: int) -> Money:
        return Money(minor, self.settlement.currency)


def _remark(settled: _Settled) -> str | None:
    return None if settled.settlement.totals.count else "Empty Batch"


SETTLED: Layout[_Settled] = Layout(
    Constant("error_no", "S00"),
    Constant("error_code", "00"),
    Reply(
        "amount",
        codecs.decimal_text,
        lambda s: s.money(s.settlement.totals.net),
        "with tax, fee and tip, less refunds",
    ),
    Reply("tax", codecs.decimal_text, lambda s: s.money(s.settlement.totals.tax)),
    Reply("customfee", codecs.decimal_text, lambda s: s.money(s.settlement.totals.fee)),
    Constant("msg", "APPROVED"),
    Constant("txnid", None),
    Constant("desc", None),
    Reply("additional_info", codecs.json, _remark),
    Reply("epi", codecs.json, lambda s: s.caller.terminal.number),
    Constant("channel", "ECOMM"),
    Reply("created_date", codecs.moment(codecs.day_slashed), lambda s: s.at),
    Reply("created_time", codecs.moment(codecs.time_24), lambda s: s.at),
    Constant("rrn", None),
)


async def _settle(call: Call) -> Shown:
    settlement = await call.services.settlements.settle(call.caller, key=call.key)
    if settlement.reason is not None:
        return show_decline(settlement.reason, batch_number=settlement.batch_number)
    local = call.caller.local(settlement.settled_at)
    return Shown(SETTLED.render(_Settled(settlement, call.caller, local)), "S00")


_SUMMARY: Layout[Totals] = Layout(
    Reply("dashboard_netamount", codecs.json, lambda t: t.net),
    Reply("dashboard_batchcount", codecs.json, lambda t: t.count),
)
_EPI_INFO: Layout[Caller] = Layout(
    Reply("tip_adjust", codecs.json, lambda c: c.terminal.tips.adjustable),
    Reply(
        "max_tip",
        codecs.json,
        lambda c: str(c.terminal.tips.percent_max),
        "a percentage of the base (inferred)",
    ),
)
_DETAILS: Layout[Totals] = Layout(
    Reply("base_amount_totals", codecs.json, lambda t: t.base - t.refunded),
    Reply("total_transactions", codecs.json, lambda t: t.count),
    Reply("tip_counts", codecs.json, lambda t: t.tip_count),
    Reply("total_tip_amount", codecs.json, lambda t: t.tip),
    Reply("custom_fee_totals", codecs.json, lambda t: t.fee),
    Reply("transaction_total_amount", codecs.json, lambda t: t.net),
)


@dataclass(frozen=True, slots=True)
class _Open:
    totals: list[Totals]
    rows: list[Row]
    caller: Caller
    paging: Paging


OPEN_BATCH: Layout[_Open] = Layout(
    Constant("status", "SUCCESS"),
    Constant("statusMsg", "Open batch request success"),
    Reply("batchSummary", array(_SUMMARY), lambda o: o.totals),
    Reply("batchSummaryDetails", array(MEMBER), lambda o: o.rows),
    Reply("epiInfo", nested(_EPI_INFO), lambda o: o.caller),
    Reply("meta", nested(META), lambda o: o.paging),
    Reply("openBatchDetails", array(_DETAILS), lambda o: o.totals),
)


async def _open_batch(call: Call) -> Shown:
    limit, offset = call.values["limit"], call.values["offset"]
    batch = await call.services.reports.open_batch(call.caller, limit=limit, offset=offset)
    listed = rows_of(batch.members, call.caller, call.services.bins)
    paging = Paging(records=len(listed), total=batch.members.total, limit=limit, offset=offset)
    return Shown(OPEN_BATCH.render(_Open([batch.totals], listed, call.caller, paging)), "SUCCESS")


def limit_field(default: int) -> Field[codes.Error]:
    """How many records a page has."""
    return Field(
        name="limit",
        read=codecs.integer(minimum=1, maximum=1000),
        default=default,
        invalid=codes.BAD_LIMIT,
    )


OFFSET = Field(
    name="offset",
    read=codecs.integer(maximum=10**9),
    default=0,
    invalid=codes.BAD_OFFSET,
    note="records, from 0",
)

CLOSED_MEMBER: Layout[Row] = Layout(
    *(
        reply
        for reply in MEMBER.replies
        if reply.key
        in {
            "txn_id",
            "epi_id",
            "txn_type",
            "txn_type_code",
            "amount",
            "tip_amount",
            "tran_no",
            "stan_no",
            "batch_no",
            "masked_card_no",
            "card_scheme",
            "mid",
            "rrn",
            "approval_code",
            "response_code",
            "is_voided",
            "settled_at",
            "txamount",
        }
    )
)
"""A row of the open batch with fewer keys (vendor sample)."""

CLOSED_BATCH: Layout[_Open] = Layout(
    Constant("status", "SUCCESS"),
    Constant("statusMsg", "Closed batch transaction details"),
    Reply("transactionCount", codecs.json, lambda o: o.paging.records),
    Reply("closedBatchDetails", array(CLOSED_MEMBER), lambda o: o.rows),
    Reply("meta", nested(META), lambda o: o.paging),
    Reply("closednewBatchDetails", array(_DETAILS), lambda o: o.totals),
)
BATCH_MISSING: Layout[list[Totals]] = Layout(
    Constant("code", 400),
    Constant("status", "FAILED"),
    Constant("errors", ["batchNO is missing. Please provide an batchNO."]),
    Reply("closednewBatchDetails", array(_DETAILS), lambda totals: totals),
)


async def _closed_batch(call: Call) -> Shown:
    number, limit, offset = (call.values[name] for name in ("batchNO", "limit", "offset"))
    if number is None:
        return Shown(BATCH_MISSING.render([Totals()]), "FAILED", status=400)
    batch = await call.services.reports.closed_batch(call.caller, number, limit=limit, offset=offset)
    listed = rows_of(batch.members, call.caller, call.services.bins)
    paging = Paging(records=len(listed), total=batch.members.total, limit=limit, offset=offset)
    return Shown(CLOSED_BATCH.render(_Open([batch.totals], listed, call.caller, paging)), "SUCCESS")


BATCH_NUMBER = Field(
    name="batchNO",
    read=codecs.integer(maximum=2**31 - 1),
    invalid=codes.BAD_BATCH_NUMBER,
    aliases=("batch_no",),
    note="the name stands in the vendor's error text",
)

OPERATIONS = (
    Operation(
        name="settlement",
        title="Settlement",
        types=("settlement",),
        signs=({"mtype": "settlement"},),  # vendor docs: settlement-api
        fields=(),
        answer=_settle,
        layouts=(SETTLED, families.DECLINE),
    ),
    Operation(
        name="openbatch",
        title="Open Batch",
        types=("openbatch",),
        fields=(limit_field(20), OFFSET),
        answer=_open_batch,
        layouts=(OPEN_BATCH,),
    ),
    Operation(
        name="closedbatch",
        title="Closed Batch",
        types=("closedbatch",),
        fields=(BATCH_NUMBER, limit_field(20), OFFSET),
        answer=_closed_batch,
        layouts=(CLOSED_BATCH, BATCH_MISSING),
    ),
)
