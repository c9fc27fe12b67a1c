"""Examples of agreements and credentials; together they are the law under which the other examples are judged."""

from collections.abc import Iterator
from typing import Final

from coordinator.contract.example import Json, Valid, common, every_attribute, ident, message, person

SHORT_TYPES: Final = [
    "operation.notice",
    "operation.update",
    "operation.status",
    "situation.alert",
    "intelligence.share",
    "intelligence.request",
    "intelligence.release",
]
DELEGATION: Final = ident("agreement 287g mshp hsi")
OFFICERS: Final = ("4127", "4130")


def agreements() -> Iterator[Valid]:
    """`agreement.status`: each kind, put in force by both sides, proposed, suspended, terminated.

    DEA takes no part as yet, so that a refusal for it can be shown.
    """
    for party in ("mshp", "hsi"):
        for side in ("dps", party):
            title = f"participation-of-{party}-by-{side}"
            yield _agreement(side, title, _participation(side, party, f"participation {party}"))
    for side in ("dps", "mshp", "hsi"):
        yield _agreement(side, f"dissemination-by-{side}", _dissemination(side))
    for side in ("mshp", "hsi"):
        yield _agreement(side, f"287g-by-{side}", _delegation(side, DELEGATION))
    yield _agreement("dps", "proposed", _participation("dps", "dea", "participation dea") | {"state": "proposed"})
    yield _agreement("hsi", "suspended", _delegation("hsi", ident("agreement 287g old")) | {"state": "suspended"})
    ended = _participation("mshp", "mshp", "participation old") | {"state": "terminated"}
    yield _agreement("mshp", "terminated-by-a-clock-days-off", ended, time="2026-11-20T08:00:00-06:00")
    every = _dissemination("mshp") | {
        "agreement_id": ident("agreement every-field"),
        "originator": person("mshp"),
        "functions": ["transport"],
    }
    attributes = every_attribute("agreement.status", f"agreement/{every['agreement_id']}")
    yield _agreement("mshp", "every-field", every, **attributes)


def credentials() -> Iterator[Valid]:
    """`credential.status`: the employer nominates, trains and certifies; the other side authorises."""
    for state, officer in (("nominated", "4140"), ("training", "4141"), ("suspended", "4142"), ("revoked", "4143")):
        yield _credential("mshp", f"{state}-by-employer", officer, state)
    for officer in OFFICERS:
        yield _credential("mshp", f"certified-by-employer-{officer}", officer, "certified")
        yield _credential("hsi", f"authorised-by-other-side-{officer}", officer, "authorised")
    yield _credential("hsi", "revoked-by-other-side", "4143", "revoked")
    attributes = every_attribute("credential.status", f"agreement/{DELEGATION}")
    yield _credential("mshp", "every-field", "4144", "certified", person("mshp"), **attributes)


def _terms(kind: str, parties: list[str], **more: object) -> Json:
    return {
        "kind": kind,
        "parties": parties,
        **more,
        "effective": "2026-01-01T00:00:00-06:00",
        "expires": "2028-01-01T00:00:00-06:00",
        "document_digest": f"sha-256:{'5e' * 32}",
        "state": "in_force",
    }


def _participation(side: str, party: str, agreement: str) -> Json:
    spoken_of = {"agreement_id": ident(f"agreement {agreement}")}
    return common(side, ["coordinator"], purpose="administration") | spoken_of | _terms("participation", ["dps", party])


def _dissemination(side: str) -> Json:
    regimes = ["operational", "criminal-intelligence"]
    terms = _terms("dissemination", ["dps", "mshp", "hsi"], message_types=SHORT_TYPES, regimes=regimes)
    spoken_of = {"agreement_id": ident("agreement dissemination")}
    return common(side, ["coordinator"], purpose="administration") | spoken_of | terms


def _delegation(side: str, agreement: str) -> Json:
    terms = _terms("287g", ["mshp", "hsi"], functions=["serve_warrants", "arrest_immigration"])
    return common(side, ["dps"], purpose="administration") | {"agreement_id": agreement} | terms


def _agreement(side: str, title: str, data: Json, **envelope: object) -> Valid:
    return message("agreement.status", side, title, data, **envelope)


def _credential(
    side: str, title: str, officer: str, state: str, originator: Json | None = None, **envelope: object
) -> Valid:
    shared = common(side, ["dps"], purpose="administration")
    data = {
        **shared,
        "originator": originator or shared["originator"],
        "agreement_id": DELEGATION,
        "officer_id": officer,
        "state": state,
        "functions": ["serve_warrants", "arrest_immigration"],
        "valid_from": "2026-02-01T00:00:00-06:00",
        "valid_to": "2027-02-01T00:00:00-06:00",
        "supervisor": "2200",
    }
    return message("credential.status", side, title, data, **envelope)
