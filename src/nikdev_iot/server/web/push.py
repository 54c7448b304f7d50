"""The push path: plain ASGI, because it is asked thousands of times a second.

A request's credentials are looked at before its body; the body is read within its limit; what takes long (a big pack,
anything compressed) is decoded in a thread; and the answer waits until what was pushed is on disk.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from nikdev_iot.model.errors import Damaged, Malformed, NikDevError, TooLarge
from nikdev_iot.server.errors import Forbidden, NotFound, Refused, TooMany, Unauthorized
from nikdev_iot.server.ingest.admission import Admission
from nikdev_iot.server.ingest.digests import MAX_DIGESTS, digests_after
from nikdev_iot.server.ingest.entries import read_entries
from nikdev_iot.server.ingest.fields import FieldsRefused
from nikdev_iot.server.ingest.group import EntriesOutcome, Outcome, PackOutcome, Push
from nikdev_iot.server.ingest.judge import Verdict
from nikdev_iot.server.ingest.packs import commits_refused, read_pack
from nikdev_iot.server.ingest.preview import known_part, read_preview
from nikdev_iot.server.ingest.templates import Templates
from nikdev_iot.server.ingest.turns import BIG_BYTES, Turns
from nikdev_iot.server.ingest.waiting import Waiting, read_count
from nikdev_iot.server.ingest.writer import Backlogged, Writer
from nikdev_iot.server.live.hub import LiveHub
from nikdev_iot.server.query.previews import Previews
from nikdev_iot.server.storage.port import Storage
from nikdev_iot.server.storage.records import Access
from nikdev_iot.wire.limits import Limits
from nikdev_iot.wire.marks import PushAnswer

from .answers import Receive, Scope, Send, WrongMethod, send_error, send_json
from .bodies import Bodies, ClientGone, Hold
from .doubles import refuse_doubles

__all__ = ["PushRoutes"]

_log = logging.getLogger(__name__)

_TOO_OFTEN = (Unauthorized, TooMany, Backlogged)
"""Refusals that come by the thousand when they come: not logged one by one."""
_IN_THREAD_FROM_BYTES = 64 * 1024
_MOST_INFLATED = 1_032
"""What one compressed byte can become."""
_ADMITTED_FOR_S = 1.0
"""What took longer before it is stored is admitted again."""
_ORIGINS = "/api/v1/origins/"
_CONFLICTS = {
    Verdict.FORK: "The server's mark of this origin is {number}, by another pack than this one's parent: another "
    "journal used the origin, or the server went back to a backup. Nothing was stored.",
    Verdict.OVERLAP: "The server's mark of this origin is {number}, and this pack begins before it and is not one that "
    "is stored. Nothing was stored; push from {next} on.",
    Verdict.GAP: "The server's mark of this origin is {number}, so that {next} has to come before this pack. Nothing "
    "was stored.",
    Verdict.EPOCH: "This pack was made for another incarnation of this server. Nothing was stored; ask for the mark of "
    "the origin, and go on from there with the epoch given here.",
}


class _WrongEncoding(Refused):
    status = 415
    code = "unsupported-encoding"


class _Admitted(NamedTuple):
    access: Access
    scope: Scope
    headers: Mapping[bytes, bytes]
    at_s: float
    """On the monotonic clock."""


class PushRoutes:
    """`POST entries/`, `POST packs`, `POST live`, `GET origins/{origin}` and its digests."""

    def __init__(
        self,
        *,
        storage: Storage,
        writer: Writer,
        admission: Admission,
        executor: Executor,
        now_us: Callable[[], int],
        limits: Limits,
        bodies_bytes: int,
        lookups: Executor,
        digests: Executor,
        waiting: Waiting,
        previews: Previews,
        live: LiveHub,
    ) -> None:
        self._storage = storage
        self._writer = writer
        self._admission = admission
        self._executor = executor
        self._now_us = now_us
        self._limits = limits
        self._bodies = Bodies(limit=limits.body_bytes, together=bodies_bytes)
        self._lookups = lookups
        self._digests = digests
        self._waiting = waiting
        self._previews = previews
        self._live = live
        self._templates = Templates()
        self._turns = Turns()
        self._posts = {
            "/api/v1/entries/": self._post_entries,
            "/api/v1/entries": self._post_entries,
            "/api/v1/packs": self._post_pack,
            "/api/v1/packs/": self._post_pack,
            "/api/v1/live": self._post_live,
            "/api/v1/live/": self._post_live,
        }

    def serves(self, path: str) -> bool:
        """Return whether the path is one of these routes."""
        return path in self._posts or path.startswith(_ORIGINS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = dict(scope["headers"])
        hold = Hold(self._bodies)
        try:
            if len(headers) != len(scope["headers"]):
                refuse_doubles(scope["headers"])
            handle = self._posts.get(scope["path"])
            if handle is None:
                await self._get_origin(scope, headers, send)
                return
            if scope["method"] != "POST":
                raise WrongMethod("This address takes POST.", allow="POST")
            admitted = _Admitted(await self._admit(scope, headers), scope, headers, time.monotonic())
            await handle(admitted, hold, receive, send)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the boundary: whatever it is, the client gets JSON
            if isinstance(error, NikDevError) and not isinstance(error, _TOO_OFTEN):
                _tell_log(type(error).__name__, scope, headers)
            await send_error(send, error)
        finally:
            hold.release()

    async def _admit(self, scope: Scope, headers: Mapping[bytes, bytes], *, again: bool = False) -> Access:
        device_id, api_key, client = headers.get(b"x-device-id"), headers.get(b"x-api-key"), scope.get("client")
        access = await self._admission.admit(
            None if device_id is None else device_id.decode("latin-1"),
            None if api_key is None else api_key.decode("latin-1"),
            client[0] if client else "",
            again=again,
        )
        if not access.key.can_write:
            raise Forbidden(
                "This API key has no write access.", hint="Use a key with write access, or give it to this one."
            )
        return access

    async def _submit(self, admitted: _Admitted, push: Push) -> Outcome:
        """Store a push, if its key is still good: a body may take its time, and the key be revoked meanwhile."""
        if time.monotonic() - admitted.at_s > _ADMITTED_FOR_S:
            await self._admit(admitted.scope, admitted.headers, again=True)
        return await self._writer.submit(push)

    # -- POST entries/ -------------------------------------------------------------------------------

    async def _post_entries(self, admitted: _Admitted, hold: Hold, receive: Receive, send: Send) -> None:
        access, headers = admitted.access, admitted.headers
        received_us = self._now_us()
        body = await self._bodies.read(hold, headers, receive)
        read: Callable[..., Any] = partial(
            read_entries, device=access.device, key_id=access.key.id, limits=self._limits, received_us=received_us
        )
        encoding = headers.get(b"content-encoding", b"identity").lower()
        size = len(body)
        if encoding != b"identity":
            read = partial(_inflated, read, encoding, self._limits.body_bytes)
            size = max(_IN_THREAD_FROM_BYTES, size * _MOST_INFLATED)
        push = await self._decode(read, body, size, access)
        outcome = EntriesOutcome(0, 0) if push is None else await self._submit(admitted, push)
        if not isinstance(outcome, EntriesOutcome):
            raise TypeError(type(outcome).__name__)
        message = f"{outcome.stored} stored"
        if outcome.duplicates:
            message += f", {outcome.duplicates} were stored before"
        await send_json(
            send,
            200,
            {
                "message": message,
                "stored": outcome.stored,
                "duplicates": outcome.duplicates,
                "server_time_us": self._now_us(),
            },
        )

    # -- POST packs ----------------------------------------------------------------------------------

    async def _post_pack(self, admitted: _Admitted, hold: Hold, receive: Receive, send: Send) -> None:
        access, headers = admitted.access, admitted.headers
        received_us = self._now_us()
        sent_us = _sent_us(headers.get(b"x-nikdev-sent-us"))
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise _WrongEncoding("A pack is compressed inside its frame, not by Content-Encoding.")
        body = await self._bodies.read(hold, headers, receive)
        read = partial(
            read_pack,
            device=access.device,
            key_id=access.key.id,
            limits=self._limits,
            received_us=received_us,
            sent_us=sent_us,
            templates=self._templates,
        )
        # A short body may decompress to a long one: the frame says how long (docs/wire.md, "Frame").
        size = max(len(body), int.from_bytes(body[8:12], "little"))
        push = await self._decode(read, body, size, access)
        outcome = await self._submit(admitted, push)
        if isinstance(outcome, FieldsRefused):
            raise await self._decode(partial(commits_refused, refused=outcome), push, size, access)
        if not isinstance(outcome, PackOutcome):
            raise TypeError(type(outcome).__name__)
        verdict, mark = outcome.verdict, outcome.mark
        answer = PushAnswer(
            mark=mark, epoch=self._storage.epoch, server_time_us=self._now_us(), stored=verdict is Verdict.STORE
        ).to_json()
        if verdict in _CONFLICTS:
            _log.info(
                "a pack was not stored: %s",
                verdict.value,
                extra={"device_id": str(access.device.id), "origin": str(push.claim.origin), "mark": mark.number},
            )
            message = _CONFLICTS[verdict].format(number=mark.number, next=mark.number + 1)
            await send_json(send, 409, {"message": message, "code": verdict.value, **answer})
        else:
            self._waiting.note(access.device.id, read_count(headers.get(b"x-nikdev-waiting")))
            await send_json(send, 200, answer)

    # -- POST live -----------------------------------------------------------------------------------

    async def _post_live(self, admitted: _Admitted, hold: Hold, receive: Receive, send: Send) -> None:
        """Show the newest values of a device that still pushes older ones; nothing of it is stored."""
        device, headers = admitted.access.device, admitted.headers
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise _WrongEncoding("A pack is compressed inside its frame, not by Content-Encoding.")
        body = await self._bodies.read(hold, headers, receive)
        came = await self._in_thread(partial(read_preview, device_id=device.id, limits=self._limits), body)
        if time.monotonic() - admitted.at_s > _ADMITTED_FOR_S:
            await self._admit(admitted.scope, headers, again=True)
        self._previews.expect(came)
        part = None
        try:
            known = partial(known_part, self._storage, came)
            part = await asyncio.get_running_loop().run_in_executor(self._lookups, known)
        finally:
            is_shown = self._previews.show(came, part)
        if part is not None and is_shown:
            self._live.previewed(device, part.values)
        await send_json(
            send,
            200,
            {
                "shown": is_shown,
                "again_after_s": self._previews.again_after_s,
                "server_time_us": self._now_us(),
            },
        )

    # -- GET origins/… -------------------------------------------------------------------------------

    async def _get_origin(self, scope: Scope, headers: Mapping[bytes, bytes], send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            raise WrongMethod("This address takes GET.", allow="GET")
        access = await self._admit(scope, headers)
        name, _, rest = scope["path"].removeprefix(_ORIGINS).partition("/")
        try:
            origin = uuid.UUID(name)
        except ValueError:
            raise NotFound(f"{name!r} is not the UUID of an origin.") from None
        key = (access.device.id, origin)
        if rest in {"", "/"}:
            mark = await asyncio.get_running_loop().run_in_executor(self._lookups, self._storage.mark, key)
            answer = PushAnswer(mark=mark, epoch=self._storage.epoch, server_time_us=self._now_us())
            await send_json(send, 200, answer.to_json())
        elif rest.rstrip("/") == "digests":
            query = parse_qs(scope["query_string"].decode("latin-1"))
            after = _whole_number(query, "after", default=0, low=0, high=2**63 - 1)
            limit = _whole_number(query, "limit", default=MAX_DIGESTS, low=1, high=MAX_DIGESTS)
            read = partial(digests_after, self._storage, key, after=after, limit=limit)
            digests, following = await asyncio.get_running_loop().run_in_executor(self._digests, read)
            page = {
                "digests": [[number, digest.hex()] for number, digest in digests],
                "next": following,
                "epoch": self._storage.epoch.hex(),
            }
            await send_json(send, 200, page)
        else:
            raise NotFound("There is no such address.", hint="An origin has its mark and `digests`.")

    async def _decode(self, read: Callable[[Any], Any], body: Any, size: int, access: Access) -> Any:
        """Return what `read` makes of the body: in a thread where it takes long, and where it is big in its turn."""
        if size < _IN_THREAD_FROM_BYTES:
            return read(body)
        if size <= BIG_BYTES:
            return await self._in_thread(read, body)
        async with self._turns.take(access.key.id):
            return await self._in_thread(read, body)

    def _in_thread(self, call: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self._executor, call, *args)


def _tell_log(what: str, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
    """Log that a request was refused; never what it said, for that may be somebody's secret."""
    device_id = headers.get(b"x-device-id", b"")[:36].decode("latin-1")
    _log.info("a request was refused: %s", what, extra={"path": scope["path"], "device_id": device_id})


def _inflated(read: Callable[[bytes], Any], encoding: bytes, limit: int, body: bytes) -> Any:
    return read(_inflate(body, encoding, limit))


def _inflate(body: bytes, encoding: bytes, limit: int) -> bytes:
    """Undo `Content-Encoding: gzip` or `deflate`, never holding more than `limit` bytes."""
    if encoding not in {b"gzip", b"x-gzip", b"deflate"}:
        raise _WrongEncoding(
            f"The content encoding {encoding.decode('latin-1')!r} is not known.", hint="Send gzip, deflate or none."
        )
    stream = zlib.decompressobj(wbits=15 if encoding == b"deflate" else 31)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error as error:
        raise Damaged(f"not {encoding.decode()} ({error})", place="body") from None
    if len(plain) > limit:
        raise TooLarge(f"more than {limit} bytes decompressed, which is the limit", limit=limit, place="body")
    if not stream.eof or stream.unused_data:
        raise Damaged(f"its {encoding.decode()} stream does not end where the body ends", place="body")
    return plain


def _sent_us(header: bytes | None) -> int | None:
    if header is None:
        return None
    try:
        sent_us = int(header)
    except ValueError:
        sent_us = 2**63
    if not -(2**62) < sent_us < 2**62:
        raise Malformed("not a time in µs since 1970-01-01 UTC", place="x-nikdev-sent-us")
    return sent_us


def _whole_number(query: Mapping[str, list[str]], name: str, *, default: int, low: int, high: int) -> int:
    text = query.get(name, [str(default)])[-1]
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise Malformed(f"not a whole number from {low} to {high}", place=name)
    return number
