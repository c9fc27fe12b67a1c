"""Plays the acts: sends what each agency sends, and waits until everything has come that must."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import structlog

from coordinator.amqp.topology import egress_queue
from coordinator.bootstrap import Service
from coordinator.demo.broker import Broker, Operator
from coordinator.demo.intruder import NEEDS_OWN_ACCOUNTS, intrude
from coordinator.demo.letters import Letter, Program
from coordinator.demo.liaison import Liaison
from coordinator.demo.mailroom import Mailbox, Mailroom, StalledError, eventually
from coordinator.demo.scenario import ActRow, IntrusionRow
from coordinator.demo.screen import Screen
from coordinator.demo.telling import Line as Told
from coordinator.demo.telling import Tone
from coordinator.model.codes import Lane
from coordinator.model.work import Line

_ALERT = "situation.alert"


@dataclass(slots=True)
class Observed:
    """What can only be seen while it happens."""

    intrusions: dict[str, str | None] = field(default_factory=dict)
    """By key: the broker's words of refusal, or None when it let it pass. What could not be tried is absent."""
    pile: int = 0
    """How many notices waited unread when the alert was received."""
    delayed: int = 0
    """How many messages waited for the queue that was missing, when everybody else had theirs."""


@dataclass(slots=True)
class Play:
    """One performance."""

    program: Program
    broker: Broker
    service: Service
    operator: Operator
    liaisons: Mapping[str, Liaison]
    mailroom: Mailroom
    screen: Screen
    observed: Observed = field(default_factory=Observed)

    async def perform(self) -> Observed:
        """Play every act; raises `StalledError` when something does not come in time."""
        for act in self.program.scenario.act:
            self.screen.heading(act.title)
            structlog.get_logger("demo").info("act", key=act.key)
            before = self.mailroom.total
            await self._act(act)
            routine = sum(letter.routine for letter in self.program.of(act))
            if routine:
                deliveries = self.mailroom.total - before
                self.screen.note(f"{routine} messages of this kind; {deliveries} deliveries in this part")
        return self.observed

    async def _act(self, act: ActRow) -> None:
        letters = self.program.of(act)
        if act.missing is not None:
            await self._with_a_queue_missing(letters, act.missing)
        elif act.behind is not None:
            await self._with_an_agency_behind(letters, act.behind)
        else:
            await self._send(letters)
            await self._caught_up(self.liaisons)
        for letter in self.program.again(act):
            await self._again(letter)
        for row in self.program.scenario.intrusion:
            if row.act == act.key:
                await self._intrude(row)

    async def _with_a_queue_missing(self, letters: Iterable[Letter], agency: str) -> None:
        """Its messages wait, those of all others go; when the queue is there again, it gets everything."""
        queue, box = egress_queue(agency, Lane.OUT), self.mailroom.boxes[agency]
        await self.liaisons[agency].rest(Lane.OUT)
        await self.operator.remove(queue)
        self.screen.note(f"the queue {queue} is gone")
        await self._send(letters)
        await self._caught_up(self.liaisons.keys() - {agency})
        await eventually(partial(self._rests, Line(agency, Lane.OUT)), f"the relay found that {queue} is missing")
        last = await self.service.store.last_sequences()
        self.observed.delayed = last[agency] - box.whole_to
        self.screen.note(f"{self.observed.delayed} messages wait for {agency}; all others have theirs")
        await self.operator.make(queue)
        await self.liaisons[agency].read(Lane.OUT)
        self.screen.note(f"the queue {queue} is there again")
        await self._caught_up(self.liaisons)

    async def _with_an_agency_behind(self, letters: Iterable[Letter], agency: str) -> None:
        """It reads no notices for a while, and still an alert at once."""
        queue, box = egress_queue(agency, Lane.OUT), self.mailroom.boxes[agency]
        notices = [letter for letter in letters if letter.name != _ALERT]
        alerts = [letter for letter in letters if letter.name == _ALERT]
        await self.liaisons[agency].rest(Lane.OUT)
        await self._send(notices)
        await self._caught_up(self.liaisons.keys() - {agency})
        piled = sum(agency in letter.expected.told for letter in notices)
        await eventually(partial(self._is_deep, queue, piled), f"{piled} messages were in {queue}")
        self.screen.note(f"{piled} notices wait in {queue}, which nobody reads")
        await self._send(alerts)
        (first, *_) = (letter for letter in alerts if agency in letter.expected.told)
        await self.mailroom.until(partial(_has_message, box, first), f"{agency} got the alert {first.key}")
        self.observed.pile = await self.operator.depth(queue)
        self.screen.note(f"{agency} has the alert while {self.observed.pile} notices still wait; now it reads them")
        await self._caught_up(self.liaisons.keys() - {agency})
        await self.liaisons[agency].read(Lane.OUT)
        await self._caught_up(self.liaisons)

    async def _again(self, letter: Letter) -> None:
        """Send a message once more, and wait until its receipt has come once more."""
        box = self.mailroom.boxes[letter.agency]
        first = box.receipt(letter.id)
        if first is None:
            msg = f"{letter.agency} never got the receipt of {letter.key}"
            raise StalledError(msg)
        await self._send([letter])
        await self.mailroom.until(
            partial(_has_repeat, box, first.dispatch), f"{letter.agency} got the first receipt of {letter.key} again"
        )
        self.screen.heard(
            letter.agency,
            Told(Tone.RECEIPT, f"sent {letter.title} again and got the first receipt again, the same bytes"),
        )

    async def _intrude(self, row: IntrusionRow) -> None:
        if row.tries in NEEDS_OWN_ACCOUNTS and not self.broker.own_accounts:
            self.screen.note(f"{row.key} is not tried: all agencies share the account that was given")
            return
        words = await intrude(self.broker.account_urls[row.agency], row)
        self.observed.intrusions[row.key] = words
        what = row.tries.replace("_", " ").replace("foreign", f"{row.against}'s")
        answer = "the broker let it pass" if words is None else f"the broker itself refused: {words}"
        self.screen.heard(row.agency, Told(Tone.REFUSED, f"tries {what}; {answer}"))

    async def _send(self, letters: Iterable[Letter]) -> None:
        """Send in order, the broker having each safe before the next one goes; then wait for every receipt."""
        sent = list(letters)
        for letter in sent:
            await self.liaisons[letter.agency].send(letter.body)
            self.screen.advance()
        for letter in sent:
            box = self.mailroom.boxes[letter.agency]
            await self.mailroom.until(
                partial(_has_receipt, box, letter), f"{letter.agency} got a receipt of {letter.key}"
            )

    async def _caught_up(self, agencies: Iterable[str]) -> None:
        """Wait until these agencies have all that they are owed, and nothing more has come meanwhile."""
        chosen = sorted(agencies)
        while True:
            last = await self.service.store.last_sequences()
            for agency in chosen:
                box, owed = self.mailroom.boxes[agency], last.get(agency, 0)
                await self.mailroom.until(partial(_has_all, box, owed), f"{agency} got its feed up to number {owed}")
            if await self.service.store.last_sequences() == last:
                return

    async def _rests(self, line: Line) -> bool:
        """Whether the relay has found that a queue is missing."""
        return line in self.service.relay.status().resting

    async def _is_deep(self, queue: str, depth: int) -> bool:
        return await self.operator.depth(queue) >= depth


def _has_receipt(box: Mailbox, letter: Letter) -> bool:
    return box.receipt(letter.id) is not None


def _has_all(box: Mailbox, last: int) -> bool:
    return box.whole_to >= last


def _has_repeat(box: Mailbox, dispatch: str) -> bool:
    return box.repeats[dispatch] > 0


def _has_message(box: Mailbox, letter: Letter) -> bool:
    return any(each.key == (letter.agency, letter.id) for each in box.of(letter.name))
