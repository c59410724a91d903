"""``bezant merchant set``: what a merchant wants checked before it takes or gives back money."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import click

from bezant.app.store import Store as Opened
from bezant.cli.opening import account_named, with_store
from bezant.cli.screen import Row, show_facts
from bezant.cli.usage import example, json_option
from bezant.cli.values import Matching
from bezant.core.merchants import ORIGIN, AddressCheck, CardChecks, Merchant, Onboarding, RefundFactor
from bezant.core.people import OPERATOR, OwnerRef

SWITCH: Final = click.Choice(["on", "off"])
EMAIL: Final = Matching(
    re.compile(r"[!-?A-~]{1,200}@[A-Za-z0-9.\-]{1,54}", re.ASCII),
    "an email address, such as till@example.com",
)
ORIGIN_TEXT: Final = Matching(ORIGIN, "scheme, host and port, such as https://shop.example")
PHONE: Final = Matching(re.compile(r"[0-9+().\- ]{4,20}", re.ASCII), "a phone number of up to 20 characters")


@click.command(
    "set",
    epilog=example(
        "bezant merchant set 2203082193 --avs both --avs-declines on --cvv-required on",
        "bezant merchant set 2203082193 --refund-factor on --refund-email till@example.com",
    ),
)
@click.argument("merchant")
@click.option(
    "--avs",
    type=click.Choice([check.value for check in AddressCheck]),
    help="What of the payer's address counts.",
)
@click.option("--avs-declines", type=SWITCH, help="Decline when it does not match.")
@click.option("--cvv-required", type=SWITCH, help="Refuse card numbers without a CVV.")
@click.option("--cvv-declines", type=SWITCH, help="Decline when the CVV does not match.")
@click.option("--checks-shown", type=SWITCH, help="Tell the results in answers.")
@click.option("--refund-factor", type=SWITCH, help="Refunds need a one-time password.")
@click.option("--refund-email", type=EMAIL, help="Where it is sent.")
@click.option("--refund-phone", type=PHONE, help="Where it is sent.")
@json_option
def set_rules(
    *,
    merchant: str,
    avs: str | None,
    avs_declines: str | None,
    cvv_required: str | None,
    cvv_declines: str | None,
    checks_shown: str | None,
    refund_factor: str | None,
    refund_email: str | None,
    refund_phone: str | None,
    as_json: bool,
) -> None:
    """Change what MERCHANT (its id, app id or a terminal number) wants checked, and show it.

    What is not given stays as it is.
    """

    def checks(now: CardChecks) -> CardChecks:
        return CardChecks(
            address=now.address if avs is None else AddressCheck(avs),
            address_declines=_switched(avs_declines, now.address_declines),
            verification_required=_switched(cvv_required, now.verification_required),
            verification_declines=_switched(cvv_declines, now.verification_declines),
            shown=_switched(checks_shown, now.shown),
        )

    def factor(now: RefundFactor) -> RefundFactor:
        return replace(
            now,
            enabled=_switched(refund_factor, now.enabled),
            email=refund_email or now.email,
            phone=refund_phone or now.phone,
        )

    async def work(opened: Opened) -> Row:
        account = await opened.units.read(lambda unit: account_named(unit, merchant))
        merchant_id = account.merchant.merchant_id
        changed = await opened.boarding.set_rules(merchant_id, checks=checks, refund_factor=factor)
        return {"merchant_id": merchant_id, **rules_row(changed)}

    show_facts(with_store(work), as_json=as_json)


@click.command(
    "origins",
    epilog=example("bezant merchant origins 2203082193 https://shop.example https://www.shop.example"),
)
@click.argument("merchant")
@click.argument("origins", type=ORIGIN_TEXT, nargs=-1)
@click.option("--any", "anywhere", is_flag=True, help="Forget them: addresses may be anywhere again.")
@json_option
def set_origins(*, merchant: str, origins: tuple[str, ...], anywhere: bool, as_json: bool) -> None:
    """Say where the web pages of MERCHANT (its id, app id or a terminal number) are, and show it.

    Payment links then lead payers, and call back, to these ORIGINS alone.
    """
    if bool(origins) == anywhere:
        raise click.UsageError("give the origins, or --any")
    wanted = tuple(sorted({origin.rstrip("/").lower() for origin in origins}))

    async def work(opened: Opened) -> Row:
        account = await opened.units.read(lambda unit: account_named(unit, merchant))
        merchant_id, iso_id = account.merchant.merchant_id, account.merchant.iso_id
        onboarding = Onboarding(units=opened.units, names=opened.names, clock=opened.clock)
        await onboarding.set_origins(OPERATOR, OwnerRef.iso(iso_id), merchant_id, wanted)
        return {"merchant_id": merchant_id, "origins": ", ".join(wanted) or None}

    show_facts(with_store(work), as_json=as_json)


def _switched(word: str | None, now: bool) -> bool:  # noqa: FBT001 - what it was
    return now if word is None else word == "on"


def rules_row(found: Merchant) -> Row:
    """What a merchant wants checked."""
    checks, factor = found.checks, found.refund_factor
    return {
        "avs": checks.address.value,
        "avs_declines": checks.address_declines,
        "cvv_required": checks.verification_required,
        "cvv_declines": checks.verification_declines,
        "checks_shown": checks.shown,
        "refund_factor": factor.enabled,
        "refund_email": factor.email,
        "refund_phone": factor.phone,
    }
