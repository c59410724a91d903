"""The real ``bezant`` command, started as a user or a script would start it."""

from __future__ import annotations

import asyncio
import http.client
import json
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
import structlog
from sqlalchemy import text

from bezant import cli
from bezant.app.store import open_store
from bezant.config import load
from bezant.core.merchants import Caller, Denied, Directory, Gate, Rejection
from bezant.storage.engine import open_engine
from tests.support import forks
from tests.support.gateway import eventually
from tests.support.tree import ROOT

TERMINAL = "2203082193"
APP_ID = "WaJeJErcv5xpqZa2UZz6LZod5MSyyfJw"
APP_KEY = "53PWdki5U0PGSVhRnVoFsfVSbuDutsA8"


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command line that was carried out in this process came to."""

    status: int
    out: str
    error: str


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs ``bezant`` in a data folder of its own."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a started process gets, and nothing of ours."""
        return {"BEZANT_HOME": str(self.home), "PYTHONPATH": str(ROOT / "src"), **self.settings}

    def command(self, *arguments: str) -> list[str]:
        """The command line. Warnings are errors there, too."""
        return [sys.executable, "-W", "error", "-m", "bezant", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return forks.run(arguments, environment=self.environment)

    def json(self, *arguments: str) -> Any:
        """The JSON that a command answers."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A command that runs until it is told to stop; it is killed if it was not."""
        with subprocess.Popen(
            self.command(*arguments), env=self.environment, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def caller(self, app_id: str, app_key: str, number: str) -> Caller | Denied:
        """Who the gateway takes these credentials for."""

        async def enter() -> Caller | Denied:
            async with open_store(load(self.environment_of_settings())) as store:
                gate = Gate(
                    directory=Directory(store.units),
                    units=store.units,
                    hasher=store.keys.hasher,
                    clock=store.clock,
                )
                try:
                    return await gate.enter(
                        app_id=app_id, app_key=app_key, number=number, address="127.0.0.1"
                    )
                except Rejection as rejection:
                    return rejection.denied

        return asyncio.run(enter())

    def environment_of_settings(self) -> dict[str, str]:
        """The settings among the environment."""
        return {name: value for name, value in self.environment.items() if name.startswith("BEZANT_")}


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    """A new data folder with SQLite."""
    return Shell(tmp_path)


@pytest.fixture
def anywhere(tmp_path: Path, database_url: str) -> Shell:
    """A migrated database, on each engine."""
    shell = Shell(tmp_path, {"BEZANT_DATABASE_URL": database_url})
    assert shell.run("migrate").returncode == 0
    return shell


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A data folder with the demo in it, for tests that do not mind each other."""
    shell = Shell(tmp_path_factory.mktemp("demo"))
    assert shell.run("demo").returncode == 0
    return shell


@pytest.fixture
def typed(
    demo: Shell, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str], Printed]]:
    """Carries out a command line where the demo is, without the start of a process, which takes longest."""

    def carry_out(line: str) -> Printed:
        monkeypatch.setenv("BEZANT_HOME", str(demo.home))
        status = cli.run(line.split())
        return Printed(status, *capfd.readouterr())

    yield carry_out
    structlog.reset_defaults()


def _commands(group: click.Group, *path: str) -> Iterator[str]:
    """Every command that does something, as it is typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, *path, name)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield " ".join((*path, name))


class TestAnOperator:
    def test_boards_a_merchant_that_is_let_in(self, anywhere: Shell) -> None:
        iso = anywhere.json("iso", "create", "Harbour Payments")
        assert anywhere.json("iso", "list") == [iso]
        merchant = anywhere.json(
            "merchant", "create", "Corner Books", "--iso", str(iso["iso_id"]), "--zone", "America/New_York"
        )
        assert [store["store"] for store in merchant["stores"]] == ["Corner Books"]
        terminal = anywhere.json(
            *("terminal", "create", merchant["app_id"], "--label", "Till", "--tips", "20"),
            *("--surcharge", "887000003193:75021674"),
        )
        assert terminal["store_id"] == merchant["stores"][0]["store_id"]
        key = anywhere.json("key", "create", terminal["number"])
        shown = anywhere.json("merchant", "show", terminal["number"])
        assert shown == {**merchant, "terminals": [terminal]}

        caller = anywhere.caller(key["app_id"], key["app_key"], terminal["number"])
        assert isinstance(caller, Caller)
        assert caller.merchant.name == "Corner Books"

    def test_rotates_a_key_and_ends_the_old_one(self, anywhere: Shell) -> None:
        assert anywhere.run("demo").returncode == 0
        second = anywhere.json("key", "create", TERMINAL)
        assert isinstance(anywhere.caller(APP_ID, APP_KEY, TERMINAL), Caller)
        assert isinstance(anywhere.caller(APP_ID, second["app_key"], TERMINAL), Caller)
        third = anywhere.json("key", "rotate", TERMINAL)
        assert anywhere.caller(APP_ID, APP_KEY, TERMINAL) is Denied.WRONG_KEY
        assert anywhere.caller(APP_ID, second["app_key"], TERMINAL) is Denied.WRONG_KEY
        assert isinstance(anywhere.caller(APP_ID, third["app_key"], TERMINAL), Caller)
        ended = {key["key_id"]: key["ended_at"] is not None for key in anywhere.json("key", "list", APP_ID)}
        assert ended[second["key_id"]]
        assert not ended[third["key_id"]]

    def test_sees_a_key_only_on_purpose(self, demo: Shell) -> None:
        masked = demo.run("key", "list", TERMINAL).stdout + demo.run("key", "show", TERMINAL).stdout
        assert "***" in masked
        assert APP_KEY not in masked
        assert [key["app_key"] for key in demo.json("key", "show", TERMINAL, "--reveal")] == [APP_KEY]

    def test_adds_a_store_and_says_which_one_a_terminal_is_in(self, empty: Shell) -> None:
        empty.run("demo")
        store = empty.json("store", "create", TERMINAL, "Harbour branch", "--zone", "Europe/Berlin")
        place = ("--traditional", "887000003192:75021699")
        unsaid = empty.run("terminal", "create", TERMINAL, *place)
        assert (unsaid.returncode, "Harbour branch" in unsaid.stderr) == (2, True)
        there = empty.json("terminal", "create", TERMINAL, *place, "--store", str(store["store_id"]))
        assert there in empty.json("terminal", "list")

    def test_lets_a_terminal_settle_by_itself(self, demo: Shell) -> None:
        assert demo.json("terminal", "settle-at", TERMINAL, "19:05")["settles_at"] == "19:05"
        listed = {row["number"]: row["settles_at"] for row in demo.json("terminal", "list")}
        assert (listed.pop(TERMINAL), set(listed.values())) == ("19:05", {None})
        assert demo.json("terminal", "settle-at", TERMINAL, "off")["settles_at"] is None

    def test_reads_tables_where_names_look_like_markup(self, empty: Shell) -> None:
        empty.run("migrate")
        assert "[red]Pay" in empty.run("iso", "create", "[red]Pay").stdout
        assert "[red]Pay" in empty.run("iso", "list").stdout

    def test_migrates_as_often_as_wanted(self, anywhere: Shell) -> None:
        again = anywhere.json("migrate")
        assert again["before"] == again["after"] is not None

    def test_gets_no_new_root_key_for_data_sealed_under_another(self, empty: Shell) -> None:
        empty.run("migrate")
        (empty.home / "root.key").unlink()
        done = empty.run("migrate")
        assert (done.returncode, done.stderr.count("\n"), "root key" in done.stderr) == (1, 1, True)
        assert not (empty.home / "root.key").exists()


class TestAClock:
    def test_is_frozen_moved_and_released(self, demo: Shell) -> None:
        frozen = demo.json("clock", "freeze", TERMINAL, "2027-01-31T23:59:00-05:00")
        assert (frozen["clock"], frozen["now"]) == ("frozen", "2027-02-01T04:59:00Z")
        assert frozen["local"] == {"America/New_York": "2027-01-31T23:59:00-05:00"}
        assert demo.json("clock", "move", TERMINAL, "+2d")["now"] == "2027-02-03T04:59:00Z"
        assert demo.json("clock", "move", TERMINAL, "-3h")["now"] == "2027-02-03T01:59:00Z"
        assert demo.json("clock", "show", APP_ID)["now"] == "2027-02-03T01:59:00Z"
        assert demo.json("clock", "release", TERMINAL)["clock"] == "real"

    def test_goes_on_when_it_is_moved(self, demo: Shell) -> None:
        number = "2319916042"
        before = datetime.fromisoformat(demo.json("clock", "show", number)["now"])
        moved = demo.json("clock", "move", number, "1h30m")
        after = datetime.fromisoformat(demo.json("clock", "show", number)["now"])
        assert (moved["clock"], moved["offset_seconds"]) == ("moved", 5400)
        assert after - before > timedelta(minutes=90)

    def test_is_real_for_who_takes_real_payments(self, empty: Shell) -> None:
        empty.run("migrate")
        empty.run("iso", "create", "Harbour Payments")
        merchant = empty.json("merchant", "create", "Corner Books", "--iso", "1", "--zone", "UTC")
        done = empty.run("clock", "move", merchant["app_id"], "+1d")
        assert (done.returncode, "sandbox" in done.stderr) == (2, True)


class TestTheDemo:
    def test_is_the_same_when_made_twice(self, anywhere: Shell) -> None:
        first = anywhere.json("demo")
        assert first["valor"] == {"appid": APP_ID, "appkey": APP_KEY, "epi": TERMINAL, "otp": "123456"}
        boarded = [
            anywhere.json(*what) for what in (["iso", "list"], ["merchant", "list"], ["terminal", "list"])
        ]
        assert [len(rows) for rows in boarded] == [1, 4, 5]
        assert anywhere.json("demo") == first
        assert [
            anywhere.json(*what) for what in (["iso", "list"], ["merchant", "list"], ["terminal", "list"])
        ] == boarded

    def test_is_written_for_scripts_and_its_owner(self, demo: Shell) -> None:
        path = demo.home / "demo.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        written = json.loads(path.read_text())
        assert list(written) == [
            "base_url",
            "valor",
            "valor_second",
            "ipospays",
            "aps",
            "aps_classic",
            "portal",
            "cards",
            "gift",
        ]
        assert list(written["cards"]) == ["approve", "decline", "expired"]
        for name in ("valor", "valor_second"):
            names = written[name]
            caller = demo.caller(names["appid"], names["appkey"], names["epi"])
            assert isinstance(caller, Caller)
            assert caller.merchant.sandbox
        other = demo.caller(APP_ID, APP_KEY, written["valor_second"]["epi"])
        assert other is Denied.WRONG_TERMINAL

    def test_tells_a_key_that_works_after_a_rotation(self, empty: Shell) -> None:
        empty.run("demo")
        rotated = empty.json("key", "rotate", TERMINAL)
        assert empty.json("demo")["valor"]["appkey"] == rotated["app_key"]

    def test_keeps_what_a_running_gateway_wrote_of_itself(self, empty: Shell) -> None:
        empty.run("demo")
        path = empty.home / "demo.json"
        running = {
            **json.loads(path.read_text()),
            "base_url": "http://127.0.0.1:9",
            "sandbox": {"acquirer": "127.0.0.1:7", "control": "127.0.0.1:8"},
        }
        path.write_text(json.dumps(running))
        assert empty.json("demo") == running

    def test_stays_out_of_a_database_that_takes_real_payments(self, empty: Shell) -> None:
        empty.run("migrate")
        empty.run("iso", "create", "Harbour Payments")
        empty.json("merchant", "create", "Corner Books", "--iso", "1", "--zone", "UTC")
        assert empty.run("demo").returncode == 2
        assert not (empty.home / "demo.json").exists()
        assert len(empty.json("merchant", "list")) == 1


class TestTheBooks:
    def test_are_right_after_boarding(self, anywhere: Shell) -> None:
        anywhere.run("demo")
        found = anywhere.json("verify")
        assert found["findings"] == []
        assert {check["wrong"] for check in found["checks"]} == {0}

    def test_are_told_to_be_wrong_when_they_are(self, anywhere: Shell) -> None:
        anywhere.run("demo")
        engine = open_engine(anywhere.settings["BEZANT_DATABASE_URL"])
        with engine.begin() as connection:
            connection.execute(text("UPDATE batches SET transaction_number = -7, sale_count = 3"))
        engine.dispose()
        done = anywhere.run("verify")
        assert (done.returncode, done.stderr) == (1, "")
        assert "I4" in done.stdout


class TestAMistake:
    @pytest.mark.parametrize(
        "line",
        [
            "iso list --jsn",
            "merchant create X --iso 9 --zone UTC",
            "merchant create X --iso one --zone UTC",
            "merchant create X --iso \u0661 --zone UTC",
            "merchant create X --iso 1 --zone Nowhere/At_All",
            "merchant create X --iso 1 --zone UTC --app-id short",
            "merchant show 999",
            "merchant show \u0662\u0662\u0660",
            "terminal create 2203082193",
            "terminal create 2203082193 --surcharge 887000003193",
            "terminal create 2203082193 --surcharge 887000003193:75021674 --number 123",
            "terminal create 2203082193 --surcharge 887000003193:75021674 --store 99",
            "terminal settle-at 2203082193 24:00",
            "terminal settle-at 2203082193 7:00",
            "terminal settle-at 2203082193 \u0661\u0669:00",
            "terminal settle-at 2999999999 19:00",
            "key rotate 2999999999",
            "clock move 2203082193",
            "clock move 2203082193 3x",
            "clock move 2203082193 +",
            "clock move 2203082193 +99999d",
            "clock freeze 2203082193 2027-01-31",
            "clock freeze 2203082193 2027-02-30T00:00:00Z",
            "serve --port 65536",
            "serve --workers 2",
            "work",
            "sandbox script --last4 1111",
            "sandbox script jump",
            "sandbox script late=soon",
            "sandbox --port 1 stats",
        ],
    )
    def test_is_told_in_one_line(self, typed: Callable[[str], Printed], line: str) -> None:
        printed = typed(line)
        assert printed.status == 2
        assert printed.out == ""
        assert printed.error.startswith("bezant")
        assert printed.error.count("\n") == 1

    def test_leaves_the_process_with_status_2(self, demo: Shell) -> None:
        done = demo.run("srve")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)

    @pytest.mark.parametrize(
        ("name", "value", "status"),
        [
            ("BEZANT_PROT", "1", 2),
            ("BEZANT_PORT", "http", 2),
            ("BEZANT_DATABASE_URL", "nonsense", 2),
            ("BEZANT_DATABASE_URL", "mysql://localhost/x", 2),
            ("BEZANT_DATABASE_URL", "postgresql://bezant:hidden-word@127.0.0.1:1/x", 1),
            ("BEZANT_ROOT_KEY_FILE", "nowhere.key", 1),
        ],
    )
    def test_in_a_setting_is_told_in_one_line(self, demo: Shell, name: str, value: str, status: int) -> None:
        done = Shell(demo.home, {name: value}).run("iso", "list")
        assert done.returncode == status
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert "hidden-word" not in done.stderr

    def test_of_taking_a_number_twice_is_told(self, demo: Shell) -> None:
        done = demo.run(
            *("terminal", "create", TERMINAL, "--number", "2412333540"),
            *("--surcharge", "887000003193:75021674"),
        )
        assert (done.returncode, done.stderr) == (1, "bezant: that terminal number is taken\n")

    def test_of_not_migrating_is_told_with_the_way_out(self, empty: Shell) -> None:
        done = empty.run("merchant", "list")
        assert done.returncode == 1
        assert "bezant migrate" in done.stderr


class TestHelp:
    @pytest.mark.parametrize("path", list(_commands(cli.bezant)))
    def test_shows_how_to_call_a_command(self, typed: Callable[[str], Printed], path: str) -> None:
        printed = typed(f"{path} --help")
        assert printed.status == 0
        assert f"bezant {path}" in printed.out.partition("Example")[2]


class TestASandbox:
    def test_says_where_it_is_and_answers_questions(self, empty: Shell) -> None:
        with empty.running("sandbox", "--port", "0", "--control-port", "0") as process:
            assert process.stdout is not None
            addresses = json.loads(process.stdout.readline())
            assert list(addresses) == ["acquirer", "control"]
            at = ("--control", addresses["control"])
            assert empty.json("sandbox", "books", *at) == []
            assert empty.json("sandbox", "script", "decline=51", "late=2,duplicate", "--last4", "1111", *at)
            (script,) = empty.json("sandbox", "script", *at)
            assert script["steps"] == [{"decline": "51"}, {"late": 2.0, "duplicate": True}]
            refused = empty.run("sandbox", "script", "decline=00", *at)
            assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
            assert empty.json("sandbox", "clear", *at) == {"cleared": 1}
            assert empty.json("sandbox", "stats", *at)["entries"] == 0
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0

    def test_shares_its_books_with_no_other(self, empty: Shell) -> None:
        journal = ("--journal", str(empty.home / "books.jsonl"), "--port", "0", "--control-port", "0")
        with empty.running("sandbox", *journal) as process:
            assert process.stdout is not None
            process.stdout.readline()
            done = empty.run("sandbox", *journal)
            assert (done.returncode, done.stderr.count("\n")) == (1, 1)

    def test_that_does_not_run_is_told_in_one_line(self, empty: Shell) -> None:
        done = empty.run("sandbox", "stats", "--control", "127.0.0.1:1")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)


class TestAService:
    def test_works_off_the_timetable_until_told_to_stop(self, empty: Shell) -> None:
        empty.run("demo")
        with empty.running("sandbox", "--port", "0", "--control-port", "0") as sandbox:
            assert sandbox.stdout is not None
            addresses = json.loads(sandbox.stdout.readline())
            worker = Shell(empty.home, {"BEZANT_ACQUIRER": addresses["acquirer"]})
            with worker.running("work") as process:
                assert process.stdout is not None
                assert any("timetable started" in line for line in process.stdout)
                process.send_signal(signal.SIGTERM)
                assert process.wait() == 0

    def test_prints_a_first_charge_that_is_approved(self, empty: Shell) -> None:
        with empty.running("serve", "--demo", "--port", "0") as process:
            assert process.stdout is not None
            curl = _first_charge(process.stdout)
            eventually(lambda: _is_ready(curl[2]))
            status, answer = _sent(curl)
            assert (status, answer["error_no"]) == (200, "S00"), answer
            assert answer["amount"] == "20.00"
            (entry,) = empty.json("sandbox", "books", "--reference", answer["rrn"])
            assert (entry["terminal"], entry["approved"], entry["state"]) == ("75021673", 2000, "live")
            assert "20.00" in empty.run("sandbox", "live").stdout


def _first_charge(output: Iterator[str]) -> list[str]:
    """The words of the command that a server prints, read as a shell would."""
    lines: list[str] = []
    for line in output:
        if lines or line.startswith("curl "):
            lines.append(line)
            if line.startswith("}'"):
                break
    return shlex.split("".join(lines))


def _is_ready(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()


def _sent(curl: list[str]) -> tuple[int, dict[str, Any]]:
    """The answer to the request that a curl command with a URL, headers and a body makes."""
    _, _, url, _, header, _, body = curl
    place = urlsplit(url)
    name, _, value = header.partition(": ")
    connection = http.client.HTTPConnection(place.netloc)
    connection.request("POST", f"{place.path}?{place.query}", body, {name: value})
    response = connection.getresponse()
    try:
        return response.status, json.loads(response.read())
    finally:
        connection.close()
