"""What the server knows of itself since it started: rates, slow queries, and how its store grows."""

from __future__ import annotations

from .backups import Backups
from .growth import Growth
from .rates import Rates
from .slow import SlowQueries

__all__ = ["Backups", "Growth", "Rates", "SlowQueries"]
