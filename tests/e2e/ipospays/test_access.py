"""Who may call what: by the owner of the key, the kind of token and the terminal that is named."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from tests.conformance.valor.vaults import ACCOUNT, PAN, Vault
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
)
from tests.support.gateway import Answer, Gateway

PAYMENT, RECURRING, REPORT, EXTERNAL = "PaymentTokenization", "Recurring", "BatchReport", "ExternalApi"
NOBODY: Final = "206869353433"[::-1]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path: the scope that opens it, and whether a terminal's lasting token does, too."""

    path: str
    scope: str
    lasting: bool = False
    names_terminal: bool = True


ENDPOINTS: Final = (
    Endpoint("/api/v1/iposTransact", PAYMENT, lasting=True),
    Endpoint("/api/v2/iposTransact", PAYMENT, lasting=True),
    Endpoint(TRANSACT, PAYMENT),
    Endpoint("/api/v1/iposTransactStatus", PAYMENT, lasting=True),
    Endpoint(STATUS, PAYMENT),
    Endpoint(QUERY, PAYMENT, lasting=True),
    Endpoint(BATCHES, REPORT),
    Endpoint(CARDS, RECURRING, names_terminal=False),
    Endpoint(ONBOARD, EXTERNAL, names_terminal=False),
    Endpoint(ADD_ON, EXTERNAL, names_terminal=False),
)
SCOPES: Final = {
    "merchant": {PAYMENT, RECURRING, REPORT},
    "another merchant": {PAYMENT, RECURRING, REPORT},
    "iso": {EXTERNAL},
    "office": {EXTERNAL},
}
"""What the key of each owner opens."""


@pytest.fixture(scope="module")
def tokens(_shared: Gateway, _bureau: Bureau, _standing: Merchant) -> dict[str, str]:
    """A token of each owner, and the terminal's lasting one."""
    other = _bureau.open()
    iso = _bureau.pair(_bureau.iso)
    office = _bureau.pair(_bureau.office(_standing))
    return {
        "merchant": _standing.caller.token,
        "another merchant": other.caller.token,
        "iso": iso.jwt(),
        "office": office.jwt(),
        "lasting": _bureau.ecom_token(_standing.caller.tpn),
        "another's lasting": _bureau.ecom_token(other.caller.tpn),
    }


def ask(caller: Caller, endpoint: Endpoint, tpn: str) -> Answer:
    """A request that is right but for who sends it; it changes nothing."""
    if endpoint.path == QUERY:
        return caller.get(QUERY, tpn=tpn, transactionReferenceId="Never-1")
    if "iposTransact" in endpoint.path and "Status" not in endpoint.path:
        return replace(caller, tpn=tpn).transact(9, "Asked-1", path=endpoint.path)
    return caller.post(endpoint.path, {"merchantId": tpn, "transactionReferenceId": "Never-1"})


class TestAToken:
    @pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
    @pytest.mark.parametrize("owner", SCOPES)
    def test_opens_what_its_owners_kind_of_key_does(
        self, standing: Merchant, tokens: dict[str, str], owner: str, endpoint: Endpoint
    ) -> None:
        caller = replace(standing.caller, token=tokens[owner])
        answer = ask(caller, endpoint, caller.tpn)
        if endpoint.scope in SCOPES[owner]:
            assert "errorCode" not in answer.body
            assert answer.status in {200, 400, 404, 403 if endpoint.path == ADD_ON else 200}
        else:
            assert (answer.status, answer.body["errorCode"]) == (403, "MTERR_009")
            message = f"User is not registered for {endpoint.scope}."
            assert answer.body["errors"] == [{"field": "token", "message": message}]

    @pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
    def test_that_lasts_opens_its_terminals_older_paths(
        self, standing: Merchant, tokens: dict[str, str], endpoint: Endpoint
    ) -> None:
        answer = ask(replace(standing.caller, token=tokens["lasting"]), endpoint, standing.caller.tpn)
        assert (answer.status != 401) == endpoint.lasting, answer

    @pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.path)
    def test_that_is_missing_opens_nothing(self, standing: Merchant, endpoint: Endpoint) -> None:
        answer = ask(replace(standing.caller, token=""), endpoint, standing.caller.tpn)
        assert (answer.status, answer.body["errors"][0]["field"]) == (401, "token")

    @pytest.mark.parametrize(
        "endpoint", [each for each in ENDPOINTS if each.names_terminal], ids=lambda endpoint: endpoint.path
    )
    @pytest.mark.parametrize("token", ["another merchant", "another's lasting"])
    def test_of_another_merchant_finds_a_terminal_as_unknown_as_one_of_nobody(
        self, standing: Merchant, tokens: dict[str, str], token: str, endpoint: Endpoint
    ) -> None:
        if token == "another's lasting" and not endpoint.lasting:
            return  # it is not let in, as was shown
        caller = replace(standing.caller, token=tokens[token])
        theirs, nobodys = (ask(caller, endpoint, tpn) for tpn in (standing.caller.tpn, NOBODY))
        assert (theirs.status, theirs.body) == (nobodys.status, nobodys.body)
        assert theirs.body["errors"][0] == {
            "field": "merchantAuthentication.merchantId",
            "message": "Invalid Merchant Id",
        }
        assert _but_for_its_id(theirs) == _but_for_its_id(nobodys)

    def test_charges_no_card_of_another_merchant(self, bureau: Bureau, standing: Merchant) -> None:
        card = bureau.open().card()
        answer = standing.caller.transact(1, amount="100", cardToken=card)
        assert answer.body["iposhpresponse"]["errResponseMessage"] == "INVALID CARD TOKEN"

    def test_finds_no_transaction_of_another_terminal(self, bureau: Bureau) -> None:
        two = bureau.open(terminals=2)
        first, second = two.callers
        first.do(1, "Mine-1", amount="100", cardToken=two.card())
        assert second.status("Mine-1").body == second.status("Never-1").body


def _but_for_its_id(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}


DATA: Final[dict[str, Any]] = {
    "merchantData": {"dba": "Corner Books", "email": "a@shop.example", "phone": "+12125550100"},
    "storeData": {"dba": "Harbour", "mcc": "5942", "timeZone": "America/Chicago"},
}


def to_board(number: int) -> dict[str, Any]:
    """A merchant to be boarded, with a terminal number at the acquirer."""
    return {**DATA, "tpnData": {"merchantNumber": "887000003192", "terminalNumber": f"{number:08d}"}}


class TestAnOrganization:
    @pytest.mark.parametrize("kind", ["iso", "office"])
    def test_boards_merchants_that_can_be_charged_at_once(
        self, bureau: Bureau, tokens: dict[str, str], standing: Merchant, kind: str
    ) -> None:
        gateway = standing.pair.gateway
        board = Caller(gateway, tokens[kind], "")
        number = random.randrange(100_000_000)
        answer = board.post(ONBOARD, to_board(number), {"token": "", "Authorization": tokens[kind]})
        assert (answer.status, answer.body["responseCode"]) == (200, "00"), answer
        assert [len(answer.body[name]) for name in ("merchantId", "tpn")] == [12, 12]
        merchant_id = int(answer.body["merchantId"])
        (row,) = gateway.rows(
            "SELECT m.iso_id, m.office_id, m.name, s.name AS store, s.zone FROM merchants m "
            "JOIN stores s USING (merchant_id) WHERE m.merchant_id = :id",
            id=merchant_id,
        )
        assert (row["iso_id"], row["name"]) == (bureau.iso.owner_id, "Corner Books")
        assert (row["office_id"] is not None) == (kind == "office")
        assert (row["store"], row["zone"]) == ("Harbour", "America/Chicago")
        new = bureau.caller_of(merchant_id, answer.body["tpn"])
        assert new.do(9)["batchStatus"] == "OPEN"
        assert board.post(ONBOARD, to_board(number)).body["errors"] == [
            {"field": "tpnData.terminalNumber", "message": "Terminal Number is already registered"}
        ]
        listed = ["https://shop.example", "http://localhost:3000"]
        said = {"merchantId": answer.body["merchantId"], "whitelistDomains": {"originUrls": listed}}
        for origins in (listed, listed[:1], []):
            said["whitelistDomains"] = {"originUrls": origins}
            changed = board.post(ADD_ON, said)
            assert changed.body["whitelistDomains"] == {"originUrls": sorted(origins)}
            kept = gateway.rows("SELECT origin FROM merchant_origins WHERE merchant_id = :id", id=merchant_id)
            assert sorted(each["origin"] for each in kept) == sorted(origins)

    def test_changes_no_merchant_of_another(
        self, bureau: Bureau, tokens: dict[str, str], standing: Merchant
    ) -> None:
        stranger = Caller(standing.pair.gateway, bureau.pair(bureau.office()).jwt(), "")
        origins = {"whitelistDomains": {"originUrls": ["https://evil.example"]}}
        answers = [
            stranger.post(ADD_ON, {"merchantId": f"{number:012d}", **origins})
            for number in (standing.shop.merchant_id, 999_999_999)
        ]
        assert [each.status for each in answers] == [403, 403]
        assert answers[0].body == answers[1].body
        mine = {"merchantId": f"{standing.shop.merchant_id:012d}", **origins}
        assert Caller(standing.pair.gateway, tokens["office"], "").post(ADD_ON, mine).status == 200


class TestACustomer:
    def test_has_cards_and_accounts_that_its_merchant_is_told_of(self, standing: Merchant) -> None:
        vault = Vault(standing.till)
        customer_id = vault.add_customer("Ann Lee")
        vault.add_card(customer_id)
        assert vault.call("POST", f"addachprofile/{customer_id}", ACCOUNT).status == 200
        for name in ("customer_id", "consumer_id"):
            answer = standing.caller.post(CARDS, {name: str(customer_id)})
            assert (answer.status, answer.body["status_code"], answer.body["message"]) == (
                200,
                200,
                "Success",
            )
        card, account = answer.body["data"]
        assert card == {
            "card_token": card["card_token"],
            "token_type": "CARD",
            "card_type": "VISA",
            "card_last4": PAN[-4:],
            "exp_date": "1236",
            "holder_name": "John Smith",
            "is_default": True,
        }
        assert (account["token_type"], account["card_last4"]) == ("BANK", ACCOUNT["account_number"][-4:])
        standing.caller.do(1, amount="100", cardToken=card["card_token"])

    def test_of_another_merchant_is_as_unknown_as_one_of_nobody(
        self, standing: Merchant, tokens: dict[str, str]
    ) -> None:
        customer_id = Vault(standing.till).add_customer("Bob Lee")
        stranger = replace(standing.caller, token=tokens["another merchant"])
        answers = [
            stranger.post(CARDS, {"customer_id": each}) for each in (str(customer_id), "LMN7JCZ61GGICDW")
        ]
        for each in answers:
            assert (each.status, each.body["status_code"], each.body["data"]) == (404, 404, [])
        assert answers[0].body == answers[1].body
