"""Client tokens and card tokens: how a browser turns a card into a token, and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from bezant.core.merchants import move
from tests.e2e.valor.shop import EXPIRY, VISA, Office, Shop, Till, approved, declined, refused
from tests.support.gateway import Answer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class TestAClientToken:
    def test_is_a_uuid_that_lives_for_half_an_hour(self, till: Till) -> None:
        before = datetime.now(UTC).replace(microsecond=0)
        body = approved(till.call("clientToken"))
        assert list(body) == ["error_no", "error_code", "clientToken", "validity"]
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", body["clientToken"])
        expires_at = datetime.strptime(body["validity"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        assert before <= expires_at - timedelta(minutes=30) <= datetime.now(UTC)

    def test_takes_a_terminal_number_as_a_json_number(self, till: Till) -> None:
        approved(till.call("clienttoken", epi=int(till.epi)))

    def test_needs_the_merchants_keys(self, till: Till) -> None:
        assert refused(till.call("clientToken", appkey="x" * 32)) == "D07"

    def test_is_no_key_for_a_payment(self, till: Till) -> None:
        token = _client_token(till)
        answer = till.charge("5", appkey=token, client_token=token)
        assert refused(answer) == "D07"


class TestACardToken:
    def test_can_be_asked_for_in_the_query_alone(self, till: Till) -> None:
        answer = till.gateway.post(b"", {}, target=f"/?{urlencode(_card(till))}")
        assert list(approved(answer)) == ["error_no", "error_code", "cardToken"]

    def test_can_be_asked_for_in_a_form(self, till: Till) -> None:
        approved(till.gateway.post(urlencode(_card(till)).encode(), FORM))

    def test_can_be_asked_for_in_json(self, till: Till) -> None:
        approved(till.send(_card(till)))

    def test_may_be_read_by_any_page(self, till: Till) -> None:
        for card in (_card(till), {**_card(till), "client_token": "wrong"}, {**_card(till), "pan": "1"}):
            assert _ask(till, card).headers["access-control-allow-origin"] == "*"

    def test_is_the_token_of_that_cards_sales(self, till: Till) -> None:
        token = approved(_ask(till, _card(till)))["cardToken"]
        assert token == till.sale()["token"]
        assert till.sale(token=token)["expiry_date"] == "/"

    def test_charges_nothing(self, till: Till) -> None:
        approved(_ask(till, _card(till)))
        assert till.list()["data"] == []
        assert till.booked() == {}

    def test_can_be_made_with_one_client_token_for_several_cards(self, till: Till) -> None:
        card = _card(till)
        approved(_ask(till, card))
        approved(_ask(till, {**card, "pan": "5146315000000055"}))

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"client_token": "7b9e2a55-720d-4533-bb70-9376a378eae4"}, "E26"),
            ({"client_token": ""}, "E26"),
            ({"client_token": "x" * 65}, "E26"),
            ({"epi": "2999999999"}, "D27"),
            ({"epi": "1234"}, "D27"),
            ({"epi": ""}, "D05"),
            ({"pan": ""}, "E06"),
            ({"pan": "41111111111111"}, "E06"),
            ({"pan": "4111111111111112"}, "E06"),
            ({"pan": "4111111111111111a"}, "E06"),
            ({"expirydate": ""}, "E07"),
            ({"expirydate": "1336"}, "E07"),
        ],
        ids=str,
    )
    def test_is_refused_for_what_is_wrong(self, till: Till, wrong: dict[str, str], error: str) -> None:
        assert refused(_ask(till, {**_card(till), **wrong})) == error

    def test_needs_a_client_token_of_that_terminal(self, shop: Shop, office: Office) -> None:
        first, second = shop.tills
        (stranger,) = office.board().tills
        token = _client_token(first)
        assert refused(_ask(first, {**_card(second), "client_token": token})) == "E26"
        assert refused(_ask(first, {**_card(stranger), "client_token": token})) == "E26"
        approved(_ask(first, {**_card(first), "client_token": token}))

    def test_is_refused_after_half_an_hour(self, shop: Shop, office: Office) -> None:
        till = shop.tills[0]
        card = _card(till)
        office.change_clock(shop, move(timedelta(minutes=29)))
        approved(_ask(till, card))
        office.change_clock(shop, move(timedelta(minutes=1)))
        assert refused(_ask(till, card)) == "E26"

    def test_of_a_card_that_cannot_be_charged_is_declined_later(self, till: Till) -> None:
        card = {**_card(till), "pan": "4000000000000002"}
        token = approved(_ask(till, card))["cardToken"]
        assert declined(till.charge("5", token=token)) == "05"


def _client_token(till: Till) -> str:
    token: str = approved(till.call("clientToken"))["clientToken"]
    return token


def _card(till: Till) -> dict[str, Any]:
    """What a page sends to have a card tokenised."""
    return {
        "txn_type": "cardToken",
        "client_token": _client_token(till),
        "epi": till.epi,
        "pan": VISA,
        "expirydate": EXPIRY,
    }


def _ask(till: Till, card: dict[str, Any]) -> Answer:
    return till.gateway.post(urlencode(card).encode(), FORM)
