"""The link to a lender, against the sandbox: what is known after every kind of trouble."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bezant.core.bnpl import CustomerQuestion, Granted, PlansQuestion, Quote, Registered, Returned
from bezant.core.money import EGP, USD, Money
from bezant.core.outcomes import Declined, NotSent, Reason, Unresolved
from bezant.rails.lender import LenderLink, LenderRail
from bezant.rails.lender.codec import BODY_MAX
from bezant.rails.lender.sandbox import PHONES, ControlRefused, LenderControl, LenderSandbox
from tests.rails.lender_cases import PHONE, PROGRAM, a_loan, a_return, an_inquiry, line, terms

pytestmark = pytest.mark.anyio

NOTHING_LEFT_US = NotSent(cause="no connection")


class TestAQuestion:
    @pytest.mark.parametrize("phone", PHONES)
    async def test_finds_a_customer(self, phone: str) -> None:
        async with line() as to:
            assert await to.rail.customer(CustomerQuestion(program=PROGRAM, phone=phone)) == Registered()

    @pytest.mark.parametrize("phone", ["01220420000", "01111111111", "not a phone", "\u0661\u0662"])
    async def test_finds_nobody(self, phone: str) -> None:
        async with line() as to:
            answer = await to.rail.customer(CustomerQuestion(program=PROGRAM, phone=phone))
            assert isinstance(answer, Declined)
            assert answer.reason is Reason.UNKNOWN_CUSTOMER

    async def test_is_answered_by_plans(self) -> None:
        async with line() as to:
            quote = await to.rail.plans(PlansQuestion(program=PROGRAM, terms=terms(1_000_00)))
            assert isinstance(quote, Quote)
            figures = {
                plan.months: (plan.fee.minor, plan.installment.minor, plan.total.minor)
                for plan in quote.plans
            }
            assert (figures[6], figures[12]) == ((2500, 17083, 102500), (5000, 8750, 105000))
            assert list(figures) == sorted(figures)

    @pytest.mark.parametrize(
        ("facts", "reason"),
        [
            ({"minor": 1}, Reason.BELOW_MINIMUM),
            ({"minor": 90_000_000_00}, Reason.ABOVE_MAXIMUM),
            ({"wallet": 2_000_000_00}, Reason.WALLET_TOO_SMALL),
            ({"phone": "01000000000"}, Reason.UNKNOWN_CUSTOMER),
            ({"currency": USD}, Reason.CURRENCY_DIFFERS),
        ],
    )
    async def test_is_told_why_there_are_none(self, facts: dict[str, object], reason: Reason) -> None:
        async with line() as to:
            answer = await to.rail.plans(PlansQuestion(program=PROGRAM, terms=terms(**facts)))  # type: ignore[arg-type]  # a row of the table
            assert isinstance(answer, Declined)
            assert answer.reason is reason
            asked = a_loan(**facts)  # type: ignore[arg-type]  # as above
            assert await to.rail.grant(asked) == answer


class TestALoan:
    async def test_is_granted_and_given_back(self) -> None:
        async with line() as to:
            loan = a_loan(1_000_00)
            granted = await to.granted(loan)
            assert (granted.amount, granted.plan.total) == (Money(1_000_00, EGP), Money(1_025_00, EGP))
            assert (granted.loan_number[:2], granted.transaction_number[:3]) == ("VL", "VTX")
            for minor in (300_00, 700_00):
                answer = await to.rail.give_back(a_return(loan, granted, minor))
                assert isinstance(answer, Returned)
                assert answer.amount == Money(minor, EGP)
            more = await to.rail.give_back(a_return(loan, granted, 1))
            assert more == Declined(reason=Reason.EXCEEDS_REFUNDABLE, response_code="exceeds_original")
            assert (to.owed(), to.host.books.wrong()) == (0, [])

    async def test_is_granted_once_however_often_it_is_asked_for(self) -> None:
        async with line() as to:
            loan = a_loan()
            answers = await asyncio.gather(*(to.rail.grant(loan) for _ in range(50)))
            assert len(set(answers)) == 1
            assert to.owed() == 1_000_00
            other = await to.rail.grant(a_loan(2_000_00, reference=loan.reference))
            assert other == Declined(reason=Reason.DUPLICATE, response_code="reference_reused")

    async def test_is_not_granted_for_months_that_no_plan_has(self) -> None:
        async with line() as to:
            answer = await to.rail.grant(a_loan(months=7))
            assert answer == Declined(reason=Reason.PLAN_NOT_OFFERED, response_code="plan_not_offered")

    async def test_counts_towards_what_a_customer_may_owe(self) -> None:
        async with line() as to:
            to.host.books.register("01234", limit=1_500_00, wallet=0, cashback=0)
            first = a_loan(phone="01234")
            granted = await to.granted(first)
            over = Declined(reason=Reason.OVER_CUSTOMER_LIMIT, response_code="over_limit")
            assert await to.rail.grant(a_loan(phone="01234")) == over
            await to.rail.give_back(a_return(first, granted, 1_000_00))
            await to.granted(a_loan(phone="01234"))

    async def test_is_not_sent_past_its_deadline(self) -> None:
        async with line() as to:
            assert await to.rail.grant(a_loan(seconds=-1)) == NotSent(cause="too late")
            assert not to.host.seen

    async def test_is_not_sent_where_nobody_listens(self) -> None:
        host = LenderSandbox()
        await host.start()
        link = LenderLink(host.url)
        await host.stop()
        assert await LenderRail(link).grant(a_loan()) == NOTHING_LEFT_US
        await link.stop()

    @pytest.mark.parametrize("url", [None, "", "http://", "nonsense", "ftp://127.0.0.1/"])
    async def test_is_not_sent_where_there_is_no_lender(self, url: str | None) -> None:
        link = LenderLink(url)
        assert await LenderRail(link).grant(a_loan()) == NOTHING_LEFT_US
        await link.stop()

    @pytest.mark.parametrize(
        ("minor", "reason"),
        [
            (9_000_46, Reason.OVER_CUSTOMER_LIMIT),
            (9_000_47, Reason.WALLET_TOO_SMALL),
            (12_345_66, Reason.LENDER_DECLINED),
        ],
    )
    async def test_is_declined_by_its_amount(self, minor: int, reason: Reason) -> None:
        async with line() as to:
            answer = await to.rail.grant(a_loan(minor))
            assert isinstance(answer, Declined)
            assert answer.reason is reason
            await to.granted(a_loan(8_999_66))

    @pytest.mark.parametrize(("minor", "booked"), [(9_000_77, True), (9_000_78, False)])
    async def test_is_left_in_doubt_by_its_amount(self, minor: int, *, booked: bool) -> None:
        async with line() as to:
            loan = a_loan(minor)
            assert await to.rail.grant(loan) == Unresolved(cause="link lost")
            assert isinstance(await to.rail.inquire(an_inquiry(loan)), Granted if booked else Declined)


class TestAnAnswer:
    @pytest.mark.parametrize(
        ("step", "cause", "booked"),
        [
            ({"silent": True}, "time-out", True),
            ({"late": 5.0}, "time-out", True),
            ({"delay": 5.0}, "time-out", False),
            ({"drop": True}, "link lost", True),
            ({"half": True}, "link lost", True),
            ({"refuse": True}, "link lost", False),
            ({"garble": True}, "garbled", True),
            ({"mismatch": "amount"}, "mismatch", True),
            ({"mismatch": "reference"}, "mismatch", True),
            ({"status": 500}, "status", True),
            ({"status": 302}, "status", True),
            ({"status": 404}, "status", True),
        ],
        ids=str,
    )
    async def test_that_cannot_be_trusted_leaves_it_unresolved(
        self, step: dict[str, object], cause: str, *, booked: bool
    ) -> None:
        async with line(read_seconds=0.3) as to:
            to.script(step)
            loan = a_loan()
            assert await to.rail.grant(loan) == Unresolved(cause=cause)
            became = await to.rail.inquire(an_inquiry(loan))
            if booked:
                assert isinstance(became, Granted)
            else:
                assert became == Declined(reason=Reason.NOT_BOOKED, response_code="not_booked")
            assert to.owed() == (1_000_00 if booked else 0)

    @pytest.mark.parametrize("step", [{"garble": True}, {"drop": True}, {"status": 503}], ids=str)
    async def test_to_a_question_or_an_inquiry_may_be_lost_too(self, step: dict[str, object]) -> None:
        async with line() as to:
            to.script(step, repeat=True)
            customer = await to.rail.customer(CustomerQuestion(program=PROGRAM, phone=PHONE))
            assert isinstance(customer, Unresolved)
            plans = await to.rail.plans(PlansQuestion(program=PROGRAM, terms=terms()))
            assert isinstance(plans, Unresolved)
            assert isinstance(await to.rail.inquire(an_inquiry(a_loan())), Unresolved)

    async def test_of_a_message_that_a_network_doubled_is_one(self) -> None:
        async with line() as to:
            to.script({"duplicate": True})
            await to.granted(a_loan())
            assert to.owed() == 1_000_00


class TestAnInquiry:
    async def test_keeps_out_a_message_that_is_still_on_its_way(self) -> None:
        async with line(read_seconds=0.2) as to:
            to.script({"delay": 0.6})
            loan = a_loan()
            assert await to.rail.grant(loan) == Unresolved(cause="time-out")
            not_booked = Declined(reason=Reason.NOT_BOOKED, response_code="not_booked")
            assert await to.rail.inquire(an_inquiry(loan)) == not_booked
            await asyncio.sleep(0.6)
            assert await to.rail.inquire(an_inquiry(loan)) == not_booked
            assert await to.rail.grant(loan) == not_booked
            assert to.owed() == 0

    async def test_tells_what_a_return_came_to(self) -> None:
        async with line() as to:
            loan = a_loan()
            back = a_return(loan, await to.granted(loan), 400_00)
            to.script({"drop": True}, ask="return")
            assert await to.rail.give_back(back) == Unresolved(cause="link lost")
            became = await to.rail.inquire(an_inquiry(back))
            assert isinstance(became, Returned)
            assert became == await to.rail.give_back(back)
            assert to.owed() == 600_00

    async def test_tells_why_a_loan_was_declined(self) -> None:
        async with line() as to:
            to.script({"decline": "declined"})
            loan = a_loan()
            assert await to.rail.grant(loan) == await to.rail.inquire(an_inquiry(loan))


class TestALenderThatIsHostile:
    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (BODY_MAX + 1),
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + b"x" * 0x8000 + b"\r\n",
            b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"y" * 100_000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
            b"HTTP/1.1 307 Moved\r\nLocation: /v1/loans\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/9.9 banana\r\n\r\n",
            b"\x16\x03\x01\x00\x00",
            b"",
        ],
        ids=["big", "chunked", "header", "gzip", "redirect", "version", "tls", "nothing"],
    )
    async def test_grants_nothing_by_what_it_writes(self, answer: bytes) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1 << 16)
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()[:2]
        link = LenderLink(f"http://{host}:{port}", read_timeout_seconds=2.0)
        assert isinstance(await LenderRail(link).grant(a_loan()), Unresolved)
        await link.stop()
        server.close()
        await server.wait_closed()


class TestTheBooks:
    async def test_outlive_the_lender(self, tmp_path: Path) -> None:
        loan = a_loan()
        async with line(books=tmp_path / "lender.db") as to:
            granted = await to.granted(loan)
            with pytest.raises(BlockingIOError):
                await LenderSandbox(books=tmp_path / "lender.db").start()
        async with line(books=tmp_path / "lender.db") as to:
            assert await to.rail.grant(loan) == granted
            assert to.owed() == 1_000_00


class TestTheControl:
    async def test_registers_offers_scripts_and_shows(self) -> None:
        async with line() as to:
            assert to.host.control_address is not None
            control = LenderControl(to.host.control_address)
            await control.register("01000000009", limit=10_000_00)
            await control.offer(months=(3,), basis_points=1200)
            granted = await to.granted(a_loan(months=3, phone="01000000009"))
            assert (granted.plan.fee.minor, granted.plan.installment.minor) == (30_00, 343_33)
            await control.script({"decline": "declined"}, match={"ask": "loan"}, repeat=True)
            assert isinstance(await to.rail.grant(a_loan(months=3)), Declined)
            assert await control.clear_scripts() == 1
            entries = await control.entries(PROGRAM)
            assert [entry["code"] for entry in entries] == ["approved", "declined"]
            assert (await control.seen(), await control.wrong()) == ({"loan": 2}, [])
            await control.reset()
            assert await control.entries() == []
            assert isinstance(await to.rail.grant(a_loan(months=6)), Granted)

    @pytest.mark.parametrize(
        "step", [{"declin": "x"}, {"decline": "approved"}, {"late": -1}, {"status": 200}, {"mismatch": "all"}]
    )
    async def test_refuses_a_step_that_means_nothing(self, step: dict[str, object]) -> None:
        async with line() as to:
            assert to.host.control_address is not None
            control = LenderControl(to.host.control_address)
            with pytest.raises(ControlRefused):
                await control.script(step)
            with pytest.raises(ControlRefused):
                await control.script()

    async def test_refuses_a_phone_that_is_nobodys(self) -> None:
        async with line() as to:
            assert to.host.control_address is not None
            with pytest.raises(ControlRefused):
                await LenderControl(to.host.control_address).register("01220420000")

    async def test_that_is_not_there_is_an_os_error(self) -> None:
        with pytest.raises(OSError, match="no sandbox lender"):
            await LenderControl(("127.0.0.1", 1)).seen()
