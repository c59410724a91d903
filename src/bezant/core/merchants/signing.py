"""Merchants whose callers sign what they send: their names, their phrases, and where they want to be told.

A phrase is a secret that both sides hold. Requests are signed with one, and whatever goes back with another.
When a request phrase is replaced, the one before is still right for a while, so that a shop can be changed
over while it sells. How a signature is made of a phrase is the dialect's to know.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from bezant.core.merchants.model import Account
from bezant.core.merchants.ports import SystemClock
from bezant.core.outcomes import BadFacts
from bezant.core.people import OPERATOR, Actor, AuditTrail, Facts, OwnerRef
from bezant.core.sensitive import Secret

T = TypeVar("T")

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII)
ACCESS_CODE: Final = re.compile(r"[A-Za-z0-9]{1,20}", re.ASCII)
PHRASE: Final = re.compile(r"[!-~]{8,64}", re.ASCII)
ACCESS_CODES_MAX: Final = 8
OVERLAP_MAX: Final = timedelta(days=30)
NO_OVERLAP: Final = timedelta()
ACCOUNTS_CACHED_MAX: Final = 20_000

_NAME = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLACE = r"(?:/[!-~]*)?"
_LIVE_URL: Final = re.compile(rf"https://{_NAME}{_PLACE}", re.ASCII)
_SANDBOX_URL: Final = re.compile(rf"https?://[A-Za-z0-9.-]+(?::[0-9]{{1,5}})?{_PLACE}", re.ASCII)
_URL_MAX: Final = 500


class Digest(StrEnum):
    """The function that signatures are made with."""

    SHA256 = "sha256"
    SHA512 = "sha512"
    HMAC256 = "hmac256"
    HMAC512 = "hmac512"


class Edition(StrEnum):
    """Which edition of the vendor's contract the merchant's shop was written for."""

    CURRENT = "current"
    CLASSIC = "classic"


class NoticeFormat(StrEnum):
    """How a notice is written."""

    JSON = "json"
    FORM = "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """Where a merchant is told what happened, if anywhere.

    ``direct_url`` hears of each payment when it is answered, ``later_url`` of what changes afterwards.
    """

    direct_url: str | None = None
    later_url: str | None = None
    format: NoticeFormat = NoticeFormat.JSON


NO_NOTICES: Final = Notices()


@dataclass(frozen=True, slots=True, kw_only=True)
class OldPhrase:
    """A request phrase that was replaced, and until when (real time) it is still right."""

    phrase: Secret
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningAccount:
    """A merchant's account for signed requests; all it does is booked on one of its terminals."""

    merchant_id: int
    terminal_id: int
    identifier: str
    access_codes: tuple[str, ...]
    digest: Digest
    request_phrase: Secret
    response_phrase: Secret
    old_phrase: OldPhrase | None = None
    edition: Edition = Edition.CURRENT
    notices: Notices = NO_NOTICES
    active: bool = True

    def request_phrases(self, real: datetime) -> tuple[Secret, ...]:
        """The phrases that a request may be signed with at this (real) time, the newest first."""
        old = self.old_phrase
        return (self.request_phrase, old.phrase) if old and real < old.until else (self.request_phrase,)


class SigningStore(Protocol):
    """Signing accounts of one transaction."""

    def by_identifier(self, identifier: str) -> SigningAccount | None:
        """The account with that public name."""
        ...

    def of_merchant(self, merchant_id: int) -> SigningAccount | None:
        """A merchant's account."""
        ...

    def add(self, account: SigningAccount, *, at: datetime) -> None:
        """Store an account. Raises ``Conflict`` when its identifier or its merchant has one."""
        ...

    def change(self, account: SigningAccount) -> None:
        """Store what is changed of an account; its identifier stays."""
        ...


class SigningBoarding(Protocol):
    """What is changed with an account."""

    def account(self, merchant_id: int) -> Account | None:
        """Everything of one merchant."""
        ...

    def changed(self) -> None:
        """Let every process know."""
        ...


class SigningTx(Protocol):
    """The stores of one transaction."""

    @property
    def signing(self) -> SigningStore:
        """Signing accounts."""
        ...

    @property
    def boarding(self) -> SigningBoarding:
        """Merchants, and the counter of changes."""
        ...

    @property
    def audit(self) -> AuditTrail:
        """The audit logs."""
        ...


class SigningUnits(Protocol):
    """Runs work in a transaction."""

    async def read(self, work: Callable[[SigningTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(self, work: Callable[[SigningTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit."""
        ...


class SigningNames(Protocol):
    """Random names."""

    def app_name(self) -> str:
        """32 random letters and digits."""
        ...


class SigningDirectory:
    """Signing accounts by identifier, cached until ``forget``: no request waits for the database."""

    def __init__(self, units: SigningUnits) -> None:
        self._units = units
        self._known: dict[str, SigningAccount] = {}
        self._forgotten = 0

    def forget(self) -> None:
        """Drop the cache: accounts changed somewhere."""
        self._forgotten += 1
        self._known.clear()

    async def by_identifier(self, identifier: str) -> SigningAccount | None:
        """The account with that public name."""
        if IDENTIFIER.fullmatch(identifier) is None:
            return None
        if (known := self._known.get(identifier)) is not None:
            return known
        forgotten = self._forgotten
        account = await self._units.read(lambda tx: tx.signing.by_identifier(identifier))
        # What was being read when the cache was dropped may be from before the change.
        if account is not None and forgotten == self._forgotten:
            if len(self._known) >= ACCOUNTS_CACHED_MAX:
                self._known.clear()
            self._known[identifier] = account
        return account

    async def of_merchant(self, merchant_id: int) -> SigningAccount | None:
        """A merchant's account, as it is now."""
        return await self._units.read(lambda tx: tx.signing.of_merchant(merchant_id))


class Signing:
    """Makes and changes signing accounts on behalf of ``actor``, who has been found to be allowed to.

    What is not well formed raises ``BadFacts``.
    """

    def __init__(
        self, *, units: SigningUnits, names: SigningNames, clock: SystemClock, actor: Actor = OPERATOR
    ) -> None:
        self._units = units
        self._names = names
        self._clock = clock
        self._actor = actor

    async def open(
        self,
        merchant_id: int,
        *,
        terminal_number: str,
        identifier: str | None = None,
        access_code: str | None = None,
        digest: Digest = Digest.SHA256,
        edition: Edition = Edition.CURRENT,
        request_phrase: str | None = None,
        response_phrase: str | None = None,
    ) -> SigningAccount:
        """A merchant's first signing account. What is not given is random.

        Raises ``Conflict`` when the merchant has one or the identifier is taken.
        """
        names = _Fresh(self._names)

        def work(tx: SigningTx) -> SigningAccount:
            found = tx.boarding.account(merchant_id)
            terminal = found.terminals.get(terminal_number) if found else None
            if terminal is None:
                raise BadFacts("no such terminal")
            account = SigningAccount(
                merchant_id=merchant_id,
                terminal_id=terminal.terminal_id,
                identifier=_fitting(IDENTIFIER, identifier or names.identifier, "identifier"),
                access_codes=(_fitting(ACCESS_CODE, access_code or names.access_code, "access code"),),
                digest=digest,
                request_phrase=Secret(_phrase(request_phrase or names.request_phrase)),
                response_phrase=Secret(_phrase(response_phrase or names.response_phrase)),
                edition=edition,
            )
            tx.signing.add(account, at=self._clock.now())
            self._note(tx, account, "signing.opened")
            return account

        return await self._units.write(work, merchant_id=merchant_id)

    async def change(
        self,
        merchant_id: int,
        changed: Callable[[SigningAccount], SigningAccount],
        *,
        action: str = "signing.changed",
    ) -> SigningAccount:
        """Change a merchant's account: digest, edition, notices, whether it is active."""

        def work(tx: SigningTx) -> SigningAccount:
            merchant = tx.boarding.account(merchant_id)
            known = tx.signing.of_merchant(merchant_id)
            if merchant is None or known is None:
                raise BadFacts("the merchant has no signing account")
            account = changed(known)
            for url in (account.notices.direct_url, account.notices.later_url):
                _check_url(url, sandbox=merchant.merchant.sandbox)
            tx.signing.change(account)
            self._note(tx, account, action)
            return account

        return await self._units.write(work, merchant_id=merchant_id)

    def _note(self, tx: SigningTx, account: SigningAccount, action: str) -> None:
        """Let every process know, and record it."""
        tx.boarding.changed()
        owner = OwnerRef.merchant(account.merchant_id)
        tx.audit.record(owner, self._actor, action, _facts(account), at=self._clock.now())

    async def rotate_request_phrase(
        self, merchant_id: int, *, overlap: timedelta, phrase: str | None = None
    ) -> SigningAccount:
        """A new request phrase. The one before is right for ``overlap`` more; one before that, no more."""
        if not NO_OVERLAP <= overlap <= OVERLAP_MAX:
            raise BadFacts(f"an overlap is at most {OVERLAP_MAX.days} days")
        new = Secret(_phrase(phrase or self._names.app_name()))
        until = self._clock.now() + overlap
        return await self.change(
            merchant_id,
            lambda account: replace(
                account,
                request_phrase=new,
                old_phrase=OldPhrase(phrase=account.request_phrase, until=until) if overlap else None,
            ),
            action="signing.request_phrase_set",
        )

    async def rotate_response_phrase(self, merchant_id: int, *, phrase: str | None = None) -> SigningAccount:
        """A new response phrase. Everything is signed with it from now on."""
        new = Secret(_phrase(phrase or self._names.app_name()))
        return await self.change(
            merchant_id,
            lambda account: replace(account, response_phrase=new),
            action="signing.response_phrase_set",
        )

    async def add_access_code(self, merchant_id: int, *, code: str | None = None) -> SigningAccount:
        """One more access code, so that a shop can be changed over to it."""
        new = _fitting(ACCESS_CODE, code or _Fresh(self._names).access_code, "access code")

        def added(account: SigningAccount) -> SigningAccount:
            codes = tuple(dict.fromkeys((*account.access_codes, new)))
            if len(codes) > ACCESS_CODES_MAX:
                raise BadFacts(f"an account has at most {ACCESS_CODES_MAX} access codes")
            return replace(account, access_codes=codes)

        return await self.change(merchant_id, added, action="signing.access_code_added")

    async def drop_access_code(self, merchant_id: int, code: str) -> SigningAccount:
        """An access code is right no more. The last one stays."""

        def dropped(account: SigningAccount) -> SigningAccount:
            codes = tuple(known for known in account.access_codes if known != code)
            if not codes or codes == account.access_codes:
                raise BadFacts("not an access code of this account, or its only one")
            return replace(account, access_codes=codes)

        return await self.change(merchant_id, dropped, action="signing.access_code_dropped")


@dataclass(frozen=True, slots=True)
class _Fresh:
    """Random names in the vendor's lengths, made before a work that may run again."""

    names: SigningNames
    identifier: str = field(init=False)
    access_code: str = field(init=False)
    request_phrase: str = field(init=False)
    response_phrase: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identifier", self.names.app_name()[:8])
        object.__setattr__(self, "access_code", self.names.app_name()[:20])
        object.__setattr__(self, "request_phrase", self.names.app_name())
        object.__setattr__(self, "response_phrase", self.names.app_name())


def _facts(account: SigningAccount) -> Facts:
    """What is recorded of an account: everything but its phrases and addresses."""
    return {
        "identifier": account.identifier,
        "access_codes": account.access_codes,
        "digest": account.digest.value,
        "edition": account.edition.value,
        "active": account.active,
    }


def _fitting(pattern: re.Pattern[str], text: str, what: str) -> str:
    if pattern.fullmatch(text) is None:
        raise BadFacts(f"not an {what}: 1 to 20 letters and digits")
    return text


def _phrase(text: str) -> str:
    if PHRASE.fullmatch(text) is None:
        raise BadFacts("a phrase has 8 to 64 printable ASCII characters without blanks")
    return text


def _check_url(url: str | None, *, sandbox: bool) -> None:
    """A live merchant is told at a name, over TLS, at the usual port (source: vendor docs)."""
    if url is None:
        return
    pattern = _SANDBOX_URL if sandbox else _LIVE_URL
    if len(url) > _URL_MAX or pattern.fullmatch(url) is None:
        raise BadFacts(
            "a notice goes to http:// or https:// and a host"
            if sandbox
            else "a notice goes to https:// and a domain name, without a port"
        )
