"""The recordings, read a second time by the plainest code, to compare what comes back with."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

__all__ = ["RECORDINGS", "Recording"]

Row = tuple[int, dict[str, object]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Recording:
    """One file, the options that a user gives `nikdev import`, and its rows as they should come back."""

    name: str
    file: str
    options: tuple[str, ...]
    rows: Callable[[Path], Iterator[Row]]


def _us(time: datetime) -> int:
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _cell(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _table(path: Path, *, time: Callable[[dict[str, str]], int], without: set[str], missing: str = "") -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        for line in csv.DictReader(file):
            if not any(isinstance(cell, str) and cell for cell in line.values()):
                continue
            cells = {name: cell for name, cell in line.items() if name and name not in without}
            values = {name: _cell(cell) for name, cell in cells.items() if cell not in ("", missing, None)}
            if values:
                yield time(line), values


def _iso(column: str) -> Callable[[dict[str, str]], int]:
    return lambda line: _us(datetime.fromisoformat(line[column]))


def _oystercatchers(path: Path) -> Iterator[Row]:
    return _table(path, time=_iso("timestamp"), without={"timestamp"})


def _machine(path: Path) -> Iterator[Row]:
    return _table(path, time=_iso("timestamp"), without={"timestamp"})


def _air(path: Path) -> Iterator[Row]:
    def time(line: dict[str, str]) -> int:
        return _us(datetime.strptime(f"{line['Date']} {line['Time']}", "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC))

    return _table(path, time=time, without={"Date", "Time", ""}, missing="-200")


def _irradiance(path: Path) -> Iterator[Row]:
    return _table(path, time=_iso("measured_on"), without={"measured_on"})


def _mqtt(device_id: str) -> Callable[[Path], Iterator[Row]]:
    def rows(path: Path) -> Iterator[Row]:
        for message in json.loads(path.read_text(), parse_float=Decimal):
            if message["device_id"] == device_id:
                values = {f"data.{name}": value for name, value in message["data"].items()}
                values |= {"device_id": message["device_id"], "device": message["device"]}
                time_us = int((message["ts"] * 1_000_000).to_integral_value())
                yield time_us, {k: float(v) if isinstance(v, Decimal) else v for k, v in values.items()}

    return rows


RECORDINGS = (
    Recording("oystercatchers", "O_ASSEN-gps-2018.csv", ("--time", "timestamp", "--timezone", "UTC"), _oystercatchers),
    Recording(
        "machine",
        "machine_temperature_system_failure.csv",
        ("--time", "timestamp", "--timezone", "UTC"),
        _machine,
    ),
    Recording(
        "air",
        "AirQualityUCI.csv",
        (
            "--time",
            "Date",
            "--time",
            "Time",
            "--time-format",
            "%m/%d/%Y %H:%M:%S",
            "--timezone",
            "UTC",
            "--missing",
            "-200",
        ),
        _air,
    ),
    Recording("irradiance", "system_15_poa_irradiance.csv", ("--time", "measured_on"), _irradiance),
    *(
        Recording(
            f"mqtt-{number}",
            "iot_mqtt_raw_data_large.json",
            ("--time", "ts", "--time-format", "epoch", "--where", f"device_id={device_id}"),
            _mqtt(device_id),
        )
        for number, device_id in enumerate(("0e:9c:00:4c:1c:51", "5e:44:3b:f3:79:c8", "f3:6b:f4:34:c0:17"))
    ),
)
