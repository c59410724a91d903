"""Organizations and users. Each statement is sent when it is asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select, update

from bezant.core.people import (
    Organization,
    OrganizationKind,
    OwnerRef,
    Role,
    User,
)
from bezant.storage.instants import to_micros
from bezant.storage.tables import agent_offices, isos, merchants, user_passwords, users
from bezant.storage.writes import Writes

PASSWORDS_KEPT: Final = 4
"""A password and those before it that may not be chosen again (PCI DSS 4.0, 8.3.7)."""


class PeopleRows:
    """Organizations and users of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes

    # -- organizations ----------------------------------------------------------------------------

    def organization(self, owner: OwnerRef) -> Organization | None:
        """An organization and its place."""
        match owner.kind:
            case OrganizationKind.ISO:
                query = select(isos.c.name).where(isos.c.iso_id == owner.owner_id)
            case OrganizationKind.AGENT_OFFICE:
                query = select(agent_offices).where(agent_offices.c.office_id == owner.owner_id)
            case OrganizationKind.MERCHANT:
                query = select(merchants).where(merchants.c.merchant_id == owner.owner_id)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        return Organization(owner=owner, name=row.name, above=_above(owner.kind, row))

    def offices(self) -> list[Organization]:
        """Every agent office."""
        rows = self._connection.execute(select(agent_offices).order_by(agent_offices.c.office_id))
        return [
            Organization(
                owner=OwnerRef.agent_office(row.office_id), name=row.name, above=(OwnerRef.iso(row.iso_id),)
            )
            for row in rows
        ]

    def merchants_of(self, office_id: int) -> list[OwnerRef]:
        """The merchants that an office looks after."""
        c = merchants.c
        ids = self._connection.execute(
            select(c.merchant_id).where(c.office_id == office_id).order_by(c.merchant_id)
        ).scalars()
        return [OwnerRef.merchant(merchant_id) for merchant_id in ids]

    def add_office(self, office_id: int, *, iso_id: int, name: str, at: datetime) -> None:
        """Store an agent office of an ISO."""
        self._writes.touch()
        self._connection.execute(
            agent_offices.insert().values(
                office_id=office_id, iso_id=iso_id, name=name, created_at=to_micros(at)
            )
        )

    def assign_office(self, merchant_id: int, office_id: int | None) -> None:
        """Let an office look after a merchant, or none."""
        self._writes.touch()
        self._connection.execute(
            update(merchants).where(merchants.c.merchant_id == merchant_id).values(office_id=office_id)
        )

    # -- users ------------------------------------------------------------------------------------

    def user_by_email(self, email: str) -> User | None:
        """The user with that email address, in lower case."""
        row = self._connection.execute(select(users).where(users.c.email == email)).one_or_none()
        return None if row is None else _user(row)

    def users(self, owner: OwnerRef | None = None) -> list[User]:
        """The users of one organization, or every user."""
        query = select(users).order_by(users.c.user_id)
        if owner is not None:
            query = query.where(users.c.owner_kind == owner.kind.value, users.c.owner_id == owner.owner_id)
        return [_user(row) for row in self._connection.execute(query)]

    def add_user(self, user: User, *, at: datetime) -> None:
        """Store a user. A second one of an email address fails as a conflict."""
        self._writes.touch()
        self._connection.execute(
            users.insert().values(
                user_id=user.user_id,
                email=user.email,
                owner_kind=user.owner.kind.value,
                owner_id=user.owner.owner_id,
                created_at=to_micros(at),
                **_changeable(user),
            )
        )

    def change_user(self, user: User) -> None:
        """Store a user's name, role and whether he is active."""
        self._writes.touch()
        self._connection.execute(
            update(users).where(users.c.user_id == user.user_id).values(**_changeable(user))
        )

    def passwords(self, user_id: int) -> list[str]:
        """The hashes of a user's password and of the few before it, the newest first."""
        c = user_passwords.c
        return list(
            self._connection.execute(
                select(c.password_hash).where(c.user_id == user_id).order_by(c.revision.desc())
            ).scalars()
        )

    def keep_password(self, user_id: int, password_hash: str, *, at: datetime) -> None:
        """Store a user's new password, and forget those that are too old to matter."""
        self._writes.touch()
        c = user_passwords.c
        last = self._connection.execute(select(func.max(c.revision)).where(c.user_id == user_id)).scalar_one()
        revision = (last or 0) + 1
        self._connection.execute(
            user_passwords.insert().values(
                user_id=user_id, revision=revision, password_hash=password_hash, made_at=to_micros(at)
            )
        )
        self._connection.execute(
            delete(user_passwords).where(c.user_id == user_id, c.revision <= revision - PASSWORDS_KEPT)
        )


def _above(kind: OrganizationKind, row: Row[Any]) -> tuple[OwnerRef, ...]:
    match kind:
        case OrganizationKind.ISO:
            return ()
        case OrganizationKind.AGENT_OFFICE:
            return (OwnerRef.iso(row.iso_id),)
        case OrganizationKind.MERCHANT:
            office = () if row.office_id is None else (OwnerRef.agent_office(row.office_id),)
            return (*office, OwnerRef.iso(row.iso_id))


def _changeable(user: User) -> dict[str, object]:
    return {"name": user.name, "role": user.role.value, "active": user.active}


def _user(row: Row[Any]) -> User:
    return User(
        user_id=row.user_id,
        email=row.email,
        name=row.name,
        role=Role(row.role),
        owner=OwnerRef(kind=OrganizationKind(row.owner_kind), owner_id=row.owner_id),
        active=bool(row.active),
    )
