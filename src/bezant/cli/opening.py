"""What nearly every command begins with: settings, an opened database, the account that was named."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import click
import structlog
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bezant.app.store import Store, open_store
from bezant.config import BadSettings, Settings, load
from bezant.core.merchants import Account, Merchant, Terminal
from bezant.storage.units import Unit

T = TypeVar("T")

_ID: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


def settings() -> Settings:
    """The environment's settings. Raises ``BadSettings``."""
    found = load(os.environ)
    try:
        supported = make_url(found.database).get_backend_name() in {"sqlite", "postgresql"}
    except (ArgumentError, ValueError):
        supported = False
    if not supported:
        raise BadSettings("BEZANT_DATABASE_URL is neither sqlite:///PATH nor postgresql://...")
    return found


def silence_logs() -> None:
    """Log nothing: a command's failure is told in its one line. What runs on configures logging itself."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def with_store(work: Callable[[Store], Awaitable[T]]) -> T:
    """Open the database, do ``work``, close it."""

    async def opened() -> T:
        async with open_store(settings()) as store:
            return await work(store)

    return asyncio.run(opened())


def account_named(unit: Unit, name: str) -> Account:
    """The account with that terminal number, app id or merchant id. Raises ``click.UsageError``."""
    found = None
    if name.isascii():
        found = unit.merchants.by_terminal_number(name) or unit.merchants.by_app_id(name)
    if found is None and _ID.fullmatch(name):
        found = unit.merchants.account(int(name))
    if found is None:
        raise click.UsageError(f"no merchant, app id or terminal {name!r}")
    return found


def terminal_numbered(unit: Unit, number: str) -> tuple[Merchant, Terminal]:
    """The terminal with that number, and whose it is. Raises ``click.UsageError``."""
    account = unit.merchants.by_terminal_number(number) if number.isascii() else None
    if account is None:
        raise click.UsageError(f"no terminal {number!r}")
    return account.merchant, account.terminals[number]
