"""Key pairs are exchanged for tokens, which end, are refreshed, and outlive a reset."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from tests.e2e.ipospays.merchant import (
    BATCHES,
    CARDS,
    EXPIRED_WORDS,
    ONBOARD,
    REFRESH,
    STATUS,
    Bureau,
    Caller,
    Merchant,
    Pair,
    problems,
)
from tests.support.gateway import Answer, eventually

MINUTE = timedelta(minutes=1)
AUTHENTICATE = "/v1/authenticate-token"
REFRESH_PATH = "/v1/refresh-token"


def said_by(token: str) -> dict[str, Any]:
    """What a token says, unproven."""
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def key_of(token: str) -> str:
    """The id of the key that signed a token."""
    found: str = jwt.get_unverified_header(token)["kid"]
    return found


def refused(answer: Answer, status: int = 401) -> str:
    """The code of a refusal."""
    assert answer.status == status, answer
    assert list(answer.body) == ["errorCode", "errorMessage"]
    code: str = answer.body["errorCode"]
    return code


def refresh(caller: Caller) -> Answer:
    """Ask for the next token."""
    return caller.gateway.post(b"", {"refreshToken": "true", "token": caller.token}, target=REFRESH_PATH)


class TestAKeyPair:
    def test_is_taken_from_headers(self, standing: Merchant) -> None:
        pair = standing.pair
        headers = {"apiKey": pair.api_key, "secretKey": pair.secret_key}
        answer = pair.gateway.post(b"", headers, target=AUTHENTICATE)
        assert answer.status == 200
        assert list(answer.body) == [
            "responseCode",
            "responseMessage",
            "createdDt",
            "token",
            "tokenExpiresInMinutes",
        ]
        assert (answer.body["responseCode"], answer.body["responseMessage"]) == ("00", "Success")
        assert answer.body["createdDt"].isdigit()
        assert answer.body["tokenExpiresInMinutes"] == 1440

    def test_is_taken_from_the_body(self, standing: Merchant) -> None:
        assert standing.pair.ask().status == 200

    def test_is_taken_from_headers_before_the_body(self, standing: Merchant) -> None:
        assert refused(standing.pair.ask(headers={"secretKey": "dskey_" + "x" * 32})) == "AUTH_ERR_004"
        right = {"apiKey": standing.pair.api_key, "secretKey": standing.pair.secret_key}
        assert standing.pair.ask(headers=right, apiKey="dakey_" + "x" * 32, secretKey="no").status == 200

    @pytest.mark.parametrize(
        ("change", "code", "status"),
        [
            ({"apiKey": None}, "AUTH_ERR_001", 400),
            ({"apiKey": ""}, "AUTH_ERR_001", 400),
            ({"apiKey": None, "secretKey": None}, "AUTH_ERR_001", 400),
            ({"secretKey": None}, "AUTH_ERR_002", 400),
            ({"secretKey": ""}, "AUTH_ERR_002", 400),
            ({"secretKey": "dskey_" + "0" * 32}, "AUTH_ERR_004", 401),
            ({"secretKey": ["a", "list"]}, "AUTH_ERR_004", 401),
            ({"apiKey": "dakey_" + "0" * 32}, "AUTH_ERR_004", 401),
            ({"apiKey": "' OR 1=1 --"}, "AUTH_ERR_004", 401),
            ({"scope": "ExternalApi"}, "AUTH_ERR_005", 400),
            ({"scope": "PaymentTokenization,CardLookUp"}, "AUTH_ERR_005", 400),
            ({"scope": {"a": 1}}, "AUTH_ERR_005", 400),
        ],
    )
    def test_is_refused_with_the_code_of_what_is_wrong(
        self, bureau: Bureau, standing: Merchant, change: dict[str, Any], code: str, status: int
    ) -> None:
        assert refused(standing.pair.ask(**change), status) == code

    @pytest.mark.parametrize("scope", ["PaymentTokenization", "recurring BatchReport", ["Recurring"], ""])
    def test_may_name_the_scopes_that_it_has(self, standing: Merchant, scope: object) -> None:
        told = said_by(standing.pair.jwt(scope=scope))["scope"]
        assert told == ["BatchReport", "PaymentTokenization", "Recurring"]

    def test_is_locked_out_after_ten_wrong_secrets(self, merchant: Merchant) -> None:
        wrong = Pair(merchant.pair.gateway, merchant.pair.api_key, "dskey_" + "9" * 32)
        assert [wrong.ask().status for _ in range(11)] == [401] * 10 + [429]
        assert refused(merchant.pair.ask(), 429) == "AUTH_ERR_004"


class TestAToken:
    @pytest.mark.parametrize(
        ("asked", "minutes"),
        [
            ({}, 1440),
            ({"TokenExpiryMinutes": 29}, 30),
            ({"TokenExpiryMinutes": 30}, 30),
            ({"TokenExpiryMinutes": "45"}, 45),
            ({"jwtTokenExpiryMinutes": 90}, 90),
            ({"TokenExpiryMinutes": 1440}, 1440),
            ({"TokenExpiryMinutes": 1441}, 1440),
            ({"TokenExpiryMinutes": "9" * 60}, 1440),
            ({"TokenExpiryMinutes": -5}, 30),
            ({"TokenExpiryMinutes": "soon"}, 1440),
        ],
    )
    def test_is_good_for_what_was_asked_within_the_limits(
        self, standing: Merchant, asked: dict[str, Any], minutes: int
    ) -> None:
        answer = standing.pair.ask(**asked)
        claims = said_by(answer.body["token"])
        assert (answer.body["tokenExpiresInMinutes"], claims["exp"] - claims["iat"]) == (
            minutes,
            minutes * 60,
        )

    def test_is_proven_by_the_published_keys(self, standing: Merchant) -> None:
        keys = jwt.PyJWKSet.from_dict(standing.caller.get("/.well-known/jwks.json").body)
        head = jwt.get_unverified_header(standing.caller.token)
        assert head == {"alg": "RS512", "typ": "JWT", "kid": head["kid"]}
        claims = jwt.decode(standing.caller.token, keys[head["kid"]].key, algorithms=["RS512"])
        assert claims.keys() == {"iss", "sub", "scope", "uniqueId", "iat", "exp", "keyId"}
        assert claims["sub"] == f"merchant:{standing.shop.merchant_id}"

    def test_ends_after_a_grace(self, bureau: Bureau, merchant: Merchant) -> None:
        start = bureau.freeze_now(merchant)
        caller = Caller(merchant.pair.gateway, merchant.pair.jwt(TokenExpiryMinutes=30), merchant.caller.tpn)
        paths = (STATUS, BATCHES, CARDS)

        def answers(after: timedelta) -> list[Answer]:
            bureau.advance(merchant, start, after)
            return [caller.post(path, {"merchantId": caller.tpn}) for path in paths]

        for good in (timedelta(), 30 * MINUTE - timedelta(seconds=1)):
            assert all(REFRESH not in each.headers and each.status != 401 for each in answers(good))
        for in_grace in (31 * MINUTE, 45 * MINUTE - timedelta(seconds=1)):
            assert all(each.headers[REFRESH] == "true" and each.status != 401 for each in answers(in_grace))
        for over in (45 * MINUTE, 46 * MINUTE, timedelta(days=400)):
            for each in answers(over):
                assert problems(each, 401)[0] == ("token", EXPIRED_WORDS)
                assert each.body["errorCode"] == "AUTH_ERR_007"
                assert REFRESH not in each.headers

    def test_is_refreshed_until_its_grace_is_over(self, bureau: Bureau, merchant: Merchant) -> None:
        start = bureau.freeze_now(merchant)
        first = Caller(merchant.pair.gateway, merchant.pair.jwt(TokenExpiryMinutes=30), merchant.caller.tpn)
        bureau.advance(merchant, start, 10 * MINUTE)
        early = refresh(first)
        assert early.status == 200
        assert early.body["tokenExpiresInMinutes"] == 30
        bureau.advance(merchant, start, 44 * MINUTE)
        late = refresh(first)
        assert late.status == 200
        next_one = Caller(first.gateway, late.body["token"], first.tpn)
        ends = {said_by(token)["exp"] for token in (first.token, early.body["token"], late.body["token"])}
        assert ends == {(start + minutes * MINUTE).timestamp() for minutes in (30, 40, 74)}
        assert REFRESH in first.post(BATCHES, {"merchantId": first.tpn}).headers  # as good as before
        assert REFRESH not in next_one.post(BATCHES, {"merchantId": first.tpn}).headers
        bureau.advance(merchant, start, 46 * MINUTE)
        assert refused(refresh(first)) == "AUTH_ERR_007"

    def test_of_a_sales_organization_follows_real_time(self, bureau: Bureau, standing: Merchant) -> None:
        office = bureau.office(standing)
        claims = said_by(bureau.pair(office).jwt())
        assert claims["scope"] == ["ExternalApi"]
        assert abs(claims["iat"] - datetime.now(UTC).timestamp()) < 300

    def test_is_not_refreshed_without_one(self, standing: Merchant) -> None:
        gateway = standing.pair.gateway
        assert refused(gateway.post(b"", {}, target=REFRESH_PATH)) == "AUTH_ERR_006"
        assert refused(gateway.post(b"", {"token": "no"}, target=REFRESH_PATH)) == "AUTH_ERR_006"
        forged = standing.caller.token[:-8] + "AAAAAAAA"
        assert refused(gateway.post(b"", {"token": forged}, target=REFRESH_PATH)) in {
            "AUTH_ERR_006",
            "AUTH_ERR_008",
        }

    def test_stays_good_when_another_key_signs(self, bureau: Bureau, merchant: Merchant) -> None:
        bureau.rotate()
        token = eventually(lambda: self._signed_anew(merchant), every_seconds=0.02)
        newer = Caller(merchant.pair.gateway, token, merchant.caller.tpn)
        published = {key["kid"] for key in newer.get("/.well-known/jwks.json").body["keys"]}
        assert {key_of(merchant.caller.token), key_of(newer.token)} <= published
        for each in (merchant.caller, newer):
            assert each.post(BATCHES, {"merchantId": each.tpn}).status == 200

    @staticmethod
    def _signed_anew(merchant: Merchant) -> str:
        token = merchant.pair.jwt()
        return "" if key_of(token) == key_of(merchant.caller.token) else token


class TestAReset:
    def test_ends_the_secret_and_nothing_else(self, bureau: Bureau, merchant: Merchant) -> None:
        new = bureau.reset(merchant)
        assert new.api_key == merchant.pair.api_key
        assert new.secret_key != merchant.pair.secret_key
        eventually(lambda: merchant.pair.ask().status == 401, every_seconds=0.02)
        assert refused(merchant.pair.ask()) == "AUTH_ERR_004"
        assert new.ask().status == 200
        assert merchant.caller.post(BATCHES, {"merchantId": merchant.caller.tpn}).status == 200
        assert refused(refresh(merchant.caller)) == "AUTH_ERR_006"


class TestAShopPlugin:
    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/woocomm/generate-token",
            "/api/v1/woocomm/refresh-token",
            "/api/v1woocomm/refresh-token",
        ],
    )
    def test_is_set_up_with_its_terminals_token(self, merchant: Merchant, path: str) -> None:
        headers = {"api-key": merchant.pair.api_key, "secret-key": merchant.pair.secret_key}
        body = json.dumps({"tpn": merchant.caller.tpn}).encode()
        first, second = (merchant.pair.gateway.post(body, headers, target=path) for _ in range(2))
        assert first.status == 200
        assert first.body == second.body
        assert list(first.body) == [
            "responseCode",
            "responseMessage",
            "data",
            "webhookAPIKey",
            "tpn",
            "testURL",
            "liveURL",
        ]
        assert first.body["liveURL"] == first.body["testURL"] == f"{merchant.pair.gateway.base_url}/api/v1"
        plugin = Caller(merchant.pair.gateway, first.body["data"], merchant.caller.tpn)
        paid = plugin.do(1, path="/api/v1/iposTransact", amount="500", paymentTokenId=merchant.card())
        assert paid["totalAmount"] == "500"

    def test_is_told_what_is_wrong(self, merchant: Merchant, standing: Merchant) -> None:
        path = "/api/v1/woocomm/generate-token"
        wrong: list[tuple[dict[str, Any], str]] = [
            (
                {"secretKey": "dskey_" + "1" * 32, "tpn": merchant.caller.tpn},
                "Invalid API Key or Secret Key.",
            ),
            ({"tpn": standing.caller.tpn}, "Invalid Merchant Id"),
            ({"tpn": "000000000000"}, "Invalid Merchant Id"),
            ({}, "Invalid Merchant Id"),
        ]
        for said, message in wrong:
            answer = merchant.pair.ask(path, **said)
            assert answer.status in {400, 401}
            assert answer.body["responseMessage"] == message

    def test_is_not_let_in_where_a_signed_token_is_needed(self, bureau: Bureau, merchant: Merchant) -> None:
        plugin = Caller(merchant.pair.gateway, bureau.ecom_token(merchant.caller.tpn), merchant.caller.tpn)
        for path in ("/api/v3/iposTransact", STATUS, BATCHES, CARDS, ONBOARD):
            assert problems(plugin.post(path, plugin.said(9)), 401) == [("token", "Invalid Token")]
        assert plugin.do(9, path="/api/v2/iposTransact")["batchStatus"] == "OPEN"
