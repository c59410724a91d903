"""Mails and text messages of a gateway that dies and comes back, over a relay that comes and goes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from bezant.core.merchants import RefundFactor
from bezant.rails.mail.sandbox import Mail, MailSandbox
from bezant.rails.sms.sandbox import SmsSandbox
from tests.e2e.valor.shop import VISA, Office, Till, approved
from tests.support.books import come_to_rest, disagreements, violations
from tests.support.gateway import DATABASES, SWIFT, Answer, eventually, free_port, gateway_on

PHONE = "+12015550123"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A relay and a gateway for text messages, both beside the gateway, in processes that outlive it."""

    portal: BlockingPortal
    relay: MailSandbox
    phones: SmsSandbox

    def mails(self, address: str) -> list[Mail]:
        """What a mail box has got, oldest first."""
        return [mail for mail in self.relay.mails if mail.to == [address]]

    def mail(self, address: str, subject: str) -> Mail:
        """The one mail with that in its subject, as soon as it is there."""
        (mail,) = eventually(lambda: [each for each in self.mails(address) if subject in each.subject])
        return mail

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Nobody takes mails in here."""
        self.portal.call(self.relay.stop)
        try:
            yield
        finally:
            self.portal.call(self.relay.start)


@pytest.fixture(scope="module")
def post() -> Iterator[Post]:
    relay, phones = MailSandbox(port=free_port(), control_port=free_port()), SmsSandbox()
    with start_blocking_portal() as portal:
        portal.call(relay.start)
        portal.call(phones.start)
        yield Post(portal=portal, relay=relay, phones=phones)
        portal.call(phones.stop)
        portal.call(relay.stop)


@pytest.fixture(scope="module", params=DATABASES)
def office(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, post: Post
) -> Iterator[Office]:
    host, port = post.relay.address
    settings = {
        **SWIFT,
        "BEZANT_SMTP": f"{host}:{port}",
        "BEZANT_SMTP_SECURITY": "none",
        "BEZANT_SMS": post.phones.url,
        "BEZANT_MESSAGE_PAUSE_SECONDS": "1",
    }
    home, postgres = tmp_path_factory.mktemp("notices"), partial(request.getfixturevalue, "postgres")
    with gateway_on(request.param, home, postgres=postgres, settings=settings) as gateway:
        with Office(gateway, smtp=settings["BEZANT_SMTP"]) as office:
            yield office
        come_to_rest(gateway)
        assert disagreements(gateway) + violations(gateway) == []


@pytest.fixture
def till(office: Office) -> Till:
    return office.board().tills[0]


@pytest.fixture
def payer(till: Till) -> str:
    """Somebody's mail box, of nobody else's."""
    return f"payer.{till.epi}@example.com"


class TestAReceipt:
    def test_arrives_where_it_was_sent_to(self, post: Post, till: Till, payer: str) -> None:
        sale = till.sale("20.00", orderdescription=f"card {VISA}")
        answer = approved(_receipt(till, sale, email=payer, phone=PHONE))
        assert answer["desc"] == "EMAIL SENT SUCCESSFULLY"
        url = approved(till.call("fetchReceipt", receipt_type=1, ref_txn_id=sale["txnid"]))["eReceipt"]
        mail = post.mail(payer, "receipt")
        (message,) = eventually(lambda: [each for each in post.phones.messages if url in each.text])
        assert message.to == PHONE
        for text in (mail.text, mail.html):
            assert all(word in text for word in ("$20.00", "XXXX1111", sale["approval_code"], url))
            assert VISA not in text

    def test_can_be_sent_five_times_an_hour(self, post: Post, till: Till, payer: str) -> None:
        sale = till.sale()
        for _ in range(5):
            approved(_receipt(till, sale, email=payer))
        busy = _receipt(till, sale, email=payer)
        assert (busy.status, busy.body["error_no"]) == (503, "E110")
        eventually(lambda: len(post.mails(payer)) == 5)

    @pytest.mark.parametrize(
        "email",
        ["a@example.com\r\nBcc: b@example.com", "a@example.com,b@example.com", "<a@example.com>", "a"],
    )
    def test_goes_to_no_text_that_is_no_address(self, till: Till, email: str) -> None:
        assert _receipt(till, till.sale(), email=email).status == 400

    def test_is_sent_though_the_relay_was_away_and_the_gateway_was_killed(
        self, post: Post, office: Office, till: Till, payer: str
    ) -> None:
        sale = till.sale()
        with post.closed():
            approved(_receipt(till, sale, email=payer))
            eventually(lambda: _was_tried(office, till), every_seconds=0.02)
            office.gateway.kill()
        office.gateway.start()
        eventually(lambda: post.mails(payer))


class TestALink:
    def test_arrives_and_arrives_again_when_it_is_changed(self, post: Post, till: Till, payer: str) -> None:
        made = approved(till.call("sale", epage=1, amount="12.34", email=payer))
        first = post.mail(payer, "asks you to pay $12.34")
        assert f"/pay/{made['uid']}" in first.text
        approved(till.call("sale", epage=1, uid=made["uid"], amount="43.21", email=payer))
        assert f"/pay/{made['uid']}" in post.mail(payer, "asks you to pay $43.21").text


class TestAOneTimePassword:
    def test_reaches_a_real_merchants_people_and_lets_them_refund(self, post: Post, office: Office) -> None:
        shop = office.board(sandbox=False)
        till = shop.tills[0]
        people = f"people.{till.epi}@example.com"
        office.guard_refunds(shop, RefundFactor(enabled=True, email=people, phone=PHONE))
        sale = till.sale()
        uuid = eventually(lambda: _challenge(till))
        (proof,) = eventually(lambda: [_password(mail) for mail in post.mails(people)])
        approved(till.refund(sale, "5.00", otp=proof, uuid=uuid))
        assert proof not in office.gateway.log_text()
        assert people not in office.gateway.log_text()


def _receipt(till: Till, sale: dict[str, Any], **to: str) -> Answer:
    return till.call("eReceipt", receipt_type=1, ref_txn_id=sale["txnid"], **to)


def _challenge(till: Till) -> str | None:
    """The challenge of a refund, once the gateway knows that it needs one."""
    asked = {**till.keys, "action": "ecomm_refund", "amount": "5.00", "sandbox": 0}
    target = "/?main_action=Manage2FA&operation=ecommRefund"
    response = till.gateway.post(json.dumps(asked).encode(), JSON, target=target).body["response"]
    return str(response["uuid"]) if response["is_enable_2fa"] == 1 else None


def _password(mail: Mail) -> str:
    found = re.search(r"[0-9]{6}", mail.text, re.ASCII)
    assert found is not None, mail
    return found[0]


def _was_tried(office: Office, till: Till) -> bool:
    """Whether what the merchant has sent was tried, and waits to be tried again."""
    statement = """
        SELECT d.delivery_id FROM deliveries d JOIN merchants m ON m.merchant_id = d.merchant_id
        WHERE m.app_id = :app AND d.state = 'due' AND d.tries > 0
    """
    return bool(office.gateway.rows(statement, app=till.appid))
