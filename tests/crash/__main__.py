"""The crash suite, long form: `make crash`.

usage: python -m tests.crash [--kills N] [--faults N] [--seed N] …      (--help tells all)
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from .campaign import Campaign
from .rounds import Quota


def main() -> int:
    """Run it; 0 when nothing was lost, doubled or altered."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=1_000, help="of device processes, at least (1000)")
    parser.add_argument("--server-kills", type=int, help="in the middle of pushes, at least (as many as --kills)")
    parser.add_argument("--takeover-kills", type=int, help="while a journal is made usable (a fifth of --kills)")
    parser.add_argument("--faults", type=int, default=10_000, help="of the network, at least (10000)")
    parser.add_argument("--rounds", type=int, default=20, help="each with a store and journals of its own (20)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of an earlier run")
    parser.add_argument("--round", type=int, help="run this one of the rounds alone")
    parser.add_argument("--folder", type=Path, help="for stores, journals and logs; of what went well nothing is kept")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nikdev-crash-")) if given.folder is None else given.folder
    quota = Quota(
        device_kills=given.kills,
        server_kills=given.kills if given.server_kills is None else given.server_kills,
        faults=given.faults,
        takeover_kills=given.kills // 5 if given.takeover_kills is None else given.takeover_kills,
    )
    print(f"seed {given.seed}, in {folder}", flush=True)
    campaign = Campaign(
        folder=folder, seed=given.seed, quota=quota, rounds=given.rounds, tell=lambda line: print(line, flush=True)
    )
    wrong = campaign.run(given.round)
    print(campaign.report())
    if not wrong:
        print("Every printed receipt is on the server exactly once, in order and unaltered.")
        return 0
    print("\n".join(wrong))
    print(f"Once more: python -m tests.crash {' '.join(_again(given, wrong))}")
    return 1


def _again(given: argparse.Namespace, wrong: list[str]) -> list[str]:
    words = [word for word in sys.argv[1:] if word]
    if "--seed" not in words:
        words += ["--seed", str(given.seed)]
    if given.round is None and wrong[-1].startswith("round "):
        words += ["--round", wrong[-1].split()[1]]
    return words


if __name__ == "__main__":
    sys.exit(main())
