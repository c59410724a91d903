"""Terminals' profile numbers, and the lasting tokens of their shops."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from bezant.core.credentials.desk import Desk
from bezant.core.credentials.directory import CredentialDirectory
from bezant.core.credentials.model import (
    PROFILE_NUMBER,
    ApiKey,
    EcomToken,
    TerminalProfile,
)
from bezant.core.credentials.ports import Callers, CredentialTx, CredentialUnits, Names
from bezant.core.merchants import Caller, SystemClock
from bezant.core.outcomes import BadFacts, Conflict
from bezant.core.people import OPERATOR, Actor, ActorKind, Facts, OwnerRef, Permission
from bezant.core.sensitive import Pan, Secret

NUMBER_LENGTH: Final = 12
TOKEN_LENGTH: Final = 43
"""Random letters and digits: 256 bits."""
TOKEN_SHOWN_MAX: Final = 64
WEBHOOK_KEY_LENGTH: Final = 40
"""What fits where shops put it (source: vendor docs: at most 50)."""
TRIES: Final = 5
"""How often a number is drawn again that somebody else has."""


class Profiles:
    """Terminals by their profile numbers."""

    def __init__(
        self,
        *,
        units: CredentialUnits,
        directory: CredentialDirectory,
        callers: Callers,
        names: Names,
        clock: SystemClock,
    ) -> None:
        self._units = units
        self._directory = directory
        self._callers = callers
        self._names = names
        self._clock = clock

    async def caller(self, number: str) -> Caller | None:
        """The terminal with that number. Any text will do. Proves nothing of who asks."""
        if PROFILE_NUMBER.fullmatch(number) is None:
            return None
        found = await self._directory.profile_numbered(number)
        return None if found is None else await self._callers.caller(found.merchant_id, found.terminal_id)

    async def of_merchant(self, merchant_id: int) -> Sequence[TerminalProfile]:
        """A merchant's terminals that have a number."""
        return await self._units.read(lambda tx: tx.credentials.profiles_of(merchant_id))

    async def assign(self, merchant_id: int, terminal_id: int, *, actor: Actor = OPERATOR) -> TerminalProfile:
        """A terminal's number; it is given one, on behalf of ``actor``, where it has none yet.

        Raises ``BadFacts`` where there is no such terminal.
        """
        for _ in range(TRIES):
            wanted = TerminalProfile(
                number=self._new_number(), merchant_id=merchant_id, terminal_id=terminal_id
            )
            try:
                return await self._units.write(partial(self._assign, wanted, actor), merchant_id=merchant_id)
            except Conflict:
                continue  # the number is somebody else's, or the terminal was given one meanwhile
        raise Conflict("no number is free")

    def _assign(self, wanted: TerminalProfile, actor: Actor, tx: CredentialTx) -> TerminalProfile:
        known = tx.credentials.profile_of(wanted.merchant_id, wanted.terminal_id)
        if known is not None:
            return known
        account = tx.boarding.account(wanted.merchant_id)
        terminal = account.terminal_by_id(wanted.terminal_id) if account else None
        if terminal is None:
            raise BadFacts("no such terminal")
        at = self._clock.now()
        tx.credentials.add_profile(wanted, at=at)
        facts: Facts = {"terminal": terminal.number, "number": wanted.number}
        tx.audit.record(_owner(wanted), actor, "profile.numbered", facts, at=at)
        tx.boarding.changed()
        return wanted

    def _new_number(self) -> str:
        """Twelve random digits that nobody takes for a card number."""
        while True:
            number = self._names.random_digits(NUMBER_LENGTH)
            if number[0] != "0" and not Pan(number).passes_luhn():
                return number


class EcomTokens:
    """Lasting tokens, one a terminal: made, copied and reset by people, and shown by shops.

    What people ask for raises ``Forbidden``, and ``BadFacts`` where there is no such terminal or token.
    """

    def __init__(
        self,
        *,
        units: CredentialUnits,
        directory: CredentialDirectory,
        callers: Callers,
        names: Names,
        clock: SystemClock,
    ) -> None:
        self._units = units
        self._directory = directory
        self._callers = callers
        self._names = names
        self._clock = clock
        self._desk = Desk(units=units, directory=directory, clock=clock)

    async def check(self, text: str) -> Caller | None:
        """The terminal that this token was made for. Any text will do."""
        if not (0 < len(text) <= TOKEN_SHOWN_MAX and text.isascii() and text.isalnum()):
            return None
        found = await self._directory.ecom_profile(self._names.digest(text))
        return None if found is None else await self._callers.caller(found.merchant_id, found.terminal_id)

    async def generate(self, actor: Actor, number: str) -> EcomToken:
        """The first token of the terminal with that profile number."""
        token = await self._new(number)

        def work(tx: CredentialTx) -> tuple[EcomToken, Facts]:
            if tx.credentials.ecom_token_of(token.profile) is not None:
                raise BadFacts("there is a token already: it can be copied or reset")
            tx.credentials.put_ecom_token(token)
            return token, _facts(token)

        return await self._desk.change(
            actor, Permission.ECOM_TOKEN_GENERATE, _owner(token.profile), "ecom_token.generated", work
        )

    async def copy(self, actor: Actor, number: str) -> EcomToken:
        """A terminal's token."""
        profile = await self._profile(number)

        def work(tx: CredentialTx) -> tuple[EcomToken, Facts]:
            token = _token(tx, profile)
            return token, _facts(token)

        return await self._desk.look(
            actor, Permission.ECOM_TOKEN_COPY, _owner(profile), "ecom_token.copied", work
        )

    async def reset(self, actor: Actor, number: str) -> EcomToken:
        """A terminal's next token. The one before is worth nothing from then on."""
        token = await self._new(number)

        def work(tx: CredentialTx) -> tuple[EcomToken, Facts]:
            _token(tx, token.profile)
            tx.credentials.put_ecom_token(token)
            return token, _facts(token)

        return await self._desk.change(
            actor, Permission.ECOM_TOKEN_GENERATE, _owner(token.profile), "ecom_token.reset", work
        )

    async def of_shop(self, key: ApiKey, number: str, *, origin: str) -> EcomToken | None:
        """The token of a terminal for a shop that has proven its merchant's key; made where there is none.

        A token that is in use is handed out again: what else uses it goes on (source: vendor docs). ``None``:
        no such terminal, or another merchant's, which are not told apart.
        """
        if PROFILE_NUMBER.fullmatch(number) is None:
            return None
        profile = await self._directory.profile_numbered(number)
        if profile is None or _owner(profile) != key.owner:
            return None
        fresh = self._drawn(profile)
        actor = Actor(kind=ActorKind.API_KEY, name=key.name, origin=origin)

        def work(tx: CredentialTx) -> EcomToken:
            known = tx.credentials.ecom_token_of(profile)
            token = known or fresh
            if known is None:
                tx.credentials.put_ecom_token(token)
                tx.boarding.changed()
            action = "ecom_token.generated" if known is None else "ecom_token.copied"
            tx.audit.record(key.owner, actor, action, _facts(token), at=fresh.made_at)
            return token

        return await self._units.write(work, merchant_id=profile.merchant_id)

    def webhook_key(self, token: EcomToken) -> Secret:
        """What a shop has sent along with what it is told, so that it knows who tells it.

        It goes with the token: another token, another key.
        """
        return Secret(self._names.digest(f"webhook\n{token.text.reveal()}").hex()[:WEBHOOK_KEY_LENGTH])

    async def _new(self, number: str) -> EcomToken:
        return self._drawn(await self._profile(number))

    def _drawn(self, profile: TerminalProfile) -> EcomToken:
        text = Secret(self._names.random_text(TOKEN_LENGTH))
        return EcomToken(profile=profile, text=text, made_at=self._clock.now())

    async def _profile(self, number: str) -> TerminalProfile:
        known = PROFILE_NUMBER.fullmatch(number) is not None
        profile = await self._directory.profile_numbered(number) if known else None
        if profile is None:
            raise BadFacts("no terminal with that profile number")
        return profile


def _owner(profile: TerminalProfile) -> OwnerRef:
    return OwnerRef.merchant(profile.merchant_id)


def _token(tx: CredentialTx, profile: TerminalProfile) -> EcomToken:
    token = tx.credentials.ecom_token_of(profile)
    if token is None:
        raise BadFacts("there is no token yet: generate one")
    return token


def _facts(token: EcomToken) -> Facts:
    return {"number": token.profile.number}
