"""Links on a gateway that dies and comes back, and shops' servers that are told late."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from bezant.core.invoices import Result
from tests.e2e.valor.shop import Office, Till, approved
from tests.support.aps import Notice, Receiver
from tests.support.books import come_to_rest, disagreements, violations
from tests.support.gateway import DATABASES, SWIFT, eventually, gateway_on
from tests.support.payer import BAD, Payer

SETTINGS = {
    **SWIFT,
    "BEZANT_NOTICE_RETRIES": "3",
    "BEZANT_NOTICE_PAUSE_SECONDS": "0.3",
    "BEZANT_NOTICE_SECONDS": "2",
}
ANSWERED = "invoice.answered"
POINTS = (ANSWERED, "payment.answered", "invoice.paying")
CALLED_BACK = [
    *("error_no", "success_url", "error_code", "amount", "tax", "customfee", "msg", "desc"),
    *("additional_info", "clerk_id", "clerk_name", "clerk_label", "additionalKeyOne", "additionalKeyTwo"),
    *("additionalValueOne", "additionalValueTwo", "approval_code", "rrn", "txnid", "created_date"),
    *("created_time", "tran_no", "stan", "batch_no", "is_partial_approve", "partial_amount", "pan"),
    *("card_type", "phone_number", "email_id", "zip", "card_holder_name", "expiry_date", "address", "epi"),
    *("channel", "orderdescription", "invoicenumber", "token", "card_brand", "netamt", "uid"),
]
"""A sale's keys and ``uid`` (which of them a public client reads: token, invoicenumber, txnid, uid)."""


@pytest.fixture(scope="module", params=DATABASES)
def office(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home, postgres = tmp_path_factory.mktemp("links"), partial(request.getfixturevalue, "postgres")
    with gateway_on(request.param, home, postgres=postgres, settings=SETTINGS) as gateway:
        with Office(gateway) as office:
            yield office
        come_to_rest(gateway)
        assert disagreements(gateway) + violations(gateway) == []


@pytest.fixture(scope="module")
def payer(office: Office) -> Iterator[Payer]:
    with Payer(office.gateway) as payer:
        yield payer


@pytest.fixture
def till(office: Office) -> Till:
    return office.board().tills[0]


@pytest.fixture
def server() -> Iterator[Receiver]:
    """A shop's own server."""
    with Receiver().serving() as receiver:
        yield receiver


def page(till: Till, **said: Any) -> str:
    uid: str = approved(till.call("sale", epage=1, **{"amount": "20.00", **said}))["uid"]
    return uid


def status(till: Till, uid: str) -> str:
    """How the list shows a link."""
    (row,) = [r for r in till.call("getEinvoice", date_filter=9).body["data"] if r["UID"] == uid]
    found: str = row["STATUS"]
    return found


def uids_of(told: list[Notice]) -> set[str]:
    return {json.loads(notice.body)["uid"] for notice in told}


@dataclass(frozen=True, slots=True)
class Killed:
    """Links whose payers were killed, by the point at which, before the gateway itself was and came back."""

    uids: dict[str, str]
    told: list[Notice]
    before: dict[str, tuple[str, dict[str, tuple[int, int]]]]
    """How each stood between the two deaths, and what the host had booked."""
    tills: dict[str, Till]


@pytest.fixture(scope="module")
def killed(office: Office, payer: Payer) -> Iterator[Killed]:
    with Receiver().serving() as server:
        tills = {point: office.board().tills[0] for point in POINTS}
        uids = {point: page(till, redirect_url=server.url) for point, till in tills.items()}
        with ThreadPoolExecutor(len(POINTS)) as payers:
            list(payers.map(payer.die_paying, uids.values(), POINTS))
        before = {point: (status(till, uids[point]), till.booked()) for point, till in tills.items()}
        office.gateway.kill()
        office.gateway.start()
        yield Killed(uids, server.notices, before, tills)


class TestAPayerThatIsKilled:
    def test_after_the_charge_was_stored_has_paid(self, killed: Killed, payer: Payer) -> None:
        till, uid = killed.tills[ANSWERED], killed.uids[ANSWERED]
        assert status(till, uid) == "PAID"
        assert payer.pay(uid, attempt="2").result is Result.CLOSED
        assert till.booked() == {"sale": (1, 20_00)}

    def test_after_the_charge_was_stored_has_the_shop_told(self, killed: Killed) -> None:
        eventually(lambda: uids_of(killed.told) >= {killed.uids[ANSWERED]})

    @pytest.mark.parametrize("point", POINTS[1:])
    def test_before_that_has_not_paid_and_the_link_is_open_again(
        self, killed: Killed, payer: Payer, point: str
    ) -> None:
        till, uid = killed.tills[point], killed.uids[point]
        # A new server that is slow to start finds a lease that is over already.
        assert killed.before[point] in [("PROCESSING", {"sale": (1, 20_00)}), ("PENDING", {})]
        eventually(lambda: status(till, uid) == "PENDING")
        assert till.booked() == {}
        assert payer.pay(uid, attempt="2").result is Result.APPROVED
        assert till.booked() == {"sale": (1, 20_00)}
        eventually(lambda: uids_of(killed.told) >= {uid})


class TestACallBack:
    def test_says_what_a_sale_says_and_which_link_it_was(
        self, payer: Payer, till: Till, server: Receiver
    ) -> None:
        uid = page(till, redirect_url=server.url, invoicenumber="order 1", orderdescription="Bed")
        assert payer.pay(uid, BAD).result is Result.DECLINED
        paid = payer.pay(uid, attempt="2").payment
        assert paid is not None
        (told,) = eventually(lambda: server.notices)
        assert told.content_type == "application/json"
        said = json.loads(told.body)
        assert list(said) == CALLED_BACK
        assert (said["uid"], said["txnid"], said["invoicenumber"]) == (uid, str(paid.payment_id), "order 1")
        assert (said["amount"], said["netamt"], said["error_no"]) == ("20.00", 20, "S00")
        again = till.sale("1.00", token=said["token"], expirydate="1236")
        assert again["pan"] == said["pan"] == "XXXX1111"

    def test_is_made_again_until_it_is_taken(self, payer: Payer, till: Till, server: Receiver) -> None:
        server.statuses += [500, 404]
        payer.pay(page(till, redirect_url=server.url))
        eventually(lambda: len(server.notices) == 3)
        first, second, third = server.notices
        assert first == second == third
