"""Cursors that are good for one caller and one question only: sealed, so that they neither tell nor take anything."""

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coordinator.http.problems import Problem, invalid

KEY_BYTES = 32
_NONCE_BYTES = 12
_MOST = 256
"""Characters; ours are shorter."""


def wrong_cursor() -> Problem:
    """One answer for a cursor that is broken, another caller's, or of other filters: they look the same."""
    return invalid("cursor", "give `next` of the last page back, with the same filters; or begin without a cursor")


class Cursors:
    """Seals where a page ended, with the caller and the question as what it is good for (AES-256-GCM)."""

    def __init__(self, key: bytes) -> None:
        """A key of 32 bytes; with another one, as after a restart, every cursor is a broken one."""
        self._cipher = AESGCM(key)

    def seal(self, after: str, question: str) -> str:
        """A cursor that goes on after an id."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, after.encode(), question.encode())
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, cursor: str, question: str) -> str:
        """The id after which to go on; raises `Problem` for any cursor that is not ours for this very question."""
        if not cursor.isascii() or len(cursor) > _MOST:
            raise wrong_cursor()
        try:
            sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, rest, question.encode()).decode()
        except (binascii.Error, ValueError, InvalidTag) as error:
            raise wrong_cursor() from error
