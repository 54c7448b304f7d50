"""Rounds one after the other until enough was done, with counts."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from .nursery import Nursery
from .proxy import FAULTS
from .rounds import Quota, Round
from .tally import Tally

__all__ = ["Campaign"]


class Campaign:
    """`run` returns what is wrong; rounds that went well leave nothing behind."""

    def __init__(self, *, folder: Path, seed: int, quota: Quota, rounds: int, tell: Callable[[str], None]) -> None:
        self.tally = Tally()
        self._folder = folder
        self._seed = seed
        self._quota = quota
        self._rounds = rounds
        self._tell = tell

    def run(self, only: int | None = None) -> list[str]:
        """Run all rounds, or `only` one of them, up to the first that goes wrong."""
        began_s = time.monotonic()
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / "nurseries.log"
        devices, servers = Nursery("device_process", log=log), Nursery("server_process", log=log)
        try:
            for number in range(1, self._rounds + 1) if only is None else [only]:
                folder = self._folder / f"round-{number}"
                one = Round(
                    folder=folder,
                    seed=f"{self._seed}/{number}",
                    quota=self._share(number),
                    devices=devices,
                    servers=servers,
                    tell=self._tell,
                )
                one.run()
                for name, count in one.tally.counts.items():
                    self.tally.add(name, count)
                if one.wrong:
                    return [*one.wrong, f"round {number} of seed {self._seed}; what it left is in {folder}"]
                shutil.rmtree(folder)
                self._tell(
                    f"round {number} of {self._rounds}, after {time.monotonic() - began_s:.0f} s: {self.short()}"
                )
        finally:
            devices.close()
            servers.close()
        shutil.rmtree(self._folder)
        return []

    def _share(self, number: int) -> Quota:
        def share(count: int) -> int:
            return count * number // self._rounds - count * (number - 1) // self._rounds

        quota = self._quota
        return Quota(
            device_kills=share(quota.device_kills),
            server_kills=share(quota.server_kills),
            faults=share(quota.faults),
            takeover_kills=share(quota.takeover_kills),
        )

    def short(self) -> str:
        """Return the counts that matter, in a line."""
        tally = self.tally
        return (
            f"{tally['device kills']} device kills, {tally['server kills in the middle of a push']} server kills, "
            f"{sum(tally[fault] for fault in FAULTS)} faults, {tally['receipts printed']} receipts"
        )

    def report(self) -> str:
        """Return all counts, a line each."""
        tally = self.tally
        rows = [(name, count) for name, count in sorted(tally.counts.items()) if name not in FAULTS]
        rows.append(("faults of the network", sum(tally[fault] for fault in FAULTS)))
        rows += [(f"  {name} ({FAULTS[name]})", tally[name]) for name in FAULTS]
        return "\n".join(f"{count:>9,} {name}" for name, count in rows)
