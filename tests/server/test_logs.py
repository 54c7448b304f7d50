from __future__ import annotations

import io
import json
import logging

import pytest

from nikdev_iot.server.logs import HumanLines, JsonLines, set_up_logs


@pytest.fixture
def log():
    """Sets logging up, and puts it back."""
    names = ("", "nikdev_iot", "uvicorn.error", "uvicorn.access")
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    handlers = logging.getLogger().handlers[:]
    yield logging.getLogger("nikdev_iot.server.test")
    for logger, level in before:
        logger.setLevel(level)
    logging.getLogger().handlers[:] = handlers


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_one_json_object_per_line(log):
    stream = io.StringIO()
    set_up_logs(stream=stream)
    log.info("a push of %s\nlines", 2, extra={"device_id": "d", "pushes": 3})
    log.warning("é")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["message"] == "a push of 2\nlines"
    assert (first["level"], first["logger"]) == ("info", "nikdev_iot.server.test")
    assert (first["device_id"], first["pushes"]) == ("d", 3)
    assert first["time"].endswith("+00:00")
    assert set(second) == {"time", "level", "logger", "message"}


def test_people_get_plain_lines(log):
    stream = Terminal()
    set_up_logs(stream=stream)
    log.info("serving", extra={"url": "http://x"})
    log.error("failed")
    first, second = stream.getvalue().splitlines()
    assert first[8:] == " serving  url=http://x"
    assert second[8:] == " ERROR failed"


@pytest.mark.parametrize("form", [JsonLines(), HumanLines()])
def test_a_traceback_is_part_of_the_line(form):
    try:
        raise ValueError("why")
    except ValueError as error:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": (type(error), error, error.__traceback__)})
    assert "ValueError: why" in form.format(record)


def test_links_that_open_something_are_not_logged(log):
    stream = io.StringIO()
    set_up_logs(stream=stream)
    access = logging.getLogger("uvicorn.access")
    for path in ("/admin/setup/SECRET", "/admin/invitations/SECRET/accept", "/shared/SECRET?x=1"):
        access.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", path, "1.1", 200)
        log.error("failed", extra={"path": path})
    access.info("%s", "/admin/login?next=/admin/invitations/SECRET")
    access.info("%s", "/admin/devices/abc")
    text = stream.getvalue()
    assert "SECRET" not in text
    assert '/admin/setup/… HTTP/1.1\\" 200' in text
    assert "/admin/invitations/…/accept" in text
    assert "/admin/devices/abc" in text


def test_the_form_and_the_level_can_be_chosen(log):
    stream = Terminal()
    set_up_logs(form="json", level="warning", stream=stream)
    log.info("not this")
    log.warning("this")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["this"]


def test_libraries_are_heard_when_something_is_wrong(log):
    stream = io.StringIO()
    set_up_logs(level="debug", stream=stream)
    logging.getLogger("asyncio").info("no")
    logging.getLogger("uvicorn.error").info("no")
    logging.getLogger("uvicorn.error").warning("yes")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["yes"]
