"""CloudEvents as doors receive them, whatever carries them: media types, binary mode, digests, detached signatures."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

import orjson

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
BINARY: Final = "application/json"
_DETACHED: Final = re.compile(r"[A-Za-z0-9_-]{1,2048}\.\.[A-Za-z0-9_-]{1,2048}")
"""A detached JWS (RFC 7515, appendix F). Any other text is not carried on: it would be the sender's, unseen by us."""


def digest_of(body: bytes) -> str:
    """Return `sha-256:` and the hexadecimal digest."""
    return "sha-256:" + hashlib.sha256(body).hexdigest()


def detached(jws: object) -> str | None:
    """Return what a sender gave as `x-jws`, if it is a detached JWS."""
    return jws if isinstance(jws, str) and _DETACHED.fullmatch(jws) else None


def media_type(content_type: str) -> str:
    """Return a content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def structured(attributes: Mapping[str, object], data: bytes) -> bytes:
    """Turn a CloudEvent in binary mode into the structured JSON form, attributes in alphabetical order.

    The data's bytes are kept. What is not JSON is returned as it is, and is refused where JSON is read: put between
    the attributes, it could pretend to be some of them.
    """
    try:
        orjson.loads(data)
        envelope = orjson.dumps({**attributes, "datacontenttype": BINARY}, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return data
    return envelope[:-1] + b',"data":' + data + b"}"
