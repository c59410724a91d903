"""``bezant sandbox --with``: the far ends in a process of their own, asked by the commands beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bezant.core.bnpl import CustomerQuestion, Granted, Registered
from bezant.core.deliveries import Answered, Letter
from bezant.core.gift import Ask
from bezant.core.gift import Granted as GiftGranted
from bezant.core.outcomes import Declined
from bezant.core.sensitive import Secret
from bezant.rails.gift import GiftLink, GiftRail
from bezant.rails.lender import LenderLink, LenderRail
from bezant.rails.mail import Security, SmtpSender
from bezant.rails.sms import HttpTexts
from tests.rails.gift_cases import message
from tests.rails.lender_cases import PROGRAM, a_loan
from tests.support import forks

pytestmark = pytest.mark.anyio

_PORTS = (
    "port",
    "control-port",
    "gift-port",
    "gift-control-port",
    "lender-port",
    "lender-control-port",
    "sms-port",
    "mail-port",
    "mail-control-port",
)
LETTER = Letter(
    to="payer@example.com",
    sender="Demo Merchant",
    subject="Your receipt",
    text="Total: $20.00\n",
    html="<p>Total: $20.00</p>\n",
    language="en",
    reference="0123456789abcdef",
)
FREE = tuple(word for name in _PORTS for word in (f"--{name}", "0"))


@contextmanager
def running(home: Path, *arguments: str) -> Iterator[dict[str, str]]:
    """The far ends, and where they say they are."""
    command = [sys.executable, "-m", "bezant", "sandbox", *FREE, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=_environment(home)) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()


def typed(home: Path, *arguments: str) -> Any:
    """What a command prints as JSON."""
    done = forks.run((*arguments, "--json"), environment=_environment(home))
    return json.loads(done.stdout) if done.returncode == 0 else (done.returncode, done.stderr)


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "BEZANT_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


class TestTheFarEnds:
    async def test_run_together_and_answer_questions(self, tmp_path: Path) -> None:
        with running(tmp_path, "--with", "all", "--books-in", str(tmp_path)) as at:
            assert list(at) == [
                "acquirer",
                "control",
                "gift",
                "gift_control",
                "lender",
                "lender_control",
                "sms",
                "mail",
                "mail_control",
            ]
            gift = GiftLink(_address(at["gift"]))
            assert isinstance(await GiftRail(gift).send(message(Ask.BALANCE, minor=0)), GiftGranted)
            await gift.stop()

            control = ("--control", at["lender_control"])
            assert typed(tmp_path, "sandbox", "lender", "register", "01000000009", *control)
            assert typed(tmp_path, "sandbox", "lender", "plans", "3", *control)["months"] == [3]
            assert typed(
                tmp_path, "sandbox", "lender", "script", "decline=declined", "--ask", "loan", *control
            )
            link = LenderLink(at["lender"])
            rail = LenderRail(link)
            question = CustomerQuestion(program=PROGRAM, phone="01000000009")
            assert await rail.customer(question) == Registered()
            assert isinstance(await rail.grant(a_loan(months=3)), Declined)
            assert isinstance(await rail.grant(a_loan(months=3)), Granted)
            await link.stop()
            codes = [entry["code"] for entry in typed(tmp_path, "sandbox", "lender", "books", *control)]
            assert codes == ["declined", "approved"]
            assert typed(tmp_path, "sandbox", "lender", "stats", *control)["loan"] == 2
            status, said = typed(tmp_path, "sandbox", "lender", "script", "decline=approved", *control)
            assert (status, said.count("\n")) == (1, 1)
            assert typed(tmp_path, "sandbox", "lender", "clear", *control) == {"cleared": 0}

            texts = HttpTexts(at["sms"])
            assert await texts.send(phone="01220422223", text=Secret("123456 is your password"))
            await texts.stop()
            inbox = ("--inbox", at["sms"].removeprefix("http://").partition("/")[0])
            (got,) = typed(tmp_path, "sms", "list", "--phone", "01220422223", *inbox)
            assert got["text"] == "123456 is your password"
            assert typed(tmp_path, "sms", "clear", *inbox)
            assert typed(tmp_path, "sms", "list", *inbox) == []

            relay = SmtpSender(
                _address(at["mail"]), sender="receipts@pay.example.com", security=Security.NONE
            )
            assert await relay.post(LETTER) == Answered(status=250)
            inbox = ("--inbox", at["mail_control"])
            (row,) = typed(tmp_path, "mail", "list", "--to", LETTER.to, *inbox)
            assert (row["number"], row["subject"]) == (1, LETTER.subject)
            assert typed(tmp_path, "mail", "show", "1", *inbox)["text"] == LETTER.text
            assert typed(tmp_path, "mail", "clear", *inbox)
            assert typed(tmp_path, "mail", "list", *inbox) == []

    async def test_are_found_by_the_demo_that_runs_them(self, tmp_path: Path) -> None:
        with running(tmp_path, "--with", "lender", "--with", "sms") as at:
            assert list(at) == ["acquirer", "control", "lender", "lender_control", "sms"]
            (tmp_path / "demo.json").write_text(json.dumps({"sandbox": at}))
            assert typed(tmp_path, "sandbox", "lender", "books") == []
            assert typed(tmp_path, "sms", "list") == []

    def test_keep_their_books_to_themselves(self, tmp_path: Path) -> None:
        beside = ("--with", "lender", "--books-in", str(tmp_path))
        with running(tmp_path, *beside):
            status, said = typed_plainly(tmp_path, "sandbox", *FREE, *beside)
            assert (status, said.count("\n")) == (1, 1)
            assert "lender.db" in said

    @pytest.mark.parametrize(
        "command",
        [
            ("sandbox", "lender", "stats", "--control", "127.0.0.1:1"),
            ("sms", "list", "--inbox", "127.0.0.1:1"),
            ("mail", "list", "--inbox", "127.0.0.1:1"),
        ],
    )
    def test_that_do_not_run_are_told_in_one_line(self, tmp_path: Path, command: tuple[str, ...]) -> None:
        status, said = typed(tmp_path, *command)
        assert (status, said.count("\n")) == (1, 1)

    @pytest.mark.parametrize("step", ["jump", "late=soon", "status=200", "drop,drop"])
    def test_take_no_step_that_means_nothing(self, tmp_path: Path, step: str) -> None:
        status, said = typed(tmp_path, "sandbox", "lender", "script", step)
        assert (status, said.count("\n")) == (2, 1)


def typed_plainly(home: Path, *arguments: str) -> tuple[int, str]:
    """The exit status of a command, and what it said on standard error."""
    done = forks.run(arguments, environment=_environment(home))
    return done.returncode, done.stderr
