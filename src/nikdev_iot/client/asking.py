"""Reading requests: one way to ask, and one way in which asking fails."""

from __future__ import annotations

from collections.abc import Mapping

from nikdev_iot.model.errors import ConfigError, GetException

from .answers import Answer
from .transport import SMALL_ANSWER_BYTES, Transport, TransportError

__all__ = ["GetConfigError", "ask"]


class GetConfigError(GetException, ConfigError):
    """Nothing was asked: device ID or API key are missing or cannot be right."""


def ask(
    transport: Transport,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    accept: str | None = None,
    max_bytes: int = SMALL_ANSWER_BYTES,
    whole_within_s: float | None = None,
) -> Answer:
    """GET `path` and return the answer, which is a success.

    Raises:
        GetException: it is not, or none came.
    """
    try:
        answer = transport.request(
            "GET",
            path,
            query=query,
            headers={"accept": accept} if accept else None,
            whole_within_s=whole_within_s,
            max_bytes=max_bytes,
        )
    except TransportError as error:
        raise GetException(f"{error.message}.", hint=error.hint) from error
    if not answer.ok:
        raise GetException(answer.explain(), status=answer.status)
    return answer
