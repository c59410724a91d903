from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, MetaData, String, Table, select

from bezant.storage.bulk import BulkInsert, BulkUpdate
from bezant.storage.engine import open_engine

THINGS = Table(
    "things",
    MetaData(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("small", Integer),
    Column("flag", Boolean),
    Column("word", String(100)),
    Column("raw", LargeBinary),
)
AWKWARD = [
    "plain",
    "",
    " ",
    "NULL",
    "null",
    '"',
    "\\",
    '\\"',
    "{a,b}",
    "a,b",
    "it's",
    "%s $1 ?",
    "line\nbreak\ttab",
    "naïve ☃ 🪙",
    None,
]
ROWS: list[tuple[Any, ...]] = [
    (
        2**62 + place,
        -place if place % 2 else None,
        place % 3 == 0,
        word,
        (word or "").encode() + b"\x00\xff\\",
    )
    for place, word in enumerate(AWKWARD)
]


class TestRows:
    @pytest.mark.parametrize(
        "rows", [ROWS, ROWS[:1], [(1, None, None, None, None)]], ids=["many", "one", "empty"]
    )
    def test_come_back_as_they_were_put_in(self, database_url: str, rows: list[tuple[Any, ...]]) -> None:
        engine = open_engine(database_url)
        THINGS.create(engine)
        with engine.begin() as connection:
            BulkInsert(THINGS).run(connection, rows)
        with engine.begin() as connection:
            found = connection.execute(select(THINGS).order_by(THINGS.c.number)).all()
        engine.dispose()
        assert [tuple(row) for row in found] == rows

    def test_are_changed_where_they_are_as_expected(self, database_url: str) -> None:
        engine = open_engine(database_url)
        THINGS.create(engine)
        update = BulkUpdate(THINGS, sets=("word", "raw"), keys=("number",), expected=("flag",))
        changes = [(f"{row[3]}\\", b"\\x00", row[0], row[2]) for row in ROWS]
        changes[0] = (*changes[0][:3], not changes[0][3])
        with engine.begin() as connection:
            BulkInsert(THINGS).run(connection, ROWS)
            assert update.run(connection, changes).rowcount == len(ROWS) - 1
            found = connection.execute(select(THINGS.c.word, THINGS.c.raw).order_by(THINGS.c.number)).all()
        engine.dispose()
        assert tuple(found[0]) == ROWS[0][3:]
        assert [tuple(row) for row in found[1:]] == [change[:2] for change in changes[1:]]

    def test_that_are_there_already_can_be_left_alone(self, database_url: str) -> None:
        engine = open_engine(database_url)
        THINGS.create(engine)
        with engine.begin() as connection:
            insert = BulkInsert(THINGS, ignore=True)
            insert.run(connection, ROWS[:2])
            insert.run(connection, [(*ROWS[0][:3], "other", None), ROWS[2]])
            found = connection.execute(select(THINGS).order_by(THINGS.c.number)).all()
        engine.dispose()
        assert [tuple(row) for row in found] == ROWS[:3]
