"""Locks that a forked child finds free: the thread that held one is not in the child, and would never let go of it."""

from __future__ import annotations

import os
import weakref

TYPE_CHECKING = False  # this module comes with `Api`
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["renewed_in_children"]

_holders: weakref.WeakKeyDictionary[Any, Callable[[Any], None]] = weakref.WeakKeyDictionary()


def renewed_in_children(holder: Any, make_locks: Callable[[Any], None]) -> None:
    """Call `make_locks(holder)`, now and in each child that is forked while `holder` lives; it holds on to nothing."""
    make_locks(holder)
    _holders[holder] = make_locks


def _renew() -> None:
    for holder, make_locks in list(_holders.items()):
        make_locks(holder)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
