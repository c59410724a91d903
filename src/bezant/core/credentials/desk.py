"""What people do to credentials: where they may, recorded, and known to every process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bezant.core.credentials.directory import CredentialDirectory
from bezant.core.credentials.ports import CredentialTx, CredentialUnits
from bezant.core.merchants import SystemClock
from bezant.core.outcomes import BadFacts
from bezant.core.people import Actor, Facts, Forbidden, Outcome, OwnerRef, Permission, may

T = TypeVar("T")

Work = Callable[[CredentialTx], tuple[T, Facts]]
"""What is done in one transaction; it tells the facts to be recorded, without secrets."""


class Desk:
    """Carries out what an actor asks for."""

    def __init__(self, *, units: CredentialUnits, directory: CredentialDirectory, clock: SystemClock) -> None:
        self._units = units
        self._directory = directory
        self._clock = clock

    async def look(
        self, actor: Actor, permission: Permission, owner: OwnerRef, action: str, work: Work[T]
    ) -> T:
        """Do ``work``, which changes nothing, where the actor may. It is recorded before it is answered.

        Raises ``Forbidden``, which is recorded too, in the log of whoever tried.
        """
        at = self._clock.now()

        def guarded(tx: CredentialTx) -> T | Forbidden:
            organization = tx.people.organization(owner)
            if organization is None:
                raise BadFacts("no such organization")
            if not may(actor, permission, organization):
                home = actor.user.owner if actor.user else None
                tx.audit.record(home, actor, action, {"owner": str(owner)}, at=at, outcome=Outcome.REFUSED)
                return Forbidden(permission)
            result, facts = work(tx)
            tx.audit.record(owner, actor, action, facts, at=at)
            return result

        result = await self._units.write(guarded, merchant_id=owner.owner_id)
        if isinstance(result, Forbidden):
            raise result
        return result

    async def change(
        self, actor: Actor, permission: Permission, owner: OwnerRef, action: str, work: Work[T]
    ) -> T:
        """The same for work that changes something: other processes hear of it, this one knows at once."""

        def changing(tx: CredentialTx) -> tuple[T, Facts]:
            found = work(tx)
            tx.boarding.changed()
            return found

        result = await self.look(actor, permission, owner, action, changing)
        self._directory.forget()
        return result
