from __future__ import annotations

import pytest

from nikdev_iot.cli.exit_codes import ExitCode, exit_code_of
from nikdev_iot.model.errors import (
    ConfigError,
    GetException,
    JournalError,
    Malformed,
    NikDevError,
    PushException,
    ValueRefused,
)
from nikdev_iot.server.errors import Conflict, NotFound, StorageUnavailable


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), ExitCode.CONFIG),
        (ValueRefused("x"), ExitCode.REFUSED),
        (JournalError("x"), ExitCode.JOURNAL),
        (PushException("no connection"), ExitCode.UNREACHABLE),
        (PushException("busy", status=429), ExitCode.UNREACHABLE),
        (PushException("fault", status=503), ExitCode.UNREACHABLE),
        (PushException("fork", status=409), ExitCode.ANSWER),
        (PushException("key", retained_data=False, status=401), ExitCode.DENIED),
        (GetException("no connection"), ExitCode.UNREACHABLE),
        (GetException("access", status=403), ExitCode.DENIED),
        (GetException("field", status=404), ExitCode.ANSWER),
        (Malformed("page"), ExitCode.ANSWER),
        (NotFound("account"), ExitCode.REFUSED),
        (Conflict("e-mail"), ExitCode.REFUSED),
        (StorageUnavailable("locked"), ExitCode.JOURNAL),
        (NikDevError("x"), ExitCode.CONFIG),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.name,
)
def test_each_error_has_its_code(error, code):
    assert exit_code_of(error) is code


def test_each_code_is_another_number():
    assert len({int(code) for code in ExitCode}) == len(ExitCode.__members__)
