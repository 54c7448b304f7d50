"""Every reader of bytes that others may have written: how it is called, and the errors that it may raise."""

from __future__ import annotations

import json
import sqlite3
import struct
import uuid
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from nikdev_iot.cli.importing.csv_source import read_csv, sniff_delimiter
from nikdev_iot.cli.importing.json_source import read_json_array, read_json_lines
from nikdev_iot.cli.importing.times import TimeReader
from nikdev_iot.client.answers import Answer, NotOurs
from nikdev_iot.client.comparison import read_digests
from nikdev_iot.client.config import Config
from nikdev_iot.client.pickles import BadPickle, load_plain
from nikdev_iot.journal.nextpack import text_to_gaps
from nikdev_iot.journal.shapes import Shape, ShapeBook
from nikdev_iot.model.errors import ConfigError, JournalError, NikDevError, ValueRefused, WireError
from nikdev_iot.model.values import Kind
from nikdev_iot.server.errors import Invalid
from nikdev_iot.server.ingest.entries import pack_of_entries, read_entries
from nikdev_iot.server.ingest.packs import read_pack
from nikdev_iot.server.ingest.templates import Templates
from nikdev_iot.server.query.cursor import Cursor
from nikdev_iot.server.storage.records import Device
from nikdev_iot.server.web.api.history_query import parse_history
from nikdev_iot.wire import cbor
from nikdev_iot.wire.frame import decode_frame, decompress, encode_frame
from nikdev_iot.wire.limits import DEFAULT_LIMITS
from nikdev_iot.wire.marks import Mark, PushAnswer
from nikdev_iot.wire.pack import decode_content, encode_content
from nikdev_iot.wire.page import decode_page, encode_page
from nikdev_iot.wire.v1 import decode_latest

__all__ = ["CORPUS", "DECODERS", "DEVICE", "Decoder", "corpus_of"]

CORPUS = Path(__file__).with_name("corpus")
DEVICE = Device(
    id=uuid.UUID(int=1), account_id=uuid.UUID(int=2), name="a device", accepts_new_fields=True, created_us=1
)


@dataclass(frozen=True, slots=True)
class Decoder:
    """One reader."""

    name: str
    """Also that of its folder in the corpus."""
    read: Callable[[bytes], object]
    """Reads an input, and looks at what came of it."""
    may_raise: tuple[type[Exception], ...]
    share: int = 10
    """How much of a run is its."""


def corpus_of(decoder: Decoder) -> list[bytes]:
    """Return the inputs that are kept of a decoder, by name."""
    return [path.read_bytes() for path in sorted((CORPUS / decoder.name).iterdir())]


# -- the wire -------------------------------------------------------------------------------------------


def _cbor(data: bytes) -> None:
    found = cbor.loads(data, max_items=10_000)
    again = cbor.dumps(found)
    assert cbor.dumps(cbor.loads(again)) == again


def _pack(data: bytes) -> None:
    pack = decode_content(data, DEFAULT_LIMITS)
    assert len(pack.commits()) == len(pack.digests()) == len(pack.effective_times()) == pack.row_count
    content = encode_content(pack)
    assert encode_content(decode_content(content)) == content


def _mended(data: bytes) -> bytes:
    """Return a frame whose check value is right, so that what comes behind it is read."""
    blank = data[:12] + bytes(4) + data[16:]
    return data[:12] + struct.pack("<I", zlib.crc32(blank)) + data[16:]


def _frame(data: bytes) -> None:
    for body in (data, _mended(data)):
        try:
            frame = decode_frame(body, DEFAULT_LIMITS)
        except WireError:
            if body is not data:
                raise
        else:
            assert len(frame.content) <= DEFAULT_LIMITS.content_bytes


def _squeezed(data: bytes) -> None:
    """Read a compressed payload that says truly or falsely how long it is."""
    length = int.from_bytes(data[:4], "little") % 2**18
    assert len(decompress(data[4:], 1, length)) == length


_learnt = Templates()


def _template(data: bytes) -> None:
    """What the short way reads of a pack of one commit is what the long way reads."""
    short = _learnt.read(data)
    pack = decode_content(data, DEFAULT_LIMITS)
    if short is None:
        _learnt.learn(pack, data)
        short = _learnt.read(data)
    if short is not None:
        origin, first, parent, time_us, layout = short
        assert (origin, first, parent, pack.row_count) == (pack.origin, pack.first, pack.parent, 1)
        assert [time_us] == list(pack.effective_times())
        assert list(layout.brought) == [(column.field_id, column.kind) for column in pack.columns]


def _page(data: bytes) -> None:
    page = decode_page(data, DEFAULT_LIMITS)
    content = encode_page(page)
    assert encode_page(decode_page(content)) == content


def _push(data: bytes) -> None:
    """Read a body of `POST packs` with this content, as the server does."""
    read_pack(
        encode_frame(data, epoch=bytes(16), level=len(data) % 2),
        device=DEVICE,
        key_id=uuid.UUID(int=3),
        limits=DEFAULT_LIMITS,
        received_us=1,
        sent_us=None,
        templates=Templates(),
    ).decode()


def _entries(data: bytes) -> None:
    """Read a body of `POST entries/`, and make a pack of it."""
    push = read_entries(data, device=DEVICE, key_id=uuid.UUID(int=3), limits=DEFAULT_LIMITS, received_us=1)
    if push is not None:
        stored = pack_of_entries(push, push.entries, Mark())
        pack = decode_content(decompress(stored.payload, stored.codec, stored.content_bytes))
        assert [commit.time_us for commit in pack.commits()] == [entry.time_us for entry in push.entries]


# -- what a server says to a device -----------------------------------------------------------------------


def _answer(data: bytes) -> Answer:
    status, _, rest = data.partition(b"\n")
    kind, _, body = rest.partition(b"\n")
    headers = {"content-type": kind.decode("latin-1"), "retry-after": kind.decode("latin-1"), "location": "x"}
    return Answer(
        "http://127.0.0.1/api/v1/x", int(status) if status.isdigit() and len(status) == 3 else 200, headers, body
    )


def _explained(data: bytes) -> None:
    answer = _answer(data)
    assert len(answer.explain()) < 5_000
    assert len(answer.not_ours()) < 5_000
    assert answer.retry_after_s is None or 0 <= answer.retry_after_s <= 86_400


def _mark(data: bytes) -> None:
    found = PushAnswer.from_json(_answer(data).json())
    assert PushAnswer.from_json(found.to_json()) == found


def _digests(data: bytes) -> None:
    read_digests(_answer(data).json())


def _latest(data: bytes) -> None:
    decode_latest(_answer(data).json())


# -- what is asked of a server ----------------------------------------------------------------------------


def _cursor(data: bytes) -> None:
    text = data.decode("latin-1")
    assert Cursor.from_text(text).to_text() == text


def _query(data: bytes) -> None:
    parse_history(parse_qsl(data.decode("latin-1"), keep_blank_values=True), "text/csv")


# -- what is on a device's disk ---------------------------------------------------------------------------


def _body(data: bytes) -> None:
    """Read a row of the journal: its first bytes choose the kinds."""
    count = data[0] % 8 if data else 0
    kinds = tuple(Kind(1 + byte % 4) for byte in data[1 : 1 + count])
    fields = tuple(f"f{place}" for place in range(len(kinds)))
    values = Shape(1, fields, kinds).decode(data[1 + count :])
    assert tuple(values) == fields


def _spec(data: bytes) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE shapes (id INTEGER PRIMARY KEY, spec)")
        connection.execute("INSERT INTO shapes VALUES (1, ?)", (data.decode("utf-8", "replace"),))
        ShapeBook("a journal").by_id(connection, 1)


def _gaps(data: bytes) -> None:
    text_to_gaps(data.decode("utf-8", "replace"))


def _pickle(data: bytes) -> None:
    load_plain(data)


def _config(data: bytes) -> None:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(values, dict):
        Config.from_dict(values, environ={})


# -- files that a user imports ----------------------------------------------------------------------------


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").splitlines(keepends=True)


def _csv(data: bytes) -> None:
    lines = _lines(data)
    for _ in read_csv(lines, delimiter=sniff_delimiter(lines[:20])).rows:
        pass


def _json_array(data: bytes) -> None:
    for _ in read_json_array(data.decode("utf-8", "replace")):
        pass


def _json_lines(data: bytes) -> None:
    for _ in read_json_lines(_lines(data)):
        pass


def _time(data: bytes) -> None:
    TimeReader().read([data.decode("utf-8", "replace")])


_WIRE: tuple[type[Exception], ...] = (WireError,)
_SAID: tuple[type[Exception], ...] = (WireError, NotOurs)
DECODERS: Sequence[Decoder] = (
    Decoder("cbor", _cbor, _WIRE, 20),
    Decoder("pack", _pack, _WIRE, 20),
    Decoder("frame", _frame, _WIRE),
    Decoder("squeezed", _squeezed, _WIRE),
    Decoder("template", _template, _WIRE),
    Decoder("push", _push, _WIRE),
    Decoder("page", _page, _WIRE),
    Decoder("entries", _entries, _WIRE),
    Decoder("explained", _explained, ()),
    Decoder("mark", _mark, _SAID),
    Decoder("digests", _digests, _SAID),
    Decoder("latest", _latest, _SAID),
    Decoder("cursor", _cursor, (Invalid,)),
    Decoder("query", _query, (Invalid,)),
    Decoder("body", _body, (ValueError,)),
    Decoder("spec", _spec, (JournalError,), 3),
    Decoder("gaps", _gaps, (ValueError,)),
    Decoder("pickle", _pickle, (BadPickle,), 3),
    Decoder("config", _config, (ConfigError,)),
    Decoder("csv", _csv, (NikDevError,)),
    Decoder("json-array", _json_array, (ValueRefused,)),
    Decoder("json-lines", _json_lines, (ValueRefused,)),
    Decoder("time", _time, (NikDevError,)),
)
