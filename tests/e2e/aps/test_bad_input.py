"""Whatever a parameter is given, the answer is the vendor's own error: no 5xx, no hang, no yes by mistake."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from bezant.dialects.aps import OPERATIONS
from bezant.dialects.aps.operation import Operation
from tests.e2e.valor.malformed import BROKEN, VALUES
from tests.support.aps import Shop

KEPT: Final = {
    "signature",
    "access_code",
    "merchant_identifier",
    "service_command",
    "command",
    "query_command",
}
"""Parameters with tests of their own: what is wrong with them is told before the signature is looked at."""


def request_of(shop: Shop, operation: Operation) -> dict[str, Any]:
    """A good request, as far as it needs nothing before it."""
    goods = {
        "payment_option": "VALU",
        "phone_number": shop.keys["valu_phone"],
        "amount": 100_000,
        "currency": "EGP",
        "wallet_amount": 0,
        "cashback_wallet_amount": 0,
        "customer_email": "customer@domain.com",
        "otp": "999999",
        "tenure": "6",
        "total_down_payment": "0",
        "purchase_description": "Test",
    }
    names = {spec.name for spec in operation.current.fields if spec.missing is not None}
    needed = {name: value for name, value in goods.items() if name in names}
    return {**shop.common(shop.reference()), operation.parameter: operation.word, **needed}


def signed_text(shop: Shop, request: Mapping[str, Any]) -> bytes:
    """The request as it is sent; numbers keep the text in which the table has them."""
    return json.dumps(shop.sign(request)).encode()


CASES: Final = [
    (operation, spec.name)
    for operation in OPERATIONS
    for spec in operation.current.fields
    if spec.name not in KEPT
]


class TestABadValue:
    @pytest.mark.parametrize(
        ("operation", "name"),
        sorted({(operation.word, name) for operation, name in CASES}),
    )
    def test_gets_the_vendors_error(self, shop: Shop, operation: str, name: str) -> None:
        found = next(each for each in OPERATIONS if each.word == operation)
        good = request_of(shop, found)
        for what, text in VALUES.items():
            request = {**good, **({} if text is None else {name: json.loads(text)})}
            if text is None:
                request.pop(name, None)
            answer = shop.send(signed_text(shop, request))
            assert answer.status == 200, (what, answer)
            told = answer.body["response_code"]
            assert re.fullmatch(r"[0-9]{5}", told), (what, answer)
            assert told[2:] != "006", (what, answer)
            assert (told[:2], told) != ("14", "14000"), (what, answer)
            assert answer.body["status"] == told[:2]

    @pytest.mark.parametrize("value", BROKEN)
    def test_that_is_no_json_is_not_looked_into(self, shop: Shop, value: str) -> None:
        body = f'{{"service_command": "CUSTOMER_VERIFY", "language": {BROKEN[value]}}}'
        answer = shop.send(body.encode("utf-8", "surrogatepass"))
        assert (answer.status, answer.body["response_code"]) == (200, "00073")

    def test_that_is_far_too_large_is_not_read(self, shop: Shop) -> None:
        answer = shop.send(b'{"a": "' + b"x" * (1 << 20) + b'"}')
        assert (answer.status, answer.body["response_code"]) == (200, "00073")

    def test_may_be_many(self, shop: Shop) -> None:
        many = {f"x{number}": "y" for number in range(300)}
        assert shop.send(signed_text(shop, many)).body["response_code"] == "00073"
