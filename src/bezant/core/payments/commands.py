"""What callers ask of payments, and what they are told: the words of the use cases."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from bezant.core.merchants import Profile, Proof
from bezant.core.money import Money
from bezant.core.payments.messages import Street
from bezant.core.payments.model import NO_ORDER, Amounts, Kind, Order, Payment
from bezant.core.sensitive import Cvv, Pan


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A sale, an authorization or a verification (of no amount), on a card number or a token of the vault.

    ``expiry`` is YYMM.

    ``single_use`` is the keyed hash of a token for one charge: this one uses it up.
    ``once``: turn it down where one like it (card, amount, invoice) stands from the last ten minutes.
    """

    kind: Kind
    profile: Profile
    amounts: Amounts
    pan: Pan | None = None
    token: str | None = None
    single_use: bytes | None = None
    expiry: str | None = None
    cvv: Cvv | None = None
    street: Street | None = None
    order: Order = NO_ORDER
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """How a caller names an earlier payment: by its id, by the network's two numbers, or by the first alone.

    The retrieval reference alone stands for several: of those that the follow-up can be of, for one that is
    in force before one that is not, then for the newest. What else is given must fit.
    """

    payment_id: int | None = None
    retrieval_reference: str | None = None
    audit_number: int | None = None
    transaction_number: int | None = None
    approval_code: str | None = None
    base: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """Money taken of what an earlier authorization holds, once, up to all of it.

    ``tip_on_top``: the tip may go beyond what is held, within the terminal's limit for tips.
    """

    original: Reference
    amounts: Amounts
    tip_on_top: bool = False
    order: Order = NO_ORDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment:
    """More money to be held by an earlier authorization."""

    original: Reference
    amount: Money
    order: Order = NO_ORDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """What the tip of an earlier charge should be."""

    original: Reference
    amount: Money
    order: Order = NO_ORDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """A charge after its tip was to be changed: as it is now, and how the change ended, if there was one."""

    charge: Payment
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money back on an earlier sale, to its own card or, by ``token``, to another.

    Without an ``amount``, all that is left. ``settled_only``: turn it down before the sale is settled, when a
    void would do. ``proof``: of the second factor, for merchants that want one.
    """

    original: Reference
    amount: Money | None
    settled_only: bool = False
    token: str | None = None
    proof: Proof | None = None
    order: Order = NO_ORDER


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as it ended, and whether an earlier request with the same key had made it."""

    payment: Payment
    replayed: bool = False
