from __future__ import annotations

import json
import re

from nikdev_iot.server.web.api.access import ACCESS
from nikdev_iot.server.web.api.document import METHODS


def operations(document):
    for path, found in document["paths"].items():
        for method, operation in found.items():
            assert method in METHODS
            yield path, method, operation


def test_every_operation_is_described(site):
    document = site.document
    seen = set()
    for path, method, operation in operations(document):
        name = f"{method} {path}"
        assert operation["summary"], name
        assert operation["operationId"] not in seen, name
        seen.add(operation["operationId"])
        assert operation[ACCESS] in {"public", "session", "read", "write", "any"}, name
        assert bool(operation["security"]) == (operation[ACCESS] != "public"), name
        answers = operation["responses"]
        assert any(status.startswith("2") for status in answers), name
        assert "default" in answers, name
        assert all(answer["description"] for answer in answers.values()), name
        described = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert described == set(re.findall(r"{(\w+)}", path)), name
    assert len(seen) >= 30


def test_every_reference_leads_somewhere(site):
    document = site.document
    for reference in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document))):
        place = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_errors_have_one_shape(site):
    document = site.document
    assert set(document["components"]["schemas"]["ErrorOut"]["required"]) == {"message", "code"}
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_what_the_interfaces_promise_is_there(site):
    expected = {
        "GET /healthz": "public",
        "GET /api/v1/": "public",
        "GET /api/v1/openapi.json": "public",
        "POST /api/v1/entries/": "write",
        "POST /api/v1/entries": "write",
        "POST /api/v1/packs": "write",
        "GET /api/v1/origins/{origin}": "write",
        "GET /api/v1/origins/{origin}/digests": "write",
        "GET /api/v1/device": "any",
        "GET /api/v1/values/{field_ids}": "read",
        "GET /api/v1/values/": "read",
        "GET /api/v1/values": "read",
        "GET /api/v1/fields": "read",
        "GET /api/v1/history": "read",
        "POST /api/v1/sessions": "public",
        "DELETE /api/v1/sessions/current": "session",
        "GET /api/v1/account": "session",
        "GET /api/v1/devices": "session",
        "POST /api/v1/devices": "session",
        "GET /api/v1/devices/{device_id}": "session",
        "PATCH /api/v1/devices/{device_id}": "session",
        "GET /api/v1/devices/{device_id}/fields": "session",
        "PATCH /api/v1/devices/{device_id}/fields/{field_id}": "session",
        "GET /api/v1/devices/{device_id}/keys": "session",
        "POST /api/v1/devices/{device_id}/keys": "session",
        "PATCH /api/v1/devices/{device_id}/keys/{key_id}": "session",
        "DELETE /api/v1/devices/{device_id}/keys/{key_id}": "session",
        "GET /api/v1/devices/{device_id}/values": "session",
        "GET /api/v1/devices/{device_id}/history": "session",
    }
    found = {f"{method.upper()} {path}": operation[ACCESS] for path, method, operation in operations(site.document)}
    assert expected.items() <= found.items()
