"""What a shop's own server is told of purchases and refunds: signed, and each time in the very same words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bezant.core.merchants import NoticeFormat, Notices, SigningAccount
from tests.e2e.test_cli import Shell
from tests.support.aps import Office, Receiver, Shop, heard
from tests.support.books import violations
from tests.support.far import Lender
from tests.support.gateway import DATABASES, Gateway, eventually, gateway_on

SWIFT = {"BEZANT_NOTICE_RETRIES": "3", "BEZANT_NOTICE_PAUSE_SECONDS": "0.3", "BEZANT_NOTICE_SECONDS": "5"}


@pytest.fixture(scope="module", params=DATABASES)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    postgres = partial(request.getfixturevalue, "postgres")
    home: Path = tmp_path_factory.mktemp("feedback")
    with (
        gateway_on(request.param, home, postgres=postgres, settings=SWIFT) as gateway,
        Office(gateway) as office,
    ):
        yield office


@pytest.fixture
def gateway(running: Office) -> Gateway:
    return running.gateway


@pytest.fixture
def direct() -> Iterator[Receiver]:
    with Receiver().serving() as receiver:
        yield receiver


@pytest.fixture
def later() -> Iterator[Receiver]:
    with Receiver().serving() as receiver:
        yield receiver


@pytest.fixture(params=list(NoticeFormat))
def shop(request: pytest.FixtureRequest, running: Office, direct: Receiver, later: Receiver) -> Shop:
    """A shop that wants to be told, in either format."""
    return listening(running, direct, later, request.param)


def listening(office: Office, direct: Receiver, later: Receiver, written: NoticeFormat) -> Shop:
    """A new shop that wants to be told, in that format."""
    shop = office.board(classic=written is NoticeFormat.FORM)
    notices = Notices(direct_url=direct.url, later_url=later.url, format=written)

    def told(account: SigningAccount) -> SigningAccount:
        return replace(account, notices=notices)

    office.change(shop, told)
    return shop


class TestAPurchase:
    def test_is_told_at_once_as_it_was_answered(self, shop: Shop, direct: Receiver, later: Receiver) -> None:
        reference, bought = shop.bought(merchant_extra1="JohnSmith")
        (notice,) = eventually(lambda: direct.of(reference))
        said = notice.parameters
        shop.check(said)
        assert all(isinstance(value, str) for value in said.values())
        assert said == {
            **{name: str(value) for name, value in bought.items() if name != "signature"},
            "signature": said["signature"],
        }
        assert notice.content_type.startswith(
            "application/x-www-form-urlencoded" if shop.classic else "application/json"
        )
        assert not {"otp", "tenure", "total_down_payment"} & said.keys()
        assert later.of(reference) == []

    def test_that_failed_is_told_too(self, shop: Shop, direct: Receiver) -> None:
        reference = shop.reference()
        shop.ask_for_password(reference, total_downpayment=0)
        shop.purchase(reference, otp="000000", language="ar")
        (notice,) = eventually(lambda: direct.of(reference))
        said = notice.parameters
        shop.check(said)
        assert (said["response_code"], said["status"], said["command"]) == ("13787", "13", "PURCHASE")
        assert not said["response_message"].isascii()
        assert "loan_number" not in said

    def test_in_doubt_is_told_and_what_became_of_it_is_notified(
        self, shop: Shop, direct: Receiver, later: Receiver
    ) -> None:
        lender = Lender.of(shop.gateway)
        reference = shop.reference()
        lender.script({"drop": True}, ask="loan", program=shop.program)
        lender.script({"status": 503}, ask="inquiry", program=shop.program)
        shop.ask_for_password(reference, total_downpayment=0)
        shop.purchase(reference)
        (uncertain,) = eventually(lambda: direct.of(reference))
        assert uncertain.parameters["response_code"] == "15777"
        (certain,) = eventually(lambda: later.of(reference))
        said = certain.parameters
        shop.check(said)
        assert (said["response_code"], said["command"]) == ("14000", "PURCHASE")
        assert said["loan_number"]
        assert len(direct.of(reference)) == 1


class TestARefund:
    def test_is_notified_under_the_purchases_reference(
        self, shop: Shop, direct: Receiver, later: Receiver
    ) -> None:
        reference, bought = shop.bought()
        shop.refund(None, 40_000, fort_id=bought["fort_id"], order_description="iPhone 6-S")
        (notice,) = eventually(lambda: later.of(reference))
        said = notice.parameters
        shop.check(said)
        assert (said["command"], said["response_code"], said["status"]) == ("REFUND", "06000", "06")
        assert (said["amount"], said["fort_id"], said["order_description"]) == (
            "40000",
            bought["fort_id"],
            "iPhone 6-S",
        )
        # It is no part of the refund's business whether the purchase has been told of by then.
        (purchase,) = eventually(lambda: direct.of(reference))
        assert purchase.parameters["command"] == "PURCHASE"
        assert later.of(reference) == [notice]


class TestANotice:
    """Whatever its format."""

    @pytest.fixture
    def shop(self, running: Office, direct: Receiver, later: Receiver) -> Shop:
        return listening(running, direct, later, NoticeFormat.JSON)

    def test_that_was_not_taken_comes_again_in_the_same_words(self, shop: Shop, direct: Receiver) -> None:
        direct.statuses = [500, 404, 301]
        reference, _ = shop.bought()
        notices = eventually(lambda: found if len(found := direct.of(reference)) == 4 else [])
        assert len(set(notices)) == 1
        eventually(lambda: self.states(shop) == ["delivered"])

    @pytest.mark.parametrize("status", [200, 201, 204, 302])
    def test_is_taken_by_any_word_of_thanks(self, shop: Shop, direct: Receiver, status: int) -> None:
        direct.statuses = [status]
        reference, _ = shop.bought()
        eventually(lambda: self.states(shop) == ["delivered"])
        assert len(direct.of(reference)) == 1

    def test_that_nobody_takes_is_given_up_and_kept_to_be_sent_anew(
        self, shop: Shop, direct: Receiver
    ) -> None:
        direct.statuses = [500] * 4
        reference, _ = shop.bought()
        eventually(lambda: self.states(shop) == ["given_up"])
        assert len(direct.of(reference)) == 4
        (row,) = self.rows(shop)
        assert (row["tries"], row["last_word"]) == (4, "500")
        assert violations(shop.gateway) == []
        command = Shell(shop.gateway.home, {"BEZANT_DATABASE_URL": shop.gateway.database_url})
        (listed,) = [each for each in command.json("deliveries", "list") if each["url"] == direct.url]
        assert (listed["topic"], listed["tries"], listed["last"]) == ("loan.bought", 4, "500")
        merchant_id, delivery_id = str(listed["merchant_id"]), str(listed["delivery_id"])
        assert command.run("deliveries", "retry", merchant_id, delivery_id).returncode == 0
        eventually(lambda: self.states(shop) == ["delivered"])
        assert len(set(direct.of(reference))) == 1

    def test_that_was_being_sent_by_a_process_that_was_killed_comes_again_in_the_same_words(
        self, shop: Shop, direct: Receiver
    ) -> None:
        """As soon as nobody can be waiting for an answer to it any more: after twice the longest wait."""
        direct.open.clear()
        reference, _ = shop.bought()
        first = eventually(lambda: direct.of(reference))
        assert self.states(shop) == ["sending"]
        shop.gateway.kill()
        direct.open.set()
        shop.gateway.start()
        notices = eventually(lambda: found if len(found := direct.of(reference)) >= 2 else [])
        assert notices == first * 2
        eventually(lambda: self.states(shop) == ["delivered"])
        assert violations(shop.gateway) == []

    def test_is_wanted_by_nobody_where_no_url_is_set(self, running: Office) -> None:
        shop = running.board()
        shop.bought()
        eventually(lambda: self.states(shop) == ["unwanted"])
        assert violations(shop.gateway) == []

    def test_is_signed_with_the_newest_phrase(self, shop: Shop, running: Office, direct: Receiver) -> None:
        new = running.rotate_response(shop)
        changed = replace(shop, keys={**shop.keys, "sha_response_phrase": new})
        heard(lambda: self.is_told_with(changed))
        reference, _ = changed.bought()
        (notice,) = eventually(lambda: direct.of(reference))
        changed.check(notice.parameters)

    @staticmethod
    def is_told_with(shop: Shop) -> bool:
        try:
            shop.verify(shop.reference())
        except AssertionError:
            return False
        return True

    @staticmethod
    def rows(shop: Shop) -> list[dict[str, object]]:
        return list(
            shop.gateway.rows(
                "SELECT * FROM deliveries WHERE merchant_id = :merchant ORDER BY delivery_id",
                merchant=shop.merchant_id,
            )
        )

    def states(self, shop: Shop) -> list[object]:
        return [row["state"] for row in self.rows(shop)]
