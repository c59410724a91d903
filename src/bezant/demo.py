"""The demo: merchants, terminals, keys and users to try the gateway with, the same wherever they are made.

``seed`` makes what is missing, so that it may run at every start; what was changed since stays changed.
The first merchant's app id and key and both its terminal numbers are sandbox values of the vendor's
public reference (source: vendor docs), so that copied examples work. They are known to everybody, so
none of this is added to a database that takes real payments.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from bezant.app.sides import access_side
from bezant.app.store import Store as Opened
from bezant.core.bnpl import Program
from bezant.core.credentials import EcomToken, KeyPair
from bezant.core.merchants import (
    SANDBOX_PASSWORD,
    Account,
    BadFacts,
    Edition,
    Endpoint,
    Iso,
    Profile,
    Signing,
    SigningAccount,
    TipRule,
)
from bezant.core.money import EGP, USD, Currency
from bezant.core.people import OPERATOR, OwnerRef, Role
from bezant.core.sensitive import Pan, Secret
from bezant.core.vault import BinRecord, Vault
from bezant.rails.acquirer.sandbox import TEST_CARDS
from bezant.rails.gift.sandbox import TEST_CARDS as GIFT_CARDS
from bezant.storage.units import Unit

ISO: Final = "Bezant Demo ISO"
ZONE: Final = ZoneInfo("America/New_York")
TIPS: Final = TipRule(adjustable=True, percent_max=350)

EXPIRY: Final = "1236"
"""MMYY; any month to come will do."""

NOWHERE: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terminal:
    """A terminal to be there. A key of ``None`` is a random one."""

    number: str
    label: str
    endpoints: Mapping[Profile, Endpoint]
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Merchant:
    """A merchant to be there. An app id of ``None`` is a random one."""

    name: str
    store: str
    terminals: tuple[_Terminal, ...]
    app_id: str | None = None
    zone: ZoneInfo = ZONE
    currency: Currency = USD


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signing:
    """A signing account to be there, with consumer finance, of a merchant to be there."""

    merchant: _Merchant
    identifier: str
    access_code: str
    request_phrase: str
    response_phrase: str
    edition: Edition
    phone: str


# No two terminals share an acquirer terminal number: an acquirer tells their messages apart by it.
_FIRST: Final = _Merchant(
    name="Bezant Demo Merchant",
    store="Bezant Demo Store",
    app_id="WaJeJErcv5xpqZa2UZz6LZod5MSyyfJw",
    terminals=(
        _Terminal(
            number="2203082193",
            label="VT #1",
            key="53PWdki5U0PGSVhRnVoFsfVSbuDutsA8",
            endpoints={
                Profile.TRADITIONAL: Endpoint(merchant_number="887000003192", terminal_number="75021673"),
                Profile.SURCHARGE: Endpoint(merchant_number="887000003193", terminal_number="75021674"),
            },
        ),
        _Terminal(
            number="2412333540",
            label="VT #2",
            endpoints={
                Profile.SURCHARGE: Endpoint(merchant_number="887000003193", terminal_number="75021675"),
            },
        ),
    ),
)
_SECOND: Final = _Merchant(
    name="Second Demo Merchant",
    store="Second Demo Store",
    terminals=(
        _Terminal(
            number="2319916042",
            label="VT #1",
            endpoints={
                Profile.TRADITIONAL: Endpoint(merchant_number="887000004192", terminal_number="75022673"),
                Profile.SURCHARGE: Endpoint(merchant_number="887000004193", terminal_number="75022674"),
            },
        ),
    ),
)

DOWN_PAYMENT_BASIS_POINTS: Final = 1_000
"""A tenth of the amount (source: vendor sample)."""
CAIRO: Final = ZoneInfo("Africa/Cairo")


def _egyptian(name: str, *, terminal: str, endpoint: Endpoint) -> _Merchant:
    return _Merchant(
        name=name,
        store=name,
        zone=CAIRO,
        currency=EGP,
        terminals=(_Terminal(number=terminal, label="Web", endpoints={Profile.TRADITIONAL: endpoint}),),
    )


# Names and phones are those of the vendor's samples; the phrases are ours.
_CURRENT: Final = _Signing(
    merchant=_egyptian(
        "Cairo Demo Merchant",
        terminal="2011223344",
        endpoint=Endpoint(merchant_number="887000005192", terminal_number="75023673"),
    ),
    identifier="CycHZxVj",
    access_code="zx0IPmPy5jp1vAz8Kpg7",
    request_phrase="DemoRequestPhrase",
    response_phrase="DemoResponsePhrase",
    edition=Edition.CURRENT,
    phone="01220422223",
)
_CLASSIC: Final = _Signing(
    merchant=_egyptian(
        "Alexandria Demo Merchant",
        terminal="2011223355",
        endpoint=Endpoint(merchant_number="887000006192", terminal_number="75024673"),
    ),
    identifier="MxvOupuG",
    access_code="SILgpo7pWbmzuURp2qri",
    request_phrase="ClassicRequestPhrase",
    response_phrase="ClassicResponsePhrase",
    edition=Edition.CLASSIC,
    phone="00008557694",
)

OFFICE: Final = "Bezant Demo Office"
PASSWORD: Final = Secret("bezant-demo-2026")
"""Every demo user's."""

_USERS: Final[Mapping[Role, tuple[str, str]]] = {
    Role.ISO_ADMIN: ("iso@demo.example", "Isabel Demo"),
    Role.AGENT_OFFICE_ADMIN: ("office@demo.example", "Oscar Demo"),
    Role.MERCHANT_ADMIN: ("merchant@demo.example", "Mary Demo"),
    Role.ISV: ("isv@demo.example", "Ivan Demo"),
    Role.STAFF_READ_ONLY: ("staff@demo.example", "Steve Demo"),
}
"""Email address and name of a user in each role."""

_DEBIT: Final = BinRecord(
    prefix="411111",
    funding="DEBIT",
    issuer="CONOTOXIA SP. Z O.O",
    country="POLAND",
    level="PERSONAL",
    category="CLASSIC",
)  # source: vendor sample


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoTerminal:
    """What a caller needs to use a terminal. The key is one that works now."""

    app_id: str
    app_key: Secret
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoShop:
    """What a shop needs that signs its requests, and a customer of its own."""

    account: SigningAccount
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoKeys:
    """What a shop needs that shows tokens: its key pair, a terminal with its token, a card that it keeps."""

    pair: KeyPair
    auth_token: EcomToken
    card_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoUser:
    """Somebody who can sign in, with the password that he was made with."""

    role: Role
    email: str
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What was seeded: the terminal that examples use, the same merchant's with surcharge only, another's.

    ``aps`` and ``aps_classic`` are shops that sign their requests, in both editions. ``users`` has somebody
    in each role, at the first merchant, its agent office and its ISO.
    """

    first: DemoTerminal
    surcharge_only: DemoTerminal
    second: DemoTerminal
    aps: DemoShop
    aps_classic: DemoShop
    ipospays: DemoKeys
    """Of the first merchant, and its first terminal."""
    users: tuple[DemoUser, ...]


async def seed(opened: Opened) -> Demo:
    """Make what is missing of the demo.

    Raises ``BadFacts`` instead of making it for the first time where a merchant takes real payments.
    """
    present, live = await opened.units.read(_survey)
    if not present and live:
        raise BadFacts("there are merchants that are no sandbox, and the demo's keys are known to everybody")
    await opened.units.write(_add_bins, merchant_id=0)
    iso = await _iso(opened)
    first, surcharge_only = await _merchant(opened, iso, _FIRST)
    (second,) = await _merchant(opened, iso, _SECOND)
    return Demo(
        first=first,
        surcharge_only=surcharge_only,
        second=second,
        aps=await _shop(opened, iso, _CURRENT),
        aps_classic=await _shop(opened, iso, _CLASSIC),
        ipospays=await _keys(opened, first.number),
        users=await _users(opened, iso),
    )


def _survey(unit: Unit) -> tuple[bool, bool]:
    """Whether the demo's first merchant is there, and whether any merchant is no sandbox."""
    present = _FIRST.app_id is not None and unit.merchants.by_app_id(_FIRST.app_id) is not None
    return present, any(not merchant.sandbox for merchant in unit.merchants.all())


def _add_bins(unit: Unit) -> None:
    known = {record.prefix for record in unit.system.bins()}
    missing = [record for record in _bins() if record.prefix not in known]
    if missing:
        unit.system.put_bins(missing)
        unit.system.accounts_changed()


def _bins() -> Iterator[BinRecord]:
    """The number ranges of the test cards."""
    yield _DEBIT
    for prefix in sorted({card.number[:6] for card in TEST_CARDS.values()} - {_DEBIT.prefix}):
        yield BinRecord(
            prefix=prefix,
            funding="CREDIT",
            issuer=None,
            country="UNITED STATES",
            level="PERSONAL",
            category="CLASSIC",
        )


async def _iso(opened: Opened) -> Iso:
    isos = await opened.units.read(lambda unit: unit.merchants.isos())
    return next((iso for iso in isos if iso.name == ISO), None) or await opened.boarding.add_iso(ISO)


async def _shop(opened: Opened, iso: Iso, wanted: _Signing) -> DemoShop:
    """Make what is missing of a shop that signs its requests."""
    account = await _boarded(opened, iso, wanted.merchant)
    merchant_id = account.merchant.merchant_id
    signing, program = await opened.units.read(
        lambda unit: (unit.signing.of_merchant(merchant_id), unit.finance.program(merchant_id))
    )
    if program is None:
        first = Program(
            merchant_id=merchant_id, currency=EGP, down_payment_basis_points=DOWN_PAYMENT_BASIS_POINTS
        )
        await opened.units.write(lambda unit: unit.finance.keep_program(first), merchant_id=merchant_id)
    if signing is None:
        desk = Signing(units=opened.units, names=opened.keys.hasher, clock=opened.clock)
        signing = await desk.open(
            merchant_id,
            terminal_number=wanted.merchant.terminals[0].number,
            identifier=wanted.identifier,
            access_code=wanted.access_code,
            request_phrase=wanted.request_phrase,
            response_phrase=wanted.response_phrase,
            edition=wanted.edition,
        )
    return DemoShop(account=signing, phone=wanted.phone)


async def _keys(opened: Opened, number: str) -> DemoKeys:
    """Make what is missing of what a merchant needs that calls with tokens."""
    account = await opened.units.read(lambda unit: unit.merchants.by_terminal_number(number))
    assert account is not None, "it was boarded before"
    merchant_id = account.merchant.merchant_id
    owner, side = OwnerRef.merchant(merchant_id), access_side(opened).credentials
    profile = await side.profiles.assign(merchant_id, account.terminals[number].terminal_id)
    pair, token = await opened.units.read(
        lambda unit: (unit.credentials.pair_of(owner), unit.credentials.ecom_token_of(profile))
    )
    vault = Vault(units=opened.units, sealer=opened.keys.sealer)
    card = await vault.keep(merchant_id, Pan(TEST_CARDS["approve"].number))
    return DemoKeys(
        pair=pair or await side.credentials.generate(OPERATOR, owner),
        auth_token=token or await side.ecom_tokens.generate(OPERATOR, profile.number),
        card_token=card.token,
    )


async def _users(opened: Opened, iso: Iso) -> tuple[DemoUser, ...]:
    """Make what is missing of the demo's users and their agent office."""
    merchants, offices, users = await opened.units.read(
        lambda unit: (unit.merchants.all(), unit.people.offices(), unit.people.users())
    )
    first = next(each for each in merchants if (each.iso_id, each.name) == (iso.iso_id, _FIRST.name))
    office = next((each for each in offices if each.name == OFFICE), None)
    if office is None:
        office = await opened.people.add_office(OPERATOR, iso_id=iso.iso_id, name=OFFICE)
        await opened.people.assign_office(
            OPERATOR, merchant_id=first.merchant_id, office_id=office.owner.owner_id
        )
    places = {
        Role.ISO_ADMIN: OwnerRef.iso(iso.iso_id),
        Role.AGENT_OFFICE_ADMIN: office.owner,
        Role.MERCHANT_ADMIN: OwnerRef.merchant(first.merchant_id),
        Role.ISV: OwnerRef.iso(iso.iso_id),
        Role.STAFF_READ_ONLY: OwnerRef.merchant(first.merchant_id),
    }
    known = {user.email for user in users}
    for role, (email, name) in _USERS.items():
        if email not in known:
            await opened.people.add_user(
                OPERATOR, email=email, name=name, role=role, owner=places[role], password=PASSWORD
            )
    return tuple(DemoUser(role=role, email=email, password=PASSWORD) for role, (email, _) in _USERS.items())


async def _merchant(opened: Opened, iso: Iso, wanted: _Merchant) -> list[DemoTerminal]:
    """Make what is missing of one merchant; its terminals, with their keys, in the wanted order."""
    account = await _boarded(opened, iso, wanted)
    return [
        DemoTerminal(
            app_id=account.merchant.app_id,
            app_key=await _live_key(opened, account.merchant.merchant_id, terminal),
            number=terminal.number,
        )
        for terminal in wanted.terminals
    ]


async def _boarded(opened: Opened, iso: Iso, wanted: _Merchant) -> Account:
    """Make what is missing of one merchant, its store and its terminals."""
    merchants = await opened.units.read(lambda unit: unit.merchants.all())
    merchant = next(
        (each for each in merchants if (each.iso_id, each.name) == (iso.iso_id, wanted.name)), None
    ) or await opened.boarding.add_merchant(
        iso_id=iso.iso_id,
        name=wanted.name,
        app_id=wanted.app_id,
        currency=wanted.currency,
        sandbox=True,
    )
    account = await _account(opened, merchant.merchant_id)
    store = next(
        (each for each in account.stores.values() if each.name == wanted.store), None
    ) or await opened.boarding.add_store(merchant.merchant_id, name=wanted.store, zone=wanted.zone)
    for terminal in wanted.terminals:
        if terminal.number not in account.terminals:
            await opened.boarding.add_terminal(
                merchant.merchant_id,
                store_id=store.store_id,
                number=terminal.number,
                label=terminal.label,
                endpoints=terminal.endpoints,
                tips=TIPS,
            )
    account = await _account(opened, merchant.merchant_id)
    profiles = access_side(opened).credentials.profiles
    numbered = {each.terminal_id for each in await profiles.of_merchant(merchant.merchant_id)}
    for each in account.terminals.values():
        if each.terminal_id not in numbered:
            await profiles.assign(merchant.merchant_id, each.terminal_id)
    return account


async def _live_key(opened: Opened, merchant_id: int, wanted: _Terminal) -> Secret:
    """The terminal's newest key that works; one is made if none does."""
    account = await _account(opened, merchant_id)
    terminal_id = account.terminals[wanted.number].terminal_id
    live = [
        record.key
        for record in await opened.units.read(lambda unit: unit.merchants.credentials(merchant_id))
        if record.terminal_id == terminal_id and record.revoked_at is None
    ]
    if live:
        return live[-1]
    return (await opened.boarding.issue_key(merchant_id, wanted.number, key=wanted.key)).key


async def _account(opened: Opened, merchant_id: int) -> Account:
    account = await opened.units.read(lambda unit: unit.merchants.account(merchant_id))
    assert account is not None
    return account


def demo_json(*, base_url: str, demo: Demo, sandbox: Mapping[str, str]) -> dict[str, object]:
    """What scripts need to use a gateway with this demo.

    ``sandbox`` has the addresses of the hosts that run inside the gateway: ``acquirer`` with ``control``,
    ``gift`` with ``gift_control``, ``lender`` with ``lender_control``, ``sms``, and ``mail`` with
    ``mail_control``.
    """
    facts: dict[str, object] = {
        "base_url": base_url,
        "valor": {**_valor(demo.first), "otp": SANDBOX_PASSWORD.reveal()},
        "valor_second": {**_valor(demo.second), "otp": SANDBOX_PASSWORD.reveal()},
        "ipospays": _ipospays(demo.ipospays),
        "aps": _aps(demo.aps),
        "aps_classic": _aps(demo.aps_classic),
        "portal": [
            {"role": user.role.value, "email": user.email, "password": user.password.reveal()}
            for user in demo.users
        ],
        "cards": {name: TEST_CARDS[name].number for name in ("approve", "decline", "expired")},
        "gift": {
            "card": GIFT_CARDS["active"].number,
            "pin": GIFT_CARDS["active"].pin,
            "inactive": GIFT_CARDS["inactive"].number,
        },
    }
    return {**facts, "sandbox": dict(sandbox)} if sandbox else facts


def write_demo_json(path: Path, *, base_url: str, demo: Demo, sandbox: Mapping[str, str] = NOWHERE) -> None:
    """Write ``demo_json`` to ``path`` at once, for its owner's eyes only."""
    facts = demo_json(base_url=base_url, demo=demo, sandbox=sandbox)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n")
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        raise


def read_demo_json(path: Path) -> dict[str, Any]:
    """What ``write_demo_json`` wrote; empty where there is no such file, or one of something else."""
    try:
        found = msgspec.json.decode(path.read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def first_charge(base_url: str, demo: Demo) -> str:
    """The command that charges 20.00 to a test card on the demo's first terminal, ready to paste."""
    body = {
        **_valor(demo.first),
        "txn_type": "sale",
        "amount": "20.00",
        "cardnumber": TEST_CARDS["approve"].number,
        "expirydate": EXPIRY,
        "cvv": TEST_CARDS["approve"].cvv,
        "surchargeIndicator": "0",
    }
    lines = ",\n  ".join(f'"{name}": "{value}"' for name, value in body.items())
    return f"curl -sS '{base_url}/?sale' -H 'Content-Type: application/json' -d '{{\n  {lines}\n}}'"


def _valor(terminal: DemoTerminal) -> dict[str, str]:
    return {"appid": terminal.app_id, "appkey": terminal.app_key.reveal(), "epi": terminal.number}


def _ipospays(keys: DemoKeys) -> dict[str, str]:
    return {
        "api_key": keys.pair.key.name,
        "secret_key": keys.pair.secret.reveal(),
        "tpn": keys.auth_token.profile.number,
        "auth_token": keys.auth_token.text.reveal(),
        "card_token": keys.card_token,
    }


def _aps(shop: DemoShop) -> dict[str, str]:
    account = shop.account
    return {
        "merchant_identifier": account.identifier,
        "access_code": account.access_codes[0],
        "sha_type": account.digest.value,
        "sha_request_phrase": account.request_phrase.reveal(),
        "sha_response_phrase": account.response_phrase.reveal(),
        "valu_phone": shop.phone,
        "valu_otp": SANDBOX_PASSWORD.reveal(),
    }
