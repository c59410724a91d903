"""What a merchant's clock brings about by itself, with the clock moved from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bezant.core.merchants import Profile
from tests.e2e.valor.shop import Till, approved, clock_of, refused
from tests.support import forks
from tests.support.books import come_to_rest, disagreements, violations
from tests.support.gateway import Gateway, eventually


@pytest.fixture(autouse=True)
def _books_are_right(gateway: Gateway) -> Iterator[None]:
    yield
    come_to_rest(gateway)
    assert violations(gateway) + disagreements(gateway) == []


def bezant(till: Till, *arguments: str) -> Any:
    """What a command beside the running gateway answers."""
    settings = {"BEZANT_HOME": str(till.gateway.home), "BEZANT_DATABASE_URL": till.gateway.database_url}
    done = forks.run((*arguments, "--json"), environment=settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_authorization_expires_after_seven_days_and_is_reversed_at_the_host(till: Till) -> None:
    held = approved(till.charge("20.00", txn_type="auth"))
    approved(till.call("incremental_auth", ref_txn_id=held["txnid"], amount="5.00"))
    assert till.booked() == {"authorize": (2, 2500)}
    bezant(till, "clock", "move", till.epi, "6d23h")
    assert till.booked() == {"authorize": (2, 2500)}
    bezant(till, "clock", "move", till.epi, "+1h")
    assert eventually(lambda: till.booked() == {})
    (entry,) = till.gateway.control.books(rrn=held["rrn"], ask="reverse")
    assert (entry["state"], entry["terminal"]) == ("done", till.host_terminals[Profile.TRADITIONAL])
    for operation in ("capture", "incremental_auth"):
        assert refused(till.call(operation, ref_txn_id=held["txnid"], amount="1.00")) == "E14"
    row = till.row(held)
    assert (row["IS_VOID"], row["IS_AUTH_COMPLETED"], row["RESPONSE_CODE"]) == ("0", "0", "00")


def test_a_terminal_settles_by_itself_in_the_evening_of_each_day(till: Till) -> None:
    bezant(till, "clock", "freeze", till.epi, "2026-03-07T12:00:00-05:00")
    bezant(till, "terminal", "settle-at", till.epi, "19:00")
    eventually(lambda: f"{clock_of(till):%m-%d %H:%M}" == "03-07 17:00")
    sale = till.sale("20.00")
    bezant(till, "clock", "move", till.epi, "7h")
    assert eventually(lambda: till.row(sale)["IS_SETTLED"] == "1")
    # The next day has one hour less.
    later = till.sale("30.00")
    bezant(till, "clock", "move", till.epi, "3d")
    assert eventually(lambda: till.row(later)["IS_SETTLED"] == "1")
    assert [later["batch_no"], till.sale("1.00")["batch_no"]] == [2, 3]
    batches = till.gateway.control.totals(till.host_terminals[Profile.TRADITIONAL])["batches"]
    assert [(batch["told"]["debits"], batch["reconciled"]) for batch in batches] == [
        (2000, True),
        (3000, True),
    ]
