"""Who may do what to whom: every role with every permission at every kind of relation."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Final

import pytest

from bezant.core.people import (
    OPERATOR,
    PERMISSIONS,
    ROLE_KINDS,
    Actor,
    ActorKind,
    Organization,
    OrganizationKind,
    OwnerRef,
    Permission,
    Role,
    User,
    may,
)

# Two sales organizations. The first has two offices; one of its merchants belongs to none of them.
HERE, ELSEWHERE = OwnerRef.iso(1), OwnerRef.iso(2)
OFFICE, OTHER_OFFICE, FOREIGN_OFFICE = map(OwnerRef.agent_office, (10, 11, 20))
SHOP, SIBLING, COUSIN, DIRECT, FOREIGN_SHOP = map(OwnerRef.merchant, (100, 101, 102, 103, 200))
TREE: Final = {
    found.owner: found
    for found in (
        Organization(owner=HERE, name="ISO"),
        Organization(owner=ELSEWHERE, name="Another ISO"),
        Organization(owner=OFFICE, name="Office", above=(HERE,)),
        Organization(owner=OTHER_OFFICE, name="Another office", above=(HERE,)),
        Organization(owner=FOREIGN_OFFICE, name="Another ISO's office", above=(ELSEWHERE,)),
        Organization(owner=SHOP, name="Merchant", above=(OFFICE, HERE)),
        Organization(owner=SIBLING, name="The office's other merchant", above=(OFFICE, HERE)),
        Organization(owner=COUSIN, name="Another office's merchant", above=(OTHER_OFFICE, HERE)),
        Organization(owner=DIRECT, name="The ISO's own merchant", above=(HERE,)),
        Organization(owner=FOREIGN_SHOP, name="Another ISO's merchant", above=(FOREIGN_OFFICE, ELSEWHERE)),
    )
}

# What can be reached from where, spelled out: the code walks up a tree, this does not.
REACH: Final = {
    HERE: {HERE, OFFICE, OTHER_OFFICE, SHOP, SIBLING, COUSIN, DIRECT},
    OFFICE: {OFFICE, SHOP, SIBLING},
    SHOP: {SHOP},
}

# The roles' columns: ISO admin, agent office admin, merchant admin, ISV, staff.
GRID: Final = """
    credentials_generate  x x x x .
    credentials_view      x x x x x
    credentials_copy      x x x x .
    credentials_reset     x x x x .
    ecom_token_generate   x x x x .
    ecom_token_copy       x x x x .
    users_view            x x x . x
    users_manage          x x x . .
    offices_manage        x . . . .
    merchants_view        x x x x x
    merchants_board       x x . . .
    merchants_change      x x x . .
    payments_view         x x x x x
    payments_refund       . . x . .
    audit_view            x x x . .
"""
COLUMNS: Final = (
    Role.ISO_ADMIN,
    Role.AGENT_OFFICE_ADMIN,
    Role.MERCHANT_ADMIN,
    Role.ISV,
    Role.STAFF_READ_ONLY,
)
ALLOWED: Final = {
    (role, Permission(name))
    for name, *marks in map(str.split, GRID.strip().splitlines())
    for role, mark in zip(COLUMNS, marks, strict=True)
    if mark == "x"
}
HOMES: Final = {
    OrganizationKind.ISO: HERE,
    OrganizationKind.AGENT_OFFICE: OFFICE,
    OrganizationKind.MERCHANT: SHOP,
}
SEATS: Final = [(role, HOMES[kind]) for role in Role for kind in OrganizationKind if kind in ROLE_KINDS[role]]


def _user(role: Role, home: OwnerRef) -> User:
    return User(user_id=1, email="ann@example.com", name="Ann", role=role, owner=home)


def _actor(user: User) -> Actor:
    return Actor.of(user, origin="192.0.2.1")


class TestTheTable:
    def test_has_a_row_for_every_role(self) -> None:
        assert PERMISSIONS.keys() == ROLE_KINDS.keys() == set(Role)
        assert {role for role, _ in SEATS} == set(Role)

    def test_says_of_every_role_and_permission_what_was_meant(self) -> None:
        assert len(GRID.split()) == len(Permission) * (1 + len(Role))
        granted = {(role, permission) for role, row in PERMISSIONS.items() for permission in row}
        assert granted == ALLOWED

    def test_lets_staff_only_look(self) -> None:
        assert all(permission.value.endswith("_view") for permission in PERMISSIONS[Role.STAFF_READ_ONLY])


class TestAUser:
    @pytest.mark.parametrize(("role", "home"), SEATS, ids=str)
    @pytest.mark.parametrize("permission", Permission)
    def test_may_do_what_the_table_says_where_it_says(
        self, role: Role, home: OwnerRef, permission: Permission
    ) -> None:
        actor = _actor(_user(role, home))
        reached = {owner for owner, found in TREE.items() if may(actor, permission, found)}
        assert reached == (REACH[home] if (role, permission) in ALLOWED else set())

    @pytest.mark.parametrize(("role", "home"), SEATS, ids=str)
    def test_who_is_disabled_may_do_nothing(self, role: Role, home: OwnerRef) -> None:
        actor = _actor(replace(_user(role, home), active=False))
        assert not any(may(actor, *what) for what in product(Permission, TREE.values()))


class TestSomebodyElse:
    def test_may_do_everything_as_the_operator(self) -> None:
        assert all(may(OPERATOR, *what) for what in product(Permission, TREE.values()))

    @pytest.mark.parametrize("kind", [ActorKind.API_KEY, ActorKind.NOBODY, ActorKind.USER])
    def test_may_do_nothing_without_a_user(self, kind: ActorKind) -> None:
        actor = Actor(kind=kind, name="somebody", origin="192.0.2.1")
        assert not any(may(actor, *what) for what in product(Permission, TREE.values()))


class TestAnOrganization:
    def test_lies_right_below_its_parent(self) -> None:
        assert {owner: found.parent for owner, found in TREE.items() if owner in REACH[HERE]} == {
            HERE: None,
            OFFICE: HERE,
            OTHER_OFFICE: HERE,
            SHOP: OFFICE,
            SIBLING: OFFICE,
            COUSIN: OTHER_OFFICE,
            DIRECT: HERE,
        }

    def test_is_not_mistaken_for_one_of_another_kind_with_the_same_id(self) -> None:
        namesake = Organization(owner=OwnerRef.merchant(1), name="One", above=(ELSEWHERE,))
        assert not may(_actor(_user(Role.ISO_ADMIN, HERE)), Permission.PAYMENTS_VIEW, namesake)
