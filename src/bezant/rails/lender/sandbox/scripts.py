"""Scripts: what the sandbox lender shall do with the next requests that match, and amounts that do the same.

A script is a match and a list of steps, each used once in order, or over and over with ``repeat``. The first
script that matches a request and has a step left is used. Steps come from outside as JSON, so their types are
also their validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec

from bezant.rails.lender.codec import (
    CustomerRequest,
    InquiryRequest,
    LoanRequest,
    PlansRequest,
    Request,
    ReturnRequest,
)
from bezant.rails.lender.codes import REASONS

_SCRIPTS_MAX: Final = 1000

Ask = Literal["customer", "plans", "loan", "return", "inquiry"]
ASKS: Final[Mapping[type[Request], Ask]] = {
    CustomerRequest: "customer",
    PlansRequest: "plans",
    LoanRequest: "loan",
    ReturnRequest: "return",
    InquiryRequest: "inquiry",
}

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]


class BadScript(ValueError):
    """A script that cannot be used. The text says why and is safe to show."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to do with one request. ``decline`` answers it with that code.

    ``delay`` seconds pass before the request is carried out, whoever still waits for it, and ``late`` seconds
    between that and the answer. ``duplicate`` carries it out twice, as if a network had doubled it. Faults,
    all after it was carried out: no answer (``silent``), connection closed without an answer (``drop``), half
    an answer and closed (``half``), garbage instead (``garble``), one fact of it changed (``mismatch``),
    another HTTP status (``status``). ``refuse`` closes the connection, nothing done.
    """

    decline: str | None = None
    delay: Seconds = 0.0
    late: Seconds = 0.0
    duplicate: bool = False
    silent: bool = False
    drop: bool = False
    half: bool = False
    garble: bool = False
    mismatch: Literal["amount", "reference"] | None = None
    status: Annotated[int, msgspec.Meta(ge=300, le=599)] | None = None
    refuse: bool = False


TRIGGERS_FROM: Final = 9_000_00
"""Loans of less are granted or declined on their merits, whatever they end with."""
TRIGGERS: Final[Mapping[int, Step]] = {
    46: Step(decline="over_limit"),
    47: Step(decline="wallet_too_small"),
    66: Step(decline="declined"),
    77: Step(drop=True),
    78: Step(refuse=True),
}
"""By the last two digits of a loan's minor units (source: our choice, after the codes that callers get)."""


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which requests a script is for: those that have everything it names. ``amount`` is in minor units."""

    ask: Ask | None = None
    program: str | None = None
    reference: str | None = None
    phone: str | None = None
    amount: int | None = None

    def takes(self, request: Request) -> bool:
        """Whether ``request`` has everything this names."""
        return (
            self.ask in {None, ASKS[type(request)]}
            and self.program in {None, request.program}
            and self.reference in {None, getattr(request, "reference", "")}
            and self.phone in {None, getattr(request, "phone", "")}
            and self.amount in {None, getattr(request, "amount", -1)}
        )


class Script(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A match, its remaining steps, and whether they start again when used up."""

    match: Match = Match()
    steps: Annotated[list[Step], msgspec.Meta(min_length=1, max_length=1000)]
    repeat: bool = False


class Scripts:
    """The scripts of a host, in the order in which they were added."""

    def __init__(self) -> None:
        self._scripts: list[tuple[Script, list[Step]]] = []

    def add(self, raw: object) -> None:
        """Take a script given as JSON values. Raises ``BadScript``."""
        if len(self._scripts) >= _SCRIPTS_MAX:
            raise BadScript("too many scripts")
        try:
            script = msgspec.convert(raw, Script)
        except msgspec.ValidationError as error:
            raise BadScript(str(error)) from None
        if {step.decline for step in script.steps} - {None, *REASONS}:
            raise BadScript("no such code")
        self._scripts.append((script, list(script.steps)))

    def clear(self) -> int:
        """Forget all; how many had steps left."""
        count = len(self._scripts)
        self._scripts.clear()
        return count

    def step_for(self, request: Request) -> Step:
        """Use up and give the next step for a request: a script's, its amount's, or an honest one."""
        for place, (script, left) in enumerate(self._scripts):
            if script.match.takes(request):
                step = left.pop(0)
                if script.repeat:
                    left.append(step)
                elif not left:
                    del self._scripts[place]
                return step
        if isinstance(request, LoanRequest) and request.amount >= TRIGGERS_FROM:
            return TRIGGERS.get(request.amount % 100, Step())
        return Step()
