"""The world in which the contract's examples are judged: their directory, their ground, their agreements."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import coordinator
from coordinator.contract.example import RECEIVED, Valid
from coordinator.contract.examples import valid
from coordinator.directory.counties import load_counties
from coordinator.directory.reader import read_directory
from coordinator.model.authority import AgreementBody, CredentialBody
from coordinator.model.decisions import Refused
from coordinator.model.directory import Directory
from coordinator.model.envelope import AgencyEvent
from coordinator.model.extent import Extent
from coordinator.model.leaf import Channel
from coordinator.model.messages import INCOMING
from coordinator.model.policy import AgreementWord, CredentialWord, Policy
from coordinator.model.work import Admitted, Read, Submission
from coordinator.steps import authorise, decode, validate
from coordinator.steps.validate import Bounds

Json = dict[str, Any]  # any JSON object


@cache
def directory() -> Directory:
    counties = load_counties()
    text = (Path(coordinator.__file__).parent / "directory" / "example.toml").read_text(encoding="utf-8")
    read = read_directory(text, counties=counties.names)
    assert isinstance(read, Directory), read
    return read


@cache
def bounds() -> Bounds:
    counties = load_counties()
    margin_m = directory().extent_margin_km * 1_000
    return Bounds(directory().limits, Extent.around(counties.outline, margin_m), counties)


def policy_of(events: Iterable[AgencyEvent], version: int = 1) -> Policy:
    """The policy when each side's last word is what the messages say."""
    agreements: dict[tuple[str, str], AgreementWord] = {}
    credentials: dict[tuple[str, str, str], CredentialWord] = {}
    for event in events:
        match event.data:
            case AgreementBody() as said:
                word = AgreementWord(said.agreement_id, event.agency, said.terms, said.state)
                agreements[said.agreement_id, event.agency] = word
            case CredentialBody() as said:
                of = (said.agreement_id, said.officer_id, event.agency)
                credentials[of] = CredentialWord(*of, said.state, said.functions, said.valid_from, said.valid_to)
            case _:
                pass
    return Policy(version, "dps", tuple(agreements.values()), tuple(credentials.values()))


@cache
def policy() -> Policy:
    """What the valid examples put in force."""
    law = [each for each in valid() if each.name in {"agreement.status", "credential.status"}]
    return policy_of(INCOMING.validate_json(each.body) for each in law)


def submission(body: bytes, agency: str, *, account: str | None = None, received: datetime = RECEIVED) -> Submission:
    digest = f"sha-256:{hashlib.sha256(body).hexdigest()}"
    return Submission(body, agency, account, Channel.AMQP, received, digest)


def read(body: bytes, agency: str = "mshp", received: datetime = RECEIVED) -> Read | Refused:
    """What the pure steps make of bytes."""
    decoded = decode.decode(body)
    if isinstance(decoded, Refused):
        return decoded
    return validate.read(submission(body, agency, received=received), decoded, bounds())


def judge(body: bytes, agency: str = "mshp") -> Admitted | Refused:
    """What the steps before the transaction say of bytes."""
    found = read(body, agency)
    if isinstance(found, Refused):
        return found
    return authorise.judge(submission(body, agency), found, policy(), directory())


def example(name: str, title: str | None = None) -> Valid:
    """The valid example of that type and title, or the first of the type."""
    return next(each for each in valid() if each.name == name and title in (None, each.title))


def changed(of: Valid, **changes: object) -> bytes:
    """An example with other attributes, or with `data__field` other fields of its body."""
    event: Json = json.loads(of.body)
    for name, value in changes.items():
        if name.startswith("data__"):
            event["data"][name.removeprefix("data__")] = value
        else:
            event[name] = value
    return json.dumps(event).encode()
