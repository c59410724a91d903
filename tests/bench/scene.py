"""The scene: merchants that were boarded, the host and the server as processes of their own, sales to send."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from bezant.app import open_store
from bezant.config import Settings
from bezant.core.merchants import Endpoint, IssuedKey, Profile, TipRule
from bezant.core.sensitive import Pan
from bezant.rails.acquirer.sandbox import SandboxControl
from tests.support.tree import ROOT

T = TypeVar("T")

MERCHANTS: Final = 10
TERMINALS_EACH: Final = 2
CARDS: Final = 500
SALES: Final = 5000
"""Requests that are made beforehand and sent round and round."""

LOCALHOST: Final = "127.0.0.1"
_START_SECONDS_MAX: Final = 30.0
_STOP_SECONDS_MAX: Final = 30.0


class Failed(Exception):
    """A process did not start or did not end well; the text says which, and its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A server on one database with its host, both by their process ids, and the sales to send to it."""

    address: tuple[str, int]
    control: SandboxControl
    sales: Sequence[bytes]
    server: int
    host: int


@contextlib.contextmanager
def scene(folder: Path, database_url: str, *, settings: Mapping[str, str]) -> Iterator[Scene]:
    """Board merchants on an empty database, and run a host and a server for them. Raises ``Failed``.

    ``settings`` are further environment variables of the server.
    """
    keys = asyncio.run(_board(Settings(home=folder, database_url=database_url)))
    port = _free_port()
    with contextlib.ExitStack() as stack:
        host = stack.enter_context(_Process(folder, "sandbox", "--port", "0", "--control-port", "0"))
        addresses = host.wait(host.first_line)
        environment = {
            "BEZANT_HOME": str(folder),
            "BEZANT_DATABASE_URL": database_url,
            "BEZANT_PORT": str(port),
            "BEZANT_ACQUIRER": addresses["acquirer"],
            **settings,
        }
        server = stack.enter_context(_Process(folder, "serve", **environment))
        server.wait(lambda: _is_ready(port))
        control_host, _, control_port = addresses["control"].rpartition(":")
        yield Scene(
            address=(LOCALHOST, port),
            control=SandboxControl((control_host, int(control_port))),
            sales=sales(keys, seed=1),
            server=server.pid,
            host=host.pid,
        )


def verify(folder: Path, database_url: str) -> None:
    """Let ``bezant verify`` recompute the books. Raises ``Failed``."""
    with _Process(folder, "verify", BEZANT_HOME=str(folder), BEZANT_DATABASE_URL=database_url) as process:
        process.end()
