"""What wakes whoever has work by a committed transaction."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bezant.bell import REST_AFTER_SECONDS, Activity, Bell

pytestmark = pytest.mark.anyio


class _Late(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward."""

    late = 0.0

    def time(self) -> float:
        return super().time() + self.late


class TestABell:
    async def test_wakes_who_waits(self) -> None:
        bell = Bell(asyncio.get_running_loop())
        waiting = asyncio.create_task(bell.wait(60))
        await asyncio.sleep(0)
        await asyncio.to_thread(bell.ring)
        async with asyncio.timeout(30):
            await waiting

    async def test_wakes_the_next_who_waits(self) -> None:
        bell = Bell(asyncio.get_running_loop())
        bell.ring()
        async with asyncio.timeout(30):
            await bell.wait(60)

    async def test_rings_into_the_void_without_harm(self) -> None:
        ended = asyncio.new_event_loop()
        bell = Bell(ended)
        ended.close()
        bell.ring()


class TestAProcess:
    def test_rests_when_nothing_was_stored_for_a_while(self) -> None:
        loop = _Late()
        try:
            activity = Activity(loop)
            assert not activity.rests
            loop.late += REST_AFTER_SECONDS + 1
            assert activity.rests
            activity.note()
            assert not activity.rests
        finally:
            loop.close()

    def test_is_woken_by_what_is_stored_after_a_rest(self) -> None:
        loop = _Late()

        async def rest_and_be_woken() -> None:
            activity = Activity(loop)
            loop.late += REST_AFTER_SECONDS + 1
            waiting = [asyncio.create_task(activity.wait(10 * REST_AFTER_SECONDS)) for _ in range(3)]
            await asyncio.sleep(0)
            writer = threading.Thread(target=activity.note)
            writer.start()
            async with asyncio.timeout(30):
                await asyncio.gather(*waiting)
            writer.join()

        try:
            loop.run_until_complete(rest_and_be_woken())
        finally:
            loop.close()
