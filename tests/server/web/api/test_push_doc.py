from __future__ import annotations

import uuid

from nikdev_iot.model.commits import Commit
from nikdev_iot.server.web.api.push_doc import push_paths
from nikdev_iot.wire.headers import PACK_TYPE
from nikdev_iot.wire.pack import NO_PACK, encode_content, encode_frame, pack_from_commits


def schema_of(path, method, status):
    answers = push_paths()[path][method]["responses"]
    return answers[status]["content"]["application/json"]["schema"]


def test_the_push_path_answers_as_it_is_described(site):
    headers = site.new_key(site.new_device())
    entries = {"clientTimestamp": 5, "entries": [{"timestamp": 5, "values": [{"a": 1}]}]}
    answer = site.send("POST", "/api/v1/entries/", headers, entries)
    assert set(answer.json) == set(schema_of("/api/v1/entries/", "post", "200")["properties"])

    origin = uuid.uuid4()
    pack = pack_from_commits(origin, [Commit(1, 5, (("a", 1.5),))], parent=NO_PACK)
    frame = encode_frame(encode_content(pack), epoch=site.storage.epoch)
    stored = schema_of("/api/v1/packs", "post", "200")
    answer = site.call("POST", "/api/v1/packs", {**headers, "content-type": PACK_TYPE}, frame)
    assert set(answer.json) == set(stored["required"])

    late = pack_from_commits(origin, [Commit(3, 5, (("a", 1.5),))], parent=NO_PACK)
    frame = encode_frame(encode_content(late), epoch=site.storage.epoch)
    answer = site.call("POST", "/api/v1/packs", {**headers, "content-type": PACK_TYPE}, frame)
    assert answer.status == 409
    assert set(schema_of("/api/v1/packs", "post", "409")["required"]) <= set(answer.json)

    answer = site.get(f"/api/v1/origins/{origin}", headers)
    assert set(answer.json) == set(schema_of("/api/v1/origins/{origin}", "get", "200")["required"])
    answer = site.get(f"/api/v1/origins/{origin}/digests?after=0&limit=5", headers)
    assert set(answer.json) == set(schema_of("/api/v1/origins/{origin}/digests", "get", "200")["required"])


def test_an_origin_of_another_device_is_as_unknown_as_any(site):
    headers, others = site.new_key(site.new_device()), site.new_key(site.new_device())
    site.push(headers, [(1, {"a": 1})])
    origin = uuid.uuid5(uuid.NAMESPACE_OID, headers["x-device-id"])
    assert site.get(f"/api/v1/origins/{origin}", headers).json["mark"]["number"] == 1
    assert site.get(f"/api/v1/origins/{origin}", others).json["mark"]["number"] == 0
    assert site.get(f"/api/v1/origins/{origin}/digests", others).json["digests"] == []
