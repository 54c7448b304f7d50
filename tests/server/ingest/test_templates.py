from __future__ import annotations

import uuid
from array import array
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nikdev_iot.model.commits import Commit
from nikdev_iot.model.errors import WireError
from nikdev_iot.model.times import MAX_TIME_US, MIN_TIME_US
from nikdev_iot.model.values import Kind
from nikdev_iot.server.ingest.templates import Layout, Single, Templates, layout_of
from nikdev_iot.wire.pack import Pack, decode_content, encode_content, pack_from_commits

numbers = st.one_of(
    st.integers(1, 300), st.sampled_from([23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**63 - 2])
)
values = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**63), 2**63 - 1), st.booleans())
rows = st.dictionaries(st.text("abé\U0001f321", min_size=1, max_size=3), values, min_size=1, max_size=12)
times = st.integers(MIN_TIME_US, MAX_TIME_US)
parents = st.binary(min_size=32, max_size=32)
origins = st.uuids()


@st.composite
def singles(draw) -> Pack:
    commit = Commit(draw(numbers), draw(times), tuple(draw(rows).items()))
    return pack_from_commits(draw(origins), [commit], parent=draw(parents))


def expected(content: bytes) -> Single | None:
    """Say what the ordinary reader finds."""
    try:
        pack = decode_content(content)
    except WireError:
        return None
    (commit,) = pack.commits()
    names, found = zip(*commit.values, strict=True)
    return Single(pack.origin, pack.first, pack.parent, pack.times[0], layout_of(names, tuple(map(type, found))))


def learnt(pack: Pack) -> Templates:
    templates = Templates()
    templates.learn(pack, encode_content(pack))
    return templates


@given(singles(), origins, parents, times, st.randoms())
def test_the_next_pack_of_a_layout_is_read_as_the_ordinary_reader_does(pack, origin, parent, time_us, random):
    templates = learnt(pack)
    columns = tuple(
        column._replace(data=array(column.data.typecode, [_another(column.kind, random)])) for column in pack.columns
    )
    content = encode_content(replace(pack, origin=origin, parent=parent, times=array("q", [time_us]), columns=columns))
    single = templates.read(content)
    assert single is not None
    assert single == expected(content)


def _another(kind: Kind, random):
    return {Kind.FLOAT: random.uniform(-9, 9), Kind.INT: random.randrange(-(2**63), 2**63), Kind.BOOL: 1}[kind]


@given(singles(), st.data())
def test_whatever_is_altered_it_reads_nothing_that_the_ordinary_reader_would_not(pack, data):
    templates = learnt(pack)
    content = bytearray(encode_content(pack))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    single = templates.read(bytes(content))
    if single is not None:
        assert single == expected(bytes(content))


@given(singles())
def test_a_written_content_is_what_the_ordinary_writer_makes(pack):
    (commit,) = pack.commits()
    names, found = zip(*commit.values, strict=True)
    template = layout_of(names, tuple(map(type, found))).template(pack.first)
    assert template is not None
    content = template.write(pack.origin, pack.first, pack.parent, commit.time_us, found)
    assert content == encode_content(pack)


def made(number: int = 5, values=(("a", 1.5), ("b", 2), ("c", True)), **options) -> Commit:
    return Commit(number, 1_000, values, **options)


A = made()


def _pack(*commits: Commit) -> Pack:
    return pack_from_commits(uuid.UUID(int=1), commits, parent=bytes(32))


@pytest.mark.parametrize(
    ("at", "code", "value"),
    [
        (0, "d", float("nan")), (0, "d", float("inf")), (2, "B", 2), (2, "B", 255),
        (None, "q", MAX_TIME_US + 1), (None, "q", MIN_TIME_US - 1),
    ],
)  # fmt: skip
def test_what_is_not_acceptable_is_left_to_the_ordinary_reader(at, code, value):
    pack = _pack(A)
    templates = learnt(pack)
    if at is None:
        bad = replace(pack, times=array(code, [value]))
    else:
        columns = list(pack.columns)
        columns[at] = columns[at]._replace(data=array(code, [value]))
        bad = replace(pack, columns=tuple(columns))
    assert templates.read(encode_content(bad)) is None


@pytest.mark.parametrize(
    "commits",
    [
        [made(message="why")],
        [made(shift_us=5)],
        [made(uncertain=True)],
        [A, made(number=6)],
        [made(values=())],
        [made(values=(("a", "text"),))],
        [made(values=tuple((f"f{n}", n) for n in range(300)))],
    ],
)
def test_what_has_no_template_is_not_learnt(commits):
    pack = _pack(*commits)
    assert learnt(pack).read(encode_content(pack)) is None


def test_a_content_that_another_encoder_wrote_is_not_learnt():
    pack = _pack(A)
    content = encode_content(pack)
    templates = Templates()
    templates.learn(pack, b"\xb8\x07" + content[1:])  # the same map, its length written in two bytes
    assert templates._by_length == {}
    assert templates.read(b"\xb8\x07" + content[1:]) is None


def test_contents_of_one_length_and_different_layouts_live_side_by_side():
    packs = [_pack(made(values=((name, 1.5),))) for name in "abcdef"]
    templates = Templates()
    for pack in packs:
        templates.learn(pack, encode_content(pack))
    found = [templates.read(encode_content(pack)) for pack in packs]
    assert [single is not None for single in found] == [False, False, True, True, True, True]
    assert [single.layout.brought for single in found if single] == [((name, Kind.FLOAT),) for name in "cdef"]


def test_memory_is_bounded():
    templates = Templates()
    for length in range(1, 1_500):
        values = (("x" * (length % 60 + 1), 1.5), *((str(at), at) for at in range(length % 200)))
        pack = _pack(made(values=values))
        templates.learn(pack, encode_content(pack))
    assert 0 < len(templates._by_length) <= 1_024


def test_there_is_one_layout_object_for_each():
    assert layout_of(("a", "b"), (int, float)) is layout_of(("a", "b"), (int, float))
    layout = layout_of(("a", "b"), (bool, str))
    assert isinstance(layout, Layout)
    assert layout.brought == (("a", Kind.BOOL), ("b", Kind.TEXT))
    assert layout.template(1) is None


@given(singles())
def test_values_are_those_of_the_commit(pack: Pack):
    templates, content = Templates(), encode_content(pack)
    templates.learn(pack, content)
    (commit,) = pack.commits()
    found = templates.values(content)
    assert found is not None
    time_us, layout, values = found
    assert time_us == commit.time_us
    pairs = [(name, type(value), value) for (name, _), value in zip(layout.brought, values, strict=True)]
    assert pairs == [(name, type(value), value) for name, value in commit.values]
    assert templates.values(content[:-1]) is None
    assert templates.values(b"?" * len(content)) is None
