from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from bezant.core.money import Money
from bezant.core.outcomes import Approved, Declined, Reason, Unresolved
from bezant.core.payments.messages import Ask, Street
from bezant.core.sensitive import Cvv, Pan
from bezant.rails.acquirer.codec import encode
from bezant.rails.acquirer.rail import request_of
from bezant.rails.acquirer.sandbox import TEST_CARDS, SandboxHost
from tests.rails.acquirer_cases import (
    BRIEFLY,
    CARD,
    ENDPOINT,
    a_capture_of,
    a_message,
    a_network,
    a_reversal_of,
    code_of,
    some_totals,
    until,
)

pytestmark = pytest.mark.anyio


class TestACard:
    @pytest.mark.parametrize("name", TEST_CARDS)
    async def test_of_the_table_answers_its_code(self, name: str) -> None:
        card = TEST_CARDS[name]
        async with a_network() as network:
            assert await code_of(network, pan=Pan(card.number), cvv=Cvv(card.cvv)) == card.code

    async def test_of_a_known_brand_is_approved(self) -> None:
        async with a_network() as network:
            assert await code_of(network, pan=Pan("4242424242424242")) == "00"

    @pytest.mark.parametrize("number", ["4111111111111112", "9999999999999995"])
    async def test_with_a_wrong_check_digit_or_of_no_brand_is_invalid(self, number: str) -> None:
        async with a_network() as network:
            assert await code_of(network, pan=Pan(number)) == "14"
            assert await code_of(network, ask=Ask.REFUND, pan=Pan(number)) == "14"

    async def test_is_good_to_the_end_of_its_month_by_the_merchants_clock(self) -> None:
        async with a_network() as network:
            later = datetime(2031, 5, 31, 23, 59, 59, tzinfo=UTC)
            assert await code_of(network, expiry="3105", local_at=later) == "00"
            assert await code_of(network, expiry="3105", local_at=later + timedelta(seconds=1)) == "54"
            assert await code_of(network, expiry="3012", local_at=later) == "54"
            assert await code_of(network, expiry="3113", local_at=later) == "54"
            assert await code_of(network, expiry=None, local_at=later) == "00"

    async def test_can_be_refunded_after_it_expired(self) -> None:
        async with a_network() as network:
            assert await code_of(network, ask=Ask.REFUND, expiry="2001") == "00"

    @pytest.mark.parametrize(
        ("line", "postal_code", "result"),
        [
            ("8320 Main Street", "85284", "Y"),
            ("8320", "85284-1234", "Y"),
            ("8320", "10001", "A"),
            ("12 Main Street", "85284", "Z"),
            ("Main Street 8320", "10001", "N"),
            (None, "85284", "Z"),
            (None, None, None),
        ],
    )
    async def test_has_its_address_compared(
        self, line: str | None, postal_code: str | None, result: str | None
    ) -> None:
        async with a_network() as network:
            answer = await network.send(a_message(street=Street(line=line, postal_code=postal_code)))
            assert isinstance(answer, Approved)
            assert answer.avs == result

    @pytest.mark.parametrize(("cvv", "result"), [("999", "M"), ("123", "N"), (None, None)])
    async def test_has_its_verification_value_compared(self, cvv: str | None, result: str | None) -> None:
        async with a_network() as network:
            answer = await network.send(a_message(cvv=Cvv(cvv) if cvv else None))
            assert isinstance(answer, Approved)
            assert answer.cvv == result

    @pytest.mark.parametrize("cvv", ["000", "0000"])
    async def test_with_a_verification_value_of_zeros_is_declined(self, cvv: str) -> None:
        async with a_network() as network:
            assert await code_of(network, cvv=Cvv(cvv)) == "82"


class TestATriggerAmount:
    @pytest.mark.parametrize("code", ["05", "12", "14", "51", "54", "91"])
    async def test_declines_from_nine_thousand_on(self, code: str) -> None:
        async with a_network() as network:
            assert await code_of(network, minor=9000_00 + int(code)) == code
            assert await code_of(network, minor=12345_00 + int(code)) == code
            assert await code_of(network, minor=8999_00 + int(code)) == "00"
            assert await code_of(network, ask=Ask.REFUND, minor=9000_00 + int(code)) == "00"

    async def test_approves_half(self) -> None:
        async with a_network() as network:
            answer = await network.send(a_message(minor=9100_00))
            assert isinstance(answer, Approved)
            assert answer.amount == Money(4550_00)
            assert network.host.books.listed()[0].approved == 4550_00

    async def test_answers_too_late(self) -> None:
        async with a_network(read_timeout_seconds=BRIEFLY) as network:
            sale = a_message(minor=9200_00)
            assert await network.send(sale) == Unresolved(cause="time-out")
            assert network.state_of(sale) == "live"

    async def test_hangs_up_after_booking(self) -> None:
        async with a_network() as network:
            sale = a_message(minor=9300_00)
            assert await network.send(sale) == Unresolved(cause="link lost")
            assert network.state_of(sale) == "live"


class TestTheBooks:
    async def test_count_a_repeated_message_once_and_answer_it_alike(self) -> None:
        async with a_network() as network:
            sale = a_message()
            first = await network.send(sale)
            assert await network.send(sale) == first
            assert await network.send(structs.replace(sale, repeat=True)) == first
            assert network.host.books.count == 1

    async def test_repeat_a_decline(self) -> None:
        async with a_network() as network:
            sale = a_message()
            network.script({"decline": "51"})
            first = await network.send(sale)
            assert first == Declined(reason=Reason.INSUFFICIENT_FUNDS, response_code="51")
            assert await network.send(sale) == first

    @pytest.mark.parametrize(
        "change", [{"amount": Money(11_00)}, {"pan": Pan("4012881888818888")}, {"ask": Ask.REFUND}]
    )
    async def test_refuse_another_message_under_a_known_key(self, change: dict[str, object]) -> None:
        async with a_network() as network:
            sale = a_message()
            await network.send(sale)
            again = await network.send(structs.replace(sale, **change))
            assert again == Declined(reason=Reason.DUPLICATE, response_code="94")
            assert network.host.books.listed()[0].amount == 10_00

    async def test_reverse_a_sale_once_however_often_told(self) -> None:
        async with a_network() as network:
            sale = a_message()
            await network.send(sale)
            reversal = a_reversal_of(sale)
            for message in (reversal, structs.replace(reversal, repeat=True), a_reversal_of(sale)):
                assert isinstance(await network.send(message), Approved)
                assert network.state_of(sale) == "reversed"

    async def test_remember_a_reversal_that_overtook_its_sale(self) -> None:
        async with a_network() as network:
            sale = a_message()
            assert isinstance(await network.send(a_reversal_of(sale)), Approved)
            for _ in range(2):
                answer = await network.send(sale)
                assert answer == Declined(reason=Reason.INVALID_TRANSACTION, response_code="12")
                assert network.state_of(sale) == "reversed"

    async def test_book_a_delayed_sale_as_reversed_when_its_reversal_was_faster(self) -> None:
        async with a_network(read_timeout_seconds=BRIEFLY) as network:
            network.script({"delay": 2 * BRIEFLY}, ask="sale")
            sale = a_message()
            assert isinstance(await network.send(sale), Unresolved)
            assert isinstance(await network.send(a_reversal_of(sale)), Approved)
            await until(lambda: len(network.strays) == 1)
            assert network.strays[0].response_code == "12"
            assert network.state_of(sale) == "reversed"

    async def test_try_a_declined_reversal_again(self) -> None:
        async with a_network() as network:
            sale = a_message()
            await network.send(sale)
            network.script({"decline": "96"}, {"decline": "96"}, ask="reverse")
            reversal = a_reversal_of(sale)
            for _ in range(2):
                assert isinstance(await network.send(reversal), Declined)
                assert network.state_of(sale) == "live"
            assert isinstance(await network.send(structs.replace(reversal, repeat=True)), Approved)
            assert network.state_of(sale) == "reversed"

    async def test_keep_a_declined_sale_declined_when_it_is_reversed(self) -> None:
        async with a_network() as network:
            sale = a_message(minor=9000_05)
            await network.send(sale)
            assert isinstance(await network.send(a_reversal_of(sale)), Approved)
            assert network.state_of(sale) == "declined"

    async def test_say_that_a_card_is_good_and_hold_nothing(self) -> None:
        async with a_network() as network:
            message = a_message(Ask.VERIFY, minor=0, cvv=Cvv("999"))
            good = await network.rail.send(message)
            assert isinstance(good, Approved)
            assert (good.amount, good.cvv) == (Money(0), "M")
            bad = await network.rail.send(
                a_message(Ask.VERIFY, minor=0, pan=Pan(TEST_CARDS["decline"].number))
            )
            assert isinstance(bad, Declined)
            assert await network.rail.send(message) == good
            capture = await network.rail.send(a_capture_of(message))
            assert isinstance(capture, Declined)
            assert list(network.host.books.in_force(terminal=None, settled=True)) == []

    async def test_follow_an_authorization_through_capture_and_reversals(self) -> None:
        async with a_network() as network:
            authorization = a_message(Ask.AUTHORIZE, minor=100_00)
            authorized = await network.send(authorization)
            assert isinstance(authorized, Approved)
            capture = a_capture_of(authorization, minor=60_00)
            captured = await network.send(capture)
            assert captured == Approved(
                approval_code=authorized.approval_code, response_code="00", amount=Money(60_00)
            )
            assert (network.state_of(authorization), network.state_of(capture)) == ("captured", "live")
            await network.send(a_reversal_of(capture))
            assert (network.state_of(authorization), network.state_of(capture)) == ("live", "reversed")
            second = a_capture_of(authorization)
            await network.send(second)
            await network.send(a_reversal_of(authorization))
            assert (network.state_of(authorization), network.state_of(second)) == ("reversed", "reversed")

    async def test_refuse_a_second_capture_and_a_capture_of_nothing(self) -> None:
        async with a_network() as network:
            authorization = a_message(Ask.AUTHORIZE)
            never_sent = a_capture_of(authorization)
            assert await network.send(never_sent) == Declined(
                reason=Reason.ORIGINAL_NOT_FOUND, response_code="25"
            )
            await network.send(authorization)
            capture = a_capture_of(authorization)
            first = await network.send(capture)
            assert await network.send(structs.replace(capture, repeat=True)) == first
            assert await network.send(a_capture_of(authorization)) == Declined(
                reason=Reason.INVALID_TRANSACTION, response_code="12"
            )

    async def test_refuse_a_capture_that_its_reversal_overtook_however_often_it_comes(self) -> None:
        async with a_network() as network:
            authorization = a_message(Ask.AUTHORIZE)
            await network.send(authorization)
            capture = a_capture_of(authorization)
            await network.send(a_reversal_of(capture))
            for message in (capture, structs.replace(capture, repeat=True)):
                assert isinstance(await network.send(message), Declined)
                assert network.state_of(capture) == "reversed"
                assert network.state_of(authorization) == "live"

    async def test_change_the_amount_of_a_sale_by_a_capture_of_it(self) -> None:
        async with a_network() as network:
            sale = a_message(minor=10_00)
            await network.send(sale)
            assert isinstance(await network.send(a_capture_of(sale, minor=12_00)), Approved)
            assert isinstance(await network.rail.close_batch(some_totals(debits=(1, 12_00))), Approved)
            assert network.host.books.batches()[0].reconciled

    async def test_give_approval_codes_in_order_from_the_seed(self) -> None:
        async with a_network(SandboxHost(seed=998)) as network:
            codes = []
            for ask in (Ask.SALE, Ask.AUTHORIZE, Ask.REFUND):
                answer = await network.send(a_message(ask))
                assert isinstance(answer, Approved)
                codes.append(answer.approval_code)
            assert codes == ["TAS999", "TAS000", "TAS001"]


class TestAnUnwelcomeClient:
    async def test_that_has_not_signed_on_is_hung_up_on(self) -> None:
        async with a_network() as network:
            reader, writer = await asyncio.open_connection(*network.host.address)
            writer.write(encode(request_of(a_message())))
            assert await reader.read() == b""
            writer.close()
            assert network.host.books.count == 0

    async def test_that_sends_garbage_does_not_disturb_others(self) -> None:
        async with a_network() as network:
            reader, writer = await asyncio.open_connection(*network.host.address)
            writer.write(b"\x00\x05hello" * 10 + b"\xff\xff\xff")
            assert await reader.read() == b""
            writer.close()
            assert network.host.stats()["messages"]["garbled"] == 10
            assert isinstance(await network.send(a_message()), Approved)


class TestABatch:
    async def test_that_adds_up_is_settled(self) -> None:
        async with a_network(SandboxHost(strict=True)) as network:
            sales = [a_message(minor=10_00), a_message(minor=5_50)]
            refund = a_message(Ask.REFUND, minor=2_00)
            voided, authorization = a_message(), a_message(Ask.AUTHORIZE, minor=30_00)
            capture = a_capture_of(authorization, minor=20_00)
            for message in (*sales, refund, voided, a_reversal_of(voided), authorization, capture):
                assert isinstance(await network.send(message), Approved)
            totals = some_totals(number=1, debits=(3, 35_50), refunds=(1, 2_00))
            answer = await network.rail.close_batch(totals)
            assert answer == Approved(approval_code="", response_code="00", amount=Money(33_50))
            assert {network.state_of(message) for message in (*sales, refund, capture)} == {"settled"}
            assert network.host.books.unsettled() == {}

    async def test_is_settled_once_and_answered_alike_when_repeated(self) -> None:
        async with a_network(SandboxHost(strict=True)) as network:
            await network.send(a_message())
            totals = some_totals(number=1, debits=(1, 10_00))
            first = await network.rail.close_batch(totals)
            later = a_message()
            await network.send(later)
            assert await network.rail.close_batch(structs.replace(totals, repeat=True)) == first
            assert network.state_of(later) == "live"

    async def test_that_does_not_add_up_is_refused_by_a_strict_host(self) -> None:
        async with a_network(SandboxHost(strict=True)) as network:
            sale = a_message()
            await network.send(sale)
            wrong = some_totals(number=1, debits=(1, 10_01))
            answer = await network.rail.close_batch(wrong)
            assert answer == Declined(reason=Reason.BATCH_MISMATCH, response_code="95")
            assert network.state_of(sale) == "live"
            right = some_totals(number=1, debits=(1, 10_00))
            assert isinstance(await network.rail.close_batch(right), Approved)

    async def test_that_does_not_add_up_is_settled_and_noted_by_default(self) -> None:
        async with a_network() as network:
            sale = a_message()
            await network.send(sale)
            assert isinstance(await network.rail.close_batch(some_totals(debits=(2, 20_00))), Approved)
            assert not network.host.books.batches()[0].reconciled
            assert network.state_of(sale) == "settled"

    async def test_may_be_declined_by_a_script(self) -> None:
        async with a_network() as network:
            network.script({"decline": "96"}, ask="settle")
            answer = await network.rail.close_batch(some_totals())
            assert answer == Declined(reason=Reason.SYSTEM_ERROR, response_code="96")

    async def test_of_one_terminal_leaves_another_alone(self) -> None:
        async with a_network() as network:
            other = a_message(endpoint=structs.replace(ENDPOINT, terminal_number="82000099"))
            await network.send(other)
            await network.rail.close_batch(some_totals())
            assert network.state_of(other) == "live"

    async def test_that_was_settled_can_still_have_a_sale_reversed(self) -> None:
        async with a_network() as network:
            sale = a_message()
            await network.send(sale)
            await network.rail.close_batch(some_totals(debits=(1, 10_00)))
            assert isinstance(await network.send(a_reversal_of(sale)), Approved)
            assert network.state_of(sale) == "reversed"


class TestAScript:
    async def test_is_used_step_by_step_and_then_gone(self) -> None:
        async with a_network() as network:
            network.script({"decline": "51"}, {"decline": "05"}, {"approve": True})
            codes = [await code_of(network, minor=9000_91) for _ in range(4)]
            assert codes == ["51", "05", "00", "91"]
            assert network.host.scripts.listed() == []

    async def test_that_repeats_starts_again(self) -> None:
        async with a_network() as network:
            network.script({"decline": "51"}, {"approve": True}, repeat=True)
            assert [await code_of(network) for _ in range(4)] == ["51", "00", "51", "00"]

    @pytest.mark.parametrize(
        "match",
        [
            {"terminal": ENDPOINT.terminal_number},
            {"last4": CARD[-4:]},
            {"amount": 10_00},
            {"mti": "0200"},
            {"ask": "sale"},
            {"terminal": ENDPOINT.terminal_number, "ask": "sale", "amount": 10_00},
        ],
    )
    async def test_is_for_the_messages_that_it_names(self, match: dict[str, Any]) -> None:
        async with a_network() as network:
            network.script({"decline": "51"}, **match)
            other = a_message(
                Ask.AUTHORIZE,
                minor=11_00,
                pan=Pan("4012881888818888"),
                endpoint=structs.replace(ENDPOINT, terminal_number="82000099"),
            )
            assert isinstance(await network.send(other), Approved)
            assert isinstance(await network.send(a_message()), Declined)

    async def test_for_a_type_is_for_its_repeats_too(self) -> None:
        async with a_network() as network:
            network.script({"decline": "96"}, mti="0400")
            reversal = structs.replace(a_reversal_of(a_message()), repeat=True)
            assert isinstance(await network.send(reversal), Declined)
