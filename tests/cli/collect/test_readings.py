from __future__ import annotations

import builtins
import sys
from typing import NamedTuple

import psutil
import pytest

from nikdev_iot.cli.collect.readings import HostReadings, load_psutil
from nikdev_iot.model.errors import ConfigError
from nikdev_iot.model.values import check_field_id, check_value


class Network(NamedTuple):
    bytes_sent: int
    bytes_recv: int


class Sensor(NamedTuple):
    current: float


class Swap(NamedTuple):
    total: int
    percent: float


def test_this_machine():
    readings = HostReadings(psutil, disk="/")
    first, second = readings.read(), readings.read()
    for field_id, value in second.items():
        assert check_value(check_field_id(field_id), value) == value
    assert 0 < second["memory_percent"] < 100
    assert second["disk_free_bytes"] > 0
    assert second["processes"] > 0
    assert second["uptime_s"] > 0
    assert not [name for name in first if name.endswith("_per_s")]
    assert [name for name in second if name.endswith("_per_s")]
    kinds = {name: type(value) for name, value in second.items()}
    assert {name: type(value) for name, value in readings.read().items()} == kinds


class Machine:
    """psutil on a machine whose counters the test moves."""

    def __init__(self) -> None:
        self.network = {"lo": Network(999, 999), "eth0": Network(1_000, 2_000), "wlan0": Network(0, 0)}
        self.sensors = {}
        self.swap = Swap(0, 0.0)

    def __getattr__(self, name):
        return getattr(psutil, name)

    def net_io_counters(self, *, pernic):
        assert pernic
        return self.network

    def sensors_temperatures(self):
        return self.sensors

    def swap_memory(self):
        return self.swap

    def disk_io_counters(self):
        return None


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def read(machine):
    times = iter(range(0, 100, 10))
    readings = HostReadings(machine, disk="/", monotonic=lambda: next(times), now_s=lambda: psutil.boot_time() + 77.7)
    readings.read()
    return readings.read


def test_rates_are_those_since_the_reading_before(machine, read):
    machine.network = {"lo": Network(10**9, 10**9), "eth0": Network(1_500, 2_000), "wlan0": Network(500, 10)}
    found = read()
    assert found["network_sent_bytes_per_s"] == 100.0
    assert found["network_received_bytes_per_s"] == 1.0
    assert "disk_read_bytes_per_s" not in found
    assert found["uptime_s"] == 77


def test_a_counter_that_went_back_gives_no_rate(machine, read):
    machine.network = {"eth0": Network(10, 5_000)}
    assert "network_sent_bytes_per_s" not in read()
    machine.network = {"eth0": Network(110, 5_000)}
    assert read()["network_sent_bytes_per_s"] == 10.0


@pytest.mark.parametrize(
    ("sensors", "temperature"),
    [
        ({}, None),
        ({"nvme": [Sensor(40.0)]}, 40.0),
        ({"nvme": [Sensor(40.0)], "coretemp": [Sensor(55.5)]}, 55.5),
        ({"coretemp": []}, None),
    ],
)
def test_the_processor_s_temperature_where_there_is_one(machine, read, sensors, temperature):
    machine.sensors = sensors
    assert read().get("temperature_c") == temperature


def test_swap_where_there_is_some(machine, read):
    assert "swap_percent" not in read()
    machine.swap = Swap(100, 12.5)
    assert read()["swap_percent"] == 12.5


def test_without_psutil_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "psutil":
            raise ModuleNotFoundError("No module named 'psutil'", name="psutil")
        return real(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "psutil")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'nikdev-iot\[collect\]'"):
        load_psutil()
