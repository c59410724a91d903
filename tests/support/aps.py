"""A shop that speaks Amazon Payment Services' API, and a server that takes its notices.

The signatures here are made by code that shares nothing with the gateway's, the way the vendor's own
libraries make them, so that a slip in one is seen by the other.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import itertools
import json
import random
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from anyio.from_thread import start_blocking_portal

from bezant.app.store import open_store
from bezant.config import Settings
from bezant.core.bnpl import Program
from bezant.core.merchants import (
    SANDBOX_PASSWORD,
    ClockChange,
    Digest,
    Edition,
    Endpoint,
    Profile,
    Signing,
    SigningAccount,
    TipRule,
)
from bezant.core.money import EGP
from tests.support.gateway import Answer, Gateway, eventually

PATH: Final = "/FortAPI/paymentApi"
JSON: Final = {"Content-Type": "application/json"}
SHA_TYPES: Final = ("sha256", "sha512", "hmac256", "hmac512")
PHONES: Final = ("01220422223", "00008557694")
"""Whom the sandbox lender knows."""

_numbers: Final = itertools.count(random.randrange(10_000_000))


def as_java_prints(value: Any) -> str:
    """How a value of a request stands in the text that is signed."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={as_java_prints(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_java_prints, value)) + "]"
    return json.dumps(value) if isinstance(value, bool) else str(value)


def signature(parameters: Mapping[str, Any], phrase: str, sha_type: str = "sha256") -> str:
    """What signs these parameters."""
    left_out = {"signature", "installment_detail"}
    pairs = sorted((name.encode(), value) for name, value in parameters.items() if name not in left_out)
    text = b"".join(name + b"=" + as_java_prints(value).encode() for name, value in pairs)
    key = phrase.encode()
    function = hashlib.sha512 if sha_type.endswith("512") else hashlib.sha256
    if sha_type.startswith("hmac"):
        return hmac.HMAC(key, key + text + key, function).hexdigest()
    return function(key + text + key).hexdigest()


@dataclass
class Shop:
    """A merchant's shop. ``keys`` is its block of ``demo.json``."""

    gateway: Gateway
    keys: Mapping[str, str]
    classic: bool = False
    merchant_id: int = 0
    program: str = ""
    """The merchant as the lender knows it."""
    numbers: Iterator[int] = field(default_factory=itertools.count)
    prefix: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def sha_type(self) -> str:
        """How the shop signs."""
        return self.keys.get("sha_type", "sha256")

    def reference(self) -> str:
        """A new order's reference."""
        return f"T-{self.prefix}.{next(self.numbers)}"

    def sign(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters with their signature."""
        return {
            **parameters,
            "signature": signature(parameters, self.keys["sha_request_phrase"], self.sha_type),
        }

    def common(self, reference: str) -> dict[str, Any]:
        """What every request says."""
        return {
            "access_code": self.keys["access_code"],
            "merchant_identifier": self.keys["merchant_identifier"],
            "merchant_reference": reference,
            "language": "en",
        }

    def send(self, body: Mapping[str, Any] | bytes, *, path: str = PATH) -> Answer:
        """Post a body as it is."""
        written = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.gateway.post(written, JSON, target=path)

    def call(self, reference: str, **parameters: Any) -> dict[str, Any]:
        """A signed request's answer, whose status is 200 and whose signature is right."""
        sent = {name: value for name, value in parameters.items() if value is not None}
        answer = self.send(self.sign({**self.common(reference), **sent}))
        assert answer.status == 200, answer
        self.check(answer.body)
        return answer.body

    def check(self, said: Mapping[str, Any]) -> None:
        """Fails unless these parameters are signed with the response phrase."""
        expected = signature(said, self.keys["sha_response_phrase"], self.sha_type)
        assert said.get("signature") == expected, said

    # -- the operations -----------------------------------------------------------------------------

    def verify(self, reference: str, **other: Any) -> dict[str, Any]:
        """Whether the customer is registered."""
        return self.call(
            reference,
            **{"service_command": "CUSTOMER_VERIFY", **self._customer(), **other},
        )

    def ask_for_password(self, reference: str, amount: Any = 100_000, **other: Any) -> dict[str, Any]:
        """Have a one-time password sent."""
        return self.call(
            reference,
            **{"service_command": "OTP_GENERATE", **self._order(amount), **self._goods(reference), **other},
        )

    def plans(self, reference: str, amount: Any = 100_000, **other: Any) -> dict[str, Any]:
        """What may be chosen."""
        return self.call(
            reference, **{"service_command": "GET_INSTALLMENTS_PLANS", **self._order(amount), **other}
        )

    def check_password(self, reference: str, amount: Any = 100_000, **other: Any) -> dict[str, Any]:
        """The classic edition's check of a one-time password."""
        return self.call(
            reference,
            **{
                "service_command": "OTP_VERIFY",
                **self._order(amount),
                "merchant_order_id": reference,
                "otp": self.keys["valu_otp"],
                **other,
            },
        )

    def purchase(self, reference: str, amount: Any = 100_000, **other: Any) -> dict[str, Any]:
        """Buy."""
        return self.call(reference, **self.purchase_parameters(amount, **other))

    def purchase_parameters(self, amount: Any = 100_000, **other: Any) -> dict[str, Any]:
        """What a purchase says beside what every request does."""
        return {
            "command": "PURCHASE",
            **self._order(amount),
            "customer_email": "customer@domain.com",
            "otp": self.keys["valu_otp"],
            "tenure": "6",
            "total_down_payment": "0",
            "purchase_description": "Test",
            **other,
        }

    def bought(self, amount: Any = 100_000, **other: Any) -> tuple[str, dict[str, Any]]:
        """A new order, from its password to its purchase: the reference and the answer."""
        reference = self.reference()
        assert self.ask_for_password(reference, amount, total_downpayment=0)["status"] == "88"
        answer = self.purchase(reference, amount, **other)
        assert answer["response_code"] == "14000", answer
        return reference, answer

    def refund(self, reference: str | None, amount: int, **other: Any) -> dict[str, Any]:
        """Give back."""
        parameters = {"command": "REFUND", "amount": amount, "currency": "EGP", **other}
        if reference is None:
            return self.call("", **{"merchant_reference": None, **parameters})
        return self.call(reference, **parameters)

    def status(self, reference: str, **other: Any) -> dict[str, Any]:
        """What became of an order."""
        return self.call(reference, **{"query_command": "CHECK_STATUS", **other})

    def _customer(self) -> dict[str, Any]:
        return {"payment_option": "VALU", "phone_number": self.keys["valu_phone"]}

    def _order(self, amount: Any) -> dict[str, Any]:
        wallets = {} if self.classic else {"wallet_amount": 0, "cashback_wallet_amount": 0}
        return {**self._customer(), "amount": amount, "currency": "EGP", **wallets}

    def _goods(self, reference: str) -> dict[str, Any]:
        if not self.classic:
            return {}
        product = {"product_name": "iphone", "product_price": 10_000, "product_category": "phone"}
        return {"merchant_order_id": reference, "products": [product]}


class Office:
    """Boards merchants on a running gateway: opens its database beside it, as the command line does."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        settings = Settings(home=self.gateway.home, database_url=self.gateway.database_url)
        self._portal = self._closing.enter_context(start_blocking_portal())
        self._store = self._closing.enter_context(
            self._portal.wrap_async_context_manager(open_store(settings))
        )
        self._iso = self._portal.call(self._store.boarding.add_iso, "Test ISO")
        self._signing = Signing(
            units=self._store.units, names=self._store.keys.hasher, clock=self._store.clock
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def board(
        self, *, classic: bool = False, sha_type: str = "sha256", sandbox: bool = True, phone: str = PHONES[0]
    ) -> Shop:
        """A new merchant with consumer finance; a tenth of each amount is its down payment."""
        edition = Edition.CLASSIC if classic else Edition.CURRENT
        board = partial(self._board, edition=edition, digest=Digest(sha_type), sandbox=sandbox)
        program, account = self._portal.call(board)
        keys = {
            "merchant_identifier": account.identifier,
            "access_code": account.access_codes[0],
            "sha_request_phrase": account.request_phrase.reveal(),
            "sha_response_phrase": account.response_phrase.reveal(),
            "sha_type": sha_type,
            "valu_phone": phone,
            "valu_otp": SANDBOX_PASSWORD.reveal(),
        }
        return Shop(self.gateway, keys, classic=classic, merchant_id=account.merchant_id, program=program)

    async def _board(self, *, edition: Edition, digest: Digest, sandbox: bool) -> tuple[str, SigningAccount]:
        boarding = self._store.boarding
        merchant = await boarding.add_merchant(
            iso_id=self._iso.iso_id, name="Test Merchant", currency=EGP, sandbox=sandbox
        )
        merchant_id = merchant.merchant_id
        store = await boarding.add_store(merchant_id, name="Test Store", zone=ZoneInfo("Africa/Cairo"))
        at = Endpoint(merchant_number="887000009192", terminal_number=f"{next(_numbers) % 10**8:08d}")
        terminal = await boarding.add_terminal(
            merchant_id,
            store_id=store.store_id,
            number=f"20{next(_numbers) % 10**8:08d}",
            label="Web",
            endpoints={Profile.TRADITIONAL: at},
            tips=TipRule(adjustable=False, percent_max=0),
        )
        program = Program(merchant_id=merchant_id, currency=EGP, down_payment_basis_points=1_000)
        await self._store.units.write(
            lambda unit: unit.finance.keep_program(program), merchant_id=merchant_id
        )
        account = await self._signing.open(
            merchant_id,
            terminal_number=terminal.number,
            digest=digest,
            edition=edition,
        )
        return merchant.app_id, account

    def change(self, shop: Shop, changed: Callable[[SigningAccount], SigningAccount]) -> SigningAccount:
        """Change a shop's signing account."""
        return self._portal.call(self._signing.change, shop.merchant_id, changed)

    def rotate(self, shop: Shop, **how: Any) -> str:
        """Give a shop a new request phrase."""
        rotate = partial(self._signing.rotate_request_phrase, shop.merchant_id, **how)
        return self._portal.call(rotate).request_phrase.reveal()

    def rotate_response(self, shop: Shop) -> str:
        """Give a shop a new response phrase."""
        rotate = partial(self._signing.rotate_response_phrase, shop.merchant_id)
        return self._portal.call(rotate).response_phrase.reveal()

    def set_program(self, shop: Shop, **facts: Any) -> None:
        """Change a merchant's settings for consumer finance."""
        program = Program(merchant_id=shop.merchant_id, currency=EGP, **facts)

        async def work() -> None:
            await self._store.units.write(
                lambda unit: unit.finance.keep_program(program), merchant_id=shop.merchant_id
            )

        self._portal.call(work)

    def change_clock(self, shop: Shop, change: ClockChange) -> None:
        """Freeze, move or release a merchant's clock."""
        self._portal.call(self._store.boarding.move_clock, shop.merchant_id, change)


def heard(look: Callable[[], bool]) -> None:
    """Wait until the server has taken a change over."""
    eventually(look, seconds=10, every_seconds=0.1)


@dataclass(frozen=True)
class Notice:
    """A notice as it came."""

    content_type: str
    body: bytes
    authorization: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """What it says."""
        if self.content_type.startswith("application/json"):
            found: dict[str, Any] = json.loads(self.body)
            return found
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True))


class _Listener(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked may be gone, at any point; anything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Receiver:
    """A shop's server: keeps what is posted to it, and answers with the next of ``statuses``, then 200.

    While ``open`` is cleared it answers nobody; each answer waits ``latency_seconds``.
    """

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.statuses: list[int] = []
        self.latency_seconds = 0.0
        self.open = threading.Event()
        self.open.set()
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.take(
                    Notice(self.headers["Content-Type"], body, self.headers["Authorization"])
                )
                receiver.open.wait()
                time.sleep(receiver.latency_seconds)
                with contextlib.suppress(ConnectionError):  # whoever asked may be gone
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = _Listener(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def take(self, notice: Notice) -> int:
        """Keep a notice; the status to answer it with."""
        with self._lock:
            self.notices.append(notice)
            return self.statuses.pop(0) if self.statuses else 200

    def of(self, reference: str) -> list[Notice]:
        """What came about an order, in the order in which it came."""
        with self._lock:
            return [
                notice for notice in self.notices if notice.parameters.get("merchant_reference") == reference
            ]

    @contextmanager
    def serving(self) -> Iterator[Receiver]:
        """Listen as long as the context lasts."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.open.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()
