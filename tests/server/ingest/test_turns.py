from __future__ import annotations

import asyncio
import uuid

from nikdev_iot.server.ingest.turns import Turns

GREEDY, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def test_one_has_the_turn_and_a_key_with_many_delays_others_by_one_only():
    async def run():
        turns, order, inside = Turns(), [], 0

        async def decode(key_id):
            nonlocal inside
            async with turns.take(key_id):
                inside += 1
                assert inside == 1
                await asyncio.sleep(0.001)
                order.append(key_id)
                inside -= 1

        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(decode(GREEDY))
            await asyncio.sleep(0)
            group.create_task(decode(OTHER))
        return order, len(turns._lines)

    order, remembered = asyncio.run(run())
    assert len(order) == 21
    assert order.index(OTHER) <= 2
    assert remembered == 0


def test_a_turn_is_given_back_whatever_happens():
    async def run():
        turns = Turns()
        for error in (ValueError, asyncio.CancelledError):
            try:
                async with turns.take(GREEDY):
                    raise error
            except error:
                pass
        async with asyncio.timeout(1), turns.take(GREEDY):
            pass

    asyncio.run(run())
