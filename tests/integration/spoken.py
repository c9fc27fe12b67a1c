"""A walk over a real store in which every type may be spoken, and what tests ask of it afterwards."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from coordinator.intake import Intake
from coordinator.model.decisions import RefusalCode
from coordinator.model.leaf import LEAF, Leaf
from coordinator.model.messages import INCOMING_TYPES, MESSAGE
from coordinator.model.rules import OF_ANY_TYPE
from coordinator.model.work import Receipt, Submission, Verdict
from coordinator.store import open_store
from coordinator.store.migrate import migrate
from coordinator.store.sqlite import SqliteStore
from tests import kit
from tests.kit import Json

INTELLIGENCE = ["intelligence.share", "intelligence.request", "intelligence.release"]
RULES = {model.name: model.rule for model in INCOMING_TYPES}
OFFICER = {"ori": "MOTEST000", "officer_id": "4127"}


@dataclass(slots=True)
class Spoken:
    """A domain whose agencies may tell each other of operations, and dps, mshp and hsi of intelligence."""

    store: SqliteStore
    intake: Intake
    clock: kit.Clock
    sent: dict[str, Json] = field(default_factory=dict)

    async def send(self, agency: str, name: str, data: Json, **envelope: object) -> "Answer":
        """Send one message, from its agency's own queue."""
        return await self.submit(kit.submission(agency, kit.body(agency, name, data, **envelope)), name)

    async def submit(self, submission: Submission, name: str) -> "Answer":
        """Send what is made already."""
        (receipt,) = await self.intake.receive([submission])
        assert receipt.body is not None
        MESSAGE.validate_json(receipt.body)
        if receipt.refused is not None:
            allowed = {*OF_ANY_TYPE, *RULES[name].refusals}
            assert receipt.refused.code in allowed, f"docs/decisions.md does not say it of {name}"
        return Answer(receipt, json.loads(submission.body), json.loads(receipt.body)["data"])

    async def feed(self, agency: str, *names: str) -> list[Json]:
        """What an agency was sent, of those types."""
        found = []
        for each in await self.store.feed(agency, 0, 10_000):
            message = json.loads(each.body)
            if message["source"].startswith("//coordinator/"):
                MESSAGE.validate_json(each.body)
            if message["type"].removeprefix("gov.mo.coordination.").removesuffix(".v1") in names:
                found.append(message)
        return found

    async def who_was_told(self, message: Json) -> list[str]:
        """Every agency in whose feed the message is."""
        told = []
        for agency in kit.AGENCIES:
            feed = await self.store.feed(agency, 0, 10_000)
            told += [agency for each in feed if each.event_id == message["id"]]
        return told

    async def rows(self, table: str) -> list[Json]:
        """What a table holds, in the order of its entries."""

        def work(db: object) -> list[Json]:
            cursor = db.execute(f"SELECT * FROM {table} ORDER BY position")  # type: ignore[attr-defined]  # noqa: S608  # a name from a test
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

        return await self.store.reading(work)

    async def leaves(self) -> Sequence[Leaf]:
        """The journal."""
        return [LEAF.validate_json(leaf) for leaf in await self.store.entries(0, 10_000)]

    async def written(self) -> bytes:
        """Every byte of the journal."""
        return b"\n".join(await self.store.entries(0, 10_000))

    async def meeting(self) -> "Meeting":
        """Two operations in one place: mshp's and dea's."""
        one, two = kit.plan(["coordinator"]), kit.plan(["coordinator"])
        await self.send("mshp", "operation.notice", one)
        await self.send("dea", "operation.notice", two)
        (alert,) = await self.feed("mshp", "deconfliction.alert")
        return Meeting(alert["data"]["pointer"]["conflict_id"], {"mshp": one, "dea": two})


@dataclass(frozen=True, slots=True)
class Answer:
    """What was sent, and what came of it."""

    receipt: Receipt
    message: Json
    said: Json

    @property
    def accepted(self) -> bool:
        return self.receipt.verdict is Verdict.ACCEPTED

    @property
    def reference(self) -> Json:
        agency, _, _ = self.message["source"][2:].partition("/")
        return {"agency": agency, "id": self.message["id"]}

    def refused_by(self, code: RefusalCode, where: str) -> bool:
        """Whether that is why, and where; nothing else is said of it."""
        found = self.receipt.refused
        return found is not None and (found.code, found.field) == (code, where)


@dataclass(frozen=True, slots=True)
class Meeting:
    """A conflict, and the two plans by their agencies."""

    conflict: str
    plans: Json

    def word(self, agency: str, **said: object) -> Json:
        """What a side says of it."""
        other = "dea" if agency == "mshp" else "mshp"
        return {**kit.common([other]), "originator": OFFICER, "conflict_id": self.conflict, **said}


def intelligence(to: Sequence[str], **said: object) -> Json:
    """The common part of a message of intelligence."""
    return {**kit.common(to, regime="criminal-intelligence"), "originator": OFFICER, **said}


def share(to: Sequence[str], **said: object) -> Json:
    """Intelligence, as changed."""
    lawful = {
        "predicate": {"basis": "reasonable_suspicion", "offence": "narcotics", "approved_by": "2200"},
        "lawful_collection": True,
        "protected_activity": "none",
        "subject": {"kind": "vehicle", "identifiers": ["MO-7XY421"]},
        "content": ["A grey van has stood at the warehouse in four of five nights."],
        "source_reliability": "B",
        "content_validity": 2,
        "review_due": "2029-11-27T00:00:00Z",
    }
    return intelligence(to, **{**lawful, **said})


def wanted(to: Sequence[str], **said: object) -> Json:
    """A request for intelligence."""
    need = {
        "subject": {"kind": "vehicle", "identifiers": ["MO-7XY421"]},
        "need_to_know": "active_case",
        "right_to_know": "criminal_investigation",
        "case_reference": "2026-0457",
        "priority": "routine",
    }
    return intelligence(to, **{**need, **said})


@asynccontextmanager
async def spoken(folder: Path, now: datetime = kit.NOW) -> AsyncIterator[Spoken]:
    """Open the domain, with its agreements in force."""
    url = f"sqlite:///{folder}/store.db"
    migrate(url)
    clock = kit.Clock(now)
    async with open_store(url, "dps") as store:
        intake = Intake(store, kit.domain(clock))
        sides = ("dps", "mshp", "hsi")
        terms = {
            "agreement_id": kit.fresh_id(),
            "kind": "dissemination",
            "parties": list(sides),
            "message_types": INTELLIGENCE,
            "regimes": ["criminal-intelligence"],
        }
        receipts = await intake.receive([*kit.agreements(), *(kit.agreement(side, **terms) for side in sides)])
        assert {receipt.verdict for receipt in receipts} == {Verdict.ACCEPTED}
        yield Spoken(store, intake, clock)
