"""Whatever is wrong with a request, it gets this vendor's own words, all at once, and charges nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from bezant.dialects.ipospays.pages import FIELDS as PAGE_FIELDS
from tests.e2e.ipospays.merchant import (
    ADD_ON,
    BATCHES,
    CARDS,
    ONBOARD,
    QUERY,
    STATUS,
    TRANSACT,
    Bureau,
    Caller,
    Merchant,
    problems,
)
from tests.support.gateway import Gateway

PAGE: Final = "/api/v1/external-payment-transaction"
CANCEL: Final = "/api/v1/cancel"
ANY_TEXT: Final = (
    "transactionRequest.sourceType",
    *(f"personalization.{name}" for name in ("logoUrl", "themeColor", "buttonColor")),
)
"""Fields of a page that are cut short, or left out, rather than refused."""
T: Final = "transactionRequest"
A: Final = "merchantAuthentication"
P: Final = "preferences"
CARD: Final = "F" * 40
RRN: Final = "123456789012"
ABSENT: Final = object()

NO_NUMBER: Final = (
    *("-1", "1.5", "1,000", "1e3", "0x10", "abc", " ", "NaN", "Infinity", "+5", "\u0661\u0662"),
    *("1_000", "123456789", "9" * 400, [1], {"a": 1}, True, -1, 1.5, 1e300, 100_000_000),
)
NO_RRN: Final[tuple[object, ...]] = (
    "12345678901",
    "1234567890123",
    "12345678901a",
    "\u0661" * 12,
    "' OR 1=1 --",
    [RRN],
    {"a": 1},
    True,
)
NO_TOKEN: Final = (
    "short",
    "x" * 65,
    "has blank 0123456789",
    "\u00e9" * 40,
    "';--" * 8,
    [CARD],
    {"a": 1},
    True,
    0,
)
NO_REFERENCE: Final = (
    "has blank",
    "a.b",
    "a" * 101,
    "\u0661",
    "<script>",
    "a'b",
    "4111111111111111",
    "Card-4111-1111-1111-1111",
    ["a"],
    {"a": 1},
    True,
    "a\nb",
)
NO_TERMINAL: Final = (
    "12345678901",
    "1234567890123",
    "abcdefghijkl",
    "\u0661" * 12,
    [1],
    {"a": 1},
    True,
    -1,
    1.5,
)
NO_FLAG: Final = ("maybe", 2, [True], {"a": 1})

_SALE: Final = {T: {"transactionType": 1, "amount": "100", "cardToken": CARD}, P: {}, "Avs": {}}
_FOLLOW: Final = {T: {"transactionType": 3, "rrn": RRN, "amount": "100"}}

TRANSACTIONS: Final[list[tuple[dict[str, Any], str, str, tuple[object, ...], str, str]]] = [
    (_SALE, T, "amount", NO_NUMBER, f"{T}.amount", "Invalid Amount"),
    (_SALE, T, "amount", (ABSENT, "", None), f"{T}.amount", "Amount cannot be empty"),
    (_SALE, T, "amount", ("0", 0, "00"), f"{T}.amount", "Invalid Amount"),
    (_SALE, T, "tipAmount", NO_NUMBER, f"{T}.tipAmount", "Invalid Tip Amount"),
    (_SALE, T, "tipAmount", ("99999999",), f"{T}.amount", "Invalid Amount"),
    (_SALE, T, "cardToken", NO_TOKEN, f"{T}.cardToken", "Invalid Card Token"),
    (_SALE, T, "cardToken", (ABSENT, "", None), f"{T}.cardToken", "Card Token cannot be empty"),
    (_SALE, T, "paymentTokenId", NO_TOKEN, f"{T}.paymentTokenId", "Invalid Payment Token Id"),
    (_SALE, T, "invoiceNumber", ("x" * 51, ["1"], {"a": 1}), f"{T}.invoiceNumber", "Invalid Invoice Number"),
    (_SALE, T, "sourceType", (["1"], {"a": 1}), f"{T}.sourceType", "Invalid Source Type"),
    (
        _SALE,
        T,
        "applySteamSettingTipFeeTax",
        NO_FLAG,
        f"{T}.applySteamSettingTipFeeTax",
        "Invalid Tip Fee Tax Setting",
    ),
    (
        _SALE,
        T,
        "transactionType",
        (ABSENT, "", None, 0, 11, 13, -1, "sale", [1], {"a": 1}, True, 1.0, "\u0661", "01"),
        f"{T}.transactionType",
        "Invalid Transaction Type",
    ),
    (
        _SALE,
        P,
        "customerName",
        ("J0hn", "x" * 26, "<b>", ["a"], 5),
        f"{P}.customerName",
        "Invalid Customer Name",
    ),
    (
        _SALE,
        P,
        "customerEmail",
        ("a", "a@", "X@c.d\r\nBcc: d@e.f", ["a"]),
        f"{P}.customerEmail",
        "Invalid Customer Email",
    ),
    (
        _SALE,
        P,
        "customerMobile",
        ("abc", "+" * 3, "1" * 14, ["1"]),
        f"{P}.customerMobile",
        "Invalid Customer Mobile",
    ),
    (_SALE, P, "requestCardToken", NO_FLAG, f"{P}.requestCardToken", "Invalid Request Card Token"),
    (_SALE, P, "eReceipt", NO_FLAG, f"{P}.eReceipt", "Invalid EReceipt"),
    (_SALE, P, "eReceipt", (True, "true"), f"{P}.customerName", "Customer Name cannot be empty"),
    (_SALE, P, "eReceiptInputPrompt", NO_FLAG, f"{P}.eReceiptInputPrompt", "Invalid EReceipt Input Prompt"),
    (_SALE, P, "avsVerification", NO_FLAG, f"{P}.avsVerification", "Invalid AVS Verification"),
    (_SALE, P, "avsVerification", (True,), f"{P}.customerName", "Customer Name cannot be empty"),
    (_SALE, P, "integrationType", (0, 6, "x", [1]), f"{P}.integrationType", "Invalid Integration Type"),
    (_SALE, "Avs", "StreetNo", ("x" * 26, ["1"], {"a": 1}), "Avs.StreetNo", "Invalid Street No"),
    (_SALE, "Avs", "Zip", ("1", "1" * 11, "<b>12", ["1"], True), "Avs.Zip", "Invalid Zip"),
    (_SALE, "", "L3Data", ("text", [1], 5, {"a": "x" * 17_000}), "L3Data", "Invalid L3 Data"),
    (_FOLLOW, T, "rrn", NO_RRN, f"{T}.rrn", "Invalid RRN"),
    (_FOLLOW, T, "rrn", (ABSENT, "", None), f"{T}.rrn", "RRN cannot be empty"),
    (_FOLLOW, T, "amount", NO_NUMBER, f"{T}.amount", "Invalid Amount"),
]
"""A request that is right; where in it something is put; what; the field and the message of the problem."""
_BOARD: Final = {
    "merchantData": {"dba": "Corner Books"},
    "storeData": {},
    "tpnData": {"merchantNumber": "887000003192", "terminalNumber": "75099001"},
}
BOARDING: Final[list[tuple[str, str, tuple[object, ...], str]]] = [
    ("merchantData", "dba", ("x" * 101, ["a"], {"a": 1}), "Invalid DBA"),
    ("merchantData", "dba", (ABSENT, "", None), "DBA cannot be empty"),
    ("merchantData", "sandbox", NO_FLAG, "Invalid Sandbox"),
    ("merchantData", "email", ("a", "a@", ["a"]), "Invalid Email"),
    ("merchantData", "firstName", ("x" * 51, ["a"]), "Invalid First Name"),
    ("merchantData", "phone", ("abc", "1" * 16), "Invalid Phone"),
    ("merchantData", "zip", ("1", "<b>12"), "Invalid Zip"),
    ("storeData", "timeZone", ("Mars/Base", "../etc/passwd", ["UTC"]), "Invalid Time Zone"),
    ("storeData", "mcc", ("594", "59423", "abcd"), "Invalid MCC"),
    ("storeData", "address", ("x" * 101, ["a"]), "Invalid Address"),
    ("tpnData", "merchantNumber", ("88700000319", "88700000319a", ["1"]), "Invalid Merchant Number"),
    ("tpnData", "merchantNumber", (ABSENT, ""), "Merchant Number cannot be empty"),
    ("tpnData", "terminalNumber", ("7509900", "750990011", "\u0661" * 8, ["1"]), "Invalid Terminal Number"),
    ("tpnData", "terminalNumber", (ABSENT, ""), "Terminal Number cannot be empty"),
    ("tpnData", "label", ("x" * 51, ["a"]), "Invalid Label"),
]
MALFORMED: Final = {
    "nothing": b"",
    "no JSON": b"<xml/>",
    "half an object": b'{"a": 1',
    "a list": b"[]",
    "a text": b'"a"',
    "a name twice": b'{"merchantId": "1", "merchantId": "2"}',
    "a name twice by its path": b'{"a.b": 1, "a": {"b": 2}}',
    "NaN": b'{"merchantId": NaN}',
    "no UTF-8": b'{"merchantId": "\xff"}',
    "control characters": b'{"merchantId": "\x01"}',
    "depth": b'{"a":' * 40 + b"1" + b"}" * 40,
    "many names": json.dumps({f"a{number}": 1 for number in range(300)}).encode(),
    "over a megabyte": b'{"a": "' + b"x" * (1024 * 1024) + b'"}',
}


@pytest.fixture(autouse=True)
def _nothing_crashed(standing: Merchant) -> Iterator[None]:
    """Whatever was sent, the server lives."""
    yield
    assert "request crashed" not in standing.pair.gateway.log_text()


@pytest.fixture(scope="module")
def board(_shared: Gateway, _bureau: Bureau) -> Caller:
    """A sales organization's key."""
    return Caller(_shared, _bureau.pair(_bureau.iso).jwt(), "")


def put(base: dict[str, Any], place: str, name: str, value: object) -> dict[str, Any]:
    """A request with something put in, or left out."""
    said = copy.deepcopy(base)
    inner = said.setdefault(place, {}) if place else said
    inner.pop(name, None)
    if value is not ABSENT:
        inner[name] = value
    return said


def nested(base: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A request with something put where a dotted name leads."""
    said = inner = copy.deepcopy(base)
    *outer, last = path.split(".")
    for name in outer:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return said


def shown(value: object) -> str:
    """A value in the name of a test."""
    return "absent" if value is ABSENT else ascii(value)[:24]


class TestATransaction:
    @pytest.mark.parametrize("row", range(len(TRANSACTIONS)), ids=lambda row: f"{TRANSACTIONS[row][4]}-{row}")
    def test_is_refused_with_the_field_that_is_wrong(self, standing: Merchant, row: int) -> None:
        base, place, name, values, field, message = TRANSACTIONS[row]
        caller = standing.caller
        told = {}
        for value in values:
            said = {**put(base, place, name, value), A: caller.said(1)[A]}
            told[shown(value)] = problems(caller.post(TRANSACT, said))
        assert {value: found for value, found in told.items() if (field, message) not in found} == {}

    @pytest.mark.parametrize("path", [TRANSACT, STATUS])
    @pytest.mark.parametrize("value", NO_REFERENCE, ids=ascii)
    def test_with_a_reference_that_is_none_is_refused(
        self, standing: Merchant, path: str, value: object
    ) -> None:
        said = put(standing.caller.said(1, amount="100", cardToken=CARD), A, "transactionReferenceId", value)
        wrong = (f"{A}.transactionReferenceId", "Invalid Transaction Reference Id")
        assert wrong in problems(standing.caller.post(path, said))

    @pytest.mark.parametrize("path", [TRANSACT, STATUS, BATCHES])
    @pytest.mark.parametrize("value", [*NO_TERMINAL, ABSENT, "", None], ids=shown)
    def test_of_a_terminal_that_is_none_is_refused(
        self, standing: Merchant, path: str, value: object
    ) -> None:
        said = put(standing.caller.said(1, amount="100", cardToken=CARD), A, "merchantId", value)
        assert problems(standing.caller.post(path, said))[0] == (f"{A}.merchantId", "Invalid Merchant Id")

    def test_is_told_all_that_is_wrong_with_it(self, standing: Merchant) -> None:
        found = problems(standing.caller.post(TRANSACT, {T: {"transactionType": 1, "amount": "x"}}))
        assert [field for field, _ in found] == [
            f"{A}.merchantId",
            f"{A}.transactionReferenceId",
            f"{T}.amount",
            f"{T}.cardToken",
        ]

    def test_that_was_refused_has_charged_nothing(self, standing: Merchant) -> None:
        assert standing.caller.do(9)["transactions"] == []
        assert standing.till.booked() == {}


class TestAReport:
    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            *(("batchDate", value, "Invalid Batch Date") for value in ("2026-13-01", "x", [1], True)),
            *(("batchNo", value, "Invalid Batch Number") for value in ("0", "-1", "x", "1.5", [1], "9" * 30)),
        ],
    )
    def test_is_refused_with_the_field_that_is_wrong(
        self, standing: Merchant, name: str, value: object, message: str
    ) -> None:
        said = {"merchantId": standing.caller.tpn, "batchDate": "2026-01-01", name: value}
        assert (name, message) in problems(standing.caller.post(BATCHES, said))

    @pytest.mark.parametrize("value", ["", "has blank", "x" * 65, "' OR 1=1 --", ["1"], {"a": 1}, True, None])
    def test_of_cards_needs_a_customer(self, standing: Merchant, value: object) -> None:
        ((field, _),) = problems(standing.caller.post(CARDS, {"customer_id": value}))
        assert field == "customer_id"


class TestABoarding:
    @pytest.mark.parametrize(
        ("place", "name", "value", "message"),
        [(place, name, value, words) for place, name, values, words in BOARDING for value in values],
    )
    def test_is_refused_with_the_field_that_is_wrong(
        self, board: Caller, place: str, name: str, value: object, message: str
    ) -> None:
        assert (f"{place}.{name}", message) in problems(board.post(ONBOARD, put(_BOARD, place, name, value)))

    @pytest.mark.parametrize(
        "origins",
        [
            "https://a.example",
            ["ftp://a.example"],
            ["https://a.example/path"],
            ["https://a.example?q"],
            ["https://u:p@a.example"],
            ["javascript:alert(1)"],
            ["https://a.example", 5],
            [["https://a.example"]],
            ["https://" + "a" * 260 + ".example"],
            ["https://\u0430.example"],
            ["https://a.example"] * 101,
            {"a": 1},
        ],
        ids=shown,
    )
    def test_of_web_pages_takes_origins_alone(self, board: Caller, origins: object) -> None:
        said = {"merchantId": "000000000001", "whitelistDomains": {"originUrls": origins}}
        assert problems(board.post(ADD_ON, said)) == [("whitelistDomains.originUrls", "Invalid Origin URLs")]


class TestAPage:
    @pytest.mark.parametrize("name", [spec.name for spec in PAGE_FIELDS])
    def test_is_refused_with_the_field_that_is_wrong(self, standing: Merchant, name: str) -> None:
        said = standing.caller.said(1, amount="100")
        texts = () if name in ANY_TEXT else ("x" * 20_000 + "\u0661'--",)
        for value in ([[1]], *texts):
            answer = standing.caller.post(PAGE, nested(said, name, value))
            assert name in dict(problems(answer)), (value, answer)

    def test_is_asked_for_and_cancelled_by_its_names(self, standing: Merchant) -> None:
        caller = standing.caller
        for value in NO_REFERENCE:
            wrong = (f"{A}.transactionReferenceId", "Invalid Transaction Reference Id")
            said = put(caller.said(1), A, "transactionReferenceId", value)
            assert wrong in problems(caller.post(CANCEL, said))
            if isinstance(value, str):
                answer = caller.get(QUERY, tpn=caller.tpn, transactionReferenceId=value)
                assert wrong in problems(answer)
        wrong = (f"{A}.merchantId", "Invalid Merchant Id")
        for terminal in NO_TERMINAL:
            assert wrong in problems(caller.post(CANCEL, put(caller.said(1), A, "merchantId", terminal)))
            assert wrong in problems(caller.get(QUERY, tpn=str(terminal), transactionReferenceId="A"))


class TestABody:
    @pytest.mark.parametrize("path", [TRANSACT, STATUS, BATCHES, CARDS, PAGE, CANCEL, ONBOARD, ADD_ON])
    @pytest.mark.parametrize("what", MALFORMED)
    def test_that_says_nothing_readable_is_refused(
        self, standing: Merchant, board: Caller, path: str, what: str
    ) -> None:
        caller = board if path in {ONBOARD, ADD_ON} else standing.caller
        answer = caller.post(path, MALFORMED[what])
        if what == "nothing":  # everything is missing, a merchant that is the caller's, too
            assert problems(answer, 403 if path == ADD_ON else 400)
        else:
            assert problems(answer) == [("request", "Invalid Request Format")]

    @pytest.mark.parametrize("what", MALFORMED)
    def test_of_the_token_api_says_nothing_then(self, standing: Merchant, what: str) -> None:
        for path in ("/v1/authenticate-token", "/v1/refresh-token", "/api/v1/woocomm/generate-token"):
            answer = standing.pair.gateway.post(MALFORMED[what], {}, target=path)
            assert answer.status in {400, 401}
            assert {"errorCode", "responseCode"} & answer.body.keys()
