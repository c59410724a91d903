"""How a command is told whose something is: ``--iso``, ``--office`` or ``--merchant``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import click

from bezant.cli.opening import account_named
from bezant.cli.values import Whole
from bezant.core.people import OwnerRef
from bezant.storage.units import Unit

R = TypeVar("R")

ID = Whole(1, 999_999_999)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerOption:
    """The organization that a command line names, if it names one."""

    iso_id: int | None
    office_id: int | None
    merchant: str | None

    @property
    def given(self) -> bool:
        """Whether one was named."""
        return (self.iso_id, self.office_id, self.merchant) != (None, None, None)

    def find(self, unit: Unit) -> OwnerRef:
        """The organization. Raises ``click.UsageError`` unless exactly one is named, which there is."""
        match self:
            case OwnerOption(iso_id=int(iso_id), office_id=None, merchant=None):
                owner = OwnerRef.iso(iso_id)
            case OwnerOption(iso_id=None, office_id=int(office_id), merchant=None):
                owner = OwnerRef.agent_office(office_id)
            case OwnerOption(iso_id=None, office_id=None, merchant=str(merchant)):
                return OwnerRef.merchant(account_named(unit, merchant).merchant.merchant_id)
            case _:
                raise click.UsageError("say where: one of --iso, --office and --merchant")
        if unit.people.organization(owner) is None:
            raise click.UsageError(f"no {owner.kind.value.replace('_', ' ')} {owner.owner_id}")
        return owner


def owner_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the three options; it gets them as one ``owner``."""

    @click.option("--iso", "iso_id", type=ID, help="A sales organization's id.")
    @click.option("--office", "office_id", type=ID, help="An agent office's id.")
    @click.option("--merchant", help="A merchant id, an app id or a terminal number.")
    @wraps(command)
    def with_owner(
        *,
        iso_id: int | None,
        office_id: int | None,
        merchant: str | None,
        **others: Any,  # noqa: ANN401 - the command's own
    ) -> R:
        return command(owner=OwnerOption(iso_id=iso_id, office_id=office_id, merchant=merchant), **others)

    return with_owner
