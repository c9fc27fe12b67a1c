"""Tokens that no longer count, kept until they would have ended by themselves."""

import sqlite3
from collections.abc import Collection

from coordinator.model.access import Revoked

REVOKE = """
INSERT INTO revoked_tokens (jti, revoked_us, expires_us) VALUES (?, ?, ?)
ON CONFLICT (jti) DO UPDATE SET expires_us = max(expires_us, excluded.expires_us)
"""
REVOKED = "SELECT jti FROM revoked_tokens WHERE expires_us > ? ORDER BY expires_us DESC LIMIT ?"


def revoke(db: sqlite3.Connection, revoked: Revoked) -> None:
    """Revoke a token in the transaction that records it; safe to repeat. Forgets those that have ended."""
    db.execute("DELETE FROM revoked_tokens WHERE expires_us <= ?", (revoked.at_us,))
    db.execute(REVOKE, (revoked.jti, revoked.at_us, revoked.ends_us))


def revoked(db: sqlite3.Connection, now_us: int, limit: int) -> Collection[str]:
    """The ids of tokens that are revoked and have not ended."""
    return [str(jti) for (jti,) in db.execute(REVOKED, (now_us, limit))]
