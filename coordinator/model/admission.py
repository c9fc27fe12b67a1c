"""By which rule of `domain.md` (*Registration is not dissemination*) a type of message is judged."""

from enum import StrEnum


class Admission(StrEnum):
    """The rule by which a sender and its recipients are judged."""

    REGISTRATION = "registration"
    """`operation.*`: a proven sender with a participation agreement; each recipient judged by agreement."""
    ROLE = "role"
    """Judged by the part that the sender plays, never by an agreement: agreements, credentials, receipts."""
    ALERT = "alert"
    """`situation.alert`: per recipient by agreement; imminent danger reaches every desk without one."""
    OWN = "own"
    """From the coordinator itself; refused from anybody else."""
