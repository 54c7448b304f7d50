"""What devices have printed, and what a server must have for it."""

from __future__ import annotations

import json
import struct
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Announced", "Ledger", "compare", "exact"]


def exact(value: object) -> tuple[str, object]:
    """Return what is equal for values of one kind that are the same to the last bit, and for no others."""
    return type(value).__name__, struct.pack(">d", value) if type(value) is float else value


@dataclass(frozen=True, slots=True)
class Announced:
    """A commit as it was printed before `commit`, and what its receipt said, if that was printed."""

    values: dict[str, object]
    message: str | None
    given_time_us: int | None
    number: int | None = None
    origin: str | None = None
    time_us: int | None = None

    @property
    def has_receipt(self) -> bool:
        """Whether `commit` had returned, so that it must be there."""
        return self.number is not None


@dataclass(slots=True)
class Ledger:
    """All that the processes of one device have printed."""

    commits: dict[str, Announced] = field(default_factory=dict)
    """By token, in the order of printing."""
    pushes: int = 0
    failed_pushes: int = 0
    refused: int = 0
    """Commits for which the journal had no room."""
    complaints: list[str] = field(default_factory=list)
    """What must never be said."""

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Read what was printed; a last line that a kill has cut is none."""
        ledger = cls()
        content = path.read_bytes() if path.exists() else b""
        for line in content.splitlines(keepends=True):
            if line.endswith(b"\n"):
                ledger._take(json.loads(line))
        return ledger

    @property
    def receipts(self) -> int:
        """How many receipts were printed."""
        return sum(commit.has_receipt for commit in self.commits.values())

    def _take(self, line: dict[str, Any]) -> None:
        if "token" in line:
            self.commits[line["token"]] = Announced(line["values"], line["message"], line["time_us"])
        elif "receipt" in line:
            begun = self.commits[line["receipt"]]
            self.commits[line["receipt"]] = Announced(
                begun.values, begun.message, begun.given_time_us, line["number"], line["origin"], line["time_us"]
            )
        elif "pushed" in line:
            self.pushes += 1
            self.complaints += [f"a push told: {notice}" for notice in line["notices"]]
        elif "full" in line:
            self.refused += 1
            del self.commits[line["full"]]
        else:
            self.failed_pushes += 1
            if not line["retained"]:
                self.complaints.append(f"a push set commits aside: {line['failed']}")


def compare(ledger: Ledger, stored: list[dict[str, Any]], *, most_unprinted: int) -> list[str]:
    """Return what is wrong with `stored`, the server's log of the device, the oldest first; empty when all is well."""
    wrong: list[str] = []
    by_token: dict[str, list[dict[str, Any]]] = defaultdict(list)
    numbers: dict[str, list[int]] = defaultdict(list)
    for item in stored:
        if item["type"] != "commit":
            wrong.append(f"numbers {item['first']} to {item['last']} were declared missing: {item['reason']}")
            continue
        numbers[item["origin"]].append(item["number"])
        by_token[item["values"].get("token")].append(item)
    for token, commit in ledger.commits.items():
        found = by_token.pop(token, [])
        if len(found) > 1:
            wrong.append(f"commit {token} is there {len(found)} times")
        elif found:
            wrong += _differences(token, commit, found[0])
        elif commit.has_receipt:
            wrong.append(f"commit {token}, number {commit.number}, is lost: its receipt was printed")
    wrong += [f"commit {token}, which no device made, is there" for token in by_token]
    for origin, found in numbers.items():
        if found != list(range(1, len(found) + 1)):
            wrong.append(f"the numbers of origin {origin} are not in order: {_first_break(found)}")
    if len(numbers) > 1:
        wrong.append(f"there are {len(numbers)} origins of one journal")
    unprinted = sum(len(found) for found in numbers.values()) - ledger.receipts
    if unprinted > most_unprinted:
        wrong.append(f"{unprinted} commits are there whose receipts were not printed, with {most_unprinted} kills")
    return wrong


def _differences(token: str, commit: Announced, found: dict[str, Any]) -> list[str]:
    expected = {
        "values": {name: exact(value) for name, value in commit.values.items()},
        "message": commit.message,
        "time_us": found["time_us"] if commit.given_time_us is None else commit.given_time_us,
    }
    if commit.has_receipt:
        expected |= {"number": commit.number, "origin": commit.origin, "time_us": commit.time_us}
    actual = {**found, "values": {name: exact(value) for name, value in found["values"].items()}}
    return [
        f"commit {token}: {name} is {actual[name]!r} and was {value!r}"
        for name, value in expected.items()
        if actual[name] != value
    ]


def _first_break(numbers: list[int]) -> str:
    for place, number in enumerate(numbers, 1):
        if number != place:
            return f"{number} stands where {place} should"
    return "none"
