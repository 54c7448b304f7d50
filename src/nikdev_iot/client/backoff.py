"""How long to wait after a failure: longer each time, up to a limit, and never in step with other devices."""

from __future__ import annotations

from typing import Final

__all__ = ["FIRST_S", "LONGEST_S", "delay_s"]

FIRST_S: Final = 1.0
LONGEST_S: Final = 300.0
_LONGEST_ASKED_S: Final = 86_400.0


def delay_s(failures: int, *, fraction: float, asked_s: float | None = None) -> float:
    """Return how many seconds to wait after `failures` (at least one) in a row.

    Doubling from `FIRST_S` to `LONGEST_S`, of which a random part from half to all is taken (`fraction` is from 0 to
    1): a thousand devices behind one router that comes back do not come all at once. What the server `asked` for
    (Retry-After) is kept, at most a day, and spread likewise, never below it.
    """
    grown: float = min(LONGEST_S, FIRST_S * 2 ** min(failures - 1, 30))
    waited = grown * (0.5 + fraction / 2)
    if asked_s is None:
        return waited
    asked_s = min(max(asked_s, 0.0), _LONGEST_ASKED_S)
    return max(waited, asked_s * (1 + fraction / 10))
