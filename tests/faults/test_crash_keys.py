"""Servers that die with a transaction by token in their hands, and commands that die resetting a key."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import msgspec
import pytest

from bezant.core.people import OwnerRef
from bezant.storage.crypto import load_root_key
from bezant.storage.engine import open_engine
from bezant.storage.keyring import open_keys
from bezant.storage.units import Unit
from tests.faults.crash import LAUNCHER, Bench, bench_on
from tests.faults.launcher import VARIABLE, Order, hit_file
from tests.support.books import at_host
from tests.support.gateway import Answer, NoAnswer, eventually
from tests.support.tree import ROOT

STEPS: Final = (
    Order(point="write.flushed"),
    Order(point="write.committed"),
    Order(point="link.written"),
    Order(point="write.committed", hits=2),
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    home, postgres = tmp_path_factory.mktemp("keys"), partial(request.getfixturevalue, "postgres")
    with bench_on(request.param, home, postgres=postgres) as bench:
        yield bench


def ask(bench: Bench, path: str, said: dict[str, Any], token: str = "") -> Answer:
    return bench.gateway.post(json.dumps(said).encode(), {"token": token}, target=path)


def authenticate(bench: Bench, keys: dict[str, str]) -> Answer:
    return ask(bench, "/v1/authenticate-token", {"apiKey": keys["api_key"], "secretKey": keys["secret_key"]})


class TestATransactionWhoseServerDies:
    @pytest.mark.parametrize("order", STEPS, ids=lambda order: f"{order.point}#{order.hits}")
    def test_charges_once_or_not_at_all_and_its_reference_tells_which(
        self, bench: Bench, order: Order
    ) -> None:
        keys = bench.gateway.demo["ipospays"]
        token = authenticate(bench, keys).body["token"]
        minor = int(bench.amount().replace(".", ""))
        named = {"merchantId": keys["tpn"], "transactionReferenceId": f"Crash-{minor}"}
        sale = {
            "merchantAuthentication": named,
            "transactionRequest": {"transactionType": 1, "amount": minor, "cardToken": keys["card_token"]},
        }
        bench.arm(order)
        with pytest.raises(NoAnswer):
            ask(bench, "/api/v3/iposTransact", sale, token)
        assert bench.hit(), "the step was not reached"
        bench.gateway.start()
        assert bench.rest() + bench.findings() == []
        again = ask(bench, "/api/v3/iposTransact", sale, token)
        if order.point == "write.flushed":  # nothing had happened yet
            assert again.body["iposhpresponse"]["responseCode"] == "200"
        else:
            assert again.body["errors"][0]["message"] == "Duplicate Transaction Reference Id"
        assert bench.rest() + bench.findings() == []
        told = ask(bench, "/api/v3/iposTransactStatus", named, token).body["iposhpresponse"]
        standing = sum(count for each, count in at_host(bench.gateway).items() if each.minor == minor)
        assert standing == (told["responseCode"] == "200")


class TestAResetWhoseProcessDies:
    @pytest.mark.parametrize("bench", ["sqlite"], indirect=True)
    @pytest.mark.parametrize("point", ["write.flushed", "write.committed"])
    def test_leaves_one_good_secret(self, bench: Bench, point: str) -> None:
        old, file = pair(bench), bench.gateway.home / "reset-fault"
        file.write_bytes(msgspec.json.encode(Order(point=point)))
        settings = {
            "BEZANT_HOME": str(bench.gateway.home),
            "BEZANT_DATABASE_URL": bench.gateway.database_url,
            VARIABLE: str(file),
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        }
        command = [sys.executable, "-m", LAUNCHER, "credential", "reset", "--merchant", "2203082193"]
        died = subprocess.run(command, env=settings, capture_output=True, check=False)
        assert died.returncode == -signal.SIGKILL
        assert hit_file(file).exists()
        new = pair(bench)
        assert new["api_key"] == old["api_key"]
        assert (new["secret_key"] != old["secret_key"]) == (point == "write.committed")
        eventually(lambda: authenticate(bench, new).status == 200)
        if new != old:
            eventually(lambda: authenticate(bench, old).status == 401)
        assert bench.findings() == []


def pair(bench: Bench) -> dict[str, str]:
    """The demo merchant's key pair as it is kept now."""
    gateway = bench.gateway
    engine = open_engine(gateway.database_url)
    keys = open_keys(engine, load_root_key(gateway.home / "root.key"))
    with engine.connect().execution_options(bezant_writes=False) as connection:
        unit = Unit(connection, keys)
        account = unit.merchants.by_terminal_number("2203082193")
        assert account is not None
        found = unit.credentials.pair_of(OwnerRef.merchant(account.merchant.merchant_id))
    engine.dispose()
    assert found is not None
    return {"api_key": found.key.name, "secret_key": found.secret.reveal()}
