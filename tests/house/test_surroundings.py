"""What tests stand on: databases of their own, and no way out of this machine."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine, inspect, make_url, text

from tests.support.loopback import OutsideReached
from tests.support.postgres import Server
from tests.support.tree import ROOT

BORROWER = """
import time
from tests.support.postgres import server
with server() as lent:
    print(lent.url.render_as_string(hide_password=False), flush=True)
    time.sleep(600)
"""


class TestATest:
    def test_starts_with_an_empty_database(self, database_url: str) -> None:
        engine = create_engine(database_url, poolclass=NullPool)
        assert inspect(engine).get_table_names() == []
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE mark (id INTEGER PRIMARY KEY)"))

    def test_gets_a_copy_of_a_prepared_database(self, postgres: Server) -> None:
        template, copy = (f"bezant_{secrets.token_hex(8)}" for _ in range(2))
        prepared = create_engine(postgres.create_database(template), poolclass=NullPool)
        with prepared.begin() as connection:
            connection.execute(text("CREATE TABLE mark (id INTEGER PRIMARY KEY)"))
        copied = create_engine(postgres.create_database(copy, template=template), poolclass=NullPool)
        assert inspect(copied).get_table_names() == ["mark"]
        for name in (copy, template):
            postgres.drop_database(name)

    def test_cannot_leave_this_machine(self) -> None:
        with socket.socket() as outward, pytest.raises(OutsideReached):
            outward.connect(("192.0.2.1", 443))

    def test_cannot_look_up_another(self) -> None:
        with pytest.raises(OutsideReached):
            socket.create_connection(("gateway.example", 443))

    def test_reaches_a_server_on_this_machine(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            socket.create_connection(listener.getsockname()).close()


class TestAKilledTestRun:
    @pytest.mark.skipif(
        "BEZANT_TEST_DATABASE_URL" in os.environ, reason="a server that was given is not ours"
    )
    def test_leaves_no_server_behind(self) -> None:
        borrower = subprocess.Popen(
            [sys.executable, "-c", BORROWER], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        with borrower:
            assert borrower.stdout is not None
            url = make_url(borrower.stdout.readline().strip()).set(drivername="postgresql")
            psycopg.connect(url.render_as_string(hide_password=False)).close()
            borrower.send_signal(signal.SIGKILL)
        assert _stops_answering(url.host, url.port)


def _stops_answering(host: str | None, port: int | None) -> bool:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex((host, port)) != 0:
                return True
        time.sleep(0.05)
    return False
