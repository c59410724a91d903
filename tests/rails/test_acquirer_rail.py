from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from bezant.core.money import EGP, Money
from bezant.core.outcomes import Answer, Approved, Declined, NotSent, Reason, Unresolved
from bezant.core.payments.messages import Ask, Endpoint, Original, Street
from bezant.core.sensitive import Cvv, Pan
from bezant.rails.acquirer import spec
from bezant.rails.acquirer.codec import IsoMessage, decode, unpack
from bezant.rails.acquirer.rail import answer_of, reconciliation_of, request_of
from tests.rails.acquirer_cases import a_message, a_network, a_reply_to, some_totals

AT = datetime(2026, 3, 24, 5, 36, 12, tzinfo=UTC)


class TestAMessageOnTheWire:
    def test_of_a_sale_has_every_field_in_its_place(self) -> None:
        message = a_message(
            audit_number=687540,
            retrieval_reference="608305501153",
            minor=20_00,
            sent_at=AT,
            local_at=AT - timedelta(hours=4),
            expiry="2712",
            pan=Pan("4012881888818888"),
            cvv=Cvv("999"),
            street=Street(line="8320 Main St", postal_code="85284"),
            invoice="inv0001",
        )
        request = dict(request_of(message))
        private = unpack(request.pop(spec.PRIVATE))
        assert request == {
            "t": "0200",
            "2": "4012881888818888",
            "3": "000000",
            "4": "000000002000",
            "7": "0324053612",
            "11": "687540",
            "12": "013612",
            "13": "0324",
            "14": "2712",
            "22": "012",
            "25": "59",
            "37": "608305501153",
            "41": "82000010",
            "42": "820000000010   ",
            "49": "840",
        }
        assert private == {
            "LY": "2026",
            "CV": "999",
            "AS": "8320 Main St",
            "AZ": "85284",
            "IN": "inv0001",
        }

    @pytest.mark.parametrize(
        ("ask", "repeat", "message_type", "processing_code"),
        [
            (Ask.AUTHORIZE, False, "0100", "000000"),
            (Ask.SALE, False, "0200", "000000"),
            (Ask.REFUND, False, "0200", "200000"),
            (Ask.CAPTURE, False, "0220", "000000"),
            (Ask.CAPTURE, True, "0221", "000000"),
            (Ask.REVERSE, False, "0400", "000000"),
            (Ask.REVERSE, True, "0401", "000000"),
        ],
    )
    def test_has_the_type_of_what_it_asks(
        self,
        ask: Ask,
        repeat: bool,  # noqa: FBT001 - a column of the table
        message_type: str,
        processing_code: str,
    ) -> None:
        request = request_of(a_message(ask, repeat=repeat))
        assert (request[spec.MTI], request[spec.PROCESSING_CODE]) == (message_type, processing_code)

    def test_names_its_original(self) -> None:
        original = Original(
            ask=Ask.AUTHORIZE, audit_number=42, sent_at=AT, retrieval_reference="1" * 12, approval_code="TAS9"
        )
        request = request_of(a_message(Ask.CAPTURE, original=original))
        assert request[spec.ORIGINAL] == "0100" + "000042" + "0324053612" + "0" * 22
        assert request[spec.APPROVAL_CODE] == "TAS9  "

    def test_reverses_a_refund_as_a_refund(self) -> None:
        original = Original(ask=Ask.REFUND, audit_number=42, sent_at=AT, retrieval_reference="1" * 12)
        request = request_of(a_message(Ask.REVERSE, original=original))
        assert request[spec.PROCESSING_CODE] == spec.RETURN

    def test_carries_no_more_of_a_text_than_fits_and_nothing_but_ascii(self) -> None:
        street = Street(line="Ünter den Linden\n" + "1" * 200, postal_code="1" * 50)
        private = unpack(request_of(a_message(street=street, invoice="ن" * 99))[spec.PRIVATE])
        assert private["AS"] == "?nter den Linden?" + "1" * 23
        assert private["AZ"] == "1" * 10
        assert private["IN"] == "?" * 25

    def test_of_batch_totals_tells_counts_amounts_and_the_net(self) -> None:
        totals = some_totals(number=7, debits=(3, 45_00), refunds=(1, 50_00))
        request = reconciliation_of(totals)
        assert request[spec.DEBIT_COUNT] == "0000000003"
        assert request[spec.DEBITS] == "0000000000004500"
        assert request[spec.CREDIT_COUNT] == "0000000001"
        assert request[spec.CREDITS] == "0000000000005000"
        assert request[spec.NET] == "C0000000000000500"
        assert unpack(request[spec.PRIVATE]) == {"BN": "7"}
        assert reconciliation_of(structs.replace(totals, repeat=True))[spec.MTI] == "0501"


def read(ask: Ask = Ask.SALE, /, **fields: str) -> Answer:
    message = a_message(ask, audit_number=1, retrieval_reference="000000000001", original=None)
    request = request_of(message)
    return answer_of(message, request, decode(a_reply_to(request, **fields)[2:]))


class TestAnAnswer:
    def test_that_repeats_the_request_is_an_approval(self) -> None:
        assert read(de38="TAS001", de44="YN") == Approved(
            approval_code="TAS001", response_code="00", amount=Money(10_00), avs="Y", cvv="N"
        )

    def test_to_a_part_of_the_amount_is_a_partial_approval(self) -> None:
        answer = read(de38="TAS001", de39="10", de4="000000000600")
        assert answer == Approved(approval_code="TAS001", response_code="10", amount=Money(6_00))

    @pytest.mark.parametrize("code", ["08", "11", "85"])
    def test_with_another_approving_code_is_an_approval(self, code: str) -> None:
        assert isinstance(read(de38="TAS001", de39=code), Approved)

    def test_that_says_no_is_a_decline_with_its_reason(self) -> None:
        assert read(de39="51") == Declined(reason=Reason.INSUFFICIENT_FUNDS, response_code="51")

    def test_that_says_no_in_unknown_words_is_a_decline(self) -> None:
        assert read(de39="Z9") == Declined(reason=Reason.DO_NOT_HONOR, response_code="Z9")

    @pytest.mark.parametrize(
        "fields",
        [
            {"de4": "000000001001"},
            {"de4": "000000000999"},
            {"de39": "10"},
            {"de39": "10", "de4": "000000000000"},
            {"de39": "10", "de4": "000000001001"},
            {"de37": "000000000002"},
            {"de42": "820000000011   "},
            {"de49": EGP.number},
            {"de3": "200000"},
        ],
    )
    def test_that_repeats_something_else_is_unresolved_and_logged(self, fields: dict[str, str]) -> None:
        with capture_logs() as logs:
            assert read(de38="TAS001", **fields) == Unresolved(cause="mismatch")
        assert [entry["event"] for entry in logs] == ["acquirer_answer_mismatch"]

    def test_that_declines_another_payment_is_unresolved(self) -> None:
        assert read(de39="51", de37="000000000002") == Unresolved(cause="mismatch")

    def test_that_approves_without_a_code_is_unresolved(self) -> None:
        assert read() == Unresolved(cause="garbled")
        assert read(de38="      ") == Unresolved(cause="garbled")

    def test_to_a_reversal_needs_no_code(self) -> None:
        assert isinstance(read(Ask.REVERSE), Approved)

    @pytest.mark.parametrize("missing", [spec.RESPONSE_CODE, spec.REFERENCE, spec.AMOUNT])
    def test_that_lacks_what_it_must_say_is_unresolved(self, missing: str) -> None:
        message = a_message()
        request = request_of(message)
        reply = decode(a_reply_to(request, de38="TAS001")[2:])
        answer = answer_of(message, request, IsoMessage({k: v for k, v in reply.items() if k != missing}))
        assert isinstance(answer, Unresolved)


class TestAMessageThatCannotBeWritten:
    @pytest.mark.anyio
    async def test_is_not_sent_and_logged_without_its_values(self) -> None:
        wrong = Endpoint(merchant_number="820000000010", terminal_number="820000101234")
        async with a_network() as network:
            with capture_logs() as logs:
                answer = await network.send(a_message(endpoint=wrong))
                closing = await network.rail.close_batch(some_totals(endpoint=wrong))
            assert answer == closing == NotSent(cause="unencodable")
            assert {entry["field"] for entry in logs} == {spec.TERMINAL}
            assert network.host.books.count == 0
