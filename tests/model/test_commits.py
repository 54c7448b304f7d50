from __future__ import annotations

import subprocess
import sys
import uuid

import pytest
from tests.unmeasured import unmeasured

from nikdev_iot.model import commits, digests
from nikdev_iot.model.commits import Commit, Gap, Receipt


def test_a_commit():
    commit = Commit(1, 5, (("t", 1.5),))
    assert (commit.message, commit.shift_us, commit.uncertain, commit.effective_time_us) == (None, 0, False, 5)
    assert Commit(1, 5, (), shift_us=-7).effective_time_us == -2


def test_a_gap():
    assert Gap(3, 2, "discarded").last == 4


def test_a_receipt():
    origin = uuid.UUID(int=7)
    receipt = Receipt(number=1, origin=origin, time_us=5)
    assert receipt == Receipt(1, origin, 5)


def test_digests_are_at_hand_here_too():
    assert commits.commit_digest is digests.commit_digest
    assert commits.derive_origin is digests.derive_origin
    assert commits.DIGEST_BYTES == 16
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        commits.nothing  # type: ignore[attr-defined]  # noqa: B018
    assert all(hasattr(commits, name) for name in commits.__all__)


def test_the_model_is_light():
    # It is loaded on each start of a device; what is heavy there waits until it is needed.
    script = (
        "import sys\n"
        "import nikdev_iot.model.commits, nikdev_iot.model.errors, nikdev_iot.model.times, nikdev_iot.model.values\n"
        "heavy = {'dataclasses', 'inspect', 'typing', 'uuid', 'hashlib', 'nikdev_iot.wire'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, check=True, encoding="utf-8", env=unmeasured()
    )
    assert done.stdout == "[]\n"
