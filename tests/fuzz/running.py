"""Running decoders on damaged inputs, each within its bounds of time and memory."""

from __future__ import annotations

import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tests.fuzz.decoders import DECODERS, Decoder, corpus_of
from tests.fuzz.mutations import mutated

__all__ = ["MORE_BYTES", "Hang", "Outcome", "bounded_memory", "feed", "fuzz", "run_task"]

MAX_S = 5.0
"""No input may take longer: a thousand times what the slowest takes, so that a busy machine is no failure."""
MORE_BYTES = 512 * 1024 * 1024
"""So much more memory than at rest a decoder may take: a push has 32 MiB of content at most, and takes some of that."""
_KEPT = 400


class Hang(BaseException):
    """An input takes too long. No decoder can catch it by mistake."""


@dataclass
class Outcome:
    """What became of the inputs of one decoder."""

    name: str
    inputs: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    found: Counter[str] = field(default_factory=Counter)
    """How often each error was raised, "read" where there was none."""
    failures: list[tuple[str, bytes]] = field(default_factory=list)
    """Errors that may not be, and the inputs; at most a few of each kind."""


def feed(decoder: Decoder, data: bytes) -> str:
    """Give one input to a decoder; return what it raised, "" for nothing.

    Raises:
        Exception: another error than it may raise; or it did not end in time.
    """
    signal.setitimer(signal.ITIMER_REAL, MAX_S)
    try:
        decoder.read(data)
    except decoder.may_raise as error:
        str(error)
        return type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return ""


def fuzz(decoder: Decoder, count: int, *, seed: int) -> Outcome:
    """Give a decoder `count` inputs: mutations of its corpus, and of what was new in them."""
    chance = random.Random(f"{seed} {decoder.name}")
    corpus = corpus_of(decoder)
    pool, kinds = list(corpus), set()
    outcome = Outcome(decoder.name)
    began = time.perf_counter()
    with _alarm():
        for number in range(count):
            data = mutated(chance, chance.choice(pool), corpus) if number >= len(corpus) else corpus[number]
            at_s = time.perf_counter()
            try:
                kind = feed(decoder, data)
            except (Exception, Hang) as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                kind = f"!{type(error).__name__}"
                outcome.found[kind] += 1
                if outcome.found[kind] <= 3:
                    outcome.failures.append((f"{type(error).__name__}: {error}"[:300], data))
                continue
            finally:
                outcome.slowest_s = max(outcome.slowest_s, time.perf_counter() - at_s)
            outcome.found[kind or "read"] += 1
            # What is read, or refused for a new reason, is a better start than what is refused at once.
            if kind not in kinds or (not kind and chance.random() < 0.02):
                kinds.add(kind)
                if len(pool) < _KEPT:
                    pool.append(data)
                else:
                    pool[chance.randrange(len(corpus), _KEPT)] = data
    outcome.inputs = count
    outcome.seconds = time.perf_counter() - began
    return outcome


def run_task(task: tuple[int, int, int]) -> Outcome:
    """Fuzz the decoder at this place of `DECODERS` with so many inputs, in bounded memory; for a process of its own."""
    place, count, seed = task
    with bounded_memory(MORE_BYTES):
        return fuzz(DECODERS[place], count, seed=seed)


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(_: int, __: FrameType | None) -> None:
        raise Hang(f"more than {MAX_S:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


@contextmanager
def bounded_memory(more_bytes: int) -> Iterator[None]:
    """Let this process take no more than so much memory beside what it has: else `MemoryError`."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
