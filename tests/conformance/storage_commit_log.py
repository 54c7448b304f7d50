"""The port's contract: packs listed the newest first, and origins."""

from __future__ import annotations

import random
import uuid

from tests.conformance.made import made_pack

from nikdev_iot.server.storage.commit_log import OriginHead, PackHead
from nikdev_iot.server.storage.port import Storage


class LogContract:
    def test_a_device_that_never_pushed_has_no_log(self, storage: Storage) -> None:
        device = uuid.uuid4()
        assert storage.origins(device) == []
        assert storage.heads_before(device, 2**63 - 1, limit=9) == []
        assert storage.heads_after(device, 0, limit=9) == []

    def test_the_packs_that_reach_furthest_before_a_time_come_first(self, storage: Storage) -> None:
        chance = random.Random(8)
        device = uuid.uuid4()
        origins = [uuid.uuid4() for _ in range(3)]
        marks = dict.fromkeys(origins, 0)
        for _ in range(8):
            packs = []
            for _ in range(chance.randrange(20, 80)):
                origin = chance.choice(origins)
                low = chance.choice([chance.randrange(300), chance.randrange(10**9), 10**15, -(10**12)])
                packs.append(
                    made_pack(
                        (device, origin),
                        marks[origin] + 1,
                        row_count=chance.choice([0, 1, 1]),
                        min_time_us=low,
                        max_time_us=low + chance.choice([0, 0, 15, 16, 300, 10**7, 10**12]),
                    )
                )
                marks[origin] += 1
            with storage.write() as write:
                write.put_packs(packs)
        every = [pack for pack in storage.packs_after(device, 0, limit=1000) if pack.row_count]
        for end_us in (-(10**13), 1, 100, 250, 10**6, 5 * 10**8, 10**12, 10**15, 10**15 + 1, 2**62):
            reaching = sorted((pack.max_time_us for pack in every if pack.min_time_us < end_us), reverse=True)
            for limit in (1, 3, 40, 1000):
                found = storage.last_spans(device, end_us=end_us, limit=limit)
                assert [span.max_time_us for span in found] == reaching[:limit]
                assert len({span.arrival for span in found}) == len(found)
                assert all(span.min_time_us < end_us and span.row_count for span in found)

    def test_heads_agree_with_a_list_from_both_ends(self, storage: Storage) -> None:
        chance = random.Random(5)
        device = uuid.uuid4()
        origins = [uuid.uuid4() for _ in range(3)]
        marks = dict.fromkeys(origins, 0)
        for _ in range(12):
            with storage.write() as write:
                packs = []
                for _ in range(chance.randrange(1, 40)):
                    origin = chance.choices(origins, (80, 19, 1))[0]
                    count = chance.randrange(1, 4)
                    packs.append(
                        made_pack(
                            (device, origin),
                            marks[origin] + 1,
                            marks[origin] + count,
                            row_count=chance.choice([0, count]),
                        )
                    )
                    marks[origin] += count
                write.put_packs([*packs, made_pack((uuid.uuid4(), origins[0]), 1)])
        stored = storage.packs_after(device, 0, limit=1000)
        heads = [PackHead(pack.arrival, pack.origin, pack.first, pack.last) for pack in stored]
        assert len(heads) > 100
        assert storage.origins(device) == [
            OriginHead(head.origin, head.last, head.arrival)
            for head in sorted(
                ({head.origin: head for head in heads}).values(), key=lambda head: head.arrival, reverse=True
            )
        ]
        for at in [0, heads[0].arrival - 1, *(head.arrival for head in heads[::5]), heads[-1].arrival + 1, 2**63 - 1]:
            for origin in (None, *origins, uuid.uuid4()):
                here = [head for head in heads if origin in {None, head.origin}]
                for limit in (1, 7, 33, 500):
                    before = [head for head in reversed(here) if head.arrival < at][:limit]
                    assert storage.heads_before(device, at, origin=origin, limit=limit) == before
                    after = [head for head in here if head.arrival > at][:limit]
                    assert storage.heads_after(device, at, origin=origin, limit=limit) == after
