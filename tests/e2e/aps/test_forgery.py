"""Signed requests that were changed on their way: none is accepted, and none gets further than it should."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support.aps import SHA_TYPES, Shop, signature

SEED: Final = 20261121
FORGERIES_MIN: Final = 300
REFUSED: Final = {"00001", "00002", "00004", "00008", "00009", "00010", "00073"}
"""What a request that was tampered with may be told: nothing of an operation."""

UNSIGNED: Final[tuple[Any, ...]] = ("1", 1, 0, False, [], {}, "x=y")

Request = dict[str, Any]


@pytest.fixture
def bought(shop: Shop) -> str:
    """An order that could be given back."""
    reference, _ = shop.bought()
    return reference


def refund_of(shop: Shop, reference: str) -> Request:
    return {
        **shop.common(reference),
        "command": "REFUND",
        "amount": 10_000,
        "currency": "EGP",
        "order_description": "iPhone 6-S",
        "maintenance_reference": shop.reference(),
        "products": [{"product_name": "a", "product_price": 1}, {"product_name": "b", "product_price": 2}],
        "app_ver": "8.1",
    }


def changed_values(signed: Request) -> Iterator[Request]:
    """Each value replaced, lengthened, emptied, nulled, taken away, wrapped, or of another type."""
    for name, value in signed.items():
        text = str(value)
        changes: tuple[object, ...] = (
            text + "0",
            "0" + text,
            text + " ",
            text.swapcase() if text.swapcase() != text and name != "signature" else text + "x",
            "",
            None,
            [value],
            {name: value},
            True,
            text[:-1],
            text + "\u200b",
            text.replace("e", "\u0435", 1) if "e" in text else text + "\u0435",
        )
        for changed in changes:
            yield {**signed, name: changed}
        yield {other: each for other, each in signed.items() if other != name}
        yield {(f"{name}x" if other == name else other): each for other, each in signed.items()}
        yield {(name.upper() if other == name else other): each for other, each in signed.items()}


def added(signed: Request) -> Iterator[Request]:
    """Parameters that nobody has signed."""
    for name in (
        "fort_id",
        "order_description2",
        "merchant_extra",
        "merchant_extra1",
        "Amount",
        "AMOUNT",
        "otp",
        "tenure",
        "__proto__",
        "signature2",
        "a",
        "zzz",
        "amount ",
        " amount",
        "customer_ip",
        "return_third_party_response_codes",
    ):
        for value in UNSIGNED:
            yield {**signed, name: value}


def nested(signed: Request) -> Iterator[Request]:
    """The same members in other places and orders; only the outermost order means nothing."""
    first, second = signed["products"]
    yield {**signed, "products": [second, first]}
    yield {**signed, "products": [dict(reversed(first.items())), second]}
    yield {**signed, "products": [first]}
    yield {**signed, "products": [first, second, {}]}
    yield {**signed, "products": [first, [second]]}
    yield {**signed, "products": {"0": first, "1": second}}
    yield {**signed, "products": [{**first, "product_price": 1.0}, {**second, "product_price": "2.0"}]}
    yield {**signed, "products": first}
    yield {**signed, "products": json.dumps(signed["products"])}


def cut_otherwise(signed: Request) -> Iterator[Request]:
    """Other parameters that have the very same text between the phrases."""
    rest = {name: value for name, value in signed.items() if name not in {"amount", "access_code"}}
    yield {**rest, "access_code": f"{signed['access_code']}amount={signed['amount']}"}
    yield {**rest, f"access_code={signed['access_code']}amount": signed["amount"]}
    order = {name: value for name, value in signed.items() if name not in {"currency", "language"}}
    yield {**order, "currency": f"EGPlanguage={signed['language']}"}
    rest = {name: value for name, value in signed.items() if name not in {"order_description", "products"}}
    yield {**rest, "order_description": f"{signed['order_description']}products=[]", "products": []}
    named = {name: value for name, value in signed.items() if name != "maintenance_reference"}
    yield {**named, "language": f"en{'maintenance_reference'}={signed['maintenance_reference']}"}
    yield {**named, "maintenance": f"_reference={signed['maintenance_reference']}"}


def signed_otherwise(shop: Shop, request: Request) -> Iterator[Request]:
    """Right in form, by another function, phrase or text."""
    phrases = shop.keys["sha_response_phrase"], "", "PASS", shop.keys["access_code"]
    for sha_type in SHA_TYPES:
        for phrase in phrases:
            yield {**request, "signature": signature(request, phrase, sha_type)}
        if sha_type != shop.sha_type:
            yield {**request, "signature": signature(request, shop.keys["sha_request_phrase"], sha_type)}
    right: str = shop.sign(request)["signature"]
    for claim in (
        right[:-1],
        right + "0",
        right[:40],
        right[::-1],
        "0" * 64,
        right + "\n",
        f" {right}",
        f"sha256={right}",
        right.replace(right[0], "\uff10"),
        "null",
        "none",
        [right],
        {"signature": right},
        True,
        0,
        None,
        "",
    ):
        yield {**request, "signature": claim}
    rng = random.Random(SEED)
    for _ in range(16):
        place = rng.randrange(len(right))
        other = rng.choice([digit for digit in "0123456789abcdef" if digit != right[place]])
        yield {**request, "signature": right[:place] + other + right[place + 1 :]}


def forgeries(shop: Shop, reference: str) -> Iterator[Request]:
    request = refund_of(shop, reference)
    signed = shop.sign(request)
    yield from changed_values(signed)
    yield from added(signed)
    yield from nested(signed)
    yield from cut_otherwise(signed)
    yield from signed_otherwise(shop, request)


def twice(signed: Request, name: str) -> bytes:
    """The request with one parameter twice, the second time with another value."""
    return json.dumps(signed)[:-1].encode() + f', "{name}": 1}}'.encode()


class TestAForgery:
    def test_is_never_accepted(self, shop: Shop, bought: str) -> None:
        count = 0
        for forged in forgeries(shop, bought):
            answer = shop.send(forged).body
            assert answer["response_code"] in REFUSED, (forged, answer)
            count += 1
        signed = shop.sign(refund_of(shop, bought))
        for name in signed:
            assert shop.send(twice(signed, name)).body["response_code"] == "00073"
            count += 1
        assert count >= FORGERIES_MIN
        assert shop.status(bought)["refunded_amount"] == "0"

    def test_is_told_from_what_is_only_written_otherwise(self, shop: Shop, bought: str) -> None:
        """The order of members, the case of hex digits, and how text is escaped mean nothing."""
        for number in range(4):
            signed = shop.sign(refund_of(shop, bought))
            written: Request = (
                dict(reversed(signed.items())),
                dict(sorted(signed.items())),
                {**signed, "signature": signed["signature"].upper()},
                {**signed, "nothing": None},
            )[number]
            assert shop.send(written).body["response_code"] == "06000"
        escaped = json.dumps(
            shop.sign({**refund_of(shop, bought), "order_description": "\u0647\u0627\u062a\u0641"})
        )
        assert "\\u" in escaped
        assert shop.send(escaped.encode()).body["response_code"] == "06000"

    def test_that_repeats_a_request_gives_back_once(self, shop: Shop, bought: str) -> None:
        request = shop.sign({**refund_of(shop, bought), "amount": 20_000})
        told = [shop.send(request).body["response_code"] for _ in range(20)]
        assert told == ["06000"] + ["07066"] * 19
        assert shop.status(bought)["refunded_amount"] == "20000"

    def test_that_repeats_a_purchase_buys_once(self, shop: Shop) -> None:
        reference = shop.reference()
        shop.ask_for_password(reference, total_downpayment=0)
        request = shop.sign({**shop.common(reference), **shop.purchase_parameters()})
        told = [shop.send(request).body["response_code"] for _ in range(20)]
        assert told == ["14000"] + ["00007"] * 19
