"""The connection test: step by step from the configuration to the disk, each with what to do about it."""

from __future__ import annotations

from .examination import STEPS, examine, unconfigured
from .report import Cause, ConnectionReport, State, Step

__all__ = ["STEPS", "Cause", "ConnectionReport", "State", "Step", "examine", "unconfigured"]
