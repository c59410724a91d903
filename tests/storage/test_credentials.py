"""Keys, tokens and terminals' numbers as they are kept: who may see to them, and what is stored of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import text

from bezant.app.store import Names
from bezant.core.credentials import (
    SCOPES,
    Bearer,
    CredentialDirectory,
    Credentials,
    EcomTokens,
    KeyDenied,
    KeyGate,
    Profiles,
    Refusal,
    Tokens,
)
from bezant.core.merchants import Directory, Iso
from bezant.core.outcomes import BadFacts, Conflict
from bezant.core.people import OPERATOR, Actor, Forbidden, Outcome, OwnerRef, People, Role, User
from bezant.core.sensitive import Secret
from bezant.storage.ids import IdBlocks
from bezant.storage.passwords import Argon2
from bezant.storage.tokens import SignedTokens
from tests.storage.shop import Shop

ORIGIN: Final = "192.0.2.7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What one process has of credentials, over a shop with an ISO, an office and another ISO."""

    shop: Shop
    credentials: Credentials
    gate: KeyGate
    tokens: Tokens
    profiles: Profiles
    ecom_tokens: EcomTokens
    places: dict[str, OwnerRef]

    @property
    def merchant(self) -> OwnerRef:
        """The shop's own."""
        return self.places["merchant"]

    async def number(self) -> str:
        """The profile number of the shop's terminal."""
        return (await self.profiles.assign(*self.shop.caller.key)).number

    async def told(self, owner: OwnerRef) -> list[tuple[str, str, Outcome]]:
        """Who did what in a log, and whether he might."""
        found = await self.shop.units.read(lambda unit: unit.audit.entries(owner, limit=1000))
        return [(entry.actor, entry.action, entry.outcome) for entry in reversed(found)]


@pytest.fixture
async def desk(shop: Shop) -> AsyncIterator[Desk]:
    units, names, clock = shop.units, shop.keys.hasher, shop.clock
    directory, callers = CredentialDirectory(units), Directory(units)
    ids = Names(IdBlocks(units, "boarding", size=1, first=1), shop.keys)
    passwords = Argon2()
    people = People(units=units, passwords=passwords, ids=ids, clock=clock)
    merchant = shop.caller.merchant
    sponsor = Iso(iso_id=merchant.iso_id, name="Harbour Payments")
    await units.write(lambda unit: unit.merchants.add_iso(sponsor, at=clock.now()), merchant_id=0)
    office = await people.add_office(OPERATOR, iso_id=merchant.iso_id, name="Quay")
    await people.assign_office(OPERATOR, merchant_id=merchant.merchant_id, office_id=office.owner.owner_id)
    foreign = await shop.boarding.add_iso("Inland Payments")
    yield Desk(
        shop=shop,
        credentials=Credentials(units=units, directory=directory, names=names, clock=clock),
        gate=KeyGate(units=units, directory=directory, names=names, clock=clock),
        tokens=Tokens(
            units=units,
            directory=directory,
            callers=callers,
            writer=SignedTokens(),
            names=names,
            clock=clock,
        ),
        profiles=Profiles(units=units, directory=directory, callers=callers, names=names, clock=clock),
        ecom_tokens=EcomTokens(units=units, directory=directory, callers=callers, names=names, clock=clock),
        places={
            "iso": OwnerRef.iso(merchant.iso_id),
            "office": office.owner,
            "merchant": OwnerRef.merchant(merchant.merchant_id),
            "another iso": OwnerRef.iso(foreign.iso_id),
        },
    )
    passwords.close()
    assert shop.wrong() == []


Deed = Callable[[Desk, Actor], Awaitable[object]]
DEEDS: Final[dict[str, Deed]] = {
    "view": lambda desk, actor: desk.credentials.view(actor, desk.merchant),
    "copy": lambda desk, actor: desk.credentials.copy(actor, desk.merchant),
    "reset": lambda desk, actor: desk.credentials.reset(actor, desk.merchant),
    "copy a token": lambda desk, actor: _token(desk, actor, desk.ecom_tokens.copy),
    "reset a token": lambda desk, actor: _token(desk, actor, desk.ecom_tokens.reset),
}
ROLES: Final = {
    (Role.ISO_ADMIN, "iso"): set(DEEDS),
    (Role.ISV, "iso"): set(DEEDS),
    (Role.AGENT_OFFICE_ADMIN, "office"): set(DEEDS),
    (Role.MERCHANT_ADMIN, "merchant"): set(DEEDS),
    (Role.STAFF_READ_ONLY, "merchant"): {"view"},
    (Role.STAFF_READ_ONLY, "iso"): {"view"},
    (Role.ISO_ADMIN, "another iso"): set(),
}
"""What whoever has a role somewhere may do to the merchant's credentials."""


async def _token(desk: Desk, actor: Actor, act: Callable[[Actor, str], Awaitable[object]]) -> object:
    return await act(actor, await desk.number())


def acting(role: Role, owner: OwnerRef) -> Actor:
    user = User(user_id=1, email="ann@example.com", name="Ann", role=role, owner=owner)
    return Actor.of(user, origin=ORIGIN)


@pytest.mark.anyio
class TestCredentials:
    async def test_are_seen_to_by_whoever_may_and_each_time_recorded(self, desk: Desk) -> None:
        await desk.credentials.generate(OPERATOR, desk.merchant)
        await desk.ecom_tokens.generate(OPERATOR, await desk.number())
        for (role, place), allowed in ROLES.items():
            actor = acting(role, desk.places[place])
            for deed, act in DEEDS.items():
                home = desk.merchant if deed in allowed else desk.places[place]
                before = len(await desk.told(home))
                if deed in allowed:
                    await act(desk, actor)
                else:
                    with pytest.raises(Forbidden):
                        await act(desk, actor)
                (entry,) = (await desk.told(home))[before:]
                outcome = Outcome.DONE if deed in allowed else Outcome.REFUSED
                assert (entry[0], entry[2]) == ("ann@example.com", outcome), (role, place, deed)

    async def test_are_one_pair_for_each_organization(self, desk: Desk) -> None:
        for place in ("iso", "office", "merchant"):
            owner = desk.places[place]
            with pytest.raises(BadFacts, match="no key"):
                await desk.credentials.copy(OPERATOR, owner)
            made = await desk.credentials.generate(OPERATOR, owner)
            with pytest.raises(BadFacts, match="key already"):
                await desk.credentials.generate(OPERATOR, owner)
            assert await desk.credentials.copy(OPERATOR, owner) == made
            issued = await desk.tokens.issue(made.key)
            assert issued.scopes == SCOPES[owner.kind]

    async def test_are_reset_by_one_of_two_at_once(self, desk: Desk) -> None:
        first = await desk.credentials.generate(OPERATOR, desk.merchant)
        both = await asyncio.gather(
            *(desk.credentials.reset(OPERATOR, desk.merchant) for _ in range(2)), return_exceptions=True
        )
        assert all(not isinstance(each, BaseException) or isinstance(each, Conflict) for each in both)
        last = await desk.credentials.copy(OPERATOR, desk.merchant)
        assert last.key.name == first.key.name
        key = await desk.gate.enter(name=last.key.name, secret=last.secret, address=ORIGIN)
        assert key.generation == last.key.generation
        with pytest.raises(KeyDenied):
            await desk.gate.enter(name=first.key.name, secret=first.secret, address=ORIGIN)

    async def test_are_nowhere_in_clear(self, desk: Desk) -> None:
        pair = await desk.credentials.generate(OPERATOR, desk.merchant)
        token = await desk.ecom_tokens.generate(OPERATOR, await desk.number())
        jwt = await desk.tokens.issue(pair.key)
        kept = await _everything(desk.shop)
        for secret in (pair.secret, token.text, jwt.text, Secret("PRIVATE KEY")):
            assert secret.reveal().encode() not in kept
        assert pair.key.name.encode() in kept
        assert pair.secret.reveal() not in f"{pair} {token} {jwt}"


@pytest.mark.anyio
class TestATerminal:
    async def test_has_one_number_for_good(self, desk: Desk) -> None:
        numbers = await asyncio.gather(*(desk.number() for _ in range(5)))
        assert len(set(numbers)) == 1
        caller = await desk.profiles.caller(numbers[0])
        assert caller is not None
        assert caller.key == desk.shop.caller.key
        for strange in ("", "123456789012", numbers[0] + " ", "\u0661" * 12, "' OR 1=1 --"):
            assert await desk.profiles.caller(strange) is None

    async def test_has_one_lasting_token_at_a_time(self, desk: Desk) -> None:
        number = await desk.number()
        first = await desk.ecom_tokens.generate(OPERATOR, number)
        with pytest.raises(BadFacts, match="token already"):
            await desk.ecom_tokens.generate(OPERATOR, number)
        second = await desk.ecom_tokens.reset(OPERATOR, number)
        assert await desk.ecom_tokens.check(first.text.reveal()) is None
        caller = await desk.ecom_tokens.check(second.text.reveal())
        assert caller is not None
        assert caller.key == desk.shop.caller.key


@pytest.mark.anyio
class TestARotation:
    async def test_lets_what_was_signed_run_out(self, desk: Desk) -> None:
        pair = await desk.credentials.generate(OPERATOR, desk.merchant)
        token = (await desk.tokens.issue(pair.key)).text.reveal()
        old = await desk.tokens.published()
        await desk.tokens.rotate(OPERATOR)
        assert isinstance(await desk.tokens.check(token), Bearer)
        assert len(await desk.tokens.published()) == 2
        desk.shop.clock.pass_by(days=1, minutes=17)
        assert await desk.tokens.check(token) is Refusal.EXPIRED
        assert old[0] not in await desk.tokens.published()

    async def test_at_once_ends_it(self, desk: Desk) -> None:
        pair = await desk.credentials.generate(OPERATOR, desk.merchant)
        token = (await desk.tokens.issue(pair.key, asked=timedelta(minutes=30))).text.reveal()
        await desk.tokens.rotate(OPERATOR, at_once=True)
        assert await desk.tokens.check(token) is Refusal.EXPIRED


async def _everything(shop: Shop) -> bytes:
    """All that the database has of credentials and what was done to them, as bytes."""
    found = b""
    tables = ("api_keys", "ecom_tokens", "token_keys", "terminal_profiles", "directory", "audit_entries")
    with shop.engine.connect() as connection:
        for table in tables:
            for row in connection.execute(text(f"SELECT * FROM {table}")):  # noqa: S608 - our own words
                found += b"|".join(
                    bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                    for value in row
                )
    return found
