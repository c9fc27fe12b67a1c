"""Rows of what was said and is kept: plain values, whose fields are the columns of the table of the same name.

A type whose state is one more list of such words needs a row here, and a table; nothing else writes it.
"""

from typing import NamedTuple, TypeAlias


class ConflictWord(NamedTuple):
    """What one side said of a conflict, and of which revisions of the two operations."""

    conflict: str
    operation: str
    """The side's own; where both are, the first of the pair."""
    agency: str
    word: str
    """acknowledge, claim, handover or response."""
    officer_id: str | None
    successor: str | None
    decision: str | None
    reason: str | None
    minutes: int | None
    contact_us: int | None
    contact_by: str | None
    contact_method: str | None
    first_revision: int
    second_revision: int
    position: int = -1


class Token(NamedTuple):
    """A subject token of an operation; never shown to anybody, never in a leaf."""

    operation: str
    kind: str
    token: str
    key_epoch: int
    position: int = -1


class Question(NamedTuple):
    """What was asked by whom, and answered; the ground is in the message."""

    agency: str
    id: str
    officer_id: str
    case_reference: str
    from_us: int
    to_us: int
    possible: int
    position: int = -1


class Waiver(NamedTuple):
    """An exigent operation."""

    operation: str
    agency: str
    officer_id: str
    approved_by: str
    due_us: int
    reason: str
    position: int = -1


class Dissemination(NamedTuple):
    """That intelligence went out; to whom is said by the deliveries of the same entry."""

    agency: str
    id: str
    word: str
    """share, request or release."""
    officer_id: str
    share_agency: str | None
    share_id: str | None
    request_agency: str | None
    request_id: str | None
    review_us: int | None
    position: int = -1


class Recall(NamedTuple):
    """That a message was recalled or corrected."""

    agency: str
    id: str
    word: str
    """recall or correct."""
    reason: str
    officer_id: str | None
    replacement: str | None
    position: int = -1


class RecordWord(NamedTuple):
    """What was said of how long an operation or a message is kept."""

    kind: str
    """operation or message."""
    agency: str
    id: str
    word: str
    """renew, validate, place or lift."""
    officer_id: str
    until_us: int | None
    reviewed_us: int | None
    reason: str
    position: int = -1


class Party(NamedTuple):
    """What the lead said of an agency, of one of its accounts, or of one of its keys."""

    party: str
    account: str | None
    key_id: str | None
    state: str
    reason: str
    officer_id: str
    position: int = -1


class Complaint(NamedTuple):
    """That a complaint was referred."""

    complaint: str
    agency: str
    concerned: str
    category: str
    position: int = -1


Row: TypeAlias = ConflictWord | Token | Question | Waiver | Dissemination | Recall | RecordWord | Party | Complaint
