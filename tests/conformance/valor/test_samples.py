"""Every published answer of the operations that exist, replayed on a running gateway.

The replay of a sample makes what came before it, then sends one request, in each form that clients use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conformance.valor.forms import FORMS
from tests.conformance.valor.shape import SAMPLES, TEXTS, differences
from tests.e2e.valor.shop import EXPIRY, VISA, Office, Till, approved
from tests.support.gateway import Answer

Last = tuple[str, dict[str, str]]
"""The query key and the parameters of the request whose answer is compared."""

SURCHARGE = {"surchargeIndicator": "1"}
CARD = {"cardnumber": VISA, "expirydate": EXPIRY, "cvv": "999"}
PAYER = {
    "cardholdername": "John Smith",
    "phone": "1111111111",
    "email": "john@example.com",
    "address1": "26 Test",
    "zip": "50001",
    "shipping_country": "US",
}
ORDER = {"orderdescription": "king size bed 10x12", "invoicenumber": "inv0001"}
LEVELS = {
    "po_number": "PO-77",
    "order_details": json.dumps(
        {
            "product_line_items": [
                {"name": "King size bed", "code": "BED-1", "qty": 1, "unit_cost": 9.5, "tax": 0.5}
            ],
            "discounts": [{"name": "Spring", "cost": 0}],
        }
    ),
}
UNKNOWN_EPI = "2999999999"
NIGHT = ("direct_sale_auth", "direct_sale_token", "refund_offset_sale", "void", "settlement")


def _sale(till: Till, **said: str) -> dict[str, Any]:
    return till.sale(**{**SURCHARGE, **PAYER, **ORDER, **said})


def _direct(**said: str) -> Last:
    return "sale", {"txn_type": "sale", "amount": "20", **CARD, **SURCHARGE, **PAYER, **ORDER, **said}


def _by_token(token: str, **said: str) -> Last:
    fee = {"surchargeIndicator": "1", "surchargeAmount": "1.02"}
    return "saleToken", {
        "txn_type": "sale",
        "amount": "10",
        "token": token,
        **fee,
        **PAYER,
        **ORDER,
        "ecomm_channel": "passagejs",
        **said,
    }


def _refund(payment_id: str, **said: str) -> Last:
    refund = {"txn_type": "refund", "amount": "5", "ref_txn_id": payment_id, "sale_refund": "1"}
    return "refund", {**refund, **SURCHARGE, **said}


def _void(payment_id: str) -> Last:
    return "void", {"txn_type": "void", "ref_txn_id": payment_id, "surchargeindicator": "1"}


def _voided(till: Till) -> Last:
    sale = _sale(till)
    approved(till.void(sale))
    return _void(sale["txnid"])


def _settled(till: Till) -> Last:
    till.sale("135.00", surchargeIndicator="1", surchargeAmount="6.08")
    return "settlement", {"txn_type": "settlement"}


def _opened(till: Till) -> Last:
    held = approved(till.charge("1000.00", txn_type="auth", **SURCHARGE, invoicenumber="3"))
    approved(till.call("capture", ref_txn_id=held["txnid"], amount="1000.00", **SURCHARGE))
    return "openbatch", {"txn_type": "openbatch", "limit": "1", "offset": "0"}


def _refunded(till: Till) -> Last:
    approved(till.refund(_sale(till), "5.00"))
    return "txnfetch", {"txn_type": "txnfetch", "date_filter": "0", "limit": "1", "offset": "0"}


def _listed_later(till: Till) -> Last:
    fee = {"surchargeAmount": "10.20", "address1": "2 Jericho Plz", "cardholdername": "Michael Jordan"}
    _sale(till, amount="5.00", **fee)
    till.settle()
    days = {"start_date_range": "2024-06-30", "end_date_range": "2099-12-31"}
    return "txnfetch", {"txn_type": "txnfetch_date", **days, "limit": "1", "offset": "0"}


def _without(last: Last, name: str) -> Last:
    key, said = last
    return key, {other: value for other, value in said.items() if other != name}


REPLAYS: dict[tuple[str, str], Callable[[Till], Last]] = {
    ("direct_sale_auth", "OK (Approved)"): lambda _: _direct(surchargeAmount="1"),
    ("direct_sale_auth", "Declined"): lambda _: _direct(cardnumber="4111111111111112"),
    ("direct_sale_auth", "Processing Error"): lambda _: _direct(epi=UNKNOWN_EPI),
    ("direct_sale_token", "OK (Approved)"): lambda till: _by_token(_sale(till)["token"]),
    ("direct_sale_token", "Declined"): lambda _: _by_token("9D583592578242B71F50ACCBE8532391F21CC305"),
    ("direct_sale_token", "Processing Error"): lambda _: _without(_by_token("9" * 40), "amount"),
    ("direct_sale_l2l3", "OK (Approved)"): lambda _: _direct(amount="10", surchargeAmount="1.02", **LEVELS),
    ("direct_sale_l2l3", "Declined"): lambda _: _direct(expirydate="1220", **LEVELS),
    ("direct_sale_l2l3", "Processing Error"): lambda _: _direct(expirydate="1336", **LEVELS),
    ("direct_sale_token_l2l3", "OK (Approved)"): lambda till: _by_token(_sale(till)["token"], **LEVELS),
    ("direct_sale_token_l2l3", "Declined"): lambda _: _by_token("9" * 40, **LEVELS),
    ("direct_sale_token_l2l3", "Processing Error"): lambda _: _without(
        _by_token("9" * 40, **LEVELS), "txn_type"
    ),
    ("refund_offset_sale", "OK (Approved)"): lambda till: _refund(_sale(till)["txnid"]),
    ("refund_offset_sale", "Missing Input"): lambda _: _without(_refund(""), "ref_txn_id"),
    ("refund_offset_sale", "Declined"): lambda _: _refund("223042912511"),
    ("void", "OK (Approved)"): lambda till: _void(_sale(till)["txnid"]),
    ("void", "Declined"): _voided,
    ("settlement", "OK (Settled)"): _settled,
    ("settlement", "OK (Empty Batch)"): lambda _: ("settlement", {"txn_type": "settlement"}),
    ("open_batch", "OK"): _opened,
    ("open_batch", "Processing Error"): lambda _: (
        "openbatch",
        {"txn_type": "openbatch", "epi": UNKNOWN_EPI},
    ),
    ("transaction_list", "OK"): _refunded,
    ("transaction_list", "Processing Error"): lambda _: (
        "txnfetch",
        {"txn_type": "txnfetch", "date_filter": "9"},
    ),
    ("transaction_list_with_date_range", "OK"): _listed_later,
    ("transaction_list_with_date_range", "Processing Error"): lambda _: (
        "txnfetch",
        {"txn_type": "txnfetch_date", "start_date_range": "2024-06-30"},
    ),
}
UNLIKE: dict[tuple[str, str], frozenset[str]] = {
    # Names are shown in capitals, as in the other samples.
    ("transaction_list_with_date_range", "OK"): frozenset({"CARDHOLDER_NAME"}),
}
"""Texts of one sample that are not compared."""

PATTERNS = {
    "desc": re.compile(r"APPROVAL [0-9A-Z]{6}"),
    "approval_code": re.compile(r"[0-9A-Z]{6}"),
    "rrn": re.compile(r"[0-9]{12}"),
    "txnid": re.compile(r"[1-9][0-9]*"),
    "created_date": re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4}"),
    "created_time": re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}"),
    "token": re.compile(r"[0-9A-F]{40}"),
    "epi": re.compile(r"2[0-9]{9}"),
    "DATE": re.compile(r"[0-9]{2}-[0-9]{2}-[0-9]{4}"),
    "TIME": re.compile(r"[0-9]{2}:[0-9]{2} [AP]M"),
    "TXN_ORIG_DATE": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"),
    "request_date": re.compile(r"[0-9]{2}-[0-9]{2}-[0-9]{4}"),
    "request_time": re.compile(r"[0-9]{2}:[0-9]{2} [AP]M"),
    "settled_at": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.000Z"),
    "created_at": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.000Z"),
}
"""How texts are written that are of their own in each answer."""

IDS = [(operation, answer["label"]) for operation, told in SAMPLES.items() for answer in told["responses"]]
ON_SQLITE = pytest.mark.parametrize("office", ["sqlite"], indirect=True)


class TestASample:
    @pytest.mark.parametrize("sample", IDS, ids=" ".join)
    def test_is_answered_like_it_was_published(self, till: Till, sample: tuple[str, str]) -> None:
        assert _unlike(sample, _replay(till, sample, form="json with a key")) == []

    @ON_SQLITE
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("sample", IDS, ids=" ".join)
    def test_is_answered_so_whatever_form_is_sent(
        self, till: Till, sample: tuple[str, str], form: str
    ) -> None:
        assert _unlike(sample, _replay(till, sample, form=form)) == []

    def test_has_a_replay(self) -> None:
        assert list(REPLAYS) == IDS


class TestTheNightOfTheSamples:
    """They are one terminal's answers of one night: replayed at their times, they tell these times."""

    @ON_SQLITE
    def test_is_told_as_it_was(self, office: Office) -> None:
        shop = office.board(store="Valor Store LLC")
        till = shop.tills[0]
        office.freeze(shop, datetime(2026, 3, 24, 5, 36, 0, tzinfo=UTC))
        original, voided = till.sale("20.00"), till.sale("20.00")
        for operation in NIGHT:
            for published in SAMPLES[operation]["responses"]:
                sample = published["body"]
                if published["http"] == 200:
                    moment = f"{sample['created_date']} {sample['created_time']} -0400"
                    office.freeze(shop, datetime.strptime(moment, "%d/%m/%Y %H:%M:%S %z"))
                    key, said = _tonight(operation, original, voided)
                    found = approved(_send(till, "json", key, said))
                    assert _clock(found) == _clock(sample)

    @ON_SQLITE
    def test_is_listed_as_it_was(self, office: Office) -> None:
        shop = office.board(store="Valor Store LLC")
        till = shop.tills[0]
        (sample,) = SAMPLES["transaction_list"]["responses"][0]["body"]["data"]
        office.freeze(shop, datetime.fromisoformat(sample["TXN_ORIG_DATE"]).replace(tzinfo=UTC))
        approved(till.refund(till.sale("5.00"), "5.00"))
        (row,) = till.list(limit=1)["data"]
        for name in ("DATE", "TIME", "TIMEZONE", "TXN_ORIG_DATE"):
            assert row[name] == sample[name]
        assert row["RRN"][:6] == sample["RRN"][:6]


def _tonight(operation: str, original: dict[str, Any], voided: dict[str, Any]) -> Last:
    match operation:
        case "direct_sale_auth":
            return _direct()
        case "direct_sale_token":
            return _by_token(original["token"])
        case "refund_offset_sale":
            return _refund(original["txnid"])
        case "void":
            return _void(voided["txnid"])
        case _:
            return "settlement", {"txn_type": "settlement"}


def _clock(answer: dict[str, Any]) -> tuple[object, ...]:
    """What an answer says of its time: date, time, and the day in its reference, if it has one.

    Not the hour: a void repeats its sale's reference, and this sale was made earlier.
    """
    return answer["created_date"], answer["created_time"], (answer["rrn"] or "")[:4]


def _replay(till: Till, sample: tuple[str, str], *, form: str) -> Answer:
    key, said = REPLAYS[sample](till)
    return _send(till, form, key, said)


def _send(till: Till, form: str, key: str, said: dict[str, str]) -> Answer:
    sent = FORMS[form](key, {**till.keys, **said})
    return till.gateway.post(sent.body, sent.headers, target=sent.target)


def _unlike(sample: tuple[str, str], answer: Answer) -> list[str]:
    """Where an answer is not like the sample."""
    operation, label = sample
    (published,) = (each for each in SAMPLES[operation]["responses"] if each["label"] == label)
    texts = TEXTS - UNLIKE.get(sample, frozenset())
    if published["http"] != 200:
        texts |= {"desc"}
    found = list(
        differences(
            published["body"],
            answer.body,
            texts=texts,
            shortened=operation == "transaction_list_with_date_range",
        )
    )
    if answer.status != published["http"]:
        found.append(f"HTTP {answer.status} for {published['http']}")
    return found + list(_misspelt(published["http"], answer.body))


def _misspelt(status: int, body: dict[str, Any]) -> list[str]:
    """Own texts that are not written as the samples write them."""
    rows = [body, *body.get("data", ()), *body.get("batchSummaryDetails", ())]
    return [
        f"{name}: {json.dumps(row[name])}"
        for row in rows
        for name, pattern in PATTERNS.items()
        if isinstance(row.get(name), str)
        and not (name == "desc" and status != 200)
        and not pattern.fullmatch(row[name])
    ]
