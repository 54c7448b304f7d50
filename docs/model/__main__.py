"""`make model`: every run within its bounds, then each rule left out, and what that leads to."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Mapping
from dataclasses import replace

from .rules import Rules
from .search import Found, search

__all__ = ["FAULTS", "LEFT_OUT", "OPEN", "SECOND_LINES", "main"]

_MAX_STATES = 3_000_000
_TAKE = {"refuse": 1, "take back": 1}

FAULTS: tuple[tuple[int, Mapping[str, int]], ...] = (
    (4, {}),
    (3, {"copy": 1}),
    (4, {"server": 1}),
    (4, {"journal": 1}),
    (3, {"refuse": 2, "take back": 2}),
    (4, {"discard": 2}),
    (4, {"evict": 4}),
    (2, {"copy": 1, "server": 1}),
    (2, {"copy": 1, "journal": 1}),
    (3, {"journal": 1, "server": 1}),
    (3, {"evict": 3, "server": 1}),
    (2, {"evict": 2, "copy": 1}),
    (3, {"evict": 3, "journal": 1}),
    (2, {"refuse": 1, "copy": 1}),
    (3, {"refuse": 1, "journal": 1}),
    (2, {**_TAKE, "server": 1}),
    (2, {**_TAKE, "discard": 1}),
    (3, {**_TAKE, "evict": 2}),
    (2, {"discard": 1, "copy": 1}),
    (3, {"discard": 1, "journal": 1}),
    (3, {"discard": 1, "server": 1}),
)
"""How many commits, and how often each fault may come; crashes, and messages lost, late and doubled, always may."""

LEFT_OUT: tuple[tuple[str, int, Mapping[str, int]], ...] = (
    ("epoch", 2, {**_TAKE, "server": 1}),
    ("new_epoch", 2, {"discard": 1, "server": 1}),
    ("mark", 2, {}),
    ("parent", 2, {"copy": 1}),
    ("memory", 2, {}),
    ("transaction", 2, {}),
    ("flight", 2, _TAKE),
    ("set_back", 2, {"server": 1}),
    ("digests", 2, {"journal": 1}),
    ("one_incarnation", 2, {"copy": 1, "server": 1}),
    ("derived", 2, {"copy": 1, "journal": 1}),
    ("from_the_oldest", 2, {"copy": 1, "server": 1}),
    ("epoch_last", 2, {"copy": 1, "server": 1}),
    ("stale", 2, {}),
    ("spent", 2, {"discard": 1, "journal": 1}),
    ("beyond_the_first", 3, {**_TAKE, "journal": 1}),
    ("before", 3, {"journal": 1, "server": 1}),
    ("held", 2, {"refuse": 1, "journal": 1}),
    ("overtaken", 2, _TAKE),
    ("renumbered", 2, _TAKE),
    ("regained", 2, _TAKE),
    ("declared", 2, _TAKE),
)
"""Each rule, and where to look for what goes wrong without it."""

SECOND_LINES: frozenset[str] = frozenset({"parent", "epoch_last", "held"})
"""Rules that can be left out within these bounds: what they prevent is prevented by another one as well."""

OPEN: tuple[tuple[int, Mapping[str, int], str], ...] = (
    (2, {**_TAKE, "journal": 1}, "taken back, and the journal restored while that push is still under way"),
    (2, {**_TAKE, "copy": 1}, "taken back here, while a copy that has it set aside or queued commits and pushes"),
    (2, {"copy": 1, "server": 1, "journal": 1}, "all three at once"),
)
"""What the protocol does not withstand, and where that is seen."""


def main() -> int:
    """Run everything; 0 where all is as `README.md` says."""
    began = time.monotonic()
    print("The push protocol, every state within the bounds. Always: requests and answers lost, late and doubled,")
    print("devices and server killed between any two writes.\n")
    wrong = []
    with multiprocessing.Pool(2, maxtasksperchild=1) as pool:
        print(f"{'commits':>7}  {'faults':<40}{'states':>10}{'seconds':>9}  found")
        for (commits, left), found in zip(FAULTS, pool.imap(_search, [(*run, "") for run in FAULTS]), strict=True):
            _tell(f"{commits:>7}  {_faults(left):<40}", found)
            if found.problem or not found.whole:
                wrong.append(_faults(left))
        print(f"\n{'left out':<18}{'commits':>7}  {'faults':<29}{'states':>10}{'seconds':>9}  found")
        tasks = [(commits, left, rule) for rule, commits, left in LEFT_OUT]
        for (commits, left, rule), found in zip(tasks, pool.imap(_search, tasks), strict=True):
            _tell(f"{rule:<18}{commits:>7}  {_faults(left):<29}", found)
            if not found.problem and rule not in SECOND_LINES:
                wrong.append(f"{rule} left out")
        print("\nNot withstood (README.md says more):")
        tasks = [(commits, left, "") for commits, left, _ in OPEN]
        for (commits, left, why), found in zip(OPEN, pool.imap(_search, tasks), strict=True):
            _tell(f"{commits:>7}  {_faults(left):<40}", found)
            print(f"         {why}")
    print(
        f"\n{time.monotonic() - began:.0f} s. "
        + (f"NOT as it should be: {', '.join(wrong)}" if wrong else "All as it should be.")
    )
    return 1 if wrong else 0


def _search(task: tuple[int, Mapping[str, int], str]) -> Found:
    commits, left, left_out = task
    rules = replace(Rules(), **{left_out: False}) if left_out else Rules()
    return search(commits=commits, left=left, rules=rules, max_states=_MAX_STATES)


def _faults(left: Mapping[str, int]) -> str:
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in left.items()) or "none"


def _tell(what: str, found: Found) -> None:
    end = found.problem or ("nothing" if found.whole else "nothing, and not all was looked at")
    print(f"{what}{found.states:>10,}{found.seconds:>9.1f}  {end}", flush=True)
    for number, step in enumerate(found.way, 1):
        print(f"{number:>14}. {step}")


if __name__ == "__main__":
    sys.exit(main())
