"""Sends large answers: a few at a time of each caller, and none to one who does not read."""

import asyncio
import socket
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import web

from coordinator.http.limits import AT_ONCE, too_many
from coordinator.http.principals import PRINCIPAL

LARGE: Final = 64 * 1024
"""Bytes of a body; what is smaller is handed to the connection whole, and the connection has an end of its own."""
SEND_S: Final = 30.0
"""Within which a large answer must have been read."""
IN_KERNEL: Final = 128 * 1024
"""Bytes that the kernel may keep for one caller; else it takes megabytes, and hides who does not read."""


def keep_little_in_kernel(transport: asyncio.BaseTransport | None) -> None:
    """Bound what the kernel keeps for a connection, so that it is felt when nobody reads."""
    wired = transport.get_extra_info("socket") if transport is not None else None
    if wired is not None:
        wired.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, IN_KERNEL)


@dataclass(slots=True)
class Sending:
    """What is on its way; so memory is bounded by callers and answers, whoever does not read."""

    send_s: float = SEND_S
    each: int = 4
    """Of one caller."""
    total: int = 32
    """Of all callers."""
    cut_off: int = field(init=False, default=0)
    _under_way: Counter[str] = field(init=False, default_factory=Counter)

    async def send(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Send a large answer, and return when it was read or given up; leave any other to the framework.

        Raises `Problem` when too many are on their way.
        """
        if answer.prepared or not isinstance(answer, web.Response) or (answer.content_length or 0) <= LARGE:
            return
        principal = request.get(PRINCIPAL)
        caller = principal.key if principal is not None else ""
        if self._under_way[caller] >= self.each or self._under_way.total() >= self.total:
            raise too_many(AT_ONCE, 1)
        self._under_way[caller] += 1
        try:
            keep_little_in_kernel(request.transport)
            async with asyncio.timeout(self.send_s):
                await answer.prepare(request)
                await answer.write_eof()
        except TimeoutError:
            self._cut(request, caller)
        except ConnectionError:
            pass  # the caller has gone
        finally:
            self._under_way[caller] -= 1
            if not self._under_way[caller]:
                del self._under_way[caller]

    def _cut(self, request: web.Request, caller: str) -> None:
        self.cut_off += 1
        structlog.get_logger("http").warning("reader_cut_off", caller=caller, seconds=self.send_s)
        if request.transport is not None:
            request.transport.abort()
