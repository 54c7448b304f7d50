"""The unmodified 0.5.5 client against our server."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

import pytest
from tests.e2e.old_clients import OldClient
from tests.servers import Credentials, RunningServer

from nikdev_iot import Api

# Its full example, as its page prints it, with the server's address and two fields filled in.
_EXAMPLE = """
# Importing the API
from nikdev_iot import Api, PushException

# Initialize the api from credentials
api = Api({{'baseUrl': '{url}', 'deviceId': '{device}', 'apiKey': '{key}', 'storagePath': '{folder}'}})

# Add values to be uploaded
api.add_value('temperature', 21.5)
api.add_value('door', 'closed')
# Commit the values to "lock" them, meaning you can add
# new values of the same Field ID without overwriting the previous.
api.commit()

# Adding am additional value for Field ID 1
api.add_value('temperature', 22)
# Commit that value as well
api.commit()
try:
    # Try to push the values to the server
    api.push()
except PushException as exception:
    # Check if the data was retained
    if exception.retained_data:
        # If so, sleep for a while and try to push it again.
        import time; time.sleep(2)
        # This time it's without try catch, if we fail here the program crashes.
        api.push()
import json
print(json.dumps([[v.field_id, v.value, v.timestamp] for v in api.get(['temperature', 'door'])]))
"""


def _fetch(server: RunningServer, who: Credentials, folder: Path) -> dict[str, tuple[list, list]]:
    config = {
        "baseUrl": server.api_url,
        "deviceId": who.device_id,
        "apiKey": who.api_key,
        "storagePath": folder / "new",
    }
    with Api(config) as api:
        return {field: (list(series.times_us), list(series.values)) for field, series in api.fetch().items()}


def test_its_full_example_works(old: OldClient, server: RunningServer, tmp_path: Path) -> None:
    who = server.new_device()
    script = _EXAMPLE.format(url=server.api_url, device=who.device_id, key=who.api_key, folder=tmp_path)
    (temperature, door) = json.loads(old.run(script, tmp_path))
    assert temperature[:2] == ["temperature", 22]
    assert door[:2] == ["door", "closed"]
    assert abs(temperature[2] - time.time()) < 30
    found = _fetch(server, who, tmp_path)
    assert found["temperature"][1] == [21.5, 22]
    assert [type(value) for value in found["temperature"][1]] == [float, int]
    assert found["door"][1] == ["closed"]


def test_two_entries_of_one_second_are_two_and_in_order(old: OldClient, server: RunningServer, tmp_path: Path) -> None:
    who = server.new_device()
    script = f"""
from nikdev_iot import Api
api = Api({{'baseUrl': '{server.api_url}', 'deviceId': '{who.device_id}', 'apiKey': '{who.api_key}'}})
for number in range(50):
    api.add_value('n', number % 7)
    api.commit()
api.push()
"""
    old.run(script, tmp_path)
    times, values = _fetch(server, who, tmp_path)["n"]
    assert values == [number % 7 for number in range(50)]
    assert len(set(times)) <= 3


@pytest.mark.parametrize("with_more_behind", [False, True])
def test_its_request_sent_twice_is_stored_once(
    old: OldClient, server: RunningServer, tmp_path: Path, with_more_behind: bool
) -> None:
    who = server.new_device()
    # The answer to the first push is lost: to the client it timed out, and it sends the same entries again.
    more = "api.add_value('n', 99); api.commit()" if with_more_behind else ""
    script = f"""
import requests
from nikdev_iot import Api, PushException
api = Api({{'baseUrl': '{server.api_url}', 'deviceId': '{who.device_id}', 'apiKey': '{who.api_key}'}})
for number in (1, 1, 2):
    api.add_value('n', number); api.commit()
real = requests.post
def lost(**arguments):
    real(**arguments)
    raise requests.exceptions.Timeout
requests.post = lambda **arguments: lost(**arguments)
try:
    api.push()
except PushException as error:
    assert error.retained_data
else:
    raise SystemExit('the timeout was not seen')
requests.post = real
{more}
api.push()
assert api.entries == []
"""
    old.run(script, tmp_path)
    _, values = _fetch(server, who, tmp_path)["n"]
    assert values == [1, 1, 2, 99] if with_more_behind else values == [1, 1, 2]


def test_an_empty_commit_does_not_block_it(old: OldClient, server: RunningServer, tmp_path: Path) -> None:
    who = server.new_device()
    script = f"""
from nikdev_iot import Api
api = Api({{'baseUrl': '{server.api_url}', 'deviceId': '{who.device_id}', 'apiKey': '{who.api_key}'}})
api.commit(); api.push(); api.push()
api.add_value('n', 1); api.commit(); api.push()
"""
    old.run(script, tmp_path)
    assert _fetch(server, who, tmp_path)["n"][1] == [1]


def test_a_wrong_key_is_told_in_words(old: OldClient, server: RunningServer, tmp_path: Path) -> None:
    who = server.new_device()
    script = f"""
from nikdev_iot import Api, PushException
api = Api({{'baseUrl': '{server.api_url}', 'deviceId': '{who.device_id}', 'apiKey': '{who.device_id}'}})
api.add_value('n', 1); api.commit()
try:
    api.push()
except PushException as error:
    print(error)
"""
    assert old.run(script, tmp_path).startswith("Bad request: ")


def test_the_body_it_sends_is_taken_from_any_http_library(server: RunningServer, tmp_path: Path) -> None:
    who = server.new_device()
    body = json.dumps(
        {"clientTimestamp": 1_780_000_000, "entries": [{"timestamp": 1_779_999_000, "values": [{"n": 3}]}]}
    )
    request = urllib.request.Request(
        server.api_url + "entries/", data=body.encode(), headers={**who.headers, "content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
    assert _fetch(server, who, tmp_path)["n"] == ([1_779_999_000_000_000], [3])
