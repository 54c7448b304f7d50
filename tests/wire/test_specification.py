"""`docs/wire.md` says what the code does."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

from tests.wire import spec_reader
from tests.wire.worked_example import EPOCH, ORIGIN, example_frame, example_pack

from nikdev_iot.model.commits import derive_origin
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.wire import headers
from nikdev_iot.wire.limits import DEFAULT_LIMITS, Limits
from nikdev_iot.wire.marks import PushAnswer
from nikdev_iot.wire.pack import decode_content, decode_frame, encode_content, encode_frame
from nikdev_iot.wire.v1 import decode_latest, decode_push

TEXT = (Path(__file__).parents[2] / "docs" / "wire.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


def documented_frame() -> bytes:
    (example,) = blocks("hex")
    return bytes.fromhex("".join(line.partition("#")[0] for line in example.splitlines()))


def test_the_worked_example_is_read_and_written_as_it_stands():
    frame = decode_frame(documented_frame())
    pack = decode_content(frame.content)
    assert pack == example_pack()
    assert frame.epoch == EPOCH
    assert encode_frame(encode_content(pack), epoch=EPOCH, level=0) == documented_frame() == example_frame()


def test_a_reader_made_from_the_page_alone_reads_it():
    epoch, content = spec_reader.read_frame(documented_frame())
    top, commits = spec_reader.read_commits(content)
    assert (epoch, top["origin"], top["first"], top["count"]) == (EPOCH, ORIGIN.bytes, 1, 3)
    assert top["gaps"] == [[2, 1, "discarded by the user"]]
    assert commits == [
        {
            "number": 1,
            "time_us": 1_795_340_000_000_000,
            "values": {"temperature": 21.5, "on": True},
            "message": "first light",
        },
        {
            "number": 3,
            "time_us": 1_795_340_001_000_000,
            "values": {"temperature": 21, "state": "nil"},
            "shift_us": 60_000_000,
            "uncertain": True,
        },
    ]
    for commit in commits:
        assert f"number {commit['number']} `{spec_reader.digest(commit).hex()}`" in TEXT


def test_the_other_examples():
    answer, digests, shown, push, latest = map(json.loads, blocks("json"))
    found = PushAnswer.from_json(answer)
    frame = decode_frame(documented_frame())
    assert (found.stored, found.mark.number, found.mark.hash, found.epoch) == (True, 3, frame.hash, EPOCH)
    listed = [[number, digest.hex()] for number, digest in example_pack().digests()]
    assert digests == {"digests": listed, "next": None, "epoch": EPOCH.hex()}
    assert shown == {"shown": True, "again_after_s": 5.0, "server_time_us": answer["server_time_us"]}
    assert [dict(entry.values) for entry in decode_push(push).entries] == [
        {"temperature": 21.5, "on": True, "state": "nil"}
    ]
    assert decode_latest(latest)[1][0].value == 21
    assert f"`{derive_origin(ORIGIN, example_pack().digests()[0][1])}`" in TEXT


def test_limits_and_names():
    documented = {
        "body_bytes": "body of a request | 8 MiB",
        "content_bytes": "content, decompressed | 32 MiB",
        "commits": "commits in a pack, entries in a JSON request | 50 000",
        "columns": "columns in a pack, (field, kind) in a JSON request | 4 096",
        "items": "a typed array of any length is one | 1 000 000",
        "values": "values in a pack, of all its columns | 4 194 304",
    }
    assert set(documented) == {field.name for field in fields(Limits)}
    for name, row in documented.items():
        number, _, unit = row.rpartition("| ")[2].replace(" ", "").partition("MiB")
        scale = 1 if row[-1].isdigit() else 1024 * 1024
        assert int(number or unit) * scale == getattr(DEFAULT_LIMITS, name)
        assert row in TEXT
    for name in (headers.DEVICE_ID, headers.API_KEY, headers.SENT_US, headers.PACK_TYPE, headers.PAGE_TYPE):
        assert f"`{name}`" in TEXT or f" {name}`" in TEXT
    for time_us in (MIN_TIME_US, MAX_TIME_US):
        assert f"{time_us:,}".replace(",", " ").replace("-", "−") in TEXT.replace("\n ", "")


def test_every_section_that_the_code_names_is_there():
    root = Path(__file__).parents[2]
    named = {
        name
        for path in [*(root / "src").rglob("*.py"), *(root / "tests").rglob("*.py")]
        for name in re.findall(r'docs/wire\.md`?, "([^"]+)"', path.read_text())
    }
    assert named
    heads = set(re.findall(r"^#+ (.+)$", TEXT, flags=re.MULTILINE))
    assert named - heads == set()
