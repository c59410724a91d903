"""The scene: boarded merchants, the host and the server as processes of their own, and sales to send."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar
from zoneinfo import ZoneInfo

from bezant.app.sides import access_side
from bezant.app.store import open_store
from bezant.config import Settings
from bezant.core.merchants import Endpoint, IssuedKey, Profile, TipRule
from bezant.core.people import OPERATOR, OwnerRef
from bezant.core.sensitive import Pan
from bezant.core.vault import Vault
from bezant.rails.acquirer.sandbox import SandboxControl
from tests.support.tree import ROOT

T = TypeVar("T")

TERMINALS: Final = 20
TERMINALS_EACH_MAX: Final = 100
"""Of a merchant."""
MERCHANTS_MAX: Final = 10
"""Up to as many merchants share the terminals; more only where they would have too many each."""
CARDS: Final = 500
SALES_MIN: Final = 5000
"""Requests that are made beforehand, and then sent round and round: one for each terminal at least."""

_LOCALHOST: Final = "127.0.0.1"
_START_SECONDS_MAX: Final = 30.0
_STOP_SECONDS_MAX: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A terminal as it calls by token, or as a till, and a card that its merchant keeps."""

    token: str
    number: str
    card: str
    till: Mapping[str, str]


class Failed(Exception):
    """A process did not start, or did not end well; the text has its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A server on one database and its host, by their process ids, and the sales to send to it.

    ``till`` are the credentials of one of the terminals, ``callers`` what all of them call with by token.
    """

    address: tuple[str, int]
    control: SandboxControl
    sales: Sequence[bytes]
    till: Mapping[str, str]
    callers: Sequence[Caller]
    server: int
    host: int

    def token_sales(self) -> Iterator[bytes]:
        """Sales over all terminals in turn, on kept cards, without end: they say what transactions say."""
        chance = random.Random(2)
        for caller in itertools.cycle(self.callers):
            yield _token_sale(caller, cents=chance.randint(100, 50_000), port=self.address[1])

    def transactions(self) -> Iterator[bytes]:
        """Sales by token over all terminals in turn, on kept cards, without end: no reference comes twice."""
        chance = random.Random(2)
        for n, caller in enumerate(itertools.cycle(self.callers)):
            yield _transaction(caller, cents=chance.randint(100, 50_000), n=n, port=self.address[1])


@contextlib.contextmanager
def scene(
    folder: Path, database_url: str, *, settings: Mapping[str, str], terminals: int = TERMINALS
) -> Iterator[Scene]:
    """Board merchants on an empty database, and run a host and a server for them. Raises ``Failed``.

    ``settings`` are further environment variables of the server.
    """
    keys, callers = asyncio.run(_board(Settings(home=folder, database_url=database_url), terminals))
    port = _free_port()
    with _Process(folder, "sandbox", "--port", "0", "--control-port", "0") as host:
        addresses = json.loads(host.wait_for(host.first_line))
        control_host, _, control_port = addresses["control"].rpartition(":")
        environment = {
            "BEZANT_HOME": str(folder),
            "BEZANT_DATABASE_URL": database_url,
            "BEZANT_PORT": str(port),
            "BEZANT_ACQUIRER": addresses["acquirer"],
            **settings,
        }
        with _Process(folder, "serve", environment=environment) as server:
            server.wait_for(lambda: _is_ready(port))
            yield Scene(
                address=(_LOCALHOST, port),
                control=SandboxControl((control_host, int(control_port))),
                sales=sales(keys, port=port),
                till=credentials(keys[0]),
                callers=callers,
                server=server.pid,
                host=host.pid,
            )


def card_numbers(count: int) -> list[str]:
    """Visa numbers with a right check digit that are no test card of the sandbox's."""
    return [_with_check_digit(f"411111{n:09d}") for n in range(count)]


def sales(keys: Sequence[IssuedKey], *, port: int) -> list[bytes]:
    """Sales over all terminals in turn, by cards and for amounts that vary, the same in each run."""
    chance = random.Random(1)
    cards = card_numbers(CARDS)
    return [
        _sale(
            keys[n % len(keys)], card=chance.choice(cards), cents=chance.randint(100, 50_000), n=n, port=port
        )
        for n in range(max(SALES_MIN, len(keys)))
    ]


def credentials(key: IssuedKey) -> dict[str, str]:
    """What every request of a terminal says."""
    return {"appid": key.app_id, "appkey": key.key.reveal(), "epi": key.terminal.number}


def _sale(key: IssuedKey, *, card: str, cents: int, n: int, port: int) -> bytes:
    body = json.dumps(
        {
            **credentials(key),
            "txn_type": "sale",
            "amount": f"{cents // 100}.{cents % 100:02d}",
            "surchargeIndicator": "0",
            "cardnumber": card,
            "expirydate": "1236",
            "cvv": "999",
            "cardholdername": "Pat Example",
            "invoicenumber": f"INV-{n:06d}",
            "address1": "8320 Main Street",
            "zip": "85284",
        }
    ).encode()
    return _posted("/", body, port=port)


def _token_sale(caller: Caller, *, cents: int, port: int) -> bytes:
    sale = {"txn_type": "sale", "amount": f"{cents // 100}.{cents % 100:02d}", "surchargeIndicator": "0"}
    return _posted("/", json.dumps({**caller.till, **sale, "token": caller.card}).encode(), port=port)


def _transaction(caller: Caller, *, cents: int, n: int, port: int) -> bytes:
    body = (
        f'{{"merchantAuthentication":{{"merchantId":"{caller.number}","transactionReferenceId":"B{n:09d}"}},'
        f'"transactionRequest":{{"transactionType":1,"amount":"{cents}","cardToken":"{caller.card}"}}}}'
    ).encode()
    return _posted("/api/v3/iposTransact", body, port=port, more=f"token: {caller.token}\r\n")


def _posted(path: str, body: bytes, *, port: int, more: str = "") -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {_LOCALHOST}:{port}\r\nAccept: */*\r\nUser-Agent: bench\r\n"
        f"Content-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _with_check_digit(payload: str) -> str:
    """A number with its Luhn digit."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(payload)))
    return payload + str(-sum(digit // 10 + digit % 10 for digit in doubled) % 10)


async def _board(settings: Settings, terminals: int) -> tuple[list[IssuedKey], list[Caller]]:
    """Terminals with one key each. Merchants alternate, so that lanes share the load."""
    merchants = max(min(terminals, MERCHANTS_MAX), -(-terminals // TERMINALS_EACH_MAX))
    async with open_store(settings, create=True) as store:
        boarding, side = store.boarding, access_side(store).credentials
        vault = Vault(units=store.units, sealer=store.keys.sealer)
        (card,) = card_numbers(1)
        iso = await boarding.add_iso("Bench ISO")

        async def board(m: int) -> list[tuple[IssuedKey, Caller]]:
            merchant = await boarding.add_merchant(iso_id=iso.iso_id, name=f"Merchant {m}", sandbox=True)
            place = await boarding.add_store(
                merchant.merchant_id, name=f"Store {m}", zone=ZoneInfo("America/New_York")
            )
            pair = await side.credentials.generate(OPERATOR, OwnerRef.merchant(merchant.merchant_id))
            token = (await side.tokens.issue(pair.key)).text.reveal()
            kept = await vault.keep(merchant.merchant_id, Pan(card))
            boarded = []
            for n in range(m, terminals, merchants):
                number = f"2{n:09d}"
                terminal = await boarding.add_terminal(
                    merchant.merchant_id,
                    store_id=place.store_id,
                    number=number,
                    label=f"Terminal {n}",
                    endpoints={
                        Profile.TRADITIONAL: Endpoint(merchant_number=f"{m:012d}", terminal_number=f"{n:08d}")
                    },
                    tips=TipRule(adjustable=True, percent_max=100),
                )
                issued = await boarding.issue_key(merchant.merchant_id, number)
                profile = await side.profiles.assign(merchant.merchant_id, terminal.terminal_id)
                till = credentials(issued)
                caller = Caller(token=token, number=profile.number, card=kept.token, till=till)
                boarded.append((issued, caller))
            return boarded

        rounds = zip_longest(*await asyncio.gather(*map(board, range(merchants))))
    every = [each for row in rounds for each in row if each is not None]
    return [key for key, _ in every], [caller for _, caller in every]


class _Process:
    """``bezant`` with some arguments. Its output goes to a file, as a service's does."""

    def __init__(self, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self._arguments = arguments
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BEZANT_")}
        self._environment = {**inherited, "PYTHONPATH": str(ROOT / "src"), **(environment or {})}
        self._log = folder / f"{arguments[0]}.log"

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "bezant", *self._arguments],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._popen.terminate()
        try:
            status = self._popen.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            status = self._popen.wait()
        if status not in {0, -signal.SIGTERM} and error is None:
            raise self._failed(f"ended with status {status}")

    @property
    def pid(self) -> int:
        return self._popen.pid

    def first_line(self) -> bytes:
        """The first line that it printed; empty before it has."""
        line = self._log.read_bytes().partition(b"\n")
        return line[0] if line[1] else b""

    def wait_for(self, look: Callable[[], T]) -> T:
        """What ``look`` gives as soon as that is true."""
        deadline = time.monotonic() + _START_SECONDS_MAX
        while not (found := look()):
            if self._popen.poll() is not None or time.monotonic() > deadline:
                raise self._failed("did not start")
            time.sleep(0.02)
        return found

    def _failed(self, what: str) -> Failed:
        last_words = self._log.read_text(encoding="utf-8", errors="replace")[-1000:]
        return Failed(f"bezant {self._arguments[0]} {what}: {last_words}")


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(_LOCALHOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOCALHOST, 0))
        port: int = probe.getsockname()[1]
        return port
