"""The crash matrix of keys: commands that replace one, and die in the middle, beside a gateway that serves.

Afterwards one of the two is good, and the other is not: the old one if the command died before it had stored
anything, else the new one, which can be copied. Everything that was sealed can still be opened, and the
command can be given again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import jwt
import msgspec

from tests.e2e.ipospays.merchant import Caller, Merchant
from tests.faults.crash import LAUNCHER, Case, Result
from tests.faults.desk import Desk
from tests.faults.launcher import VARIABLE, Order, hit_file
from tests.support.aps import Office, Shop
from tests.support.gateway import eventually
from tests.support.tree import ROOT

OLDER_STATUS: Final = "/api/v1/iposTransactStatus"
"""Both kinds of tokens are taken there."""
FOLLOWED_SECONDS_MAX: Final = 5.0
"""Within which a server follows what a command has changed."""
UNCHANGED_SECONDS: Final = 1.0
"""How long one looks whether a server follows what was never stored."""
_STEPS: Final = tuple(Order(point=f"write.{step}") for step in ("flushed", "committed"))
_STORED: Final = "write.committed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key, the command that replaces it, how to get what is good now, and whether something is.

    ``which`` tells those apart that are made anew each time they are asked for.
    """

    replace: Sequence[str]
    good: Callable[[], str]
    opens: Callable[[str], bool]
    which: Callable[[str], str] = str


def matrix() -> list[Case]:
    """Every case."""
    return [
        Case(name=name, order=msgspec.structs.replace(order, hits=_LATER_WRITES.get(name, 1)))
        for name in _KEYS
        for order in _STEPS
    ]


def run(desk: Desk, case: Case, *, database: str) -> Result:
    """Carry out a case."""
    key = _KEYS[case.name](desk)
    old = key.good()
    desk.rest()
    file = desk.bench.gateway.home / "command-fault"
    hit_file(file).unlink(missing_ok=True)
    file.write_bytes(msgspec.json.encode(case.order))
    died = _command(desk, key.replace, {VARIABLE: str(file)})
    started = time.monotonic()
    reached = died.returncode == -signal.SIGKILL and hit_file(file).exists()
    file.unlink(missing_ok=True)
    findings = [] if reached else [f"the step was not reached: {died.returncode} {died.stderr.decode()}"]
    changed = _changed(key, old, wanted=case.order.point == _STORED)
    if changed != (case.order.point == _STORED):
        findings.append("the new one is good" if changed else "the old one is good")
    new = key.good()
    findings += _opened(key, good=new, ended=old if changed else None)
    recovered = time.monotonic() - started
    again = _command(desk, key.replace, {})
    if again.returncode:
        findings.append(f"given again, the command ended with {again.returncode}")
    if not _changed(key, new, wanted=True):
        findings.append("given again, the command changed nothing")
    findings += [*_opened(key, good=key.good(), ended=new), *desk.findings()]
    return Result(
        case=case,
        database=database,
        recovered_seconds=recovered,
        answers=("new" if changed else "old", "new"),
        findings=list(dict.fromkeys(findings)),
    )


def _changed(key: Key, old: str, *, wanted: bool) -> bool:
    """Whether another is good now. The server follows what a command has stored, not at once."""
    until = time.monotonic() + (FOLLOWED_SECONDS_MAX if wanted else UNCHANGED_SECONDS)
    while not (changed := key.which(key.good()) != key.which(old)) and time.monotonic() < until:
        time.sleep(0.1)
    return changed


def _opened(key: Key, *, good: str, ended: str | None) -> list[str]:
    """Whether the server does not follow: the good one does not open, or the one that has ended does."""
    wrong = []
    try:
        eventually(lambda: key.opens(good), seconds=FOLLOWED_SECONDS_MAX)
    except AssertionError:
        wrong.append("the good one does not open")
    try:
        eventually(lambda: ended is None or not key.opens(ended), seconds=FOLLOWED_SECONDS_MAX)
    except AssertionError:
        wrong.append("one that has ended opens")
    return wrong


def _command(
    desk: Desk, arguments: Sequence[str], settings: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """``bezant`` with these arguments, beside the gateway."""
    gateway = desk.bench.gateway
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BEZANT_")}
    environment = {
        **inherited,
        "BEZANT_HOME": str(gateway.home),
        "BEZANT_DATABASE_URL": gateway.database_url,
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        **settings,
    }
    command = [sys.executable, "-m", LAUNCHER, *arguments, "--json"]
    return subprocess.run(command, env=environment, capture_output=True, check=False)


def _said(desk: Desk, *arguments: str) -> Any:
    """What a command prints."""
    printed = _command(desk, arguments, {})
    assert printed.returncode == 0, printed.stderr
    return json.loads(printed.stdout)


def _secret(desk: Desk) -> Key:
    merchant = desk.bureau.open()
    whose = ("--merchant", merchant.till.epi)
    return Key(
        replace=("credential", "reset", *whose),
        good=lambda: str(_said(desk, "credential", "copy", *whose)["secret_key"]),
        opens=lambda secret: replace(merchant.pair, secret_key=secret).ask().status == 200,
    )


def _lasting_token(desk: Desk) -> Key:
    merchant = desk.bureau.open()
    desk.bureau.ecom_token(merchant.caller.tpn)
    return Key(
        replace=("ecom-token", "reset", merchant.till.epi),
        good=lambda: str(_said(desk, "ecom-token", "copy", merchant.till.epi)["auth_token"]),
        opens=lambda token: _is_let_in(merchant, token),
    )


def _is_let_in(merchant: Merchant, token: str) -> bool:
    """Whether whoever shows this token is told of a transaction, or that there is none."""
    caller = Caller(merchant.caller.gateway, token, merchant.caller.tpn)
    return caller.status("nobody-s", path=OLDER_STATUS).status != 401


def _app_key(desk: Desk) -> Key:
    till = desk.bureau.open().till

    def good() -> str:
        (row,) = _said(desk, "key", "show", till.epi, "--reveal")
        return str(row["app_key"])

    return Key(
        replace=("key", "rotate", till.epi),
        good=good,
        opens=lambda key: replace(till, appkey=key).call("openbatch").status == 200,
    )


def _signing_key(desk: Desk) -> Key:
    """A token stands for the key that it is signed with."""
    merchant = desk.bureau.open()
    return Key(
        replace=("token", "rotate-keys", "--at-once"),
        good=merchant.pair.jwt,
        opens=lambda token: _is_let_in(merchant, token),
        which=lambda token: str(jwt.get_unverified_header(token)["kid"]),
    )


def _response_phrase(desk: Desk) -> Key:
    with Office(desk.bench.gateway) as office:
        shop = office.board()
    merchant = str(shop.merchant_id)
    return Key(
        replace=("aps", "rotate", merchant, "response"),
        good=lambda: str(_said(desk, "aps", "show", merchant, "--reveal")["sha_response_phrase"]),
        opens=lambda phrase: _signs(shop, phrase),
    )


def _signs(shop: Shop, phrase: str) -> bool:
    """Whether answers are signed with this phrase."""
    try:
        replace(shop, keys={**shop.keys, "sha_response_phrase": phrase}).verify(shop.reference())
    except AssertionError:
        return False
    return True


_KEYS: Final[Mapping[str, Callable[[Desk], Key]]] = {
    "secret reset": _secret,
    "lasting token reset": _lasting_token,
    "app key rotated": _app_key,
    "signing key rotated": _signing_key,
    "response phrase rotated": _response_phrase,
}
_LATER_WRITES: Final[Mapping[str, int]] = {"app key rotated": 2, "lasting token reset": 2}
"""Which write of a command is the one that counts, where others come before."""
