"""An opened database with its keys: what commands and servers alike begin with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from bezant.bell import Activity, Bell
from bezant.config import Settings
from bezant.core.merchants import Boarding, SystemClock
from bezant.core.notices import Channel, reaches
from bezant.core.people import People, SignIn
from bezant.storage import schema
from bezant.storage.crypto import Keys
from bezant.storage.engine import open_engine
from bezant.storage.ids import IdBlocks
from bezant.storage.keyring import has_keys, open_keys, open_root_key
from bezant.storage.passwords import Argon2
from bezant.storage.units import Units, open_units


class NotReady(Exception):
    """The gateway cannot start; the text says what to do."""


def channels_of(settings: Settings) -> frozenset[Channel]:
    """How this gateway reaches people."""
    found = {Channel.MAIL: settings.smtp_address is not None, Channel.TEXT: bool(settings.sms)}
    return frozenset(channel for channel, there in found.items() if there)


class RealClock:
    """The system's time."""

    def now(self) -> datetime:
        """The current instant, aware, UTC."""
        return datetime.now(UTC)


class Names:
    """Fresh ids and random names for boarding."""

    def __init__(self, ids: IdBlocks, keys: Keys) -> None:
        self._ids = ids
        self._keys = keys

    async def take(self) -> int:
        """A new id."""
        return await self._ids.take()

    def app_name(self) -> str:
        """A new app id or app key."""
        return self._keys.hasher.app_name()

    def random_digits(self, length: int) -> str:
        """So many random digits."""
        return self._keys.hasher.random_digits(length)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An opened database: what commands and servers alike begin with."""

    settings: Settings
    engine: Engine
    keys: Keys
    units: Units
    clock: SystemClock
    names: Names
    boarding: Boarding
    people: People
    sign_in: SignIn
    activity: Activity
    """Noted whenever something has been stored."""
    announced: Bell
    """Rung when something to be delivered has been stored."""


@asynccontextmanager
async def open_store(settings: Settings, *, create: bool = False) -> AsyncIterator[Store]:
    """Open the database and its keys. With ``create``, migrate it and make a root key if there is none.

    Raises ``NotReady`` when the schema is not the one that this code speaks.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings.database)
    try:
        found, wanted = schema.version(engine), schema.head()
        if create and found != wanted:
            _upgrade(engine)
            found = schema.version(engine)
        if found != wanted:
            message = f"the database has schema {found or 'none'}, not {wanted}: run `bezant migrate`"
            raise NotReady(message)
        root = open_root_key(settings.root_key, create=create and not has_keys(engine))
        keys = open_keys(engine, root)
        loop = asyncio.get_running_loop()
        activity, announced = Activity(loop), Bell(loop)

        def stored(announces: bool) -> None:  # noqa: FBT001 - see Unit
            activity.note()
            if announces:
                announced.ring()

        units = open_units(
            engine,
            keys,
            writers=settings.write_lanes,
            readers=settings.read_lanes,
            group_max=settings.group_max,
            queue_max=settings.queue_max,
            on_stored=stored,
        )
        units.start()
        clock = RealClock()
        names = Names(IdBlocks(units, "boarding", size=1, first=1), keys)
        passwords = Argon2()
        reached = channels_of(settings)
        try:
            yield Store(
                settings=settings,
                engine=engine,
                keys=keys,
                units=units,
                clock=clock,
                names=names,
                boarding=Boarding(
                    units=units,
                    names=names,
                    clock=clock,
                    notifies=lambda factor: reaches(factor, reached),
                ),
                people=People(units=units, passwords=passwords, ids=names, clock=clock),
                sign_in=SignIn(units=units, passwords=passwords, hasher=keys.hasher, clock=clock),
                activity=activity,
                announced=announced,
            )
        finally:
            passwords.close()
            units.stop()
    finally:
        engine.dispose()


def _upgrade(engine: Engine) -> None:
    from bezant.storage.migrate import upgrade  # noqa: PLC0415 - slow to load, and most starts need none of it

    upgrade(engine)
