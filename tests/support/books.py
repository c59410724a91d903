"""Whether the books are right: the gateway's own, and the gateway's against the host's."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

from bezant.storage.crypto import load_root_key
from bezant.storage.engine import open_engine
from bezant.storage.keyring import open_keys
from bezant.storage.verify import checks, snapshot, verify
from tests.support.gateway import Gateway

_ASKS: Final = {
    "sale": "sale",
    "authorization": "authorize",
    "increment": "authorize",
    "capture": "capture",
    "refund": "refund",
}

_STANDING: Final = """
    SELECT endpoints.terminal_number, payments.retrieval_reference, payments.audit_number, payments.kind,
           payments.base + payments.tax + payments.fee + payments.tip AS minor
    FROM payments
    JOIN endpoints USING (merchant_id, terminal_id, profile)
    LEFT JOIN payments AS originals
        ON originals.merchant_id = payments.merchant_id AND originals.payment_id = payments.original_id
    WHERE (
        payments.kind IN ('sale', 'authorization', 'capture', 'refund')
        AND payments.state IN ('authorized', 'captured', 'settled')
    ) OR (payments.kind = 'increment' AND payments.state = 'done' AND originals.state = 'authorized')
"""
_TIPS: Final = """
    SELECT endpoints.terminal_number, payments.retrieval_reference, payments.audit_number
    FROM payments JOIN endpoints USING (merchant_id, terminal_id, profile)
    WHERE payments.kind = 'tip' AND payments.state = 'done'
"""
_UNFINISHED: Final = """
    SELECT payment_id, kind, state FROM payments WHERE state NOT IN (
        'declined', 'authorized', 'captured', 'settled', 'completed', 'expired', 'voided', 'done', 'reversed'
    )
"""
_UNCONFIRMED: Final = "SELECT payment_id, tries FROM reversals WHERE confirmed_at IS NULL"
_SETTLING: Final = "SELECT terminal_id, number FROM batches WHERE state = 'settling'"


class Host(Protocol):
    """The other side's books."""

    def live(self) -> Mapping[str, Any]:
        """What is approved and not reversed, in ``entries``."""
        ...

    def books(self, *, ask: str, state: str) -> Sequence[Mapping[str, Any]]:
        """All entries of that kind and state."""
        ...


class Sides(Protocol):
    """A gateway's database, and the host that it speaks to."""

    @property
    def control(self) -> Host:
        """The host."""
        ...

    def rows(self, query: str, /) -> Sequence[Mapping[str, Any]]:
        """What the database says."""
        ...


class Movement(NamedTuple):
    """Money that stands: what one message did. ``minor`` is the approved amount in minor units."""

    terminal_number: str
    retrieval_reference: str
    audit_number: int
    ask: str
    minor: int


def at_gateway(gateway: Sides) -> Counter[Movement]:
    """What the gateway holds to be approved and not taken back."""
    return Counter(
        Movement(
            row["terminal_number"],
            row["retrieval_reference"],
            row["audit_number"],
            _ASKS[row["kind"]],
            row["minor"],
        )
        for row in gateway.rows(_STANDING)
    )


def at_host(gateway: Sides) -> Counter[Movement]:
    """What the host holds to be approved and not taken back."""
    return Counter(
        Movement(
            entry["terminal"],
            entry["reference"],
            int(entry["audit_number"]),
            entry["ask"],
            entry["approved"],
        )
        for entry in gateway.control.live()["entries"]
    )


def unfinished(gateway: Sides) -> list[str]:
    """What is still under way: payments, reversals, settlements."""
    return [
        *(f"{row['kind']} {row['payment_id']} is {row['state']}" for row in gateway.rows(_UNFINISHED)),
        *(
            f"the reversal of {row['payment_id']} is not confirmed after {row['tries']} tries"
            for row in gateway.rows(_UNCONFIRMED)
        ),
        *(
            f"batch {row['number']} of terminal {row['terminal_id']} is settling"
            for row in gateway.rows(_SETTLING)
        ),
    ]


def come_to_rest(gateway: Gateway, *, seconds: float = 30.0) -> None:
    """Wait until nothing is under way any more; fails with what still is."""
    deadline = time.monotonic() + seconds
    while left := unfinished(gateway):
        assert time.monotonic() < deadline, f"after {seconds:g} s: {'; '.join(left)}"
        time.sleep(0.05)


def untaken_tips(gateway: Sides) -> set[tuple[str, str]]:
    """Charges (terminal number, retrieval reference) with a tip that stands here and that the host declined.

    A tip whose answer was lost takes place. If its charge was settled before the tip was told again, the host
    declines it, and it is left to the batch's totals.
    """
    declined = {
        (entry["terminal"], int(entry["audit_number"]))
        for entry in gateway.control.books(ask="capture", state="declined")
    }
    return {
        (row["terminal_number"], row["retrieval_reference"])
        for row in gateway.rows(_TIPS)
        if (row["terminal_number"], row["audit_number"]) in declined
    }


def disagreements(gateway: Sides) -> list[str]:
    """Where gateway and host believe different things, a line each. For when nothing is under way."""
    untaken = untaken_tips(gateway)

    def comparable(movements: Counter[Movement]) -> Counter[Movement]:
        return Counter(
            each._replace(minor=0) if each[:2] in untaken else each for each in movements.elements()
        )

    ours, theirs = comparable(at_gateway(gateway)), comparable(at_host(gateway))
    references = Counter((each.retrieval_reference, each.ask) for each in theirs.elements())
    return [
        *(f"only the gateway has {each}" for each in ours - theirs),
        *(f"only the host has {each}" for each in theirs - ours),
        *(f"the host has {count} of {each}" for each, count in references.items() if count > 1),
    ]


def violations(gateway: Gateway) -> list[str]:
    """The invariants that the gateway's own records break, a line each: what ``bezant verify`` finds."""
    engine = open_engine(gateway.database_url)
    try:
        every = checks(open_keys(engine, load_root_key(gateway.home / "root.key")))
        with snapshot(engine) as connection:
            return [str(found) for found in verify(connection, now=datetime.now(UTC), invariants=every)]
    finally:
        engine.dispose()
