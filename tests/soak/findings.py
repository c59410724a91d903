"""What must hold after a soak: clients, gateway and host have to tell the same story."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tests.soak.shoppers import REFUND, Request
from tests.support.books import disagreements, unfinished, violations
from tests.support.gateway import Gateway

Row = dict[str, Any]

_WORDS: Final = {
    "sale": "SALE",
    "auth": "AUTH",
    "capture": "COMPLETION",
    "incremental_auth": "INCREMENTAL AUTH",
    "refund": "REFUND",
    "void": "VOID",
}
_UNKNOWN_ORIGINAL: Final = "E14"
"""What captures, increments and tips are answered when their original is not open any more."""
_ALARMS: Final = ("job failed", "request crashed", "Traceback", '"level":"error"')


def findings(gateway: Gateway, requests: Sequence[Request]) -> list[str]:
    """Everything that is wrong, a line each."""
    rows = [row for terminal in ("valor", "valor_second") for row in _rows(gateway, terminal)]
    return [
        *unfinished(gateway),
        *disagreements(gateway),
        *violations(gateway),
        *_unheard_of(rows, requests),
        *_misheard(rows, requests),
        *_alarms(gateway),
    ]


def _rows(gateway: Gateway, terminal: str) -> list[Row]:
    keys = gateway.demo[terminal]
    return gateway.listing(**{name: keys[name] for name in ("appid", "appkey", "epi")})


def _misheard(rows: Sequence[Row], requests: Sequence[Request]) -> Iterator[str]:
    """Where a client heard one thing and the list says another."""
    by_id = {row["REF_TXN_ID"]: row for row in rows}
    by_invoice: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_invoice[row["INVOICE_NO"], row["TXN_TYPE"]].append(row)
    for request in requests:
        about = f"{request.kind} {request.key}"
        yield from (f"{about}: {complaint}" for complaint in request.complaints)
        if request.kind in {"sale", "auth", "refund"}:
            found = by_invoice[request.key, _WORDS[request.kind]]
            if len(found) > 1:
                yield f"{about} is {len(found)} payments"
        if request.answer is not None and request.kind in _WORDS:
            listed = by_id.get(request.payment_id or "")
            yield from (f"{about} {request.payment_id}: {what}" for what in _differences(request, listed))
    yield from _misheard_follow_ups(by_id, requests)


def _differences(request: Request, row: Row | None) -> Iterator[str]:
    """What is wrong with the row of a payment that a client heard of."""
    assert request.answer is not None
    body = request.answer.body
    if body["error_no"] == _UNKNOWN_ORIGINAL and request.original is not None:
        return
    if body["error_no"] not in {"S00", "E98"}:
        yield f"answered {request.answer.status} {body}"
        return
    if row is None:
        yield "answered and not listed"
        return
    if row["TXN_TYPE"] != _WORDS[request.kind]:
        yield f"listed as {row['TXN_TYPE']}"
    if request.approved and (row["RESPONSE_CODE"], row["IS_REVERSAL"]) != ("00", "0"):
        yield f"approved and listed with code {row['RESPONSE_CODE']}, reversal {row['IS_REVERSAL']}"
    if not request.approved and row["RESPONSE_CODE"] == "00":
        yield "not approved and listed as approved"
    if request.approved and row["BASE_AMOUNT"] != str(_minor(body["amount"])):
        yield f"approved for {body['amount']} and listed with {row['BASE_AMOUNT']}"


def _misheard_follow_ups(by_id: dict[str, Row], requests: Sequence[Request]) -> Iterator[str]:
    """Where voids and refunds did not reach their sales, or reached them though they were refused."""
    follow_ups: defaultdict[str, list[Request]] = defaultdict(list)
    for request in requests:
        if request.original is not None and request.original.payment_id is not None:
            follow_ups[request.original.payment_id].append(request)
    for payment_id, known in follow_ups.items():
        row = by_id[payment_id]
        heard_of_all = all(each.answer is not None for each in known)
        yes: defaultdict[str, list[Request]] = defaultdict(list)
        for each in known:
            if each.approved:
                yes[each.kind].append(each)
        if yes["void"] and row["IS_VOID"] != "1":
            yield f"{payment_id} was voided and is not listed so"
        if heard_of_all and not yes["void"] and row["IS_VOID"] != "0":
            yield f"{payment_id} was not voided and is listed so"
        if heard_of_all and row["REFUND_AMOUNT"] != str(_minor(REFUND) * len(yes["refund"])):
            yield f"{payment_id} was refunded {len(yes['refund'])} times, not {row['REFUND_AMOUNT']}"
        if heard_of_all and yes["tipadjust"] and row["TIP_AMOUNT"] != str(_tip(yes["tipadjust"])):
            yield f"{payment_id} was tipped {_tip(yes['tipadjust'])}, the list says {row['TIP_AMOUNT']}"


def _tip(adjustments: Sequence[Request]) -> int:
    """The last one that was made, in minor units."""
    return _minor(adjustments[-1].params["amount"])


def _minor(amount: str) -> int:
    return int(amount.replace(".", ""))


def _unheard_of(rows: Sequence[Row], requests: Sequence[Request]) -> Iterator[str]:
    """Payments that nobody asked for, or of which there is more than one id."""
    keys = {request.key for request in requests}
    for row in rows:
        if row["TXN_TYPE"] != "VOID" and row["INVOICE_NO"] not in keys:
            yield f"nobody asked for {row['TXN_TYPE']} {row['REF_TXN_ID']}"
    if len({row["REF_TXN_ID"] for row in rows}) != len(rows):
        yield "an id is listed twice"


def _alarms(gateway: Gateway) -> Iterator[str]:
    """Lines of the server's log that no kill explains."""
    for line in gateway.log_text().splitlines():
        if any(alarm in line for alarm in _ALARMS):
            yield f"log: {line[:300]}"
