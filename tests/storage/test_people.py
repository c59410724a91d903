"""Offices and users as they are made, changed and refused; and how users sign in, or do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from bezant.app.store import Names
from bezant.core.outcomes import BadFacts, Conflict, Reason, Refused
from bezant.core.people import (
    OPERATOR,
    Actor,
    ActorKind,
    Entry,
    Forbidden,
    Outcome,
    OwnerRef,
    People,
    Role,
    SignIn,
    SignInDenied,
    SignInRefused,
    User,
)
from bezant.core.people.signing_in import LOCK_LIFE, TRIES_MAX, TRIES_WINDOW
from bezant.core.sensitive import Secret
from bezant.storage.ids import IdBlocks
from bezant.storage.passwords import Argon2
from tests.storage.shop import Shop

PASSWORD = Secret("harbour-lights-7")
WRONG = Secret("harbour-lights-8")
ORIGIN = "192.0.2.7"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A sales organization with an office and two merchants, one of them the office's; and another one's."""

    shop: Shop
    people: People
    sign_in: SignIn
    iso: OwnerRef
    office: OwnerRef
    merchant: OwnerRef
    own_merchant: OwnerRef
    foreign_iso: OwnerRef
    foreign_merchant: OwnerRef

    async def user(self, role: Role, owner: OwnerRef, email: str = "ann@example.com") -> User:
        """A new user."""
        return await self.people.add_user(
            OPERATOR, email=email, name="Ann", role=role, owner=owner, password=PASSWORD
        )

    async def enter(self, password: Secret = PASSWORD, email: str = "ann@example.com") -> User | SignInDenied:
        """Somebody signs in, or tries to."""
        try:
            return await self.sign_in.enter(email=email, password=password, origin=ORIGIN)
        except SignInRefused as refused:
            return refused.denied

    async def log(self, owner: OwnerRef | None) -> list[Entry]:
        """A log, the oldest entry first."""
        found = await self.shop.units.read(lambda unit: unit.audit.entries(owner, limit=1000))
        return found[::-1]

    async def told(self, owner: OwnerRef | None) -> list[tuple[str, Outcome]]:
        """What was done, or refused, in a log."""
        return [(entry.action, entry.outcome) for entry in await self.log(owner)]


@pytest.fixture
async def house(shop: Shop) -> AsyncIterator[House]:
    names = Names(IdBlocks(shop.units, "boarding", size=1, first=1), shop.keys)
    passwords = Argon2()
    people = People(units=shop.units, passwords=passwords, ids=names, clock=shop.clock)
    isos = [await shop.boarding.add_iso(name) for name in ("Harbour Payments", "Inland Payments")]
    merchants = [
        await shop.boarding.add_merchant(iso_id=isos[which].iso_id, name=name)
        for which, name in ((0, "Corner Books"), (0, "Pier Cafe"), (1, "Field Shop"))
    ]
    office = await people.add_office(OPERATOR, iso_id=isos[0].iso_id, name="Quay")
    mine, direct, foreign = (OwnerRef.merchant(each.merchant_id) for each in merchants)
    await people.assign_office(OPERATOR, merchant_id=mine.owner_id, office_id=office.owner.owner_id)
    yield House(
        shop=shop,
        people=people,
        sign_in=SignIn(units=shop.units, passwords=passwords, hasher=shop.keys.hasher, clock=shop.clock),
        iso=OwnerRef.iso(isos[0].iso_id),
        office=office.owner,
        merchant=mine,
        own_merchant=direct,
        foreign_iso=OwnerRef.iso(isos[1].iso_id),
        foreign_merchant=foreign,
    )
    passwords.close()
    assert shop.wrong() == []


def acting(user: User) -> Actor:
    return Actor.of(user, origin=ORIGIN)


@pytest.mark.anyio
class TestAnOffice:
    async def test_looks_after_merchants_of_its_sales_organization(self, house: House) -> None:
        assert (await house.people.organization(house.merchant)).above == (house.office, house.iso)
        assert (await house.people.organization(house.own_merchant)).above == (house.iso,)
        assert (await house.people.organization(house.office)).parent == house.iso
        merchants = await house.shop.units.read(lambda tx: tx.people.merchants_of(house.office.owner_id))
        assert merchants == [house.merchant]

    async def test_gives_a_merchant_back(self, house: House) -> None:
        given = await house.people.assign_office(
            OPERATOR, merchant_id=house.merchant.owner_id, office_id=None
        )
        assert given == await house.people.organization(house.merchant)
        assert given.above == (house.iso,)

    async def test_gets_no_merchant_of_another_sales_organization(self, house: House) -> None:
        with pytest.raises(BadFacts, match="no such office"):
            await house.people.assign_office(
                OPERATOR, merchant_id=house.foreign_merchant.owner_id, office_id=house.office.owner_id
            )

    async def test_needs_a_sales_organization(self, house: House) -> None:
        with pytest.raises(BadFacts, match="no such organization"):
            await house.people.add_office(OPERATOR, iso_id=77_777, name="Nowhere")


@pytest.mark.anyio
class TestAUser:
    async def test_is_found_as_made_whatever_the_case_of_the_address(self, house: House) -> None:
        made = await house.user(Role.MERCHANT_ADMIN, house.merchant, email=" Ann@Example.COM ")
        assert made.email == "ann@example.com"
        assert await house.people.user("ANN@example.com") == made

    async def test_has_an_address_of_his_own(self, house: House) -> None:
        await house.user(Role.MERCHANT_ADMIN, house.merchant)
        with pytest.raises(Conflict):
            await house.user(Role.ISO_ADMIN, house.iso, email="ANN@example.com")

    @pytest.mark.parametrize(
        ("role", "place"),
        [
            (Role.ISO_ADMIN, "merchant"),
            (Role.MERCHANT_ADMIN, "iso"),
            (Role.AGENT_OFFICE_ADMIN, "iso"),
            (Role.ISV, "merchant"),
        ],
    )
    async def test_has_a_role_that_there_is_at_such_an_organization(
        self, house: House, role: Role, place: str
    ) -> None:
        with pytest.raises(BadFacts, match="nobody is"):
            await house.user(role, getattr(house, place))

    @pytest.mark.parametrize(
        "email", ["", "ann", "ann@", "@example.com", "ann@host", "a b@example.com", "ä@example.com"]
    )
    async def test_needs_an_email_address(self, house: House, email: str) -> None:
        with pytest.raises(BadFacts, match="email"):
            await house.user(Role.ISO_ADMIN, house.iso, email=email)

    async def test_gets_another_role_and_is_disabled(self, house: House) -> None:
        await house.user(Role.MERCHANT_ADMIN, house.merchant)
        changed = await house.people.set_role(OPERATOR, "ann@example.com", Role.STAFF_READ_ONLY)
        assert changed.role is Role.STAFF_READ_ONLY
        with pytest.raises(BadFacts, match="nobody is"):
            await house.people.set_role(OPERATOR, "ann@example.com", Role.ISO_ADMIN)
        disabled = await house.people.set_active(OPERATOR, "ann@example.com", active=False)
        assert not disabled.active
        assert await house.people.user("ann@example.com") == disabled
        last = (await house.log(house.merchant))[-2:]
        assert [(entry.action, entry.facts) for entry in last] == [
            (
                "user.role_set",
                {"user_id": disabled.user_id, "before": "merchant_admin", "after": "staff_read_only"},
            ),
            ("user.disabled", {"user_id": disabled.user_id}),
        ]

    async def test_cannot_have_one_of_his_last_passwords_again(self, house: House) -> None:
        await house.user(Role.MERCHANT_ADMIN, house.merchant)
        for number in range(3):
            await house.people.set_password(OPERATOR, "ann@example.com", Secret(f"another-secret-{number}"))
        with pytest.raises(BadFacts, match="not long ago"):
            await house.people.set_password(OPERATOR, "ann@example.com", PASSWORD)
        await house.people.set_password(OPERATOR, "ann@example.com", Secret("another-secret-3"))
        await house.people.set_password(OPERATOR, "ann@example.com", PASSWORD)
        assert house.shop.count("user_passwords") == 4

    async def test_has_a_password_that_nobody_can_read(self, house: House) -> None:
        await house.user(Role.MERCHANT_ADMIN, house.merchant)
        with house.shop.engine.connect() as connection:
            stored = connection.execute(text("SELECT password_hash FROM user_passwords")).scalar_one()
            entries = connection.execute(text("SELECT facts FROM audit_entries")).scalars().all()
        assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert not any(PASSWORD.reveal() in facts or stored in facts for facts in entries)


@pytest.mark.anyio
class TestAnAdmin:
    async def test_manages_users_at_his_organization_and_below(self, house: House) -> None:
        admin = acting(await house.user(Role.AGENT_OFFICE_ADMIN, house.office))
        added = await house.people.add_user(
            admin,
            email="ben@example.com",
            name="Ben",
            role=Role.MERCHANT_ADMIN,
            owner=house.merchant,
            password=PASSWORD,
        )
        await house.people.set_active(admin, added.email, active=False)
        entry = (await house.log(house.merchant))[-1]
        assert (entry.actor_kind, entry.actor, entry.origin) == (ActorKind.USER, "ann@example.com", ORIGIN)

    @pytest.mark.parametrize("place", ["iso", "own_merchant", "foreign_iso", "foreign_merchant"])
    async def test_manages_nobody_elsewhere(self, house: House, place: str) -> None:
        admin = acting(await house.user(Role.AGENT_OFFICE_ADMIN, house.office))
        owner: OwnerRef = getattr(house, place)
        before = await house.told(owner)
        with pytest.raises(Forbidden):
            await house.people.add_user(
                admin,
                email="ben@example.com",
                name="Ben",
                role=Role.STAFF_READ_ONLY,
                owner=owner,
                password=PASSWORD,
            )
        assert await house.told(owner) == before
        entry = (await house.log(house.office))[-1]
        assert (entry.action, entry.outcome, entry.facts) == (
            "user.added",
            Outcome.REFUSED,
            {"owner": str(owner)},
        )
        with pytest.raises(BadFacts):
            await house.people.user("ben@example.com")

    async def test_does_not_outlive_his_rights(self, house: House) -> None:
        user = await house.user(Role.ISO_ADMIN, house.iso)
        await house.people.add_office(acting(user), iso_id=house.iso.owner_id, name="Mole")
        disabled = await house.people.set_active(OPERATOR, user.email, active=False)
        with pytest.raises(Forbidden):
            await house.people.add_office(acting(disabled), iso_id=house.iso.owner_id, name="Pier")


@pytest.mark.anyio
class TestSigningIn:
    async def test_takes_the_password(self, house: House) -> None:
        user = await house.user(Role.MERCHANT_ADMIN, house.merchant)
        assert await house.enter() == user
        assert await house.enter(email=" ANN@example.com") == user
        assert await house.told(house.merchant) == [
            ("merchant.boarded", Outcome.DONE),
            ("office.assigned", Outcome.DONE),
            ("user.added", Outcome.DONE),
            ("user.signed_in", Outcome.DONE),
            ("user.signed_in", Outcome.DONE),
        ]

    async def test_refuses_alike_whoever_has_no_account_and_whoever_is_disabled(self, house: House) -> None:
        user = await house.user(Role.MERCHANT_ADMIN, house.merchant)
        assert await house.enter(WRONG) is SignInDenied.WRONG
        assert await house.enter(email="ben@example.com") is SignInDenied.WRONG
        assert await house.enter(email="x" * 10_000) is SignInDenied.WRONG
        await house.people.set_active(OPERATOR, user.email, active=False)
        assert await house.enter() is SignInDenied.WRONG

    async def test_that_failed_is_recorded_without_what_was_typed(self, house: House) -> None:
        user = await house.user(Role.MERCHANT_ADMIN, house.merchant)
        await house.enter(WRONG)
        await house.enter(email="a-password-typed-too-early")
        known, unknown = (await house.log(house.merchant))[-1], (await house.log(None))[-1]
        for entry, facts in ((known, {"user_id": user.user_id}), (unknown, {})):
            assert (entry.action, entry.outcome) == ("user.signed_in", Outcome.REFUSED)
            assert (entry.actor_kind, entry.origin, entry.facts) == (ActorKind.NOBODY, ORIGIN, facts)

    @pytest.mark.parametrize("email", ["ann@example.com", "nobody@example.com"])
    async def test_locks_out_guessers_for_a_while(self, house: House, email: str) -> None:
        user = await house.user(Role.MERCHANT_ADMIN, house.merchant)
        for _ in range(TRIES_MAX):
            assert await house.enter(WRONG, email) is SignInDenied.WRONG
        assert await house.enter(PASSWORD, email) is SignInDenied.LOCKED
        house.shop.clock.pass_by(seconds=LOCK_LIFE.total_seconds() - 1)
        assert await house.enter(PASSWORD, email) is SignInDenied.LOCKED
        house.shop.clock.pass_by(seconds=1)
        assert await house.enter(PASSWORD, email) == (user if email == user.email else SignInDenied.WRONG)

    async def test_gives_no_more_tries_to_many_at_once(self, house: House) -> None:
        await house.user(Role.MERCHANT_ADMIN, house.merchant)
        answers = await asyncio.gather(*(house.enter(WRONG) for _ in range(TRIES_MAX + 5)))
        assert answers.count(SignInDenied.WRONG) == TRIES_MAX
        assert answers.count(SignInDenied.LOCKED) == 5

    async def test_counts_failures_in_a_row(self, house: House) -> None:
        user = await house.user(Role.MERCHANT_ADMIN, house.merchant)
        for _ in range(2):
            for _ in range(TRIES_MAX - 1):
                await house.enter(WRONG)
            assert await house.enter() == user

    async def test_forgets_failures_of_long_ago(self, house: House) -> None:
        user = await house.user(Role.MERCHANT_ADMIN, house.merchant)
        for _ in range(TRIES_MAX - 1):
            await house.enter(WRONG)
        house.shop.clock.pass_by(seconds=TRIES_WINDOW.total_seconds())
        assert await house.enter(WRONG) is SignInDenied.WRONG
        assert await house.enter() == user


@pytest.mark.anyio
class TestHashing:
    async def test_is_refused_when_too_many_wait_for_it(self) -> None:
        passwords = Argon2(workers=1, waiting_max=3)
        asked = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(5)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        refusals = [answer for answer in answers if isinstance(answer, Refused)]
        assert [refusal.reason for refusal in refusals] == [Reason.BUSY] * 2
        assert len(set(map(str, answers)) - {Reason.BUSY}) == 3
        assert (await passwords.hash(PASSWORD)).startswith("$argon2id$")
        passwords.close()

    async def test_leaves_the_event_loop_free(self) -> None:
        passwords = Argon2(workers=1)
        hashing, turns = asyncio.create_task(passwords.hash(PASSWORD)), 0
        while not hashing.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns > 10
        passwords.close()

    async def test_gives_a_place_back_that_somebody_stopped_waiting_for(self) -> None:
        passwords = Argon2(workers=1, waiting_max=1)
        hashing = asyncio.create_task(passwords.hash(PASSWORD))
        await asyncio.sleep(0)
        hashing.cancel()
        with pytest.raises(Refused):
            await passwords.fits(PASSWORD, None)
        while True:
            try:
                assert not await passwords.fits(PASSWORD, None)
            except Refused:
                await asyncio.sleep(0.01)
            else:
                break
        passwords.close()

    @pytest.mark.parametrize("stored", ["", "no hash", "$argon2id$v=19$m=19456,t=2,p=1$AAAA", "\0"])
    async def test_fits_nothing_to_what_is_no_hash(self, stored: str) -> None:
        passwords = Argon2(workers=1)
        assert not await passwords.fits(PASSWORD, stored)
        assert not await passwords.fits(PASSWORD, None)
        passwords.close()
