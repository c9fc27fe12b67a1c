"""What an agency's message is taken for: its sender, its flaws, its CloudEvent in either mode."""

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
import pytest
from aiormq.abc import DeliveredMessage
from cloudevents.core.bindings import rabbitmq
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from coordinator.amqp.binding import Content, dead_letter, structured, submission
from coordinator.amqp.guard import UnreadableHeaders
from coordinator.model.binding import digest_of
from coordinator.model.codes import AgencyKind, Role
from coordinator.model.decisions import RefusalCode
from coordinator.model.directory import Account, Agency, Desk
from coordinator.model.envelope import MAX_BODY_BYTES
from coordinator.model.leaf import Channel

NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)
DESK = Desk("Desk", "+15735550100", "desk@mshp.example")
EVENT = b'{"specversion": "1.0", "id": "1"}'
CE = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "//mshp/cad"}


def agency(*, require_user_id: bool = True) -> Agency:
    accounts = (Account("troop-f", "", ("cad",)), Account("old", "", ("cad",), enabled=False))
    return Agency(
        "mshp", "MSHP", AgencyKind.STATE, Role.PATROL, "MOEX00001", DESK, DESK, DESK, frozenset(), accounts,
        require_user_id=require_user_id,
    )  # fmt: skip


def content(body: bytes = EVENT, headers: Mapping[str, object] | None = None, **properties: object) -> Content:
    plain: dict[str, object] = {"content_type": "application/cloudevents+json", "user_id": "troop-f"}
    given_properties = Basic.Properties(**(plain | properties), headers=headers)  # type: ignore[arg-type]  # any table
    return of(given_properties, body)


def of(properties: Basic.Properties, body: bytes) -> Content:
    header = ContentHeader(body_size=len(body), properties=properties)
    return Content.of(DeliveredMessage(Basic.Deliver("tag", 1, redelivered=False), header, body, None))  # type: ignore[arg-type]  # no channel is needed to read a message


def test_a_message_in_order_becomes_its_owners_submission() -> None:
    submitted = submission(content(headers={"x-jws": "a..b"}), agency(), NOW)
    assert submitted.body == EVENT
    assert (submitted.agency, submitted.account, submitted.channel) == ("mshp", "troop-f", Channel.AMQP)
    assert submitted.digest == digest_of(EVENT)
    assert submitted.received == NOW
    assert submitted.flaw is None
    assert submitted.jws == "a..b"


@pytest.mark.parametrize(
    ("given_content", "flaw"),
    [
        (content(headers=UnreadableHeaders("nested")), RefusalCode.UNREADABLE_HEADERS),
        (content(headers={"x-jws": 7}), RefusalCode.UNREADABLE_HEADERS),
        (content(reply_to="amq.rabbitmq.reply-to"), RefusalCode.FORBIDDEN_PROPERTY),
        (content(headers={"CC": ["out.fbi"]}), RefusalCode.FORBIDDEN_PROPERTY),
        (content(headers={"BCC": ["out.fbi"]}), RefusalCode.FORBIDDEN_PROPERTY),
        (content(user_id=None), RefusalCode.USER_ID_MISSING),
        (content(user_id=""), RefusalCode.USER_ID_MISSING),
        (content(user_id="hsi"), RefusalCode.SENDER_MISMATCH),
        (content(user_id="old"), RefusalCode.SENDER_MISMATCH),
        (content(content_encoding="gzip"), RefusalCode.CONTENT_ENCODING),
        (content(content_type=None), RefusalCode.CONTENT_TYPE),
        (content(content_type="text/plain"), RefusalCode.CONTENT_TYPE),
        (content(content_type="application/json"), RefusalCode.CONTENT_TYPE),
        (content(content_type="application/cloudevents-batch+json"), RefusalCode.CONTENT_TYPE),
        (content(b" " * (MAX_BODY_BYTES + 1)), RefusalCode.TOO_LARGE),
        (
            content(b'"' + b"x" * (MAX_BODY_BYTES - 10) + b'"', CE, content_type="application/json"),
            RefusalCode.TOO_LARGE,
        ),
    ],
)
def test_every_flaw_that_the_door_sees_has_its_code(given_content: Content, flaw: RefusalCode) -> None:
    assert submission(given_content, agency(), NOW).flaw is flaw


def test_a_body_of_64_kib_is_not_too_large() -> None:
    assert submission(content(b" " * MAX_BODY_BYTES), agency(), NOW).flaw is None


def test_a_huge_body_is_cut_and_its_digest_is_of_the_whole() -> None:
    body = b"x" * 1_000_000
    submitted = submission(content(body), agency(), NOW)
    assert submitted.body == body[: MAX_BODY_BYTES + 1]
    assert submitted.digest == digest_of(body)


def test_an_account_of_somebody_else_is_not_passed_on() -> None:
    assert submission(content(user_id="hsi"), agency(), NOW).account is None
    assert submission(content(user_id="old"), agency(), NOW).account == "old"


def test_the_directory_may_relax_the_presence_of_user_id_and_nothing_else() -> None:
    relaxed = agency(require_user_id=False)
    assert submission(content(user_id=None), relaxed, NOW).flaw is None
    assert submission(content(user_id="hsi"), relaxed, NOW).flaw is RefusalCode.SENDER_MISMATCH


@pytest.mark.parametrize(
    "content_type", ["Application/CloudEvents+JSON", "application/cloudevents+json; charset=utf-8"]
)
def test_media_types_are_compared_as_mime_says(content_type: str) -> None:
    assert submission(content(content_type=content_type), agency(), NOW).flaw is None


names = st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True).filter(
    lambda name: name not in {"id", "source", "type", "specversion", "data", "time", "datacontenttype", "dataschema"}
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(names, st.text(min_size=1, max_size=10), max_size=4), st.dictionaries(st.text(), json_values))
def test_binary_mode_as_the_sdk_writes_it_is_the_same_event(
    extensions: dict[str, str], data: dict[str, object]
) -> None:
    attributes = {"id": "1", "source": "//mshp/cad", "type": "t", "specversion": "1.0", "time": NOW}
    event = CloudEvent(attributes | {"datacontenttype": "application/json"} | extensions, data)
    message = rabbitmq.to_binary_event(event)
    arrived = content(message.body, message.headers, content_type=message.content_type)
    submitted = submission(arrived, agency(), NOW)
    assert submitted.flaw is None
    assert submitted.digest == digest_of(submitted.body)
    read = rabbitmq.from_structured_event(rabbitmq.RabbitMQMessage({}, "application/cloudevents+json", submitted.body))
    assert read.get_attributes() == event.get_attributes()
    assert read.get_data() == data


@pytest.mark.parametrize("prefix", ["ce-", "cloudEvents:", "cloudEvents_"])
def test_each_binding_marks_attributes_its_own_way(prefix: str) -> None:
    headers = {f"{prefix}specversion": "1.0", f"{prefix}id": "1", f"{prefix}time": NOW, "other": "ignored"}
    arrived = content(b'{"a": 1}', headers, content_type="application/json")
    event = orjson.loads(submission(arrived, agency(), NOW).body)
    assert event == {
        "specversion": "1.0",
        "id": "1",
        "time": "2026-11-27T18:00:00Z",
        "datacontenttype": "application/json",
        "data": {"a": 1},
    }


@pytest.mark.parametrize("data", [b"", b'{"a": 1}, "source": "//fbi/cad"', b"{", b"\xff", b"[" * 5_000])
def test_what_is_not_json_never_mixes_with_the_attributes(data: bytes) -> None:
    assert structured(CE, data) == data


def test_the_order_of_headers_makes_no_other_message() -> None:
    assert structured(CE, b"1") == structured(dict(reversed(CE.items())), b"1")


def test_a_dead_letter_belongs_to_the_owner_of_the_queue_where_it_died() -> None:
    death = {"queue": "router.in.mshp", "reason": "delivery_limit", "count": 1}
    older = {"queue": "router.in.hsi", "reason": "rejected"}
    letter = dead_letter(content(headers={"x-death": [death, older]}), {"router.in.mshp": agency()}, NOW)
    assert letter.submission.agency == "mshp"
    assert letter.submission.account == "troop-f"
    assert (letter.queue, letter.reason) == ("router.in.mshp", "delivery_limit")


@pytest.mark.parametrize(
    "headers",
    [None, {}, {"x-death": "x"}, {"x-death": []}, {"x-death": [7]}, {"x-death": [{"queue": 3}]}, UnreadableHeaders("")],
)
def test_a_dead_letter_without_a_believable_history_is_nobodys(headers: Mapping[str, object] | None) -> None:
    letter = dead_letter(content(headers=headers), {"router.in.mshp": agency()}, NOW)
    assert letter.submission.agency == ""
    assert letter.submission.account is None
    assert letter.submission.body == EVENT
    assert letter.queue is None


@pytest.mark.parametrize(("header", "count"), [(3, 3), (None, 0), ("3", 0), (True, 0)])
def test_the_brokers_count_of_deliveries_is_read(header: object, count: int) -> None:
    assert content(headers={} if header is None else {"x-delivery-count": header}).delivery_count == count


@pytest.mark.parametrize("text", ["a.b.c", "..", "SUSPECT AT LARGE\r\n..x", "a..b\n", "x" * 5_000])
def test_a_signature_header_that_is_no_detached_signature_is_not_carried_on(text: str) -> None:
    assert submission(content(headers={"x-jws": text}), agency(), NOW).jws is None
