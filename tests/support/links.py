"""Payment links as merchants make them, in a running gateway's own database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, NamedTuple, Self

from anyio.from_thread import BlockingPortal, start_blocking_portal

from bezant import config
from bezant.app.sides import InvoiceSide, access_side, card_side, invoice_side, notices_of
from bezant.app.store import open_store
from bezant.core.invoices import Invoice, Receipt, Terms
from bezant.core.invoices.ports import InvoiceTx
from bezant.core.merchants import Caller, Profile
from bezant.core.money import Money
from bezant.core.payments import Amounts, Order
from bezant.jobs import StrayBox
from bezant.storage.ids import IdBlocks
from bezant.storage.units import Units
from bezant.telemetry import Metrics
from tests.support.gateway import Gateway


def terms(
    base: int = 2000, *, tax: int = 0, fee: int = 0, order: Order | None = None, **more: object
) -> Terms:
    """What a link asks for, in minor units; a fee is for the surcharge profile."""
    zero = Money(0)
    return Terms(
        profile=Profile.SURCHARGE if fee else Profile.TRADITIONAL,
        amounts=Amounts(base=Money(base), tax=Money(tax), fee=Money(fee), tip=zero),
        order=order or Order(description="Two tickets"),
        **more,  # type: ignore[arg-type]  # fields of Terms, named at each call
    )


class _Opened(NamedTuple):
    units: Units
    side: InvoiceSide
    caller: Caller


class Desk:
    """The demo's first terminal, beside the gateway; nothing of what is done here reaches an acquirer."""

    def __init__(self, gateway: Gateway, portal: BlockingPortal, opened: _Opened) -> None:
        self._gateway = gateway
        self._portal = portal
        self._units, self._side, self._caller = opened

    @classmethod
    @contextmanager
    def at(cls, gateway: Gateway) -> Iterator[Self]:
        """Sit down at it. The gateway has to run, or to have run."""
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(_opened(gateway)) as opened,
        ):
            yield cls(gateway, portal, opened)

    def link(self, asked: Terms) -> str:
        """The public id of a new link."""
        create = self._side.invoices.create
        invoice: Invoice = self._portal.call(lambda: create(self._caller, asked)).invoice
        return invoice.uid

    def cancel(self, uid: str) -> None:
        """Cancel a link."""
        self._portal.call(self._side.invoices.cancel, self._caller, uid)

    def receipt(self, uid: str) -> Receipt:
        """What a receipt shows."""
        found = self._portal.call(self._side.receipts.open, uid)
        assert found is not None
        return found

    def tried(self, uid: str, attempts: int) -> None:
        """Have a link count so many attempts."""

        def work(tx: InvoiceTx) -> None:
            found = tx.invoices.by_uid(uid)
            assert found is not None
            before = found.invoice
            tx.invoices.change(before, before.changed(attempts=attempts), at=before.updated_at)

        merchant_id = self._caller.merchant.merchant_id
        self._portal.call(partial(self._units.write, work, merchant_id=merchant_id))

    def payments(self, uid: str) -> list[dict[str, Any]]:
        """The payments that were made for a link, as they are stored, oldest first."""
        statement = """
            SELECT p.* FROM payments p
            JOIN invoice_attempts a ON a.merchant_id = p.merchant_id AND a.payment_id = p.payment_id
            JOIN invoices i ON i.merchant_id = a.merchant_id AND i.invoice_id = a.invoice_id
            WHERE i.uid = :uid ORDER BY p.payment_id
        """
        return [dict(row) for row in self._gateway.rows(statement, uid=uid)]

    def invoice(self, uid: str) -> dict[str, Any]:
        """A link as it is stored."""
        (row,) = self._gateway.rows("SELECT * FROM invoices WHERE uid = :uid", uid=uid)
        return dict(row)

    def states(self, uid: str) -> list[str]:
        """What became of them."""
        return [row["state"] for row in self.payments(uid)]


@asynccontextmanager
async def _opened(gateway: Gateway) -> AsyncIterator[_Opened]:
    environment = {"BEZANT_HOME": str(gateway.home), "BEZANT_DATABASE_URL": gateway.database_url}
    number, nowhere = str(gateway.demo["valor"]["epi"]), ("127.0.0.1", 9)
    async with open_store(config.load(environment)) as store:
        access, ids = access_side(store), IdBlocks(store.units, "payments")
        strays = StrayBox(Metrics())
        cards = card_side(store, nowhere, access=access, ids=ids, strays=strays, jitter=lambda: 0.0)
        account = await access.directory.by_terminal_number(number)
        assert account is not None
        terminal = account.terminals[number]
        caller = Caller(merchant=account.merchant, store=account.stores[terminal.store_id], terminal=terminal)
        side = invoice_side(store, access.directory, cards.payments, notices_of(store, ids), ids)
        yield _Opened(store.units, side, caller)
