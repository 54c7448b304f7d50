"""How many of a thing there may be: so that no account, by mistake or not, fills the store of all. Pure."""

from __future__ import annotations

from nikdev_iot.server.errors import Invalid

__all__ = ["check_room"]


def check_room(count: int, most: int | None, *, of: str, have: str, instead: str) -> None:
    """Raise `Invalid` where there are `most` already; None for no limit.

    `of` says what, as in "devices", `have` who has them, and `instead` what a person can do.
    """
    if most is not None and count >= most:
        raise Invalid(
            f"{have} has {count:,} {of} already, as many as this server lets one have.",
            hint=f"Nothing was changed. {instead}, or ask whoever runs the server for more.",
        )
