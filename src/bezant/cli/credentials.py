"""API keys and tokens: ``bezant credential``, ``bezant ecom-token`` and ``bezant token``.

Secrets are masked everywhere but in what the two ``copy`` commands print. Copying is recorded in the audit
log of whom it belongs to, as is every other use of these commands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import click

from bezant.app.sides import CredentialSide, access_side
from bezant.app.store import Store as Opened
from bezant.cli.opening import terminal_numbered, with_store
from bezant.cli.owners import OwnerOption, owner_options
from bezant.cli.screen import Row, print_facts, print_table, show_facts, show_json
from bezant.cli.usage import example, json_option
from bezant.core.credentials import PROFILE_NUMBER, SCOPES, ApiKey, EcomToken, KeyPair, TerminalProfile
from bezant.core.people import OPERATOR, OrganizationKind, OwnerRef
from bezant.core.sensitive import Secret
from bezant.storage.units import Unit

MASKED: Final = "********"
"""A secret that is there and not shown."""


@click.group()
def credential() -> None:
    """API keys: one pair for each sales organization, agent office and merchant."""


@credential.command("generate", epilog=example("bezant credential generate --merchant 2203082193"))
@owner_options
@json_option
def generate(*, owner: OwnerOption, as_json: bool) -> None:
    """Give an organization its key pair. What the key opens follows from the kind of organization."""
    _of_owner(owner, lambda side, whose: side.credentials.generate(OPERATOR, whose), as_json=as_json)


@credential.command("copy", epilog=example("bezant credential copy --merchant 2203082193 --json"))
@owner_options
@json_option
def copy(*, owner: OwnerOption, as_json: bool) -> None:
    """Print an organization's key pair in clear."""
    _of_owner(owner, lambda side, whose: side.credentials.copy(OPERATOR, whose), as_json=as_json, reveal=True)


@credential.command("reset", epilog=example("bezant credential reset --iso 1"))
@owner_options
@json_option
def reset(*, owner: OwnerOption, as_json: bool) -> None:
    """Give an organization's key a new secret. The one before is refused at once; the key stays.

    Tokens that were made with the old one go on until they expire, and cannot be refreshed.
    """
    _of_owner(owner, lambda side, whose: side.credentials.reset(OPERATOR, whose), as_json=as_json)


@credential.command("view", epilog=example("bezant credential view --merchant 2203082193"))
@owner_options
@json_option
def view(*, owner: OwnerOption, as_json: bool) -> None:
    """Show an organization's key, masked; for a merchant, what each of its terminals calls with, too.

    `app_keys` are those of Valor's API (`bezant key`); `tpn` and `auth_token` those of iPOSpays' API
    (`bezant key tpn`, `bezant ecom-token`).
    """

    async def work(opened: Opened) -> tuple[Row, Sequence[Row]]:
        whose = await opened.units.read(owner.find)
        key = await access_side(opened).credentials.credentials.view(OPERATOR, whose)
        facts: Row = {"owner_kind": whose.kind.value, "owner_id": whose.owner_id, "api_key": None}
        if key is not None:
            facts = _key_row(key, None)
        if whose.kind is not OrganizationKind.MERCHANT:
            return facts, ()
        return facts, await opened.units.read(lambda unit: _terminal_rows(unit, whose.owner_id))

    facts, terminals = with_store(work)
    if as_json:
        show_json({**facts, "terminals": terminals} if terminals else facts)
        return
    print_facts(facts)
    if terminals:
        click.echo()
        print_table(terminals)


@click.group("ecom-token")
def ecom_token() -> None:
    """Auth tokens: lasting tokens of terminals, for shop plugins and older clients."""


@ecom_token.command("generate", epilog=example("bezant ecom-token generate 2203082193"))
@click.argument("terminal")
@json_option
def generate_token(*, terminal: str, as_json: bool) -> None:
    """Give TERMINAL (its number or TPN) its token."""
    _of_terminal(terminal, lambda side, number: side.ecom_tokens.generate(OPERATOR, number), as_json=as_json)


@ecom_token.command("copy", epilog=example("bezant ecom-token copy 2203082193 --json"))
@click.argument("terminal")
@json_option
def copy_token(*, terminal: str, as_json: bool) -> None:
    """Print the token of TERMINAL (its number or TPN) in clear."""
    _of_terminal(
        terminal, lambda side, number: side.ecom_tokens.copy(OPERATOR, number), as_json=as_json, reveal=True
    )


@ecom_token.command("reset", epilog=example("bezant ecom-token reset 2203082193"))
@click.argument("terminal")
@json_option
def reset_token(*, terminal: str, as_json: bool) -> None:
    """Give TERMINAL (its number or TPN) another token. The one before is refused at once."""
    _of_terminal(terminal, lambda side, number: side.ecom_tokens.reset(OPERATOR, number), as_json=as_json)


@click.group()
def token() -> None:
    """Signed tokens, which key pairs are exchanged for."""


@token.command(
    "rotate-keys", epilog=example("bezant token rotate-keys", "bezant token rotate-keys --at-once")
)
@click.option("--at-once", is_flag=True, help="End every token that was signed so far, too.")
@json_option
def rotate_keys(*, at_once: bool, as_json: bool) -> None:
    """Sign tokens with a new key from now on. What is signed stays good until it expires."""

    async def work(opened: Opened) -> Row:
        key = await access_side(opened).credentials.tokens.rotate(OPERATOR, at_once=at_once)
        return {"key_id": key.key_id, "number": key.number, "made_at": key.made_at}

    show_facts(with_store(work), as_json=as_json)


async def profile_of(opened: Opened, terminal: str) -> TerminalProfile:
    """The profile of a terminal by its number or its TPN; it is given one where it has none yet.

    Raises ``click.UsageError`` where there is no such terminal.
    """

    def find(unit: Unit) -> TerminalProfile | tuple[int, int]:
        if PROFILE_NUMBER.fullmatch(terminal) and (known := unit.credentials.profile_numbered(terminal)):
            return known
        owner, found = terminal_numbered(unit, terminal)
        return owner.merchant_id, found.terminal_id

    found = await opened.units.read(find)
    if isinstance(found, TerminalProfile):
        return found
    return await access_side(opened).credentials.profiles.assign(*found)


def _of_owner(
    owner: OwnerOption,
    act: Callable[[CredentialSide, OwnerRef], Awaitable[KeyPair]],
    *,
    as_json: bool,
    reveal: bool = False,
) -> None:
    async def work(opened: Opened) -> Row:
        whose = await opened.units.read(owner.find)
        pair = await act(access_side(opened).credentials, whose)
        return _key_row(pair.key, pair.secret if reveal else None)

    show_facts(with_store(work), as_json=as_json)


def _of_terminal(
    terminal: str,
    act: Callable[[CredentialSide, str], Awaitable[EcomToken]],
    *,
    as_json: bool,
    reveal: bool = False,
) -> None:
    async def work(opened: Opened) -> Row:
        profile = await profile_of(opened, terminal)
        made = await act(access_side(opened).credentials, profile.number)
        return {
            "tpn": profile.number,
            "auth_token": made.text.reveal() if reveal else MASKED,
            "made_at": made.made_at,
        }

    show_facts(with_store(work), as_json=as_json)


def _key_row(key: ApiKey, secret: Secret | None) -> Row:
    return {
        "owner_kind": key.owner.kind.value,
        "owner_id": key.owner.owner_id,
        "api_key": key.name,
        "secret_key": MASKED if secret is None else secret.reveal(),
        "scopes": ", ".join(sorted(SCOPES[key.owner.kind])),
        "made_at": key.made_at,
        "reset_at": key.reset_at,
    }


def _terminal_rows(unit: Unit, merchant_id: int) -> list[Row]:
    account = unit.merchants.account(merchant_id)
    assert account is not None, "it was found before"
    profiles = {each.terminal_id: each for each in unit.credentials.profiles_of(merchant_id)}
    live = [each for each in unit.merchants.credentials(merchant_id) if each.revoked_at is None]
    rows: list[Row] = []
    for terminal in account.terminals.values():
        profile = profiles.get(terminal.terminal_id)
        has_token = profile is not None and unit.credentials.ecom_token_of(profile) is not None
        keys = [each.key.mask() for each in live if each.terminal_id == terminal.terminal_id]
        rows.append(
            {
                "terminal": terminal.number,
                "app_id": account.merchant.app_id,
                "app_keys": ", ".join(keys),
                "tpn": profile.number if profile else None,
                "auth_token": MASKED if has_token else None,
            }
        )
    return rows
