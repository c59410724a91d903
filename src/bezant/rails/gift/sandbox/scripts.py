"""Scripts: what the sandbox host shall do with the next requests that match.

A script is a match and a list of steps, each used once in order, or over and over with ``repeat``. The first
script that matches a request and has a step left is used. Steps come from outside as JSON, so their types are
also their validation.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from bezant.core.gift.messages import Ask
from bezant.rails.gift.codec import Request
from bezant.rails.gift.codes import REASONS

_SCRIPTS_MAX: Final = 1000

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]


class BadScript(ValueError):
    """A script that cannot be used. The text says why and is safe to show."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to do with one request. ``decline`` answers it with that code.

    ``delay`` seconds pass before the request is carried out, ``late`` seconds between that and the answer.
    Faults, all after it was carried out: no answer (``silent``), connection closed without an answer
    (``drop``), half an answer and closed (``half``), the answer twice (``duplicate``), garbage instead
    (``garble``), one fact of it changed (``mismatch``). ``refuse`` closes the connection, nothing done.
    """

    decline: str | None = None
    delay: Seconds = 0.0
    late: Seconds = 0.0
    silent: bool = False
    drop: bool = False
    half: bool = False
    duplicate: bool = False
    garble: bool = False
    mismatch: Literal["amount", "reference"] | None = None
    refuse: bool = False

    @property
    def hangs_up(self) -> bool:
        """Whether the connection is closed after the answer, or instead of it."""
        return self.drop or self.half


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which requests a script is for: those that have everything it names. ``amount`` is in minor units."""

    ask: Ask | None = None
    program: str | None = None
    terminal: str | None = None
    last4: str | None = None
    amount: int | None = None

    def takes(self, request: Request) -> bool:
        """Whether ``request`` has everything this names."""
        return (
            self.ask in {None, request.ask}
            and self.program in {None, request.program}
            and self.terminal in {None, request.terminal}
            and self.amount in {None, request.amount}
            and self.last4 in {None, (request.number or "")[-4:]}
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
        unknown = {step.decline for step in script.steps} - {None, *REASONS}
        if unknown:
            raise BadScript("no such code")
        self._scripts.append((script, list(script.steps)))

    def clear(self) -> int:
        """Forget all; how many had steps left."""
        count = len(self._scripts)
        self._scripts.clear()
        return count

    def step_for(self, request: Request) -> Step | None:
        """Use up and give the next step for a request, if a script is for it."""
        for place, (script, left) in enumerate(self._scripts):
            if script.match.takes(request):
                step = left.pop(0)
                if script.repeat:
                    left.append(step)
                elif not left:
                    del self._scripts[place]
                return step
        return None
