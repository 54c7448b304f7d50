"""The public API as mypy sees it from outside; checked by `make types`, never run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import assert_type
from uuid import UUID

from nikdev_iot import (
    Api,
    AsyncApi,
    ConfigError,
    ConnectionReport,
    FieldValue,
    GetException,
    History,
    NikDevError,
    PushException,
    PushProgress,
    PushReport,
    Receipt,
    Series,
    Status,
    ValueRefused,
    __version__,
)

assert_type(__version__, str)

api = Api({"deviceId": "…", "apiKey": "…", "requestTimeout": 10, "stageUncommittedValues": True})
assert_type(Api.from_credentials("…", "…", durability="normal"), Api)


async def the_same_for_asyncio() -> None:
    async with AsyncApi.from_credentials("…", "…") as device:
        assert_type(device.add_value("a field", 1), FieldValue)
        assert_type(await device.commit(), Receipt | None)
        assert_type(await device.push(), PushReport)
        assert_type(await device.status(), Status)
        assert_type(await device.fetch(), History)


def stage_and_commit() -> None:
    for value in (21.5, 21, True, "open"):
        api.add_value("a field", value)
    receipt = api.commit()
    assert_type(receipt, Receipt | None)
    if receipt is not None:
        assert_type(receipt.number, int)
        assert_type(receipt.origin, UUID)
        assert_type(receipt.time_us, int)
    api.commit("a message", "2026-11-22T09:30:00Z")
    api.commit(message=None, time=datetime.now(UTC))
    api.commit(time=1_700_000_000.5)


def push() -> None:
    def tell(progress: PushProgress) -> None:
        assert_type(progress.pushed, int)
        assert_type(progress.total, int)

    try:
        assert_type(api.push(progress=tell), PushReport)
        api.commit_and_push()
    except PushException as error:
        assert_type(error.retained_data, bool)
        assert_type(error.status, int | None)


def read() -> None:
    assert_type(api.get(["a", "b"]), list[FieldValue])
    assert_type(api.get("a")[0].field_id, str)
    history = api.fetch(["a"], start="2026-11-22T00:00:00Z", every="5m", aggregate="max")
    assert_type(history, History)
    assert_type(history["a"], Series)
    assert_type(history["a"].times_us, list[int])
    assert_type(history["a"].values, list[float | int | bool | str])
    series_by_field: Mapping[str, Series] = history
    print(series_by_field)


def look() -> None:
    report = api.test_connection()
    assert_type(report, ConnectionReport)
    assert_type(report.ok, bool)
    assert_type(report.can_read, bool)
    status = api.status()
    assert_type(status, Status)
    assert_type(status.staged, int)
    assert_type(status.unpushed, int)
    assert_type(api.restore_rejected(), int)


def close() -> None:
    with Api.from_credentials("…", "…") as other:
        assert_type(other, Api)


errors: list[type[NikDevError]] = [ConfigError, GetException, PushException, ValueRefused]
