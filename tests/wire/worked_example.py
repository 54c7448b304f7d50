"""The pack of the worked example in `docs/wire.md`; run it to print what stands there.

python -m tests.wire.worked_example
"""

from __future__ import annotations

import uuid

from nikdev_iot.model.commits import Commit, Gap
from nikdev_iot.wire.pack import NO_PACK, Pack, encode_content, encode_frame, hash_content, pack_from_commits

ORIGIN = uuid.UUID("0a1b2c3d-4e5f-4a6b-8c7d-9e0fa1b2c3d4")
EPOCH = uuid.UUID("f0e1d2c3-b4a5-4697-8879-6a5b4c3d2e1f").bytes
NOW_US = 1_795_340_000_000_000


def example_pack() -> Pack:
    return pack_from_commits(
        ORIGIN,
        [
            Commit(1, NOW_US, (("temperature", 21.5), ("on", True)), "first light"),
            Commit(3, NOW_US + 1_000_000, (("temperature", 21), ("state", "nil")), shift_us=60_000_000, uncertain=True),
        ],
        parent=NO_PACK,
        gaps=[Gap(2, 1, "discarded by the user")],
    )


def example_frame() -> bytes:
    return encode_frame(encode_content(example_pack()), epoch=EPOCH, level=0)


def _item(raw: bytes, at: int, indent: str) -> int:
    """Print the item at `at`, line by line, and return where it ends."""
    first = raw[at]
    major, number, size = first >> 5, first & 31, 1
    if first == 0xF6:
        print(f"{raw[at : at + 1].hex():<36} # {indent}null")
        return at + 1
    if number >= 24:
        size += 1 << number - 24
        number = int.from_bytes(raw[at + 1 : at + size], "big")
    if major in {2, 3}:
        end = at + size + number
        body = raw[at + size : end]
        says = f"{number} bytes" if major == 2 else f'"{body.decode()}"'
        if len(body) <= 12:
            print(f"{raw[at : at + size].hex() + ' ' + body.hex():<36} # {indent}{says}")
            return end
        print(f"{raw[at : at + size].hex():<36} # {indent}{says}")
        for start in range(0, len(body), 16):
            print(f"   {body[start : start + 16].hex()}")
        return end
    names = {0: f"{number}", 1: f"{-1 - number}", 4: f"array of {number}", 5: f"map of {number}", 6: f"tag {number}"}
    print(f"{raw[at : at + size].hex():<36} # {indent}{names[major]}")
    at += size
    for _ in range({4: number, 5: 2 * number, 6: 1}.get(major, 0)):
        at = _item(raw, at, indent + "  ")
    return at


def main() -> None:
    frame, content = example_frame(), encode_content(example_pack())
    for size, says in (
        (4, "magic: NKP and the frame's version"),
        (1, "compression: none"),
        (3, "reserved"),
        (4, f"length of the content: {len(content)}"),
        (4, "CRC-32"),
        (16, "the server's epoch"),
        (32, "SHA-256 of the content"),
    ):
        part, frame = frame[:size], frame[size:]
        print(f"{part[:16].hex():<36} # {says}")
        if part[16:]:
            print(part[16:].hex())
    _item(content, 0, "")
    print("hash", hash_content(content).hex())
    for number, digest in example_pack().digests():
        print("digest", number, digest.hex())


if __name__ == "__main__":
    main()
