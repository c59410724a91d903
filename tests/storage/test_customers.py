"""Customers on each database: what is unique, what is limited, and what another process does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from bezant.core.sensitive import AccountNumber, Pan
from bezant.core.vault import AccountKind, Address, CustomerRefused, Customers, Details, Place, Refusal
from bezant.storage.ids import IdBlocks
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio

ACCOUNT = AccountNumber("9884210510")
ROUTING = "021000021"


def _customers(shop: Shop) -> Customers:
    return Customers(
        units=shop.units, sealer=shop.keys.sealer, ids=IdBlocks(shop.units, "vault"), clock=shop.clock
    )


def _pan(number: int) -> Pan:
    body = f"400000{number:09d}"
    return next(pan for digit in range(10) if (pan := Pan(f"{body}{digit}")).passes_luhn())


async def _refusal(work: Awaitable[object]) -> Refusal | None:
    try:
        await work
    except CustomerRefused as refused:
        return refused.refusal
    return None


class TestTwoProcesses:
    async def test_give_a_name_to_one_customer(self, shop: Shop) -> None:
        async with shop.other_process() as other:
            desks = (_customers(shop), _customers(other))
            refusals = await asyncio.gather(
                *(
                    _refusal(desk.add(shop.caller.merchant.merchant_id, Details(name="Jane")))
                    for desk in desks * 10
                )
            )
        assert sorted(map(str, refusals)) == ["None"] + ["name_taken"] * 19

    async def test_keep_to_five_cards_together(self, shop: Shop) -> None:
        merchant_id = shop.caller.merchant.merchant_id
        customer_id = await _customers(shop).add(merchant_id, Details(name="Jane"))
        async with shop.other_process() as other:
            desks = (_customers(shop), _customers(other)) * 10
            refusals = await asyncio.gather(
                *(
                    _refusal(
                        desk.add_card(merchant_id, customer_id, _pan(number), cardholder="J", expiry="3612")
                    )
                    for number, desk in enumerate(desks)
                )
            )
        assert sorted(map(str, refusals)) == ["None"] * 5 + ["cards_full"] * 15
        assert len(await _customers(shop).cards(merchant_id, customer_id)) == 5
        # What was refused left nothing behind.
        assert shop.count("cards") == 5

    async def test_keep_one_card_once(self, shop: Shop) -> None:
        merchant_id = shop.caller.merchant.merchant_id
        customer_id = await _customers(shop).add(merchant_id, Details(name="Jane"))
        async with shop.other_process() as other:
            desks = (_customers(shop), _customers(other)) * 10
            ids = await asyncio.gather(
                *(
                    desk.add_card(merchant_id, customer_id, _pan(1), cardholder="J", expiry="3612")
                    for desk in desks
                )
            )
        assert len(set(ids)) == 1


class TestACustomer:
    async def test_is_found_again_as_it_was_told(self, shop: Shop) -> None:
        details = Details(
            name="José Straße",
            company="ACME",
            phone="5551234567",
            email="j@example.com",
            addresses=(
                Address(label="Home", billing=Place(street="8320", postal_code="85284"), shipping=Place()),
            ),
        )
        customers = _customers(shop)
        customer_id = await customers.add(shop.caller.merchant.merchant_id, details)
        assert (await customers.get(shop.caller.merchant.merchant_id, customer_id)).details == details
        changed = replace(details, company=None, addresses=())
        await customers.edit(shop.caller.merchant.merchant_id, customer_id, lambda _: changed)
        assert (await customers.get(shop.caller.merchant.merchant_id, customer_id)).details == changed
        assert (
            await _refusal(customers.add(shop.caller.merchant.merchant_id, Details(name="JOSÉ STRASSE")))
            == "name_taken"
        )

    async def test_may_be_renamed_in_another_case_but_not_to_anothers_name(self, shop: Shop) -> None:
        customers = _customers(shop)
        customer_id = await customers.add(shop.caller.merchant.merchant_id, Details(name="Jane"))
        await customers.add(shop.caller.merchant.merchant_id, Details(name="John"))
        await customers.edit(
            shop.caller.merchant.merchant_id, customer_id, lambda each: replace(each, name="JANE")
        )
        renamed = customers.edit(
            shop.caller.merchant.merchant_id, customer_id, lambda each: replace(each, name="JOHN")
        )
        assert await _refusal(renamed) == "name_taken"


class TestABankAccount:
    async def test_is_sealed_for_its_merchant_and_profile_alone(self, shop: Shop) -> None:
        merchant_id, customers = shop.caller.merchant.merchant_id, _customers(shop)
        customer_id = await customers.add(merchant_id, Details(name="Jane"))
        first = await _add_account(customers, merchant_id, customer_id, ACCOUNT)
        second = await _add_account(customers, merchant_id, customer_id, AccountNumber("11111111"))
        stored, _ = await customers.accounts(merchant_id, customer_id)
        assert shop.keys.sealer.open_account(merchant_id, first, stored.sealed) == ACCOUNT
        for merchant, profile in ((merchant_id, second), (merchant_id + 1, first)):
            with pytest.raises(ValueError, match="for somebody else"):
                shop.keys.sealer.open_account(merchant, profile, stored.sealed)

    async def test_is_kept_once_and_told_apart_by_its_bank(self, shop: Shop) -> None:
        merchant_id, customers = shop.caller.merchant.merchant_id, _customers(shop)
        customer_id = await customers.add(merchant_id, Details(name="Jane"))
        first = await _add_account(customers, merchant_id, customer_id, ACCOUNT)
        assert await _add_account(customers, merchant_id, customer_id, ACCOUNT) == first
        other = await _add_account(customers, merchant_id, customer_id, ACCOUNT, routing="091000019")
        assert other != first

    async def test_has_four_beside_it_at_most(self, shop: Shop) -> None:
        merchant_id, customers = shop.caller.merchant.merchant_id, _customers(shop)
        customer_id = await customers.add(merchant_id, Details(name="Jane"))
        refusals = [
            await _refusal(
                _add_account(customers, merchant_id, customer_id, AccountNumber(f"98842105{number:02d}"))
            )
            for number in range(6)
        ]
        assert refusals == [None] * 5 + ["accounts_full"]


async def _add_account(
    customers: Customers, merchant_id: int, customer_id: int, number: AccountNumber, *, routing: str = ROUTING
) -> int:
    return await customers.add_account(
        merchant_id,
        customer_id,
        routing_number=routing,
        number=number,
        kind=AccountKind.CHECKING,
        holder=None,
    )
