"""People and where they belong: ``bezant user`` and ``bezant office``."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Final

import click

from bezant.app.store import Store as Opened
from bezant.cli.opening import account_named, with_store
from bezant.cli.owners import ID, OwnerOption, owner_options
from bezant.cli.screen import Row, show_facts, show_rows
from bezant.cli.usage import example, json_option
from bezant.cli.values import Name
from bezant.core.outcomes import Conflict
from bezant.core.people import OPERATOR, Organization, Role, User
from bezant.core.sensitive import Secret
from bezant.storage.units import Unit

NAME: Final = Name(100)
ROLE: Final = click.Choice([role.value for role in Role])
_LINE_LENGTH_MAX: Final = 1_000


@click.group()
def office() -> None:
    """Agent offices, which look after some of a sales organization's merchants."""


@office.command("add", epilog=example('bezant office add "Harbour branch" --iso 1'))
@click.argument("name", type=NAME)
@click.option("--iso", "iso_id", type=ID, required=True, help="The sales organization's id.")
@json_option
def add_office(*, name: str, iso_id: int, as_json: bool) -> None:
    """Add an agent office to a sales organization."""

    async def work(opened: Opened) -> Row:
        return _office_row(await opened.people.add_office(OPERATOR, iso_id=iso_id, name=name))

    show_facts(with_store(work), as_json=as_json)


@office.command("list", epilog=example("bezant office list"))
@json_option
def list_offices(*, as_json: bool) -> None:
    """List every agent office with its merchants."""

    def rows(unit: Unit) -> list[Row]:
        return [
            {
                **_office_row(found),
                "merchant_ids": ", ".join(
                    str(each.owner_id) for each in unit.people.merchants_of(found.owner.owner_id)
                ),
            }
            for found in unit.people.offices()
        ]

    async def work(opened: Opened) -> list[Row]:
        return await opened.units.read(rows)

    show_rows(with_store(work), as_json=as_json, none="no agent office yet: bezant office add NAME --iso ID")


@office.command(
    "assign", epilog=example("bezant office assign 2203082193 3", "bezant office assign 2203082193 none")
)
@click.argument("merchant")
@click.argument("office")
@json_option
def assign_office(*, merchant: str, office: str, as_json: bool) -> None:
    """Let OFFICE (its id, or none) look after MERCHANT (its id, app id or a terminal number)."""
    office_id = None if office == "none" else ID.convert(office, None, click.get_current_context())

    async def work(opened: Opened) -> Row:
        account = await opened.units.read(lambda unit: account_named(unit, merchant))
        merchant_id = account.merchant.merchant_id
        await opened.people.assign_office(OPERATOR, merchant_id=merchant_id, office_id=office_id)
        return {"merchant_id": merchant_id, "name": account.merchant.name, "office_id": office_id}

    show_facts(with_store(work), as_json=as_json)


@click.group()
def user() -> None:
    """Users: people who sign in, with a role at their organization.

    Passwords are typed, or read from standard input: they are no arguments, which others could see.
    """


@user.command(
    "add",
    epilog=example(
        "bezant user add ann@example.com --name Ann --role merchant_admin --merchant 2203082193",
        "pass show ann | bezant user add ann@example.com --name Ann --role iso_admin --iso 1",
    ),
)
@click.argument("email")
@click.option("--name", type=NAME, required=True, help="What people call the user.")
@click.option("--role", type=ROLE, required=True, help="What the user is there.")
@owner_options
@json_option
def add_user(*, email: str, name: str, role: str, owner: OwnerOption, as_json: bool) -> None:
    """Add a user at a sales organization, an agent office or a merchant."""

    async def work(opened: Opened) -> Row:
        place = await opened.units.read(owner.find)
        try:
            added = await opened.people.add_user(
                OPERATOR, email=email, name=name, role=Role(role), owner=place, password=_password()
            )
        except Conflict:
            raise click.ClickException("that email address is taken") from None
        return _user_row(added)

    show_facts(with_store(work), as_json=as_json)


@user.command("list", epilog=example("bezant user list", "bezant user list --merchant 2203082193"))
@owner_options
@json_option
def list_users(*, owner: OwnerOption, as_json: bool) -> None:
    """List every user, or those of one organization."""

    def rows(unit: Unit) -> list[Row]:
        return [_user_row(found) for found in unit.people.users(owner.find(unit) if owner.given else None)]

    async def work(opened: Opened) -> list[Row]:
        return await opened.units.read(rows)

    show_rows(with_store(work), as_json=as_json, none="no user yet: bezant user add --help")


@user.command("password", epilog=example("bezant user password ann@example.com"))
@click.argument("email")
@json_option
def set_password(*, email: str, as_json: bool) -> None:
    """Give a user a new password."""

    async def change(opened: Opened) -> User:
        await opened.people.user(email)  # before anybody has to type
        return await opened.people.set_password(OPERATOR, email, _password())

    _change(change, as_json=as_json)


@user.command("role", epilog=example("bezant user role ann@example.com staff_read_only"))
@click.argument("email")
@click.argument("role", type=ROLE)
@json_option
def set_role(*, email: str, role: str, as_json: bool) -> None:
    """Give a user another role at the same organization."""
    _change(lambda opened: opened.people.set_role(OPERATOR, email, Role(role)), as_json=as_json)


@user.command("disable", epilog=example("bezant user disable ann@example.com"))
@click.argument("email")
@json_option
def disable(*, email: str, as_json: bool) -> None:
    """Let a user sign in no more."""
    _change(lambda opened: opened.people.set_active(OPERATOR, email, active=False), as_json=as_json)


@user.command("enable", epilog=example("bezant user enable ann@example.com"))
@click.argument("email")
@json_option
def enable(*, email: str, as_json: bool) -> None:
    """Let a user who was disabled sign in again."""
    _change(lambda opened: opened.people.set_active(OPERATOR, email, active=True), as_json=as_json)


def _change(change: Callable[[Opened], Awaitable[User]], *, as_json: bool) -> None:
    async def work(opened: Opened) -> Row:
        return _user_row(await change(opened))

    show_facts(with_store(work), as_json=as_json)


def _password() -> Secret:
    """A password that is typed twice, or the first line of what is piped in."""
    if sys.stdin.isatty():
        return Secret(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return Secret(sys.stdin.readline(_LINE_LENGTH_MAX).rstrip("\r\n"))


def _office_row(found: Organization) -> Row:
    return {
        "office_id": found.owner.owner_id,
        "office": found.name,
        "iso_id": found.parent.owner_id if found.parent else None,
    }


def _user_row(found: User) -> Row:
    return {
        "user_id": found.user_id,
        "email": found.email,
        "name": found.name,
        "role": found.role.value,
        "owner_kind": found.owner.kind.value,
        "owner_id": found.owner.owner_id,
        "active": found.active,
    }
