"""A process that stores packs in groups of three, and prints the last number once it may believe it to be durable.

usage: storing_process.py OPENER ADDRESS DEVICE ORIGIN GROUPS
"""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path

from nikdev_iot.server.storage.records import LatestSnapshot

sys.path.insert(0, str(Path(__file__).parents[2]))

GROUP = 3


def main() -> None:
    """Store as many groups as asked for."""
    from tests.conformance.made import made_pack
    from tests.conformance.place import Place

    opener, address, device, origin, groups = sys.argv[1:]
    key = (uuid.UUID(device), uuid.UUID(origin))
    storage = Place(opener, address).open()
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(groups)):
        with storage.write() as write:
            mark = write.marks([key])[key]
            packs = []
            parent = mark.hash
            for number in range(mark.number + 1, mark.number + 1 + GROUP):
                pack = made_pack(key, number, parent=parent, hash=os.urandom(32), payload=str(os.getpid()).encode())
                parent = pack.hash
                packs.append(pack)
            write.put_packs(packs)
            write.put_latest(key[0], LatestSnapshot(arrival=packs[-1].last, content=parent))
            write.remember_entries([(key[0], pack.hash[:16]) for pack in packs], at_us=1)
        print(packs[-1].last, flush=True)
    storage.close()


if __name__ == "__main__":
    main()
