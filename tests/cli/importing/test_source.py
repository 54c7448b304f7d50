from __future__ import annotations

import hashlib
import tracemalloc

import pytest

from nikdev_iot.cli.importing import source
from nikdev_iot.cli.importing.cells import FileRefused
from nikdev_iot.cli.importing.source import file_sha256, open_source


def _read(path, **options):
    with open_source(path, **options) as found:
        return found.format, found.columns, [row.cells for row in found.rows]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"a,b\n1,2\n", ("csv", ("a", "b"), [{"a": "1", "b": "2"}])),
        (b"\xef\xbb\xbfa;b\r\n1;2\r\n", ("csv", ("a", "b"), [{"a": "1", "b": "2"}])),
        (b"a\tb\n1\t2", ("csv", ("a", "b"), [{"a": "1", "b": "2"}])),
        (b"a,b\r1,2\r", ("csv", ("a", "b"), [{"a": "1", "b": "2"}])),
        (b'[{"a": 1}]', ("json", None, [{"a": 1}])),
        (b'\xef\xbb\xbf\n [{"a": 1},\n {"a": 2}]', ("json", None, [{"a": 1}, {"a": 2}])),
        (b'{"a": 1}\n\n{"a": 2}\n', ("jsonl", None, [{"a": 1}, {"a": 2}])),
        (b"a\n\xc3\xa4\n", ("csv", ("a",), [{"a": "ä"}])),
    ],
)
def test_what_a_file_is_shows_at_its_beginning(tmp_path, content, found):
    path = tmp_path / "readings"
    path.write_bytes(content)
    assert _read(path) == found


def test_what_was_said_wins(tmp_path):
    path = tmp_path / "readings"
    path.write_bytes(b"[a,b]\n1;2,3\n")
    assert _read(path, file_format="csv", delimiter=",") == ("csv", ("[a", "b]"), [{"[a": "1;2", "b]": "3"}])


def test_another_encoding(tmp_path):
    path = tmp_path / "readings.csv"
    path.write_bytes("größe\n1\n".encode("latin-1"))
    assert _read(path, encoding="latin-1")[1] == ("größe",)
    path.write_bytes("a,b\n1,2\n".encode("utf-16"))
    assert _read(path, encoding="utf-16")[1:] == (("a", "b"), [{"a": "1", "b": "2"}])


@pytest.mark.parametrize(
    ("content", "place", "guess"),
    [
        (b"a\n1\n\xe4\n", "line 3", "latin-1"),
        (b"a\n" + b"1\n" * 50_000 + b"\xe4\n", "line 50002", "latin-1"),
        ("a\n1\n".encode("utf-16"), "line 1", "utf-16"),
    ],
)
def test_text_that_is_not_utf_8_is_named_with_its_line(tmp_path, content, place, guess):
    path = tmp_path / "readings.csv"
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=f"^{place}: this is not utf-8 text.*--encoding {guess}"):
        _read(path)


def test_how_far_it_was_read(tmp_path):
    path = tmp_path / "readings.csv"
    path.write_text("a\n" + "1234567\n" * 100_000)
    with open_source(path) as source:
        first = next(source.rows)
        assert first.cells == {"a": "1234567"}
        assert 0 < source.read_bytes() < path.stat().st_size
        assert sum(1 for _ in source.rows) == 99_999
        assert source.read_bytes() == path.stat().st_size


def test_the_hash_of_a_file(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc" * 100_000)
    assert file_sha256(path) == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "readings"
    for begin, number in ((b"", 1), (b"a,b\n1,2\n" * 100, 201), (b'{"a": 1}\n{"a": "', 2)):
        with path.open("wb") as file:
            file.write(begin)
            file.truncate(10 * source.MAX_LINE_CHARS)  # a hole, which reads as zeros
        tracemalloc.start()
        with pytest.raises(FileRefused, match=f"line {number}: .*longer than"):
            _read(path)
        assert tracemalloc.get_traced_memory()[1] < 6 * source.MAX_LINE_CHARS
        tracemalloc.stop()


def test_an_array_may_stand_on_one_long_line(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "MAX_LINE_CHARS", 10)
    path = tmp_path / "readings"
    path.write_text('[{"a": 1},' + " " * 50 + '{"a": 2}]')
    assert _read(path) == ("json", None, [{"a": 1}, {"a": 2}])
    monkeypatch.setattr(source, "MAX_ARRAY_CHARS", 60)
    with pytest.raises(FileRefused, match="one object per line"):
        _read(path)


def test_lines_of_just_the_longest_length(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "MAX_LINE_CHARS", 4)
    path = tmp_path / "readings"
    path.write_text("a,b\n1,2\n3,4\n")
    assert _read(path)[2] == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    path.write_text("a,b\n1,23\n")
    with pytest.raises(FileRefused, match="line 2"):
        _read(path)
