"""Who is calling: the token of a request, what it opens, and for which terminals."""

from __future__ import annotations

from typing import Final

import msgspec

from bezant.core.credentials import Bearer, Refusal
from bezant.core.merchants import Caller
from bezant.core.people import OrganizationKind, OwnerRef
from bezant.dialects.ipospays import codes
from bezant.dialects.ipospays.codes import Error
from bezant.dialects.ipospays.operation import Operation, Problems
from bezant.dialects.ipospays.services import Services
from bezant.dialects.wire.http import Request

_SCHEMES: Final = ("bearer ", "api key ")

REFUSALS: Final[dict[Refusal, Error]] = {
    Refusal.INVALID: codes.TOKEN_INVALID,
    Refusal.EXPIRED: codes.TOKEN_EXPIRED,
    Refusal.BAD_SIGNATURE: codes.TOKEN_FORGED,
}


class Entrant(msgspec.Struct, frozen=True, kw_only=True):
    """Who was let in: the owner of a key, or one terminal."""

    bearer: Bearer | None = None
    terminal: Caller | None = None

    @property
    def refresh_required(self) -> bool:
        """Whether the token has expired and is taken for a little longer."""
        return self.bearer is not None and self.bearer.refresh_required

    def may_use(self, caller: Caller) -> bool:
        """Whether a terminal is the one, or belongs to the owner."""
        if self.terminal is not None:
            return caller.key == self.terminal.key
        return self.bearer is not None and _owns(self.bearer.owner, caller)


def _owns(owner: OwnerRef, caller: Caller) -> bool:
    """Whether a terminal is an owner's. An agent office has none that pay: its keys board merchants."""
    match owner.kind:
        case OrganizationKind.MERCHANT:
            return owner.owner_id == caller.merchant.merchant_id
        case OrganizationKind.ISO:
            return owner.owner_id == caller.merchant.iso_id
        case OrganizationKind.AGENT_OFFICE:
            return False


async def enter(services: Services, operation: Operation, request: Request) -> Entrant:
    """Who calls this operation. Raises ``Problems``."""
    token = _token(operation, request)
    if token is None:
        raise Problems(codes.TOKEN_MISSING)
    if token.count(".") != 2:  # noqa: PLR2004 - a signed token has three parts, a terminal's own has one
        terminal = await services.ecom_tokens.check(token) if request.path in operation.ecom_paths else None
        if terminal is None:
            raise Problems(codes.TOKEN_INVALID)
        return Entrant(terminal=terminal)
    bearer = await services.tokens.check(token)
    if isinstance(bearer, Refusal):
        raise Problems(REFUSALS[bearer])
    if operation.scope not in bearer.scopes:
        raise Problems(codes.not_registered(operation.scope.value))
    return Entrant(bearer=bearer)


def _token(operation: Operation, request: Request) -> str | None:
    """The token: in a header of that name, or, where clients put it there, as an authorization."""
    names = ("token", "authorization") if operation.authorization else ("token",)
    for name in names:
        found = (request.header(name) or "").strip(" ")
        for scheme in _SCHEMES:
            if found[: len(scheme)].lower() == scheme:
                found = found[len(scheme) :].strip(" ")
        if found:
            return found
    return None
