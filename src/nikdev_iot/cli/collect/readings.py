"""One look at this machine, through psutil: what comes out are Field IDs with values, their units in their names."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from nikdev_iot.model.errors import ConfigError
from nikdev_iot.model.values import Value

__all__ = ["HostReadings", "load_psutil"]

_PROCESSOR_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "soc_thermal", "acpitz")
"""Where the processor's temperature is found, the best first; else the first sensor there is."""
_LOOPBACK = ("lo", "lo0", "Loopback")


def load_psutil() -> ModuleType:
    """Return psutil.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import psutil
    except ModuleNotFoundError:
        raise ConfigError(
            "`nikdev collect` needs psutil, which is not installed here.", hint="Run: pip install 'nikdev-iot[collect]'"
        ) from None
    return psutil


class HostReadings:
    """Reads this machine again and again; rates are those since the reading before.

    The first reading has no rates: take one, and throw it away. What a machine does not have (swap, a temperature
    sensor, a load average) is left out.
    """

    def __init__(
        self,
        psutil: Any,
        *,
        disk: str,
        monotonic: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._psutil = psutil
        self._disk = disk
        self._monotonic = monotonic
        self._now_s = now_s
        self._before: tuple[float, dict[str, int]] | None = None

    def read(self) -> dict[str, Value]:
        """Return the readings of this moment, by Field ID."""
        psutil = self._psutil
        memory = psutil.virtual_memory()
        disk = psutil.disk_usage(self._disk)
        found: dict[str, Value] = {
            "cpu_percent": float(psutil.cpu_percent(interval=None)),
            "memory_percent": float(memory.percent),
            "memory_available_bytes": int(memory.available),
            "disk_percent": float(disk.percent),
            "disk_free_bytes": int(disk.free),
            "processes": len(psutil.pids()),
            "uptime_s": int(self._now_s() - psutil.boot_time()),
        }
        if hasattr(psutil, "getloadavg"):
            found["load_1m"], found["load_5m"], _ = map(float, psutil.getloadavg())
        swap = psutil.swap_memory()
        if swap.total:
            found["swap_percent"] = float(swap.percent)
        temperature = self._temperature_c()
        if temperature is not None:
            found["temperature_c"] = temperature
        return found | self._rates()

    def _rates(self) -> dict[str, Value]:
        at_s, counters = self._monotonic(), self._counters()
        before, self._before = self._before, (at_s, counters)
        if before is None or at_s <= before[0]:
            return {}
        span_s = at_s - before[0]
        # A counter that went back was reset, or belongs to a device that went away: no rate, rather than a wrong one.
        return {
            f"{name}_per_s": round((count - before[1][name]) / span_s, 1)
            for name, count in counters.items()
            if name in before[1] and count >= before[1][name]
        }

    def _counters(self) -> dict[str, int]:
        counters: dict[str, int] = {}
        network = self._psutil.net_io_counters(pernic=True) or {}
        real = [counts for name, counts in network.items() if not name.startswith(_LOOPBACK)]
        if real:
            counters["network_received_bytes"] = sum(counts.bytes_recv for counts in real)
            counters["network_sent_bytes"] = sum(counts.bytes_sent for counts in real)
        disks = self._psutil.disk_io_counters()
        if disks is not None:
            counters["disk_read_bytes"] = disks.read_bytes
            counters["disk_written_bytes"] = disks.write_bytes
        return counters

    def _temperature_c(self) -> float | None:
        if not hasattr(self._psutil, "sensors_temperatures"):  # Windows, macOS
            return None
        sensors = {name: entries for name, entries in self._psutil.sensors_temperatures().items() if entries}
        name = next((name for name in _PROCESSOR_SENSORS if name in sensors), next(iter(sensors), None))
        return None if name is None else float(sensors[name][0].current)
