"""What the server says about an origin: its mark, as JSON (`docs/wire.md`, "Marks and answers")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from nikdev_iot.model.errors import Malformed
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.model.values import INT64_MAX

from .pack import EPOCH_BYTES, HASH_BYTES, NO_PACK

__all__ = ["Mark", "PushAnswer"]


class Mark(NamedTuple):
    """The last number stored of an origin, and the hash of the pack that brought it; 0 and zeros for nothing."""

    number: int = 0
    hash: bytes = NO_PACK

    def to_json(self) -> dict[str, Any]:
        """Return it as the server sends it."""
        return {"number": self.number, "hash": self.hash.hex()}


@dataclass(frozen=True, slots=True, kw_only=True)
class PushAnswer:
    """The server's answer to a pack, or to a question for the mark."""

    mark: Mark
    epoch: bytes
    server_time_us: int
    stored: bool = False
    """True where this request stored the pack; False where it had been stored before, or was not."""

    def to_json(self) -> dict[str, Any]:
        """Return it as the server sends it."""
        return {
            "stored": self.stored,
            "mark": self.mark.to_json(),
            "epoch": self.epoch.hex(),
            "server_time_us": self.server_time_us,
        }

    @classmethod
    def from_json(cls, data: object) -> PushAnswer:
        """Read what a server sent; keys that are not known are passed over.

        Raises:
            Malformed: it is not such an answer (a captive portal's page, for one).
        """
        try:
            mark = data["mark"]  # type: ignore[index]
            answer = cls(
                mark=Mark(mark["number"], bytes.fromhex(mark["hash"])),
                epoch=bytes.fromhex(data["epoch"]),  # type: ignore[index]
                server_time_us=data["server_time_us"],  # type: ignore[index]
                stored=data.get("stored", False),  # type: ignore[attr-defined]
            )
        except (LookupError, TypeError, ValueError, AttributeError):
            raise Malformed("not an answer about an origin's mark", place="answer") from None
        if (
            type(answer.mark.number) is not int
            or not 0 <= answer.mark.number <= INT64_MAX
            or len(answer.mark.hash) != HASH_BYTES
            or len(answer.epoch) != EPOCH_BYTES
            or type(answer.server_time_us) is not int
            or not MIN_TIME_US <= answer.server_time_us <= MAX_TIME_US
            or type(answer.stored) is not bool
        ):
            raise Malformed("not an answer about an origin's mark", place="answer")
        return answer
