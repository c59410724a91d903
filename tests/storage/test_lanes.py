"""Lanes: what queued is committed together, answered together, and fails alone."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, Engine, event, text

from bezant.core.outcomes import Conflict, Reason, Refused, Unavailable
from bezant.core.payments import Wanted
from bezant.storage.bulk import Row
from bezant.storage.engine import open_engine
from bezant.storage.lanes import Job, Lane
from bezant.storage.loop_lanes import TURNS_MAX, LoopLane
from bezant.storage.units import Runner
from bezant.storage.writes import Writes

pytestmark = pytest.mark.anyio

T = TypeVar("T")


class Marks:
    """A unit of work with one table: marks, which are numbers."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.writes = Writes()

    def prime(self, terminals: Iterable[tuple[int, int]]) -> None:
        """There is nothing to fetch."""

    def expect(self, wanted: Wanted) -> None:
        """Nothing is."""

    def found(self, wanted: Wanted, card_row: Row | None, claim_row: Row | None) -> None:
        """Nothing is."""

    def know(self, rows: Iterable[Row]) -> None:
        """There are none."""

    def opened(self) -> Iterable[Row]:
        """There are none."""
        return ()

    def flush(self) -> None:
        """Nothing is buffered."""

    def committed(self) -> None:
        """Nobody is told."""

    def make(self, mark: int) -> int:
        """Store a mark."""
        self.writes.touch()
        self.connection.execute(text("INSERT INTO marks VALUES (:mark, 0)"), {"mark": mark})
        return mark

    def raise_(self, mark: int) -> None:
        """Raise a mark's value by one."""
        self.writes.touch()
        self.connection.execute(text("UPDATE marks SET value = value + 1 WHERE mark = :mark"), {"mark": mark})

    def values(self) -> dict[int, int]:
        """Every mark and its value."""
        rows = self.connection.execute(text("SELECT mark, value FROM marks ORDER BY mark"))
        return {row.mark: row.value for row in rows}


Work = Callable[[Marks], T]


class Hand:
    """Queues works on one lane, and can hold the lane so that works queue up behind."""

    def __init__(self, lane: Runner) -> None:
        self.lane = lane
        self.jobs: list[Job[Marks, Any]] = []

    def queue(self, work: Work[T], *, short: bool = False) -> asyncio.Future[T]:
        """Queue a work; its answer."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        job = Job(work, (1, 1) if short else None, loop, future)
        self.jobs.append(job)
        self.lane.put(job)
        return future

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """The lane is busy in here: what is queued forms one group at the end."""
        busy, release = threading.Event(), threading.Event()

        def hold(_unit: Marks) -> None:
            busy.set()
            assert release.wait(30)

        holding = self.queue(hold)
        await asyncio.to_thread(busy.wait, 30)
        try:
            yield
        finally:
            release.set()
            await holding


@pytest.fixture
def marks(database_url: str) -> Iterator[Engine]:
    """A database with the table of marks."""
    yield from _with_table(database_url)


@pytest.fixture
async def hand(anyio_backend: str, marks: Engine) -> AsyncIterator[Hand]:
    async with _lane(marks) as hand:
        yield hand


@pytest.fixture
def server_marks(postgresql_url: str) -> Iterator[Engine]:
    """The same where sessions can be lost and locks can cross: SQLite has neither."""
    yield from _with_table(postgresql_url)


@pytest.fixture
async def server_hand(anyio_backend: str, server_marks: Engine) -> AsyncIterator[Hand]:
    async with _lane(server_marks) as hand:
        yield hand


def _with_table(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE marks (mark INTEGER PRIMARY KEY, value INTEGER NOT NULL)"))
    yield engine
    engine.dispose()


@asynccontextmanager
async def _lane(engine: Engine, *, group_max: int = 64, queue_max: int = 1000) -> AsyncIterator[Hand]:
    lane: Runner
    if engine.dialect.name == "sqlite":
        lane = LoopLane(engine, Marks, name="test", group_max=group_max, queue_max=queue_max)
    else:
        lane = Lane(engine, Marks, name="test", writes=True, group_max=group_max, queue_max=queue_max)
    lane.start()
    try:
        yield Hand(lane)
    finally:
        await asyncio.to_thread(lane.stop)


def _values(engine: Engine) -> dict[int, int]:
    with engine.connect() as connection:
        return Marks(connection).values()


async def _answers(works: Iterable[Awaitable[T]]) -> list[T | BaseException]:
    return await asyncio.gather(*works, return_exceptions=True)


class TestAGroup:
    async def test_answers_every_work_with_one_commit(self, hand: Hand, marks: Engine) -> None:
        commits = []
        event.listen(marks, "commit", lambda _connection: commits.append(True))
        async with hand.held():
            works = [hand.queue(partial(Marks.make, mark=n)) for n in range(20)]
            commits.clear()
        assert await asyncio.gather(*works) == list(range(20))
        assert len(commits) == 2  # the one that held the lane, and all the others
        assert set(_values(marks)) == set(range(20))

    async def test_runs_its_works_in_the_order_in_which_they_came(self, hand: Hand) -> None:
        seen: list[int] = []

        def note(n: int, _unit: Marks) -> None:
            seen.append(n)

        async with hand.held():
            works = [hand.queue(partial(note, n)) for n in range(50)]
        await asyncio.gather(*works)
        assert seen == list(range(50))

    async def test_is_no_larger_than_it_may_be(self, marks: Engine) -> None:
        units: dict[int, Marks] = {}

        def note(n: int, unit: Marks) -> None:
            units[n] = unit

        async with _lane(marks, group_max=4) as hand:
            async with hand.held():
                works = [hand.queue(partial(note, n)) for n in range(10)]
            await asyncio.gather(*works)
        assert [units[0] is units[n] for n in range(10)] == [True] * 4 + [False] * 6
        assert units[4] is units[7]
        assert units[8] is units[9]

    @pytest.mark.parametrize("error", [ValueError("bad"), AssertionError("bug"), KeyError("k")], ids=repr)
    async def test_fails_only_where_a_work_is_wrong(
        self, hand: Hand, marks: Engine, error: Exception
    ) -> None:
        def guilty(unit: Marks) -> None:
            unit.make(99)
            raise error

        async with hand.held():
            works = [hand.queue(partial(Marks.make, mark=n)) for n in range(3)]
            wrong = hand.queue(guilty)
            works += [hand.queue(partial(Marks.make, mark=n)) for n in range(3, 6)]
        assert await asyncio.gather(*works) == list(range(6))
        assert await _answers([wrong]) == [error]
        assert set(_values(marks)) == set(range(6))

    async def test_fails_only_where_a_row_is_there_already(self, hand: Hand, marks: Engine) -> None:
        await hand.queue(lambda unit: unit.make(2))
        async with hand.held():
            works = [hand.queue(partial(Marks.make, mark=n)) for n in range(5)]
        answers = await _answers(works)
        assert [type(answer) for answer in answers] == [int, int, Conflict, int, int]
        assert set(_values(marks)) == set(range(5))

    async def test_is_not_broken_by_a_refusal_that_wrote_nothing(self, hand: Hand, marks: Engine) -> None:
        runs: list[int] = []

        def refuse(unit: Marks) -> None:
            unit.values()
            raise Refused(Reason.WRONG_AUDIT_NUMBER)

        def make(unit: Marks, n: int) -> int:
            runs.append(n)
            return unit.make(n)

        async with hand.held():
            first = hand.queue(partial(make, n=1))
            refused = hand.queue(refuse)
            last = hand.queue(partial(make, n=2))
        assert [await first, await last] == [1, 2]
        (answer,) = await _answers([refused])
        assert isinstance(answer, Refused)
        assert runs == [1, 2]

    async def test_keeps_nothing_of_a_refusal_that_had_written(self, hand: Hand, marks: Engine) -> None:
        def refuse(unit: Marks) -> None:
            unit.make(99)
            raise Refused(Reason.KEY_REUSED)

        async with hand.held():
            first = hand.queue(lambda unit: unit.make(1))
            refused = hand.queue(refuse)
        assert await first == 1
        (answer,) = await _answers([refused])
        assert isinstance(answer, Refused)
        assert _values(marks) == {1: 0}

    async def test_is_answered_whole_before_the_lane_ends(self, marks: Engine) -> None:
        async with _lane(marks) as hand:
            async with hand.held():
                works = [hand.queue(partial(Marks.make, mark=n)) for n in range(10)]
                ending = asyncio.create_task(asyncio.to_thread(hand.lane.stop))
                await asyncio.sleep(0)
            await ending
            assert await asyncio.gather(*works) == list(range(10))

    async def test_loses_nobody_who_comes_while_the_lane_ends(self, marks: Engine) -> None:
        async with _lane(marks) as hand:
            ending = asyncio.create_task(asyncio.to_thread(hand.lane.stop))
            works = []
            with contextlib.suppress(Refused):
                while True:
                    works.append(hand.queue(lambda unit: len(unit.values())))
                    await asyncio.sleep(0)
            await ending
            assert await asyncio.gather(*works) == [0] * len(works)


class TestWhoeverWaits:
    async def test_may_go_away_and_the_commit_still_happens(self, hand: Hand, marks: Engine) -> None:
        async with hand.held():
            leaving = hand.queue(lambda unit: unit.make(1))
            staying = hand.queue(lambda unit: unit.make(2))
            leaving.cancel()
        assert await staying == 2
        assert set(_values(marks)) == {1, 2}

    async def test_can_give_up_what_has_not_begun(self, hand: Hand, marks: Engine) -> None:
        async with hand.held():
            works = [hand.queue(partial(Marks.make, mark=mark)) for mark in range(3)]
            hand.jobs[-2].given_up = True
            works[1].cancel()
        await _answers(works)
        assert set(_values(marks)) == {0, 2}

    async def test_can_give_up_what_has_begun(self, hand: Hand, marks: Engine) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def slow(unit: Marks) -> None:
            unit.make(1)
            begun.set()
            assert go_on.wait(30)

        async with hand.held():
            slowly, other = hand.queue(slow), hand.queue(partial(Marks.make, mark=2))
        await asyncio.to_thread(begun.wait, 30)
        hand.jobs[-2].given_up = True
        slowly.cancel()
        go_on.set()
        assert await other == 2
        assert set(_values(marks)) == {2}

    async def test_may_leave_nobody_behind(self, hand: Hand, marks: Engine) -> None:
        """An event loop that is gone does not end the lane."""
        gone = asyncio.new_event_loop()
        future: asyncio.Future[int] = gone.create_future()
        hand.lane.put(Job(lambda unit: unit.make(1), None, gone, future))
        gone.call_soon(gone.stop)
        await asyncio.to_thread(gone.run_forever)
        gone.close()
        assert await hand.queue(lambda unit: unit.make(2)) == 2
        assert set(_values(marks)) == {1, 2}

    async def test_is_refused_when_too_many_wait_already(self, marks: Engine) -> None:
        async with _lane(marks, queue_max=3) as hand:
            async with hand.held():
                works = [hand.queue(partial(Marks.make, mark=n)) for n in range(3)]
                with pytest.raises(Refused) as refusal:
                    await hand.queue(lambda unit: unit.make(3))
            assert refusal.value.reason is Reason.BUSY
            assert await asyncio.gather(*works) == [0, 1, 2]
            assert await hand.queue(lambda unit: unit.make(3)) == 3


class TestAWork:
    async def test_that_collides_is_run_once_more_to_see_what_is_there(
        self, server_hand: Hand, server_marks: Engine
    ) -> None:
        """Two sessions insert what neither had found: the second one finds what the first has stored."""
        meanwhile = iter([lambda: _make(server_marks, 7)])

        def find_or_make(unit: Marks) -> str:
            if 7 in unit.values():
                return "found"
            next(meanwhile)()
            unit.make(7)
            return "made"

        assert await server_hand.queue(find_or_make) == "found"

    async def test_that_collides_again_is_a_conflict(self, hand: Hand, marks: Engine) -> None:
        _make(marks, 7)
        runs: list[Marks] = []

        def make(unit: Marks) -> None:
            runs.append(unit)
            unit.make(7)

        (answer,) = await _answers([hand.queue(make)])
        assert type(answer) is Conflict
        assert len(runs) == 2

    async def test_in_a_deadlock_is_run_again(self, server_hand: Hand, server_marks: Engine) -> None:
        for mark in (1, 2):
            _make(server_marks, mark)
        both_hold_one = threading.Barrier(2, timeout=30)

        def crosswise(first: int, second: int) -> Work[None]:
            meeting = iter([both_hold_one.wait])

            def work(unit: Marks) -> None:
                unit.raise_(first)
                next(meeting, int)()
                unit.raise_(second)

            return work

        async with _lane(server_marks) as other:
            await asyncio.gather(server_hand.queue(crosswise(1, 2)), other.queue(crosswise(2, 1)))
        assert _values(server_marks) == {1: 2, 2: 2}

    async def test_that_cannot_be_serialized_is_run_again(
        self, server_hand: Hand, server_marks: Engine
    ) -> None:
        failures = iter(["40001", "40P01", "40001"])

        def work(unit: Marks) -> int:
            if state := next(failures, None):
                unit.connection.execute(
                    text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
                )
            return unit.make(1)

        async with server_hand.held():
            works = [server_hand.queue(work)]
            works += [server_hand.queue(partial(Marks.make, mark=n)) for n in range(2, 6)]
        assert await asyncio.gather(*works) == [1, 2, 3, 4, 5]
        assert set(_values(server_marks)) == {1, 2, 3, 4, 5}

    async def test_waits_for_a_locked_database(self, hand: Hand, marks: Engine) -> None:
        server = marks.dialect.name == "postgresql"
        impatience = "SET lock_timeout = 20" if server else "PRAGMA busy_timeout = 20"
        await hand.queue(lambda unit: unit.connection.execute(text(impatience)).close())
        with marks.begin() as connection:
            if server:
                connection.execute(text("LOCK TABLE marks IN ACCESS EXCLUSIVE MODE"))
            waiting = hand.queue(lambda unit: unit.make(1))
            await asyncio.sleep(0.1)
            assert not waiting.done()
        assert await waiting == 1

    async def test_that_goes_wrong_tells_no_values(self, server_hand: Hand) -> None:
        statement = text("UPDATE marks SET value = CAST('4111111111111111x' AS INTEGER)")
        (answer,) = await _answers([server_hand.queue(lambda unit: unit.connection.execute(statement))])
        assert type(answer) is Unavailable
        told = "".join(traceback.format_exception(answer))
        assert "4111" not in told


class TestALostConnection:
    async def test_costs_no_work(self, server_hand: Hand, server_marks: Engine) -> None:
        losses = iter([True, True])

        def work(unit: Marks) -> int:
            unit.make(3)
            if next(losses, False):
                _end_session(server_marks, _session(unit))
            return unit.make(4)

        async with server_hand.held():
            works = [server_hand.queue(partial(Marks.make, mark=n)) for n in (1, 2)]
            works.append(server_hand.queue(work))
            works.append(server_hand.queue(lambda unit: unit.make(5)))
        assert await asyncio.gather(*works) == [1, 2, 4, 5]
        assert set(_values(server_marks)) == {1, 2, 3, 4, 5}

    async def test_costs_no_work_that_was_about_to_be_committed(
        self, server_hand: Hand, server_marks: Engine
    ) -> None:
        sessions = [await server_hand.queue(_session)]

        @event.listens_for(server_marks, "commit")
        def end_session_once(_connection: Connection) -> None:
            if sessions:
                _end_session(server_marks, sessions.pop())

        assert await server_hand.queue(lambda unit: unit.make(1)) == 1
        assert sessions == []
        assert set(_values(server_marks)) == {1}

    async def test_is_not_noticed_between_two_works(self, server_hand: Hand, server_marks: Engine) -> None:
        session = await server_hand.queue(_session)
        await asyncio.to_thread(_end_session, server_marks, session)
        assert await server_hand.queue(lambda unit: unit.make(1)) == 1
        assert await server_hand.queue(_session) != session

    async def test_to_a_server_that_is_gone_fails_every_work_at_once(self) -> None:
        """However many wait, the lane tries for all of them together."""
        engine = open_engine("postgresql://nobody@127.0.0.1:1/nothing")
        tries: list[bool] = []
        event.listen(engine, "do_connect", lambda *_: tries.append(True))
        async with _lane(engine) as hand:
            works = [hand.queue(lambda unit: unit.values()) for _ in range(50)]
            answers = await _answers(works)
        assert {type(answer) for answer in answers} == {Unavailable}
        assert len(tries) <= 2 * 6  # at most two groups


def _make(engine: Engine, mark: int) -> None:
    with engine.begin() as connection:
        Marks(connection).make(mark)


def _session(unit: Marks) -> int:
    return int(unit.connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def _end_session(engine: Engine, session: int) -> None:
    """End a database session, as an administrator or a crash would, and wait until it is gone."""
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:session, 5000)"), {"session": session})


@pytest.fixture
def file_marks(tmp_path: Path) -> Iterator[Engine]:
    """The same where short works run on the event loop."""
    yield from _with_table(f"sqlite:///{tmp_path / 'marks.db'}")


@pytest.fixture
async def file_hand(anyio_backend: str, file_marks: Engine) -> AsyncIterator[Hand]:
    async with _lane(file_marks) as hand:
        yield hand


class TestAShortWork:
    async def test_runs_where_its_caller_waits_and_is_committed_elsewhere(
        self, file_hand: Hand, file_marks: Engine
    ) -> None:
        threads: list[threading.Thread] = []

        @event.listens_for(file_marks, "commit")
        def committing(_connection: Connection) -> None:
            threads.append(threading.current_thread())

        def work(unit: Marks) -> int:
            threads.append(threading.current_thread())
            return unit.make(1)

        assert await file_hand.queue(work, short=True) == 1
        running, commit = threads
        assert running is threading.current_thread()
        assert commit is not running
        assert _values(file_marks) == {1: 0}

    async def test_is_committed_with_all_that_came_meanwhile(
        self, file_hand: Hand, file_marks: Engine
    ) -> None:
        commits: list[bool] = []
        async with file_hand.held():
            works = [file_hand.queue(partial(Marks.make, mark=n), short=n % 3 > 0) for n in range(20)]
            event.listen(file_marks, "commit", lambda _connection: commits.append(True))
        assert await asyncio.gather(*works) == list(range(20))
        assert len(commits) == 2  # the one that held the lane, and all the others

    async def test_is_committed_with_those_that_follow_at_once(
        self, file_hand: Hand, file_marks: Engine
    ) -> None:
        run: list[int] = []
        run_until_commit: list[int] = []
        event.listen(file_marks, "commit", lambda _connection: run_until_commit.append(len(run)))

        def work(unit: Marks, mark: int) -> int:
            run.append(mark)
            return unit.make(mark)

        works = []
        for n in range(2 * TURNS_MAX):
            works.append(file_hand.queue(partial(work, mark=n), short=True))
            await asyncio.sleep(0)  # a turn of the event loop
        assert await asyncio.gather(*works) == list(range(2 * TURNS_MAX))
        assert run_until_commit[0] > TURNS_MAX

    async def test_fails_alone(self, file_hand: Hand, file_marks: Engine) -> None:
        _make(file_marks, 2)

        def guilty(unit: Marks) -> None:
            unit.make(99)
            raise ValueError("bad")

        works = [file_hand.queue(partial(Marks.make, mark=n), short=True) for n in range(4)]
        wrong = file_hand.queue(guilty, short=True)
        answers = [*await _answers(works), *await _answers([wrong])]
        assert [type(answer) for answer in answers] == [int, int, Conflict, int, ValueError]
        assert set(_values(file_marks)) == {0, 1, 2, 3}

    async def test_waits_for_another_process_without_keeping_the_event_loop(
        self, file_hand: Hand, file_marks: Engine
    ) -> None:
        await file_hand.queue(partial(Marks.make, mark=1), short=True)
        turns = 0
        with file_marks.begin():  # takes the only lock there is
            waiting = file_hand.queue(partial(Marks.make, mark=2), short=True)
            while turns < 50:
                await asyncio.sleep(0.001)
                turns += 1
            assert not waiting.done()
        assert await waiting == 2

    async def test_is_run_again_when_its_commit_fails(self, file_hand: Hand, file_marks: Engine) -> None:
        failures = iter([OSError("the disk is away")])

        @event.listens_for(file_marks, "commit")
        def committing(_connection: Connection) -> None:
            if failure := next(failures, None):
                raise failure

        assert await file_hand.queue(partial(Marks.make, mark=1), short=True) == 1
        assert _values(file_marks) == {1: 0}

    async def test_that_was_given_up_is_not_committed(self, file_hand: Hand, file_marks: Engine) -> None:
        works = [file_hand.queue(partial(Marks.make, mark=n), short=True) for n in range(3)]
        file_hand.jobs[1].given_up = True
        works[1].cancel()
        await _answers(works)
        assert set(_values(file_marks)) == {0, 2}

    async def test_behind_a_whole_group_that_was_given_up_is_run(self, file_marks: Engine) -> None:
        async with _lane(file_marks, group_max=4) as hand:
            works = [hand.queue(partial(Marks.make, mark=n), short=True) for n in range(5)]
            for job, work in zip(hand.jobs[:4], works[:4], strict=True):
                job.given_up = True
                work.cancel()
            assert await asyncio.wait_for(works[4], 30) == 4

    async def test_is_answered_before_the_lane_ends(self, file_marks: Engine) -> None:
        async with _lane(file_marks) as hand:
            works = [hand.queue(partial(Marks.make, mark=n), short=True) for n in range(5)]
            await asyncio.to_thread(hand.lane.stop)
            assert await asyncio.gather(*works) == list(range(5))
            with pytest.raises(Refused):
                await hand.queue(partial(Marks.make, mark=6), short=True)

    async def test_does_not_wait_for_an_event_loop_that_is_gone(
        self, file_hand: Hand, file_marks: Engine
    ) -> None:
        gone = asyncio.new_event_loop()
        future: asyncio.Future[int] = gone.create_future()
        async with file_hand.held():
            file_hand.lane.put(Job(lambda unit: unit.make(1), (1, 1), gone, future))
            gone.close()
            living = file_hand.queue(partial(Marks.make, mark=2), short=True)
        assert await living == 2
