"""What a gift host's cards do: every request, once, and never below nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bezant.core.gift import Ask
from bezant.rails.gift.codec import Reply, Request
from bezant.rails.gift.sandbox import TEST_CARDS
from bezant.rails.gift.sandbox.books import LOADED_IN_A_DAY_MAX, Books
from tests.support.tree import ROOT

ACTIVE, LOW = TEST_CARDS["active"], TEST_CARDS["low"]
STOCK = TEST_CARDS["inactive"].number
NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)
_references = count(1)


class Desk:
    """Books with a clock that goes on when it is told to."""

    def __init__(self, path: Path | None = None) -> None:
        self.now = NOON
        self.books = Books(path, now=lambda: self.now)

    def ask(self, ask: Ask, minor: int = 0, **said: str) -> Reply:
        """Perform a request that is new unless it is given a reference."""
        request = {"reference": f"r{next(_references)}", "program": "ours", **said}
        if "number" not in request and "original" not in request:
            request["number"] = LOW.number
        return self.books.perform(
            Request(id=1, ask=ask, terminal="2319916062", amount=minor, currency="USD", **request)
        )

    def balance(self, number: str = LOW.number, program: str = "ours") -> int:
        """What a card holds."""
        card = self.books.card(program, number)
        assert card is not None
        balance: int = card["balance"]
        return balance


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestARedemption:
    def test_takes_what_the_card_holds_and_not_more(self, desk: Desk) -> None:
        assert desk.ask(Ask.REDEEM, 6_00).balance == 4_00
        assert desk.ask(Ask.REDEEM, 4_01).code == "insufficient_balance"
        assert desk.ask(Ask.REDEEM, 4_00).balance == 0
        assert desk.ask(Ask.REDEEM, 1).code == "insufficient_balance"

    @pytest.mark.parametrize(
        ("number", "code"),
        [
            ("7319520000019131779", "unknown_card"),
            ("731952000001913", "unknown_card"),
            (STOCK, "not_active"),
            (TEST_CARDS["expired"].number, "expired"),
            (TEST_CARDS["empty"].number, "insufficient_balance"),
        ],
    )
    def test_is_refused_on_a_card_that_is_not_good(self, desk: Desk, number: str, code: str) -> None:
        assert desk.ask(Ask.REDEEM, 1_00, number=number).code == code

    def test_that_is_sent_again_is_carried_out_once(self, desk: Desk) -> None:
        first, again = (desk.ask(Ask.REDEEM, 6_00, reference="same") for _ in range(2))
        assert first == again
        assert desk.balance() == 4_00

    def test_under_the_name_of_another_is_refused(self, desk: Desk) -> None:
        desk.ask(Ask.REDEEM, 1_00, reference="same")
        assert desk.ask(Ask.REDEEM, 2_00, reference="same").code == "reference_reused"
        assert desk.balance() == 9_00


class TestAPin:
    @pytest.mark.parametrize("pin", ["00000417", "417", "0417"])
    def test_is_right_with_or_without_its_zeros(self, desk: Desk, pin: str) -> None:
        assert desk.ask(Ask.REDEEM, 1, pin=pin).code == "approved"

    def test_need_not_be_given(self, desk: Desk) -> None:
        assert desk.ask(Ask.REDEEM, 1).code == "approved"

    def test_is_not_taken_after_five_wrong_ones_for_a_day(self, desk: Desk) -> None:
        for _ in range(5):
            assert desk.ask(Ask.BALANCE, pin="1").code == "wrong_pin"
        assert desk.ask(Ask.BALANCE, pin="417").code == "wrong_pin"
        desk.now += timedelta(hours=24)
        assert desk.ask(Ask.BALANCE, pin="417").code == "approved"

    def test_counts_wrong_ones_in_a_row_only(self, desk: Desk) -> None:
        for _ in range(3):
            for _ in range(4):
                desk.ask(Ask.BALANCE, pin="1")
            assert desk.ask(Ask.BALANCE, pin="417").code == "approved"


class TestActivation:
    def test_makes_a_card_usable_once(self, desk: Desk) -> None:
        assert desk.ask(Ask.ACTIVATE, 25_00, number=STOCK).balance == 25_00
        assert desk.ask(Ask.ACTIVATE, number=STOCK).code == "already_active"
        assert desk.ask(Ask.REDEEM, 25_00, number=STOCK).code == "approved"

    def test_may_begin_with_nothing(self, desk: Desk) -> None:
        assert desk.ask(Ask.ACTIVATE, number=STOCK).balance == 0

    def test_ends_with_deactivation_which_pays_the_rest_out(self, desk: Desk) -> None:
        desk.ask(Ask.ACTIVATE, 25_00, number=STOCK)
        gone = desk.ask(Ask.DEACTIVATE, number=STOCK)
        assert (gone.amount, gone.balance) == (25_00, 0)
        for ask in (Ask.DEACTIVATE, Ask.LOAD, Ask.REDEEM):
            assert desk.ask(ask, 1, number=STOCK).code == "not_active"
        assert desk.ask(Ask.ACTIVATE, 1_00, number=STOCK).balance == 1_00


class TestALoad:
    def test_is_limited_in_a_day(self, desk: Desk) -> None:
        assert desk.ask(Ask.LOAD, LOADED_IN_A_DAY_MAX).code == "approved"
        assert desk.ask(Ask.LOAD, 1).code == "limit_exceeded"
        desk.now += timedelta(days=1)
        assert desk.ask(Ask.LOAD, 1).code == "approved"

    def test_fills_no_card_beyond_its_limit(self, desk: Desk) -> None:
        for _ in range(5):
            assert desk.ask(Ask.LOAD, LOADED_IN_A_DAY_MAX, number=ACTIVE.number).code == "approved"
            desk.now += timedelta(days=1)
        assert desk.ask(Ask.LOAD, LOADED_IN_A_DAY_MAX, number=ACTIVE.number).code == "limit_exceeded"


class TestARefund:
    def test_gives_back_what_was_redeemed_and_not_more(self, desk: Desk) -> None:
        desk.ask(Ask.REDEEM, 6_00, reference="sale")
        assert desk.ask(Ask.REFUND, 4_00, original="sale").balance == 8_00
        assert desk.ask(Ask.REFUND, 2_01, original="sale").code == "exceeds_original"
        assert desk.ask(Ask.REFUND, 2_00, original="sale").balance == 10_00

    def test_of_nothing_that_was_redeemed_is_refused(self, desk: Desk) -> None:
        desk.ask(Ask.LOAD, 1_00, reference="load")
        for original in ("load", "nothing"):
            assert desk.ask(Ask.REFUND, 1_00, original=original).code == "unknown_original"


class TestAVoid:
    def test_takes_back_once(self, desk: Desk) -> None:
        desk.ask(Ask.REDEEM, 6_00, reference="sale")
        assert desk.ask(Ask.VOID, 6_00, original="sale").balance == 10_00
        assert desk.ask(Ask.VOID, 6_00, original="sale").code == "already_voided"

    def test_of_a_load_that_was_spent_is_refused_and_changes_nothing(self, desk: Desk) -> None:
        desk.ask(Ask.LOAD, 5_00, reference="load")
        desk.ask(Ask.REDEEM, 12_00)
        assert desk.ask(Ask.VOID, 5_00, original="load").code == "insufficient_balance"
        assert desk.balance() == 3_00
        desk.ask(Ask.LOAD, 2_00)
        assert desk.ask(Ask.VOID, 5_00, original="load").balance == 0

    def test_of_an_activation_makes_the_card_inactive(self, desk: Desk) -> None:
        desk.ask(Ask.ACTIVATE, 5_00, number=STOCK, reference="activation")
        assert desk.ask(Ask.VOID, 5_00, original="activation").balance == 0
        assert desk.ask(Ask.REDEEM, 1, number=STOCK).code == "not_active"
        assert desk.ask(Ask.ACTIVATE, 1_00, number=STOCK).code == "approved"

    def test_of_a_deactivation_makes_the_card_good_again(self, desk: Desk) -> None:
        desk.ask(Ask.DEACTIVATE, reference="gone")
        assert desk.ask(Ask.VOID, original="gone").balance == 10_00
        assert desk.ask(Ask.REDEEM, 10_00).code == "approved"

    def test_puts_nothing_on_a_card_that_was_paid_out(self, desk: Desk) -> None:
        desk.ask(Ask.REDEEM, 6_00, reference="sale")
        desk.ask(Ask.DEACTIVATE)
        assert desk.ask(Ask.VOID, 6_00, original="sale").code == "not_active"

    def test_of_what_was_partly_refunded_is_refused(self, desk: Desk) -> None:
        desk.ask(Ask.REDEEM, 6_00, reference="sale")
        desk.ask(Ask.REFUND, 1_00, original="sale")
        assert desk.ask(Ask.VOID, 6_00, original="sale").code == "exceeds_original"


class TestACancellation:
    def test_undoes_what_was_done(self, desk: Desk) -> None:
        desk.ask(Ask.REDEEM, 6_00, reference="sale")
        for _ in range(2):
            assert desk.ask(Ask.CANCEL, original="sale", reference="sale-cancel").code == "approved"
        assert desk.balance() == 10_00

    def test_holds_before_its_original_comes(self, desk: Desk) -> None:
        assert desk.ask(Ask.CANCEL, original="sale").code == "approved"
        assert desk.ask(Ask.REDEEM, 6_00, reference="sale").code == "cancelled"
        assert desk.balance() == 10_00

    def test_of_what_was_refused_needs_nothing(self, desk: Desk) -> None:
        desk.ask(Ask.REDEEM, 60_00, reference="sale")
        assert desk.ask(Ask.CANCEL, original="sale").code == "approved"
        assert desk.balance() == 10_00

    def test_of_a_void_puts_its_original_in_force(self, desk: Desk) -> None:
        desk.ask(Ask.REDEEM, 6_00, reference="sale")
        desk.ask(Ask.VOID, 6_00, original="sale", reference="void")
        assert desk.ask(Ask.CANCEL, original="void").code == "approved"
        assert desk.balance() == 4_00
        assert desk.ask(Ask.VOID, 6_00, original="sale").balance == 10_00

    def test_of_a_refund_frees_it(self, desk: Desk) -> None:
        desk.ask(Ask.REDEEM, 6_00, reference="sale")
        desk.ask(Ask.REFUND, 6_00, original="sale", reference="refund")
        assert desk.ask(Ask.CANCEL, original="refund").balance == 4_00
        assert desk.ask(Ask.REFUND, 6_00, original="sale").balance == 10_00

    def test_of_a_load_waits_until_the_money_is_there(self, desk: Desk) -> None:
        desk.ask(Ask.LOAD, 5_00, reference="load")
        desk.ask(Ask.REDEEM, 15_00)
        for code in ("insufficient_balance", "insufficient_balance"):
            assert desk.ask(Ask.CANCEL, original="load", reference="load-cancel").code == code
        desk.ask(Ask.LOAD, 5_00)
        assert desk.ask(Ask.CANCEL, original="load", reference="load-cancel").balance == 0


class TestAProgram:
    def test_has_cards_and_names_of_its_own(self, desk: Desk) -> None:
        desk.ask(Ask.REDEEM, 6_00, reference="sale")
        assert desk.balance(program="theirs") == 10_00
        assert desk.ask(Ask.VOID, 6_00, original="sale", program="theirs").code == "unknown_original"
        assert desk.ask(Ask.REDEEM, 10_00, reference="sale", program="theirs").balance == 0


class TestAFile:
    KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from bezant.core.gift import Ask
from bezant.rails.gift.codec import Request
from bezant.rails.gift.sandbox.books import Books
books = Books(Path(sys.argv[1]), now=lambda: datetime.now(UTC))
for n in range(3):
    books.perform(Request(id=1, ask=Ask.REDEEM, reference=f"k{n}", program="ours", terminal="2", amount=1_00,
                          currency="USD", number=sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""

    def test_outlives_a_killed_process(self, tmp_path: Path) -> None:
        path = tmp_path / "gift.db"
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        killed = subprocess.run(
            [sys.executable, "-c", self.KILLED, str(path), LOW.number], check=False, env=environment
        )
        assert killed.returncode == -signal.SIGKILL
        desk = Desk(path)
        assert desk.balance() == 7_00
        again = desk.ask(Ask.REDEEM, 1_00, reference="k2", number=LOW.number)
        assert again.code == "reference_reused"  # it came from another terminal there
        assert desk.books.wrong() == []
        desk.books.close()

    def test_never_has_a_card_number_or_a_pin(self, tmp_path: Path) -> None:
        desk = Desk(tmp_path / "gift.db")
        desk.ask(Ask.REDEEM, 1_00, pin="00000417")
        desk.ask(Ask.REDEEM, 1_00, number="7319520000099999999")
        found = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        for secret in (LOW.number, "7319520000099999999", "00000417"):
            assert secret.encode() not in found
        assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())
        desk.books.close()

    def test_is_one_process_at_a_time(self, tmp_path: Path) -> None:
        desk = Desk(tmp_path / "gift.db")
        with pytest.raises(BlockingIOError):
            Desk(tmp_path / "gift.db")
        desk.books.close()


class Everything(RuleBasedStateMachine):
    """Anything in any order: no card below nothing, and each holds what was moved."""

    NUMBERS = (LOW.number, STOCK, ACTIVE.number)

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.named: list[str] = ["nothing"]

    @rule(
        ask=st.sampled_from([Ask.ACTIVATE, Ask.LOAD, Ask.REDEEM, Ask.DEACTIVATE]),
        minor=st.integers(0, 20_00),
        number=st.sampled_from(NUMBERS),
    )
    def move(self, ask: Ask, minor: int, number: str) -> None:
        self._name(self.desk.ask(ask, minor, number=number))

    @rule(ask=st.sampled_from([Ask.REFUND, Ask.VOID, Ask.CANCEL]), minor=st.integers(1, 9_00), data=st.data())
    def refer(self, ask: Ask, minor: int, data: st.DataObject) -> None:
        original = data.draw(st.sampled_from(self.named))
        self._name(self.desk.ask(ask, minor, original=original))

    def _name(self, reply: Reply) -> None:
        self.named.append(reply.reference)

    @invariant()
    def adds_up(self) -> None:
        assert self.desk.books.wrong() == []
        assert all(self.desk.balance(number) >= 0 for number in self.NUMBERS)

    def teardown(self) -> None:
        self.desk.books.close()


TestAnyOrder = Everything.TestCase
TestAnyOrder.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
