"""`make fuzz`: a million damaged inputs and more, a process for each decoder.

python -m tests.fuzz [INPUTS [SEED]]
"""

from __future__ import annotations

import multiprocessing
import sys
import time

from tests.fuzz.decoders import DECODERS
from tests.fuzz.running import MORE_BYTES, run_task

_INPUTS = 1_050_000


def main() -> int:
    """Run them all; 0 where each input was read, or refused by an error that its decoder may raise."""
    inputs = int(sys.argv[1]) if len(sys.argv) > 1 else _INPUTS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() // 1_000_000_000
    shares = sum(decoder.share for decoder in DECODERS)
    tasks = [(place, -(-inputs * decoder.share // shares), seed) for place, decoder in enumerate(DECODERS)]
    print(f"seed {seed}; at most {MORE_BYTES >> 20} MiB more than at rest for each decoder")
    print(f"{'decoder':<12}{'inputs':>9}{'per s':>9}{'slowest ms':>12}  outcomes")
    began, total, wrong = time.monotonic(), 0, 0
    with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=1) as pool:
        for outcome in pool.imap_unordered(run_task, tasks):
            total += outcome.inputs
            wrong += sum(count for kind, count in outcome.found.items() if kind.startswith("!"))
            counts = ", ".join(f"{kind} {count:,}" for kind, count in outcome.found.most_common())
            speed, slowest = outcome.inputs / outcome.seconds, outcome.slowest_s * 1000
            print(f"{outcome.name:<12}{outcome.inputs:>9,}{speed:>9,.0f}{slowest:>12.1f}  {counts}", flush=True)
            for what, data in outcome.failures:
                print(f"    {what}\n    {data!r}"[:3_000], flush=True)
    print(f"{total:,} inputs in {time.monotonic() - began:.0f} s, {wrong:,} of them not as it should be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
