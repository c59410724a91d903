"""Who belongs where: agent offices and users, made and changed by somebody who may.

Every change is recorded in the audit log of the organization it is made at, in the same transaction. So is an
attempt at one that was forbidden, in the log of whoever tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

from bezant.core.outcomes import BadFacts, Conflict
from bezant.core.people.model import (
    ROLE_KINDS,
    Actor,
    Organization,
    OrganizationKind,
    OwnerRef,
    Permission,
    Role,
    User,
    may,
)
from bezant.core.people.passwords import check_password
from bezant.core.people.ports import Clock, Facts, NewIds, Outcome, Passwords, PeopleTx, PeopleUnits
from bezant.core.sensitive import Secret

T = TypeVar("T")

EMAIL: Final = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}", re.ASCII
)
EMAIL_LENGTH_MAX: Final = 254
NAME_LENGTH_MAX: Final = 100


class Forbidden(Exception):
    """The actor may not do that there."""


class People:
    """Makes and changes agent offices and users. What is not well formed raises ``BadFacts``."""

    def __init__(self, *, units: PeopleUnits, passwords: Passwords, ids: NewIds, clock: Clock) -> None:
        self._units = units
        self._passwords = passwords
        self._ids = ids
        self._clock = clock

    # -- agent offices ----------------------------------------------------------------------------

    async def add_office(self, actor: Actor, *, iso_id: int, name: str) -> Organization:
        """A new agent office of a sales organization. Raises ``Forbidden``."""
        office = Organization(
            owner=OwnerRef.agent_office(await self._ids.take()),
            name=_named(name),
            above=(OwnerRef.iso(iso_id),),
        )
        at = self._clock.now()

        def work(tx: PeopleTx) -> tuple[Organization, Facts]:
            tx.people.add_office(office.owner.owner_id, iso_id=iso_id, name=office.name, at=at)
            return office, {"office_id": office.owner.owner_id, "name": office.name}

        return await self._change(
            actor, Permission.OFFICES_MANAGE, OwnerRef.iso(iso_id), "office.added", work
        )

    async def assign_office(self, actor: Actor, *, merchant_id: int, office_id: int | None) -> Organization:
        """Let an office of a merchant's ISO look after that merchant, or none. Raises ``Forbidden``."""
        owner = OwnerRef.merchant(merchant_id)
        found = await self.organization(owner)
        sponsor = found.above[-1]

        def work(tx: PeopleTx) -> tuple[Organization, Facts]:
            office = None if office_id is None else tx.people.organization(OwnerRef.agent_office(office_id))
            if office_id is not None and (office is None or not office.is_within(sponsor)):
                raise BadFacts("no such office of the merchant's sales organization")
            tx.people.assign_office(merchant_id, office_id)
            above = (sponsor,) if office is None else (office.owner, sponsor)
            return replace(found, above=above), {"merchant_id": merchant_id, "office_id": office_id}

        return await self._change(actor, Permission.OFFICES_MANAGE, owner, "office.assigned", work)

    async def organization(self, owner: OwnerRef) -> Organization:
        """An organization and its place. Raises ``BadFacts`` where there is none."""
        return await self._units.read(lambda tx: _organization(tx, owner))

    # -- users ------------------------------------------------------------------------------------

    async def add_user(
        self, actor: Actor, *, email: str, name: str, role: Role, owner: OwnerRef, password: Secret
    ) -> User:
        """A new user, who can sign in with that password. Raises ``Forbidden``."""
        user = User(
            user_id=await self._ids.take(),
            email=_email(email),
            name=_named(name),
            role=role,
            owner=owner,
        )
        _check_role(role, owner.kind)
        check_password(password, email=user.email)
        password_hash = await self._passwords.hash(password)
        at = self._clock.now()

        def work(tx: PeopleTx) -> tuple[User, Facts]:
            if tx.people.user_by_email(user.email) is not None:
                raise Conflict("the email address is taken")
            tx.people.add_user(user, at=at)
            tx.people.keep_password(user.user_id, password_hash, at=at)
            return user, {"user_id": user.user_id, "email": user.email, "role": role.value}

        return await self._change(actor, Permission.USERS_MANAGE, owner, "user.added", work)

    async def set_password(self, actor: Actor, email: str, password: Secret) -> User:
        """Give a user a new password, none of the few that he had last. Raises ``Forbidden``."""
        user = await self.user(email)
        check_password(password, email=user.email)
        for old in await self._units.read(lambda tx: tx.people.passwords(user.user_id)):
            if await self._passwords.fits(password, old):
                raise BadFacts("that was the password not long ago")
        password_hash = await self._passwords.hash(password)
        at = self._clock.now()

        def work(tx: PeopleTx) -> tuple[User, Facts]:
            tx.people.keep_password(user.user_id, password_hash, at=at)
            return user, {"user_id": user.user_id}

        return await self._change(actor, Permission.USERS_MANAGE, user.owner, "user.password_set", work)

    async def set_role(self, actor: Actor, email: str, role: Role) -> User:
        """Give a user another role at his organization. Raises ``Forbidden``."""
        return await self._change_user(
            actor, email, "user.role_set", lambda user: replace(user, role=role), lambda user: user.role.value
        )

    async def set_active(self, actor: Actor, email: str, *, active: bool) -> User:
        """Let a user sign in, or no more. Raises ``Forbidden``."""
        action = "user.enabled" if active else "user.disabled"
        return await self._change_user(actor, email, action, lambda user: replace(user, active=active))

    async def user(self, email: str) -> User:
        """The user with that email address. Raises ``BadFacts`` where there is none."""
        return await self._units.read(lambda tx: _user(tx, _email(email)))

    async def _change_user(
        self,
        actor: Actor,
        email: str,
        action: str,
        changed: Callable[[User], User],
        fact: Callable[[User], str] | None = None,
    ) -> User:
        known = await self.user(email)

        def work(tx: PeopleTx) -> tuple[User, Facts]:
            before = _user(tx, known.email)
            after = changed(before)
            _check_role(after.role, after.owner.kind)
            tx.people.change_user(after)
            facts: Facts = {"user_id": after.user_id}
            return after, facts if fact is None else {**facts, "before": fact(before), "after": fact(after)}

        return await self._change(actor, Permission.USERS_MANAGE, known.owner, action, work)

    async def _change(
        self,
        actor: Actor,
        permission: Permission,
        owner: OwnerRef,
        action: str,
        work: Callable[[PeopleTx], tuple[T, Facts]],
    ) -> T:
        """Do ``work``, which tells the facts to be recorded, where the actor may."""
        at = self._clock.now()

        def guarded(tx: PeopleTx) -> T | Forbidden:
            if not may(actor, permission, _organization(tx, owner)):
                home = actor.user.owner if actor.user else None
                tx.audit.record(home, actor, action, {"owner": str(owner)}, at=at, outcome=Outcome.REFUSED)
                return Forbidden(permission)
            result, facts = work(tx)
            tx.audit.record(owner, actor, action, facts, at=at)
            return result

        result = await self._units.write(guarded, merchant_id=owner.owner_id)
        if isinstance(result, Forbidden):
            raise result
        return result


def _organization(tx: PeopleTx, owner: OwnerRef) -> Organization:
    found = tx.people.organization(owner)
    if found is None:
        raise BadFacts("no such organization")
    return found


def _user(tx: PeopleTx, email: str) -> User:
    found = tx.people.user_by_email(email)
    if found is None:
        raise BadFacts("no user with that email address")
    return found


def _email(text: str) -> str:
    lowered = text.strip().lower()
    if len(lowered) > EMAIL_LENGTH_MAX or EMAIL.fullmatch(lowered) is None:
        raise BadFacts("not an email address")
    return lowered


def _named(text: str) -> str:
    stripped = text.strip()
    if not 0 < len(stripped) <= NAME_LENGTH_MAX or not stripped.isprintable():
        raise BadFacts(f"a name has 1 to {NAME_LENGTH_MAX} printable characters")
    return stripped


def _check_role(role: Role, kind: OrganizationKind) -> None:
    if kind not in ROLE_KINDS[role]:
        raise BadFacts(f"nobody is {role.value} at an organization of that kind ({kind.value})")
