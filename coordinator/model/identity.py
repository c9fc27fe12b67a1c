"""Identifiers that sort by time (RFC 9562, UUID version 7), made from a moment and random bits that are given."""

RANDOM_BYTES = 10
_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_LOW_62 = (1 << 62) - 1
_LOW_12 = (1 << 12) - 1


def uuid7(milliseconds: int, random: bytes) -> str:
    """A version 7 UUID in canonical form from milliseconds since the Unix epoch and 10 random bytes."""
    noise = int.from_bytes(random, "big")
    number = (milliseconds & ((1 << 48) - 1)) << 80 | _VERSION | ((noise >> 62) & _LOW_12) << 64
    text = f"{number | _VARIANT | (noise & _LOW_62):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
