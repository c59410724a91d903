"""Whose something is, who does it, and whether he may: organizations, users, roles and permissions.

Sales organizations have agent offices and merchants; a merchant may be looked after by an office. What
somebody may do is one table, and where he may do it is one rule: at his own organization and below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self


class OrganizationKind(StrEnum):
    """The kinds of organization, from the top down."""

    ISO = "iso"
    AGENT_OFFICE = "agent_office"
    MERCHANT = "merchant"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRef:
    """Whose something is. ``owner_id`` is an ISO's, an office's or a merchant's id, as the kind says."""

    kind: OrganizationKind
    owner_id: int

    @classmethod
    def iso(cls, iso_id: int) -> Self:
        """A sales organization as an owner."""
        return cls(kind=OrganizationKind.ISO, owner_id=iso_id)

    @classmethod
    def agent_office(cls, office_id: int) -> Self:
        """An agent office as an owner."""
        return cls(kind=OrganizationKind.AGENT_OFFICE, owner_id=office_id)

    @classmethod
    def merchant(cls, merchant_id: int) -> Self:
        """A merchant as an owner."""
        return cls(kind=OrganizationKind.MERCHANT, owner_id=merchant_id)

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.owner_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """An organization and its place: ``above`` names those it lies below, the nearest first."""

    owner: OwnerRef
    name: str
    above: tuple[OwnerRef, ...] = ()

    @property
    def parent(self) -> OwnerRef | None:
        """The organization right above: a merchant's office, or its ISO where it has none."""
        return self.above[0] if self.above else None

    def is_within(self, owner: OwnerRef) -> bool:
        """Whether this is that organization, or lies below it."""
        return owner == self.owner or owner in self.above


class Role(StrEnum):
    """What somebody is at his organization."""

    ISO_ADMIN = "iso_admin"
    AGENT_OFFICE_ADMIN = "agent_office_admin"
    MERCHANT_ADMIN = "merchant_admin"
    ISV = "isv"
    STAFF_READ_ONLY = "staff_read_only"


class Permission(StrEnum):
    """One kind of thing that can be done to an organization and what it owns."""

    CREDENTIALS_GENERATE = "credentials_generate"
    CREDENTIALS_VIEW = "credentials_view"
    CREDENTIALS_COPY = "credentials_copy"
    CREDENTIALS_RESET = "credentials_reset"
    ECOM_TOKEN_GENERATE = "ecom_token_generate"  # noqa: S105 - a permission, not a credential
    ECOM_TOKEN_COPY = "ecom_token_copy"  # noqa: S105 - as above
    USERS_VIEW = "users_view"
    USERS_MANAGE = "users_manage"
    OFFICES_MANAGE = "offices_manage"
    MERCHANTS_VIEW = "merchants_view"
    MERCHANTS_BOARD = "merchants_board"
    MERCHANTS_CHANGE = "merchants_change"
    PAYMENTS_VIEW = "payments_view"
    PAYMENTS_REFUND = "payments_refund"
    AUDIT_VIEW = "audit_view"


_VIEWS: Final = frozenset(
    {
        Permission.CREDENTIALS_VIEW,
        Permission.USERS_VIEW,
        Permission.MERCHANTS_VIEW,
        Permission.PAYMENTS_VIEW,
    }
)
_CREDENTIALS: Final = frozenset(
    {
        Permission.CREDENTIALS_GENERATE,
        Permission.CREDENTIALS_VIEW,
        Permission.CREDENTIALS_COPY,
        Permission.CREDENTIALS_RESET,
    }
)
_ECOM_TOKENS: Final = frozenset({Permission.ECOM_TOKEN_GENERATE, Permission.ECOM_TOKEN_COPY})
_BOARDING: Final = frozenset({Permission.MERCHANTS_BOARD, Permission.MERCHANTS_CHANGE})
_STAFF: Final = frozenset({Permission.USERS_MANAGE, Permission.AUDIT_VIEW})

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    # Who boards merchants hands them their credentials; giving their money back is theirs alone.
    Role.ISO_ADMIN: _VIEWS | _CREDENTIALS | _ECOM_TOKENS | _BOARDING | _STAFF | {Permission.OFFICES_MANAGE},
    Role.AGENT_OFFICE_ADMIN: _VIEWS | _CREDENTIALS | _ECOM_TOKENS | _BOARDING | _STAFF,
    Role.MERCHANT_ADMIN: _VIEWS
    | _CREDENTIALS
    | _ECOM_TOKENS
    | _STAFF
    | {Permission.MERCHANTS_CHANGE, Permission.PAYMENTS_REFUND},
    # Builds software on its merchants' behalf: credentials, and what came of the payments.
    Role.ISV: _CREDENTIALS | _ECOM_TOKENS | {Permission.MERCHANTS_VIEW, Permission.PAYMENTS_VIEW},
    Role.STAFF_READ_ONLY: _VIEWS,
}
"""What each role may do, at its organization and below."""

ROLE_KINDS: Final[Mapping[Role, frozenset[OrganizationKind]]] = {
    Role.ISO_ADMIN: frozenset({OrganizationKind.ISO}),
    Role.AGENT_OFFICE_ADMIN: frozenset({OrganizationKind.AGENT_OFFICE}),
    Role.MERCHANT_ADMIN: frozenset({OrganizationKind.MERCHANT}),
    Role.ISV: frozenset({OrganizationKind.ISO}),
    Role.STAFF_READ_ONLY: frozenset(OrganizationKind),
}
"""At which kinds of organization somebody can have a role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who signs in. ``email`` is in lower case and unique; ``owner`` is his organization."""

    user_id: int
    email: str
    name: str
    role: Role
    owner: OwnerRef
    active: bool = True


class ActorKind(StrEnum):
    """What kind of somebody acts."""

    OPERATOR = "operator"
    USER = "user"
    NOBODY = "nobody"
    """Somebody who has not signed in."""
    API_KEY = "api_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something, as the audit log names him.

    ``name`` is public: "operator", an email address, an API key without its secret. ``origin`` is where he
    does it from: a network address, or "command line". ``user`` is set for users alone.
    """

    kind: ActorKind
    name: str
    origin: str
    user: User | None = None

    @classmethod
    def of(cls, user: User, *, origin: str) -> Self:
        """A user who is signed in."""
        return cls(kind=ActorKind.USER, name=user.email, origin=origin, user=user)


OPERATOR: Final = Actor(kind=ActorKind.OPERATOR, name="operator", origin="command line")
"""Whoever runs the gateway and can type its commands."""


def may(actor: Actor, permission: Permission, organization: Organization) -> bool:
    """Whether ``actor`` may do that to this organization.

    The operator may do everything. A user may do what his role's row says, at his organization and below.
    An API key has scopes of its own and may do nothing here.
    """
    if actor.kind is ActorKind.OPERATOR:
        return True
    user = actor.user
    return (
        user is not None
        and user.active
        and permission in PERMISSIONS[user.role]
        and organization.is_within(user.owner)
    )
