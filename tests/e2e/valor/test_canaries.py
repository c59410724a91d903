"""No card number and no CVV is found in files, dumps, logs, metrics or answers, in whatever form."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import secrets
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import psycopg
import pytest
from sqlalchemy import make_url

from tests.e2e.valor.canaries import (
    CVV,
    PANS,
    forms_of,
    traces,
    traces_in_files,
    traces_in_text,
)
from tests.support import postgres as private_postgres
from tests.support.gateway import EXPIRY, SWIFT, Answer, Gateway, NoAnswer, eventually

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(slots=True)
class Run:
    """A gateway that has seen every canary in every way, and what it answered."""

    gateway: Gateway
    answers: list[Answer] = field(default_factory=list)

    def send(self, said: dict[str, object], *, form: str = "json") -> Answer:
        """A request with the demo's keys, kept with those before it."""
        said = {**self.gateway.demo["valor"], **said}
        match form:
            case "query":
                answer = self.gateway.post(b"", {}, target=f"/?{urlencode(said)}")
            case "form":
                answer = self.gateway.post(urlencode(said).encode(), FORM)
            case _:
                answer = self.gateway.post(json.dumps(said).encode(), {"Content-Type": "application/json"})
        self.answers.append(answer)
        return answer

    def charge(self, pan: str, amount: str, *, form: str = "json", **said: object) -> Answer:
        """A sale on a canary, with the canary CVV."""
        card = {"txn_type": "sale", "cardnumber": pan, "expirydate": EXPIRY, "cvv": CVV}
        return self.send({**card, "amount": amount, **said}, form=form)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """All outcomes on all canaries, on a database of their own."""
    with contextlib.ExitStack() as stack:
        database_url = ""
        if request.param == "postgresql":
            server = stack.enter_context(private_postgres.server())
            name = f"bezant_{secrets.token_hex(8)}"
            database_url = server.create_database(name)
            stack.callback(server.drop_database, name)
        home = tmp_path_factory.mktemp("canaries")
        settings = {**SWIFT, "BEZANT_LOG_LEVEL": "debug"}
        run = Run(stack.enter_context(Gateway(home, database_url=database_url, settings=settings)))
        for pan in PANS:
            _charge_and_take_back(run, pan)
            _err(run, pan)
        for pan in PANS[-2:]:
            _lose(run, pan)
        _crash(run, PANS[0])
        _tokenise(run)
        yield run


class TestACanary:
    def test_was_charged(self, run: Run) -> None:
        """Otherwise the rest would prove nothing."""
        for pan in PANS:
            rows = run.gateway.listing(filter="CARD_NO", filter_text=pan[-4:])
            assert {row["CARD_METADATA"]["CARD_BIN"] for row in rows} == {pan[:6]}
            assert {row["RESPONSE_CODE"] for row in rows} >= {"00", "51"}

    def test_is_in_no_file(self, run: Run) -> None:
        """Database, write-ahead log, server's log, host's journal, whatever else lies there."""
        folders = [run.gateway.home, *_cluster(run.gateway)]
        assert _is_written(b"CANARY BIRD", folders)
        assert traces_in_files(folders) == {}

    def test_is_in_no_dump(self, run: Run) -> None:
        dump = _dump(run.gateway)
        assert b"CANARY BIRD" in dump
        assert traces_in_text(dump) == []

    def test_is_in_no_log(self, run: Run) -> None:
        logs = [path for path in run.gateway.home.iterdir() if path.suffix in {".log", ".journal"}]
        assert {path.name for path in logs} >= {"server.log", "host.log", "acquirer.journal"}
        assert "request" in run.gateway.log_text()
        assert {path.name: found for path in logs if (found := traces_in_text(path.read_bytes()))} == {}

    def test_is_in_no_metric(self, run: Run) -> None:
        place = urlsplit(run.gateway.base_url)
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
        connection.request("GET", f"/metrics?pan={PANS[0]}")
        metrics = connection.getresponse().read()
        connection.close()
        assert b"bezant_" in metrics
        assert traces_in_text(metrics) == []

    def test_is_in_no_answer(self, run: Run) -> None:
        assert {answer.status for answer in run.answers} == {200, 400}
        said = repr([(answer.body, answer.headers) for answer in run.answers]).encode()
        assert traces_in_text(said) == []

    def test_is_in_no_list(self, run: Run) -> None:
        assert traces_in_text(repr(run.gateway.listing()).encode()) == []


class TestTheSearch:
    @pytest.mark.parametrize("pan", PANS)
    def test_finds_every_form(self, pan: str) -> None:
        missed = [name for name, form in forms_of(pan).items() if not traces(b"\x00ab" + form + b"\xffcd")]
        assert missed == []

    def test_finds_one_in_base64_wherever_it_begins(self) -> None:
        for before in ("", "a", "ab", "abc"):
            text = urlencode({"q": before + PANS[0] + "zz"})[2:]
            assert traces(b"x" + base64.b64encode(text.encode()))

    def test_finds_a_cvv_that_stands_alone(self) -> None:
        assert traces_in_text(f'{{"cvv": "{CVV}"}}'.encode()) == ["CVV"]
        assert traces_in_text(f"1{CVV} {CVV}AF".encode()) == []


def _charge_and_take_back(run: Run, pan: str) -> None:
    sale = run.charge(pan, "20.00", cardholdername="Canary Bird", form="form").body
    run.send({"txn_type": "refund", "ref_txn_id": sale["txnid"], "amount": "5.00"})
    run.send({"txn_type": "void", "ref_txn_id": run.charge(pan, "30.00", form="query").body["txnid"]})
    run.send({"txn_type": "sale", "token": sale["token"], "amount": "1.00", "cvv": CVV})
    run.send({"txn_type": "auth", "cardnumber": pan, "expirydate": EXPIRY, "cvv": CVV, "amount": "2.00"})
    run.charge(" ".join((pan[:4], pan[4:])), "40.00", form="query")
    run.charge(pan, "9000.51")
    run.charge(pan, "9100.00")
    run.send({"txn_type": "txnfetch", "filter": "CARD_NO", "filter_text": pan}, form="query")


def _err(run: Run, pan: str) -> None:
    run.charge(pan, "0")
    run.charge(pan, "5", epi=pan)
    run.charge(pan, "5", appid=pan)
    run.charge(pan, "5", appkey=pan)
    run.charge(pan, "5", txn_type=pan)
    run.charge(pan, pan)
    run.charge(pan, "5", surchargeIndicator=pan)
    run.charge(pan, "5", expirydate=pan)
    run.charge(f"{pan}123456", "5")
    run.charge(f"{pan[:-1]}{(int(pan[-1]) + 1) % 10}", "5")
    run.send({"txn_type": "void", "ref_txn_id": pan, "rrn": pan, "auth_code": pan})
    run.send({"txn_type": "openbatch", "offset": pan})
    for target, body in (
        (f"/?{quote(pan)}={pan}&a=%ff", b""),
        ("/", f'{{"cardnumber": "{pan}", "cvv": {CVV}, "cardnumber": "{pan}"}}'.encode()),
        ("/", f'{{"cardnumber": "{pan}'.encode()),
        ("/", f"cardnumber={pan}&cvv={CVV}&cvv={CVV}".encode()),
        ("/", f'{{"{pan}": {CVV}}}'.encode()),
    ):
        run.answers.append(run.gateway.post(body, {"X-Card": pan, "Referer": f"/?{pan}"}, target=target))


def _lose(run: Run, pan: str) -> None:
    """Answers that never come, come broken, twice, or for somebody else."""
    steps: tuple[dict[str, object], ...] = (
        {"drop": True},
        {"half": True},
        {"garble": True},
        {"duplicate": True},
        {"mismatch": "stan"},
    )
    for step in steps:
        eventually(run.gateway.is_ready)
        run.gateway.control.script(step, amount=50_00)
        run.charge(pan, "50.00")
    assert run.gateway.control.scripts() == []


def _crash(run: Run, pan: str) -> None:
    """The server dies between its question and the host's answer, and comes back."""
    eventually(run.gateway.is_ready)
    run.gateway.control.script({"late": 1.0}, amount=60_00)
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(run.charge, pan, "60.00")
        eventually(lambda: run.gateway.control.scripts() == [])
        run.gateway.kill()
        with pytest.raises(NoAnswer):
            lost.result()
    run.gateway.start()
    eventually(run.gateway.is_ready)


def _tokenise(run: Run) -> None:
    token = run.send({"txn_type": "clientToken"}).body["clientToken"]
    for pan in PANS:
        card = {"txn_type": "cardToken", "client_token": token, "pan": pan, "expirydate": EXPIRY}
        run.send(card, form="query")
        run.send({**card, "expirydate": pan}, form="query")
        run.send({**card, "client_token": pan}, form="query")


def _is_written(text: bytes, folders: list[Path]) -> bool:
    """Whether those folders are where the gateway writes, so that a search of them proves something."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return any(text in path.read_bytes() for path in files)


def _cluster(gateway: Gateway) -> list[Path]:
    """The folder in which PostgreSQL keeps everything, all of it written out; none for SQLite."""
    if gateway.database_url.startswith("sqlite"):
        return []
    with psycopg.connect(_conninfo(gateway), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    folder = Path(row[0])
    if not folder.exists():
        pytest.skip("the database server that was given is on another machine")
    return [folder]


def _dump(gateway: Gateway) -> bytes:
    if gateway.database_url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(gateway.home / "bezant.db")) as connection:
            return "\n".join(connection.iterdump()).encode()
    with psycopg.connect(_conninfo(gateway)) as connection:
        row = connection.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'").fetchone()
    assert row is not None
    program = Path(row[0]) / "pg_dump"
    return subprocess.run([program, "--dbname", _conninfo(gateway)], check=True, capture_output=True).stdout


def _conninfo(gateway: Gateway) -> str:
    return make_url(gateway.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
