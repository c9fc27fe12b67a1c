"""Identifiers that sort by time (RFC 9562, UUID version 7), made from a moment and random bits that are given."""

RANDOM_BYTES = 10
_VARIANT = 0b10 << 14
_LOW_14 = (1 << 14) - 1
_LOW_12 = (1 << 12) - 1
_LOW_48 = (1 << 48) - 1


def uuid7(milliseconds: int, random: bytes) -> str:
    """A version 7 UUID in canonical form from milliseconds since the Unix epoch and 10 random bytes."""
    return moment_half(milliseconds) + random_half(random)


def moment_half(milliseconds: int) -> str:
    """The first half of a version 7 UUID, with its version: the same for all of one millisecond."""
    text = f"{milliseconds & _LOW_48:012x}"
    return f"{text[:8]}-{text[8:]}-7"


def random_half(random: bytes) -> str:
    """The second half of a version 7 UUID, from 10 random bytes, of which 74 bits are used."""
    noise = int.from_bytes(random, "big")
    return f"{noise >> 62 & _LOW_12:03x}-{_VARIANT | noise >> 48 & _LOW_14:04x}-{noise & _LOW_48:012x}"
