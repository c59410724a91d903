"""What is gathered in a turn of the event loop."""

import asyncio
from collections.abc import Sequence

from bezant.turns import Turn


class TestATurn:
    async def _two_turns(self) -> list[list[str]]:
        told: list[list[str]] = []

        def hand_on(things: Sequence[str]) -> None:
            told.append(list(things))

        turn = Turn(hand_on)
        asyncio.get_running_loop().call_soon(turn.add, "b")
        turn.add("a")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        turn.add("c")
        await asyncio.sleep(0.01)
        return told

    def test_is_handed_on_whole_and_in_order(self) -> None:
        assert asyncio.run(self._two_turns()) == [["a", "b"], ["c"]]

    def test_comes_after_what_was_put_off_in_it(self) -> None:
        told: list[str] = []

        async def main() -> None:
            turn = Turn(told.extend)
            turn.add("a")
            asyncio.get_running_loop().call_soon(told.append, "put off")
            await asyncio.sleep(0.01)

        asyncio.run(main())

        assert told == ["put off", "a"]

    def test_that_never_ended_is_told_in_the_next_loop(self) -> None:
        told: list[str] = []
        turn = Turn(told.extend)

        async def cut_short() -> None:
            turn.add("a")

        async def main() -> None:
            turn.add("b")
            await asyncio.sleep(0.01)

        loop = asyncio.new_event_loop()
        loop.run_until_complete(cut_short())
        loop.close()
        assert told == []
        asyncio.run(main())

        assert told == ["a", "b"]
