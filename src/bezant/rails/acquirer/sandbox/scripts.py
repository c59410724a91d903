"""Scripts: what the sandbox host shall do with the next messages that match.

A script is a match and a list of steps, each used once in order, or over and over with ``repeat``. The
first script that matches a message and has a step left is used. Steps come from outside as JSON, so
their types are also their validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec

from bezant.core.payments.messages import Ask
from bezant.rails.acquirer import spec
from bezant.rails.acquirer.codec import IsoMessage
from bezant.rails.acquirer.codes import APPROVALS

_SCRIPTS_MAX: Final = 1000

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
ResponseCode = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z]{2}\Z")]

SETTLE: Final = "settle"

_ASKS: Final = {
    (spec.AUTHORIZATION, spec.PURCHASE): Ask.AUTHORIZE.value,
    (spec.AUTHORIZATION, spec.VERIFICATION): Ask.VERIFY.value,
    (spec.FINANCIAL, spec.PURCHASE): Ask.SALE.value,
    (spec.FINANCIAL, spec.RETURN): Ask.REFUND.value,
}
_ASKS_BY_TYPE: Final = {
    spec.AUTHORIZATION: Ask.AUTHORIZE.value,
    spec.FINANCIAL: Ask.SALE.value,
    spec.COMPLETION: Ask.CAPTURE.value,
    spec.REVERSAL: Ask.REVERSE.value,
    spec.RECONCILIATION: SETTLE,
}


class BadScript(ValueError):
    """A script that cannot be used. The text says why and is safe to show."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to do with one message. An outcome, a delay and a fault may be combined.

    Outcome: ``decline`` with that response code, or ``approve``, all or half (``partial``) of a purchase,
    whatever card and amount would give.
    ``delay`` seconds pass before the message is processed and booked; ``late`` seconds pass between
    booking and answer. Faults, all after booking: no answer (``silent``), connection closed without an
    answer (``drop``), half an answer and closed (``half``), the answer twice (``duplicate``), the answer and
    then its opposite (``contradict``), without an approval code (``codeless``), its end overwritten
    (``garble``), one field of it changed (``mismatch``). ``refuse`` closes the connection without booking
    anything.
    """

    decline: ResponseCode | None = None
    approve: bool = False
    partial: bool = False
    delay: Seconds = 0.0
    late: Seconds = 0.0
    silent: bool = False
    drop: bool = False
    half: bool = False
    duplicate: bool = False
    contradict: bool = False
    codeless: bool = False
    garble: bool = False
    mismatch: Literal["amount", "stan", "terminal"] | None = None
    refuse: bool = False

    @property
    def hangs_up(self) -> bool:
        """Whether the connection is closed after the answer, or instead of it."""
        return self.drop or self.half


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which messages a script is for: those that have everything it names.

    ``amount`` is in minor units; ``mti`` means repeats of that type, too. Network management (0800) is
    matched by ``mti`` only.
    """

    terminal: str | None = None
    last4: str | None = None
    amount: int | None = None
    mti: str | None = None
    ask: Literal["authorize", "sale", "refund", "capture", "reverse", "settle"] | None = None

    def takes(self, message: IsoMessage) -> bool:
        """Whether ``message`` has everything this names."""
        message_type = message[spec.MTI]
        if message_type == spec.NETWORK and self.mti != spec.NETWORK:
            return False
        return (
            (self.terminal is None or message.get(spec.TERMINAL) == self.terminal)
            and (self.last4 is None or message.get(spec.PAN, "")[-4:] == self.last4)
            and (self.amount is None or int(message.get(spec.AMOUNT, "-1")) == self.amount)
            and (self.mti is None or self.mti in {message_type, spec.first_of(message_type)})
            and (self.ask is None or ask_of(message) == self.ask)
        )


class Script(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A match, its remaining steps, and whether they start again when used up."""

    match: Match = Match()
    steps: Annotated[list[Step], msgspec.Meta(min_length=1, max_length=1000)]
    repeat: bool = False
    used: int = 0


def ask_of(message: Mapping[str, str]) -> str:
    """What a message asks for: a value of ``Ask``, ``"settle"``, or nothing."""
    message_type = spec.first_of(message[spec.MTI])
    exact = _ASKS.get((message_type, message.get(spec.PROCESSING_CODE, "")))
    return exact or _ASKS_BY_TYPE.get(message_type, "")


class Scripts:
    """The scripts of a host, in the order in which they were added."""

    def __init__(self) -> None:
        self._scripts: dict[int, Script] = {}
        self._number = 0

    def add(self, raw: object) -> int:
        """Take a script given as JSON values; its number. Raises ``BadScript``."""
        if len(self._scripts) >= _SCRIPTS_MAX:
            message = "too many scripts"
            raise BadScript(message)
        try:
            script = msgspec.convert(raw, Script)
        except msgspec.ValidationError as error:
            raise BadScript(str(error)) from None
        if any(step.decline in APPROVALS for step in script.steps):
            message = "an approval's code declines nothing"
            raise BadScript(message)
        script.used = 0
        self._number += 1
        self._scripts[self._number] = script
        return self._number

    def clear(self) -> int:
        """Forget all; how many there were."""
        count = len(self._scripts)
        self._scripts.clear()
        return count

    def listed(self) -> list[dict[str, object]]:
        """Scripts with steps left, as JSON values."""
        return [{"number": number, **msgspec.to_builtins(script)} for number, script in self._scripts.items()]

    def step_for(self, message: IsoMessage) -> Step | None:
        """Use up and give the next step for a message, if a script is for it."""
        for number, script in self._scripts.items():
            if script.match.takes(message):
                step = script.steps[script.used % len(script.steps)]
                script.used += 1
                if not script.repeat and script.used == len(script.steps):
                    del self._scripts[number]
                return step
        return None
