"""Each rule of the contract with its code: what is checked, in which order, and what follows from what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from bezant.core.merchants import freeze, release
from bezant.core.money import EGP, Money
from tests.support.aps import PATH, Office, Shop, heard

WRONG: Final = "000000"


def code(said: dict[str, Any]) -> str:
    """The ``response_code``, which begins with the ``status``."""
    assert said["response_code"].startswith(said["status"]), said
    assert 0 < len(said["response_message"]) <= 150
    found: str = said["response_code"]
    return found


def verification(shop: Shop, **changes: Any) -> dict[str, Any]:
    """A verification's parameters; a change to None leaves one out."""
    said = {
        **shop.common(shop.reference()),
        "service_command": "CUSTOMER_VERIFY",
        "payment_option": "VALU",
        "phone_number": shop.keys["valu_phone"],
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


class TestTheOrderOfTheChecks:
    """Each request has the mistakes of its line and of all lines below it; the first one is told."""

    LADDER: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
        ("00004", {"service_command": "NONSENSE"}),
        ("00001", {"language": None}),
        ("00009", {"merchant_identifier": "Nobody"}),
        ("00010", {"access_code": "Nothing"}),
        ("00008", {"signature": "0" * 64}),
        ("00032", {"merchant_reference": "x" * 41}),
        ("00033", {"language": "fr"}),
        ("00005", {"amount": 0}),
        ("00013", {"currency": "USD"}),
        ("00080", {"payment_option": "BARTER"}),
        ("00160", {"phone_number": "01000000000"}),
        ("88000", {}),
    )

    @pytest.mark.parametrize("rung", range(len(LADDER)), ids=[rung for rung, _ in LADDER])
    def test_is_the_vendors(self, shop: Shop, rung: int) -> None:
        expected, _ = self.LADDER[rung]
        changes: dict[str, Any] = {}
        for _, mistakes in reversed(self.LADDER[rung:]):
            changes |= mistakes
        said = {
            **verification(shop),
            "service_command": "OTP_GENERATE",
            "amount": 100_000,
            "currency": "EGP",
            "wallet_amount": 0,
            "cashback_wallet_amount": 0,
            **changes,
        }
        said = {name: value for name, value in said.items() if value is not None}
        signed = said if "signature" in said else shop.sign(said)
        assert code(shop.send(signed).body) == expected

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"{", b'"x"', b"a=b", b'{"a":1,"a":1}', b'{"a":NaN}', b"\xff"]
    )
    def test_begins_with_a_json_object(self, shop: Shop, body: bytes) -> None:
        answer = shop.send(body)
        assert (answer.status, code(answer.body)) == (200, "00073")
        assert list(answer.body) == ["response_message", "response_code", "status"]

    @pytest.mark.parametrize(
        ("commands", "expected"),
        [
            ({}, "00001"),
            ({"service_command": ""}, "00001"),
            ({"service_command": "PURCHASE"}, "00004"),
            ({"command": "CUSTOMER_VERIFY"}, "00004"),
            ({"command": "REFUND", "query_command": "CHECK_STATUS"}, "00004"),
            ({"command": ["REFUND"]}, "00004"),
            ({"command": "refund"}, "00004"),
        ],
    )
    def test_goes_on_with_one_command(self, shop: Shop, commands: dict[str, Any], expected: str) -> None:
        said = verification(shop, service_command=None) | commands
        assert code(shop.send(shop.sign(said)).body) == expected

    def test_ends_for_an_inactive_merchant(self, office: Office) -> None:
        shop = office.board()
        office.change(shop, lambda account: replace(account, active=False))
        heard(lambda: shop.send(shop.sign(verification(shop))).body["response_code"] == "00015")

    @pytest.mark.parametrize(
        "name", ["access_code", "merchant_identifier", "merchant_reference", "phone_number", "signature"]
    )
    def test_names_what_is_missing(self, shop: Shop, name: str) -> None:
        for value in (None, ""):
            said = shop.sign(verification(shop)) | {name: value}
            said = {key: each for key, each in said.items() if each is not None}
            answer = shop.send(said).body
            assert (code(answer), answer["response_message"]) == ("00001", f"Missing parameter: {name}")

    @pytest.mark.parametrize("option", ["VISA", "mada", "APPLE_PAY"])
    def test_knows_the_vendors_other_payment_options(self, shop: Shop, option: str) -> None:
        assert code(shop.verify(shop.reference(), payment_option=option)) == "00003"

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"merchant_reference": "a b"}, "00002"),
            ({"merchant_reference": "\u0661\u0662"}, "00002"),
            ({"phone_number": "phone"}, "00002"),
            ({"phone_number": "1" * 20}, "00032"),
            ({"language": "EN"}, "88000"),
            ({"language": "english"}, "00032"),
            ({"merchant_extra1": "x" * 251}, "00032"),
            ({"merchant_extra1": "<script>"}, "00002"),
            ({"merchant_extra1": "x otp=1"}, "00002"),
            ({"anything": "goes amount=1"}, "00002"),
            ({"anything": {"inner": ["status=14"]}}, "00002"),
            ({"any=thing": "x"}, "00002"),
        ],
    )
    def test_ends_with_the_form(self, shop: Shop, changes: dict[str, Any], expected: str) -> None:
        assert code(shop.send(shop.sign(verification(shop, **changes))).body) == expected

    @pytest.mark.parametrize(
        ("amount", "expected"),
        [
            (1, "89181"),
            ("100000", "88000"),
            (0, "00005"),
            (-1, "00005"),
            ("-2", "00005"),
            (1.5, "00005"),
            ("1e3", "00005"),
            ("0100", "00005"),
            ("\u0661", "00005"),
            ("NaN", "00005"),
            (True, "00005"),
            ([1], "00005"),
            (10**10, "00032"),
        ],
    )
    def test_takes_whole_minor_units_only(self, shop: Shop, amount: object, expected: str) -> None:
        """What the lender makes of a very small amount is its own."""
        assert code(shop.ask_for_password(shop.reference(), amount=amount)) == expected

    @pytest.mark.parametrize("currency", ["USD", "KWD", "JPY", "EG", "XXX", "818", ""])
    def test_takes_one_currency_only(self, shop: Shop, currency: str) -> None:
        said = shop.send(
            shop.sign(
                {
                    **verification(shop),
                    "service_command": "GET_INSTALLMENTS_PLANS",
                    "amount": 100_000,
                    "currency": currency,
                    "wallet_amount": 0,
                    "cashback_wallet_amount": 0,
                }
            )
        ).body
        assert code(said) == ("00013" if currency else "00001")

    @pytest.mark.parametrize("name", ["wallet_amount", "cashback_wallet_amount"])
    def test_wants_the_wallets_of_current_shops(self, shop: Shop, classic: Shop, name: str) -> None:
        assert code(shop.plans(shop.reference(), **{name: None})) == "00001"
        assert code(classic.plans(classic.reference())) == "62000"


class TestAnAnswerToNobodyKnown:
    @pytest.mark.parametrize(
        ("changes", "expected", "signed"),
        [
            ({"merchant_identifier": "Nobody"}, "00009", False),
            ({"access_code": "Nothing"}, "00010", False),
            ({"signature": "0" * 64}, "00008", True),
        ],
    )
    def test_is_signed_when_the_merchant_is_sure(
        self, shop: Shop, changes: dict[str, str], expected: str, *, signed: bool
    ) -> None:
        said = shop.send({**shop.sign(verification(shop)), **changes}).body
        assert code(said) == expected
        assert ("signature" in said) is signed
        if signed:
            shop.check(said)

    def test_repeats_nothing_that_could_be_cut_into_another_answer(self, shop: Shop) -> None:
        """Who knows a merchant's public names must not get its phrase over a text of his own making."""
        tricks = {
            "zz": "x",
            "phone_number": "1response_code=14000",
            "merchant_extra1": "status=14",
            "products": [{"product_name": "status=14"}],
        }
        said = shop.send({**verification(shop), **tricks, "signature": "0" * 64}).body
        assert not tricks.keys() & said.keys()
        shop.check(said)


class TestACustomer:
    def test_that_is_registered_is_found(self, either: Shop) -> None:
        expected = "90000" if either.classic else "88000"
        assert code(either.verify(either.reference())) == expected

    def test_that_is_not_is_told_apart(self, either: Shop) -> None:
        said = either.verify(either.reference(), phone_number="01000000000")
        assert (code(said), said["response_message"]) == ("00160", "Customer does not exist")


class TestAPassword:
    def test_may_come_without_plans(self, shop: Shop) -> None:
        assert "installment_detail" not in shop.ask_for_password(shop.reference(), include_installments="NO")

    def test_is_not_sent_twice_within_a_minute(self, either: Shop) -> None:
        reference = either.reference()
        assert code(either.ask_for_password(reference)) == "88000"
        assert code(either.ask_for_password(reference)) == "89983"

    def test_is_needed_to_buy(self, either: Shop) -> None:
        assert code(either.purchase(either.reference())) == "13787"

    def test_that_is_wrong_buys_nothing_and_dies_of_five_tries(self, either: Shop) -> None:
        reference = either.reference()
        either.ask_for_password(reference, total_downpayment=0)
        tries = [code(either.purchase(reference, otp=WRONG)) for _ in range(6)]
        assert tries == ["13787"] * 5 + ["13123"]
        assert code(either.purchase(reference)) == "13123"

    def test_that_is_checked_wrong_counts_too(self, classic: Shop) -> None:
        reference = classic.reference()
        classic.ask_for_password(reference)
        assert [code(classic.check_password(reference, otp=WRONG)) for _ in range(5)] == ["93787"] * 5
        assert code(classic.check_password(reference)) == "93123"

    def test_expires_after_five_minutes(self, office: Office) -> None:
        shop = office.board()
        reference = shop.reference()
        shop.ask_for_password(reference, total_downpayment=0)
        office.change_clock(shop, freeze(datetime.now(UTC) + timedelta(minutes=6)))
        heard(lambda: code(shop.purchase(reference, otp=WRONG)) == "13778")
        assert code(shop.purchase(reference)) == "13778"
        office.change_clock(shop, release)

    @pytest.mark.parametrize(
        "changes",
        [
            {"amount": 100_001},
            {"phone_number": "00008557694"},
            {"wallet_amount": 1},
            {"cashback_wallet_amount": 1},
            {"total_down_payment": "1"},
        ],
    )
    def test_is_for_what_it_was_asked_with(self, either: Shop, changes: dict[str, Any]) -> None:
        reference = either.reference()
        either.ask_for_password(reference, total_downpayment=0)
        assert code(either.purchase(reference, **changes)) == "13748"
        assert code(either.purchase(reference)) == "14000"


class TestAPurchase:
    def test_of_a_plan_that_nobody_offers_is_refused(self, either: Shop) -> None:
        reference = either.reference()
        either.ask_for_password(reference, total_downpayment=0)
        assert code(either.purchase(reference, tenure="7")) == "13094"

    def test_happens_once_for_a_reference(self, either: Shop) -> None:
        reference, _ = either.bought()
        again = either.purchase(reference)
        assert code(again) == "00007"
        assert code(either.ask_for_password(reference)) == "00007"
        assert "loan_number" not in again

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            ({"enabled": False}, {"88000": "91003", "62000": "63003", "14000": "13003"}),
            ({"enabled": True}, {"88000": "88000", "62000": "62000"}),
        ],
    )
    def test_needs_a_merchant_that_may(
        self, office: Office, facts: dict[str, Any], expected: dict[str, str]
    ) -> None:
        shop = office.board()
        office.set_program(shop, **facts)
        heard(lambda: code(shop.verify(shop.reference())) == expected["88000"])
        assert code(shop.plans(shop.reference())) == expected["62000"]
        if "14000" in expected:
            assert code(shop.purchase(shop.reference())) == expected["14000"]

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            ({"amount_min": Money(100_001, EGP)}, ["13181", "89181", "63181"]),
            ({"amount_max": Money(99_999, EGP)}, ["13221", "89221", "63221"]),
            ({"months": frozenset({7})}, ["13094", "89094", "63104"]),
        ],
    )
    def test_is_within_what_its_merchant_offers(
        self, office: Office, facts: dict[str, Any], expected: list[str]
    ) -> None:
        """Also where that became less after the password was sent."""
        shop = office.board()
        reference = shop.reference()
        shop.ask_for_password(reference, total_downpayment=0)
        office.set_program(shop, **facts)
        bought = shop.purchase(reference)
        asked = shop.ask_for_password(shop.reference())
        assert [code(said) for said in (bought, asked, shop.plans(shop.reference()))] == expected


class TestARefund:
    def test_gives_back_in_parts_and_never_too_much(self, either: Shop) -> None:
        reference, bought = either.bought()
        first = either.refund(reference, 30_000)
        assert (code(first), first["fort_id"]) == ("06000", bought["fort_id"])
        assert code(either.refund(reference, 70_001)) == "07048"
        assert code(either.refund(reference, 70_000, fort_id=bought["fort_id"])) == "06000"
        assert code(either.refund(reference, 1)) == "07048"

    def test_may_name_its_order_by_either_name(self, shop: Shop) -> None:
        _, bought = shop.bought()
        assert code(shop.refund(None, 1, fort_id=bought["fort_id"])) == "06000"
        assert code(shop.refund(shop.reference(), 1, fort_id=bought["fort_id"])) == "07036"
        assert code(shop.refund(None, 1)) == "00001"

    def test_of_nothing_known_is_refused(self, shop: Shop) -> None:
        assert code(shop.refund(shop.reference(), 1)) == "07036"
        assert code(shop.refund(None, 1, fort_id="149295435400084008")) == "07036"

    def test_of_what_was_not_bought_is_refused(self, shop: Shop) -> None:
        reference = shop.reference()
        shop.ask_for_password(reference)
        shop.purchase(reference, otp=WRONG)
        assert code(shop.refund(reference, 1)) == "07662"

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"amount": 0}, "00005"),
            ({"amount": "x"}, "00002"),
            ({"amount": 1.5}, "00002"),
            ({"amount": -1}, "00002"),
            ({"amount": "1" * 11}, "00032"),
            ({"currency": "USD"}, "07013"),
            ({"currency": "KWD"}, "07013"),
            ({"currency": "E1P"}, "00013"),
            ({"order_description": "iPhone 6-S"}, "06000"),
            ({"order_description": "<x>"}, "00002"),
            ({"order_description": "x" * 151}, "00032"),
            ({"maintenance_reference": "a b"}, "00002"),
            ({"airline_data": {"ticket": "1"}}, "06000"),
        ],
    )
    def test_is_checked(self, shop: Shop, changes: dict[str, Any], expected: str) -> None:
        reference, _ = shop.bought()
        assert code(shop.refund(reference, **{"amount": 1, **changes})) == expected

    def test_is_made_once_for_its_own_reference(self, shop: Shop) -> None:
        reference, _ = shop.bought()
        name = shop.reference()
        assert code(shop.refund(reference, 70_000, maintenance_reference=name)) == "06000"
        assert code(shop.refund(reference, 1, maintenance_reference=name)) == "07066"
        free = shop.reference()
        assert code(shop.refund(reference, 70_000, maintenance_reference=free)) == "07048"
        assert code(shop.refund(reference, 30_000, maintenance_reference=free)) == "06000"


class TestAStatus:
    def test_follows_the_order(self, either: Shop) -> None:
        reference = either.reference()
        unknown = either.status(reference)
        assert (code(unknown), unknown["status"]) == ("12036", "12")
        either.ask_for_password(reference, total_downpayment=0)
        either.purchase(reference, otp=WRONG)
        assert self.told(either, reference) == ("13", "13787", "0", "0")
        either.purchase(reference)
        assert self.told(either, reference) == ("14", "14000", "100000", "0")
        either.refund(reference, 40_000)
        assert self.told(either, reference) == ("06", "06000", "100000", "40000")
        either.refund(reference, 60_000)
        assert self.told(either, reference) == ("06", "06000", "100000", "100000")

    def test_is_found_by_either_name(self, shop: Shop) -> None:
        reference, bought = shop.bought()
        said = shop.send(
            shop.sign(
                {
                    **{name: value for name, value in shop.common("").items() if value},
                    "query_command": "CHECK_STATUS",
                    "fort_id": bought["fort_id"],
                }
            )
        ).body
        assert (code(said), said["transaction_code"]) == ("12000", "14000")
        assert said["fort_id"] == shop.status(reference)["fort_id"] == bought["fort_id"]

    def test_tells_the_lenders_names_on_request(self, shop: Shop) -> None:
        reference, bought = shop.bought()
        said = shop.status(reference, return_third_party_response_codes="YES")
        assert said["authorization_code"] == bought["loan_number"]
        assert "authorization_code" not in shop.status(reference, return_third_party_response_codes="NO")

    def test_is_nobody_elses(self, shop: Shop, office: Office) -> None:
        other = office.board()
        reference, bought = shop.bought()
        assert code(other.status(reference)) == "12036"
        assert code(other.refund(reference, 1)) == "07036"
        assert code(other.refund(None, 1, fort_id=bought["fort_id"])) == "07036"

    @staticmethod
    def told(shop: Shop, reference: str) -> tuple[str, str, str, str]:
        said = shop.status(reference)
        assert code(said) == "12000"
        amounts = said["captured_amount"], said["refunded_amount"]
        assert said["authorized_amount"] == amounts[0]
        assert said["transaction_message"]
        return said["transaction_status"], said["transaction_code"], *amounts


class TestWhatThisPaymentOptionLacks:
    @pytest.mark.parametrize(
        ("word", "expected"),
        [("AUTHORIZATION", "03049"), ("CAPTURE", "05049"), ("VOID_AUTHORIZATION", "09049")],
    )
    def test_is_refused(self, either: Shop, word: str, expected: str) -> None:
        money = {} if word == "VOID_AUTHORIZATION" else {"amount": 1, "currency": "EGP"}
        assert code(either.call(either.reference(), command=word, **money)) == expected


class TestAPhrase:
    def test_that_was_replaced_is_right_for_a_while(self, office: Office) -> None:
        shop = office.board()
        new = office.rotate(shop, overlap=timedelta(days=1))
        changed = replace(shop, keys={**shop.keys, "sha_request_phrase": new})
        heard(lambda: self.told(changed) == "88000")
        assert self.told(shop) == "88000"
        last = office.rotate(shop, overlap=timedelta())
        heard(lambda: self.told(replace(shop, keys={**shop.keys, "sha_request_phrase": last})) == "88000")
        assert (self.told(shop), self.told(changed)) == ("00008", "00008")

    @staticmethod
    def told(shop: Shop) -> str:
        found: str = shop.send(shop.sign(verification(shop))).body["response_code"]
        return found


class TestAPath:
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_takes_nothing_but_what_is_posted(self, shop: Shop, method: str) -> None:
        assert shop.gateway.ask(method, PATH) in {404, 405}

    def test_does_not_read_the_query(self, shop: Shop) -> None:
        said = shop.sign(verification(shop))
        assert code(shop.send(said, path=f"{PATH}?amount=1&command=REFUND").body) == "88000"
