"""Signed requests of Amazon Payment Services' merchants: ``bezant aps``."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import IO, Final, Literal

import click

from bezant.app.store import Store as Opened
from bezant.cli.opening import account_named, with_store
from bezant.cli.screen import Row, show_facts, show_rows
from bezant.cli.usage import example, json_option
from bezant.cli.values import Duration, Limit, Matching, Months, Whole
from bezant.core.bnpl import Program
from bezant.core.merchants import (
    Digest,
    Edition,
    NoticeFormat,
    Notices,
    Signing,
    SigningAccount,
)
from bezant.core.merchants.signing import ACCESS_CODE, IDENTIFIER, PHRASE
from bezant.core.money import Money
from bezant.core.sensitive import Secret
from bezant.dialects.aps import signature
from bezant.dialects.wire.body import BYTES_MAX, Malformed, parse_json
from bezant.storage.units import Unit

OVERLAP: Final = timedelta(days=7)
CODE = Matching(ACCESS_CODE, "1 to 20 letters and digits")
NAME = Matching(IDENTIFIER, "1 to 20 letters and digits")
PHRASE_TEXT = Matching(PHRASE, "8 to 64 printable characters without blanks")
URL = Matching(re.compile(r"|https?://[!-~]{1,490}", re.ASCII), "a URL, or nothing to be told nothing")
MONTHS = Months()
AMOUNT = Limit()
SHA_TYPE = click.Choice([digest.value for digest in Digest])
EDITION = click.Choice([edition.value for edition in Edition])
FORMAT = click.Choice([each.value for each in NoticeFormat])

EDITION_HELP: Final = "What the shop was written for: current, or classic as the vendor's shop plugins are."


@click.group()
def aps() -> None:
    """Signing accounts: who calls Amazon Payment Services' API, with which phrases."""


@aps.command(
    "create", epilog=example("bezant aps create 2203082193 --sha-type sha512", "bezant aps create 7 --json")
)
@click.argument("merchant")
@click.option("--terminal", help="What the account's payments are booked on; else its only terminal.")
@click.option("--identifier", type=NAME, help="The merchant_identifier; else a random one.")
@click.option("--access-code", type=CODE, help="Else a random one.")
@click.option("--sha-type", type=SHA_TYPE, default=Digest.SHA256.value, show_default=True)
@click.option("--edition", type=EDITION, default=Edition.CURRENT.value, show_default=True, help=EDITION_HELP)
@json_option
def create_account(
    *,
    merchant: str,
    terminal: str | None,
    identifier: str | None,
    access_code: str | None,
    sha_type: str,
    edition: str,
    as_json: bool,
) -> None:
    """Give MERCHANT (its id, app id or a terminal number) a signing account, and print its phrases."""

    async def work(opened: Opened) -> Row:
        account = await opened.units.read(lambda unit: account_named(unit, merchant))
        numbers = list(account.terminals)
        number = terminal or (merchant if merchant in numbers else None) or _only(numbers)
        made = await _signing(opened).open(
            account.merchant.merchant_id,
            terminal_number=number,
            identifier=identifier,
            access_code=access_code,
            digest=Digest(sha_type),
            edition=Edition(edition),
        )
        return _row(made, now=opened.clock.now(), reveal=True)

    show_facts(with_store(work), as_json=as_json)


@aps.command("list", epilog=example("bezant aps list"))
@json_option
def list_accounts(*, as_json: bool) -> None:
    """List every signing account."""

    async def work(opened: Opened) -> list[Row]:
        accounts = await opened.units.read(lambda unit: unit.signing.all())
        return [
            {
                "merchant_id": account.merchant_id,
                "merchant_identifier": account.identifier,
                "sha_type": account.digest.value,
                "edition": account.edition.value,
                "active": account.active,
            }
            for account in accounts
        ]

    show_rows(with_store(work), as_json=as_json, none="no signing account yet: bezant aps create MERCHANT")


@aps.command("show", epilog=example("bezant aps show 2203082193 --reveal"))
@click.argument("merchant")
@click.option("--reveal", is_flag=True, help="Print the phrases in clear.")
@json_option
def show_account(*, merchant: str, reveal: bool, as_json: bool) -> None:
    """Show the signing account of MERCHANT, its phrases masked unless --reveal is given."""

    async def work(opened: Opened) -> Row:
        account = await opened.units.read(lambda unit: _named(unit, merchant))
        return _row(account, now=opened.clock.now(), reveal=reveal)

    show_facts(with_store(work), as_json=as_json)


@aps.command(
    "rotate",
    epilog=example(
        "bezant aps rotate 2203082193 request --overlap 2d", "bezant aps rotate 2203082193 response"
    ),
)
@click.argument("merchant")
@click.argument("which", type=click.Choice(["request", "response"]))
@click.option(
    "--overlap",
    type=Duration(),
    help="How long requests may still be signed with the phrase before; 7 days unless said.",
)
@click.option("--phrase", type=PHRASE_TEXT, help="Else a random one.")
@json_option
def rotate(
    *, merchant: str, which: str, overlap: timedelta | None, phrase: str | None, as_json: bool
) -> None:
    """Give MERCHANT a new request or response phrase, and print it.

    The response phrase changes at once: shop and gateway have to change together.
    """
    if which == "response" and overlap is not None:
        raise click.UsageError("answers are signed with one phrase: only a request phrase has an overlap")

    async def change(signing: Signing, merchant_id: int) -> SigningAccount:
        if which == "response":
            return await signing.rotate_response_phrase(merchant_id, phrase=phrase)
        return await signing.rotate_request_phrase(
            merchant_id, overlap=OVERLAP if overlap is None else overlap, phrase=phrase
        )

    _change(merchant, change, as_json=as_json, reveal=True)


@aps.command(
    "set",
    epilog=example(
        "bezant aps set 2203082193 --direct-url https://shop.example.com/paid --format form",
        "bezant aps set 2203082193 --edition classic --sha-type hmac256",
    ),
)
@click.argument("merchant")
@click.option("--sha-type", type=SHA_TYPE, help="How requests and answers are signed.")
@click.option("--edition", type=EDITION, help=EDITION_HELP)
@click.option("--direct-url", type=URL, help="Where each purchase is told when it is answered.")
@click.option("--notification-url", type=URL, help="Where refunds and late results are told.")
@click.option("--format", "notice_format", type=FORMAT, help="How they are written.")
@click.option("--active/--inactive", default=None, help="Whether requests are taken.")
@json_option
def set_account(
    *,
    merchant: str,
    sha_type: str | None,
    edition: str | None,
    direct_url: str | None,
    notification_url: str | None,
    notice_format: str | None,
    active: bool | None,
    as_json: bool,
) -> None:
    """Change the signing account of MERCHANT. A URL of nothing ("") ends its notices."""

    def changed(account: SigningAccount) -> SigningAccount:
        notices = account.notices
        return replace(
            account,
            digest=Digest(sha_type) if sha_type else account.digest,
            edition=Edition(edition) if edition else account.edition,
            active=account.active if active is None else active,
            notices=Notices(
                direct_url=notices.direct_url if direct_url is None else direct_url or None,
                later_url=notices.later_url if notification_url is None else notification_url or None,
                format=NoticeFormat(notice_format) if notice_format else notices.format,
            ),
        )

    _change(merchant, lambda signing, merchant_id: signing.change(merchant_id, changed), as_json=as_json)


@aps.group("access-code")
def access_code() -> None:
    """Access codes: an account may have several while a shop is changed over."""


@access_code.command("add", epilog=example("bezant aps access-code add 2203082193"))
@click.argument("merchant")
@click.argument("code", type=CODE, required=False)
@json_option
def add_code(*, merchant: str, code: str | None, as_json: bool) -> None:
    """Give MERCHANT one more access code: CODE, or a random one."""
    _change(
        merchant,
        lambda signing, merchant_id: signing.add_access_code(merchant_id, code=code),
        as_json=as_json,
    )


@access_code.command("drop", epilog=example("bezant aps access-code drop 2203082193 zx0IPmPy5jp1vAz8Kpg7"))
@click.argument("merchant")
@click.argument("code", type=CODE)
@json_option
def drop_code(*, merchant: str, code: str, as_json: bool) -> None:
    """Take CODE away from MERCHANT."""
    _change(
        merchant, lambda signing, merchant_id: signing.drop_access_code(merchant_id, code), as_json=as_json
    )


@aps.command(
    "plans",
    epilog=example(
        "bezant aps plans 2203082193 --months 6,12 --minimum 500.00",
        "bezant aps plans 2203082193 --off",
    ),
)
@click.argument("merchant")
@click.option("--on/--off", "enabled", default=None, help="Whether the merchant has consumer finance.")
@click.option("--months", type=MONTHS, help="The plans that it offers of the lender's, or all.")
@click.option("--minimum", type=AMOUNT, help="The smallest purchase, or none.")
@click.option("--maximum", type=AMOUNT, help="The largest purchase, or none.")
@click.option(
    "--down-payment", type=Whole(0, 100), help="Percent that are asked for where a shop does not say."
)
@json_option
def set_plans(
    *,
    merchant: str,
    enabled: bool | None,
    months: frozenset[int] | None,
    minimum: int | Literal["none"] | None,
    maximum: int | Literal["none"] | None,
    down_payment: int | None,
    as_json: bool,
) -> None:
    """Say which plans and limits MERCHANT has, or show them. Amounts are in its own currency."""

    def changed(unit: Unit) -> Program:
        owner = account_named(unit, merchant).merchant
        known = unit.finance.program(owner.merchant_id)
        program = known or Program(merchant_id=owner.merchant_id, currency=owner.currency)
        if {enabled, months, minimum, maximum, down_payment} != {None}:
            program = replace(
                program,
                enabled=program.enabled if enabled is None else enabled,
                months=program.months if months is None else months,
                amount_min=_bound(program.amount_min, minimum, program),
                amount_max=_bound(program.amount_max, maximum, program),
                down_payment_basis_points=program.down_payment_basis_points
                if down_payment is None
                else down_payment * 100,
            )
            unit.finance.keep_program(program)
        elif known is None:
            program = replace(program, enabled=False)
        return program

    async def work(opened: Opened) -> Row:
        owner = await opened.units.read(lambda unit: account_named(unit, merchant).merchant)
        program = await opened.units.write(changed, merchant_id=owner.merchant_id)
        return {
            "merchant_id": program.merchant_id,
            "enabled": program.enabled,
            "months": ", ".join(map(str, sorted(program.months))) or "all",
            "currency": program.currency.code,
            "minimum": program.amount_min.decimal() if program.amount_min else None,
            "maximum": program.amount_max.decimal() if program.amount_max else None,
            "down_payment_percent": program.down_payment_basis_points / 100,
        }

    show_facts(with_store(work), as_json=as_json)


@aps.command(
    "explain-signature",
    epilog=example(
        "bezant aps explain-signature 2203082193 request.json",
        "bezant aps explain-signature 2203082193 --answer < answer.json",
    ),
)
@click.argument("merchant")
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--answer", is_flag=True, help="It is an answer or a notice, not a request.")
@json_option
def explain_signature(*, merchant: str, file: IO[bytes], answer: bool, as_json: bool) -> None:
    """Print the string that is signed for the JSON object in FILE, the phrase masked.

    Compare it with what the shop signs. If FILE has a signature, say whether it is right.
    """
    try:
        parameters = parse_json(file.read(BYTES_MAX).strip())
    except Malformed as malformed:
        raise click.ClickException(f"that is no JSON object to sign: {malformed.reason}") from None

    async def work(opened: Opened) -> Row:
        account = await opened.units.read(lambda unit: _named(unit, merchant))
        claimed = signature.SIGNATURE in parameters
        if answer:
            right = signature.sign_answer(parameters, account.response_phrase, account.digest)
            fits = right == parameters.get(signature.SIGNATURE)
        else:
            phrases = account.request_phrases(opened.clock.now())
            fits = signature.is_signed(parameters, phrases=phrases, digest=account.digest)
        unsigned = signature.UNSIGNED_IN_ANSWERS if answer else signature.UNSIGNED
        return {
            "merchant_identifier": account.identifier,
            "sha_type": account.digest.value,
            "phrase": "response" if answer else "request",
            "signed": signature.shown(parameters, unsigned=unsigned),
            "signature": ("right" if fits else "wrong") if claimed else "none",
        }

    show_facts(with_store(work), as_json=as_json)


def _bound(now: Money | None, wanted: int | Literal["none"] | None, program: Program) -> Money | None:
    """A limit after it was changed, or not."""
    if wanted is None:
        return now
    return None if wanted == "none" else Money(wanted, program.currency)


def _signing(opened: Opened) -> Signing:
    return Signing(units=opened.units, names=opened.keys.hasher, clock=opened.clock)


def _change(
    merchant: str,
    change: Callable[[Signing, int], Awaitable[SigningAccount]],
    *,
    as_json: bool,
    reveal: bool = False,
) -> None:
    async def work(opened: Opened) -> Row:
        account = await opened.units.read(lambda unit: account_named(unit, merchant))
        changed = await change(_signing(opened), account.merchant.merchant_id)
        return _row(changed, now=opened.clock.now(), reveal=reveal)

    show_facts(with_store(work), as_json=as_json)


def _named(unit: Unit, merchant: str) -> SigningAccount:
    account = unit.signing.by_identifier(merchant) if merchant.isascii() else None
    if account is None:
        account = unit.signing.of_merchant(account_named(unit, merchant).merchant.merchant_id)
    if account is None:
        raise click.UsageError("the merchant has no signing account: bezant aps create MERCHANT")
    return account


def _only(numbers: list[str]) -> str:
    if len(numbers) != 1:
        raise click.UsageError(f"say which terminal with --terminal: {', '.join(numbers) or 'there is none'}")
    return numbers[0]


def _row(account: SigningAccount, *, now: datetime, reveal: bool) -> Row:
    def phrase(secret: Secret) -> str:
        return secret.reveal() if reveal else secret.mask()

    old = account.old_phrase
    return {
        "merchant_id": account.merchant_id,
        "merchant_identifier": account.identifier,
        "access_code": ", ".join(account.access_codes),
        "sha_type": account.digest.value,
        "sha_request_phrase": phrase(account.request_phrase),
        "sha_response_phrase": phrase(account.response_phrase),
        "old_request_phrase_until": old.until if old and now < old.until else None,
        "edition": account.edition.value,
        "direct_url": account.notices.direct_url,
        "notification_url": account.notices.later_url,
        "format": account.notices.format.value,
        "active": account.active,
    }
