"""How often each message has failed, where the broker's own count is missing or begins anew."""

from collections import OrderedDict
from typing import Final

ATTEMPTS: Final = 5
"""Attempts at a message that fails alone, before it is set aside; well below any queue's delivery limit."""
_REMEMBERED: Final = 10_000


class Attempts:
    """Failed attempts by queue and digest; the oldest are forgotten first."""

    def __init__(self, allowed: int = ATTEMPTS) -> None:
        """Take how many attempts a message has."""
        self._allowed = allowed
        self._failed: OrderedDict[tuple[str, str], int] = OrderedDict()

    def spent_after_failure(self, queue: str, digest: str, delivery_count: int) -> bool:
        """Count a failure, and tell whether it was the last; `delivery_count` is the broker's count of those before."""
        key = (queue, digest)
        failed = max(self._failed.pop(key, 0), delivery_count) + 1
        if failed >= self._allowed:
            return True
        self._failed[key] = failed
        while len(self._failed) > _REMEMBERED:
            self._failed.popitem(last=False)
        return False

    def worked(self, queue: str, digest: str) -> None:
        """Forget the failures of a message that has gone through."""
        if self._failed:
            self._failed.pop((queue, digest), None)
