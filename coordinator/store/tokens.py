"""Tokens that no longer count, kept until they would have ended by themselves."""

import sqlite3
from collections.abc import Collection

REVOKE = """
INSERT INTO revoked_tokens (jti, revoked_us, expires_us) VALUES (?, ?, ?)
ON CONFLICT (jti) DO UPDATE SET expires_us = max(expires_us, excluded.expires_us)
"""
REVOKED = "SELECT jti FROM revoked_tokens WHERE expires_us > ? ORDER BY expires_us DESC LIMIT ?"


def revoke(db: sqlite3.Connection, jti: str, revoked_us: int, expires_us: int) -> None:
    """Revoke a token, by its id; safe to repeat. Forgets those that have ended by themselves."""
    db.execute("BEGIN IMMEDIATE")
    db.execute("DELETE FROM revoked_tokens WHERE expires_us <= ?", (revoked_us,))
    db.execute(REVOKE, (jti, revoked_us, expires_us))
    db.execute("COMMIT")


def revoked(db: sqlite3.Connection, now_us: int, limit: int) -> Collection[str]:
    """The ids of tokens that are revoked and have not ended."""
    return [str(jti) for (jti,) in db.execute(REVOKED, (now_us, limit))]
