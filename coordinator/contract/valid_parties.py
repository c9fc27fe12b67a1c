"""Examples of what DPS says of parties, and of complaints that are referred to it."""

from collections.abc import Iterator

from coordinator.contract.example import Json, Valid, common, every_attribute, ident, message, person


def parties() -> Iterator[Valid]:
    """`party.status`: of an agency, of an account, of a key."""
    yield _party("agency-suspended", {"party": "dea", "state": "suspended", "reason": "breach_of_terms"})
    yield _party("agency-restored", {"party": "dea", "state": "in_force", "reason": "resolved"})
    yield _party("account-revoked", {"party": "hsi", "account": "hsi", "state": "revoked", "reason": "compromised"})
    key = {"party": "hsi", "key_id": "hsi:2026-1", "state": "suspended", "reason": "requested_by_agency"}
    late = {"time": "2026-11-25T11:59:30-06:00"}
    yield _party("key-suspended-by-a-clock-days-off", key, **late)
    agreement = {"agreement_id": ident("agreement participation hsi")}
    attributes = every_attribute("party.status", f"party/{ident('a party')}")
    account = {"party": "hsi", "account": "hsi", "state": "suspended", "reason": "left_service"}
    yield _party("every-field", account | agreement, **attributes)


def complaints() -> Iterator[Valid]:
    """`complaint.referral`: to DPS alone."""
    yield _complaint("use-of-force", ["dps"], {"category": "use_of_force"})
    yield _complaint("to-the-coordinator", ["coordinator"], {"category": "disclosure"})
    every = {
        "category": "detention",
        "occurred": "2026-11-20T22:15:00-06:00",
        "documents": [f"sha-256:{'c0' * 32}"],
        "agreement_id": ident("agreement 287g mshp hsi"),
    }
    attributes = every_attribute("complaint.referral", f"complaint/{ident('complaint every-field')}")
    yield _complaint("every-field", ["dps"], every, **attributes)


def _party(title: str, said: Json, **envelope: object) -> Valid:
    shared = common("dps", [said["party"]], purpose="administration")
    return message("party.status", "dps", title, {**shared, "originator": person("dps"), **said}, **envelope)


def _complaint(title: str, to: list[str], said: Json, **envelope: object) -> Valid:
    data = {
        **common("mshp", to, purpose="administration"),
        "originator": person("mshp"),
        "complaint_id": ident(f"complaint {title}"),
        "concerned": "hsi",
        "taken": "2026-11-26T09:00:00-06:00",
        **said,
    }
    return message("complaint.referral", "mshp", title, data, **envelope)
