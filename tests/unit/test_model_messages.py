"""The types of messages: how they are registered, what the walk asks of each, and what a rule of theirs names."""

import json
from typing import get_args

import pytest
from pydantic import ValidationError

from coordinator.contract.example import ident
from coordinator.contract.examples import valid
from coordinator.model.codes import Lane
from coordinator.model.decisions import EXPLANATIONS, RefusalCode, Refused, Stage
from coordinator.model.envelope import AgencyEvent, OwnEvent, schema_uri
from coordinator.model.messages import INCOMING, INCOMING_TYPES, MESSAGE, OUTGOING_NAMES, OUTGOING_TYPES, TYPES, type_of
from tests.unit.example_world import changed, example

ALERT_LANE = {
    "situation.alert",
    "deconfliction.alert",
    "deconfliction.closed",
    "deconfliction.escalation",
    "authority.lapsed",
}
"""What overtakes notices (`architecture.md`, Broker rules)."""
FROM_AGENCIES = {
    "operation.notice",
    "operation.update",
    "operation.status",
    "operation.cancel",
    "operation.close",
    "agreement.status",
    "credential.status",
    "situation.alert",
    "receipt.acknowledge",
    "deconfliction.subject",
    "deconfliction.request",
    "deconfliction.acknowledge",
    "deconfliction.claim",
    "deconfliction.handover",
    "deconfliction.response",
    "deconfliction.waiver",
    "intelligence.share",
    "intelligence.request",
    "intelligence.release",
    "message.recall",
    "message.correct",
    "record.renew",
    "record.validate",
    "record.hold",
    "party.status",
    "complaint.referral",
}
FROM_US = {
    "message.accepted",
    "message.refused",
    "deconfliction.alert",
    "deconfliction.closed",
    "authority.lapsed",
    "service.heartbeat",
    "feed.withdrawn",
    "deconfliction.result",
    "deconfliction.escalation",
    "recall.outstanding",
    "record.review",
    "record.purged",
}


def event(name: str, title: str | None = None) -> AgencyEvent:
    return INCOMING.validate_json(example(name, title).body)


# --- the registry ---


def test_every_type_of_the_issue_is_there_and_no_other() -> None:
    assert {model.name for model in INCOMING_TYPES} == FROM_AGENCIES
    assert {model.name for model in OUTGOING_TYPES} == FROM_US


@pytest.mark.parametrize("model", [*INCOMING_TYPES, *OUTGOING_TYPES])
def test_a_type_is_found_by_its_full_name(model: type[AgencyEvent | OwnEvent]) -> None:
    assert type_of(model) == f"gov.mo.coordination.{model.name}.v1"
    assert TYPES[type_of(model)] is model
    assert (type_of(model) in OUTGOING_NAMES) == issubclass(model, OwnEvent)
    assert get_args(model.model_fields["specversion"].annotation) == ("1.0",)


@pytest.mark.parametrize("model", [*INCOMING_TYPES, *OUTGOING_TYPES])
def test_alerts_never_wait_behind_notices(model: type[AgencyEvent | OwnEvent]) -> None:
    assert model.lane is (Lane.ALERT if model.name in ALERT_LANE else Lane.OUT)


@pytest.mark.parametrize("name", sorted(FROM_US))
def test_our_own_messages_are_none_that_an_agency_may_send(name: str) -> None:
    body = example(name).body
    assert MESSAGE.validate_json(body).name == name
    with pytest.raises(ValidationError):
        INCOMING.validate_json(body)


# --- what the walk asks of a message ---


def test_source_names_agency_and_system() -> None:
    notice = INCOMING.validate_json(changed(example("operation.notice"), source="//stl-pd/car-7"))
    assert (notice.agency, notice.system) == ("stl-pd", "car-7")


def test_messages_about_one_thing_share_an_object_and_others_do_not() -> None:
    warrant = f"operation/{ident('operation warrant')}"
    for name in ("operation.notice", "operation.status", "operation.cancel", "operation.close"):
        assert event(name).objects == (warrant,)
    assert event("operation.update", "moved").objects == (warrant,)
    assert event("operation.notice", "raid-multipolygon").objects != (warrant,)
    assert event("situation.alert").objects == ()


def test_both_sides_of_an_agreement_speak_of_one_object_and_each_officer_is_another() -> None:
    dps, mshp = event("agreement.status"), event("agreement.status", "participation-of-mshp-by-mshp")
    assert dps.objects == mshp.objects
    one = event("credential.status", "certified-by-employer-4127")
    same = event("credential.status", "authorised-by-other-side-4127")
    other = event("credential.status", "certified-by-employer-4130")
    assert one.objects == same.objects
    assert one.objects != other.objects


def test_each_recipients_acknowledgement_is_an_object_of_its_own() -> None:
    receipt = example("receipt.acknowledge")
    hsi, dps = INCOMING.validate_json(receipt.body), INCOMING.validate_json(changed(receipt, source="//dps/desk"))
    assert hsi.objects != dps.objects
    assert hsi.about == dps.about


@pytest.mark.parametrize("name", sorted(FROM_AGENCIES))
def test_only_agreements_credentials_and_parties_change_what_others_may_do(name: str) -> None:
    assert event(name).changes_policy == (name in {"agreement.status", "credential.status", "party.status"})


@pytest.mark.parametrize("each", [each for each in valid() if each.name in FROM_AGENCIES], ids=lambda each: each.title)
def test_a_subject_may_say_what_the_message_is_about_and_nothing_else(each: object) -> None:
    found = INCOMING.validate_json(getattr(each, "body"))  # noqa: B009 -- pytest gives an object
    if found.about is not None:
        data = json.loads(found.model_dump_json())
        assert INCOMING.validate_json(json.dumps({**data, "subject": found.about})).subject == found.about
        with pytest.raises(ValidationError, match="subject"):
            INCOMING.validate_json(json.dumps({**data, "subject": f"operation/{ident('another')}"}))


def test_a_rule_between_fields_names_the_field_at_fault() -> None:
    with pytest.raises(ValidationError) as refused:
        INCOMING.validate_json(changed(example("operation.notice"), data__end="2026-11-27T12:00:00Z"))
    (error,) = refused.value.errors()
    assert error["type"] == RefusalCode.WINDOW_INVALID
    assert error["ctx"]["field"] == "end"


def test_the_schema_of_a_type_has_a_name_of_its_own() -> None:
    names = {schema_uri(name) for name in TYPES}
    assert len(names) == len(TYPES)
    assert schema_uri("gov.mo.coordination.operation.notice.v1") == (
        "https://coordination.mo.gov/schemas/operation.notice.v1.json"
    )


# --- decisions ---


@pytest.mark.parametrize("code", list(RefusalCode))
def test_every_refusal_is_explained_in_one_plain_line(code: RefusalCode) -> None:
    explanation = Refused(code, Stage.DECODE).explanation
    assert explanation == EXPLANATIONS[code]
    assert explanation.isascii()
    assert explanation.isprintable()
    assert len(explanation) <= 256
    assert not explanation.endswith(".")
