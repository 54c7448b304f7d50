from __future__ import annotations

import hashlib
import struct
import uuid

from hypothesis import given
from hypothesis import strategies as st
from tests.wire.strategies import rows, texts, times_us

from nikdev_iot.model.digests import commit_digest, derive_origin

NOW_US = 1_795_340_000_000_000
ORIGIN = uuid.UUID("0a1b2c3d-4e5f-4a6b-8c7d-9e0fa1b2c3d4")


def test_the_canonical_form_by_hand():
    form = struct.pack("<q", NOW_US) + struct.pack("<I", 3) + "hå".encode()
    form += struct.pack("<I", 4)
    form += struct.pack("<I", 1) + b"B" + b"\x03\x01"
    form += struct.pack("<I", 1) + b"a" + b"\x01" + struct.pack("<d", 21.5)
    form += struct.pack("<I", 1) + b"n" + b"\x02" + struct.pack("<q", -7)
    form += struct.pack("<I", 2) + "å".encode() + b"\x04" + struct.pack("<I", 3) + b"nil"
    values = (("å", "nil"), ("n", -7), ("a", 21.5), ("B", True))
    assert commit_digest(NOW_US, "hå", values) == hashlib.sha256(form).digest()[:16]


def test_digests_never_change():
    # Devices and servers compare them, over years and versions.
    assert commit_digest(0, None, ()).hex() == "11a9a2fb3cb66146fa6e703de533c3f3"
    assert (
        commit_digest(NOW_US, None, (("t", 21.5), ("n", 7), ("on", True), ("s", "nil"))).hex()
        == "1ef0c9b7a29784729ff97ab181d5da25"
    )
    assert commit_digest(NOW_US, "by hand", (("t", 21), ("on", False))).hex() == "43023932495e38f446ba58217a8a8f01"
    assert str(derive_origin(ORIGIN, bytes(16))) == "55b86062-c860-8963-8a0f-c870fbe136a9"


@given(times_us, st.none() | texts, rows, st.randoms())
def test_the_order_of_fields_does_not_matter(time_us, message, values, random):
    shuffled = random.sample(values, len(values))
    assert commit_digest(time_us, message, shuffled) == commit_digest(time_us, message, values)


def test_everything_else_matters():
    found = [
        commit_digest(*content)
        for content in (
            (1, None, (("t", 1),)),
            (2, None, (("t", 1),)),
            (1, "", (("t", 1),)),
            (1, "x", (("t", 1),)),
            (1, None, (("t", 1.0),)),
            (1, None, (("t", True),)),
            (1, None, (("t", "1"),)),
            (1, None, (("u", 1),)),
            (1, None, ()),
            (1, None, (("t", 0.0),)),
            (1, None, (("t", -0.0),)),
        )
    ]
    assert len(set(found)) == len(found)


def test_a_derived_origin_depends_on_both():
    derived = derive_origin(ORIGIN, bytes(16))
    assert derived == derive_origin(ORIGIN, bytes(16))
    assert (derived.version, derived.variant) == (8, uuid.RFC_4122)
    assert len({ORIGIN, derived, derive_origin(derived, bytes(16)), derive_origin(ORIGIN, b"\x01" * 16)}) == 4
