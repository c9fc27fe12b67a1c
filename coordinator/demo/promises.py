"""Holds what was received against what the scenario promised; each broken promise is named."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from coordinator.demo.disputes import conflict_faults, found_pairs
from coordinator.demo.letters import Letter, Program
from coordinator.demo.mailroom import RECEIPTS, Mailroom, Received
from coordinator.demo.play import Observed
from coordinator.journal.findings import Finding, Intact, Verdict, sentence, verdict
from coordinator.store.asking import Figures

OWN_NAMES = frozenset({"message.accepted", "message.refused", "deconfliction.alert", "deconfliction.closed"})
"""What the coordinator itself may have to say in this play."""


@dataclass(frozen=True, slots=True)
class Performance:
    """Everything that a promise can be held against."""

    program: Program
    mailroom: Mailroom
    observed: Observed
    figures: Figures
    last: Mapping[str, int]
    """The last number of each agency's feed, as the coordinator has it."""
    finding: Finding
    """What verification says of the published journal."""

    @property
    def letters(self) -> tuple[Letter, ...]:
        """Every message that was sent."""
        return self.program.letters


@dataclass(frozen=True, slots=True)
class Promise:
    """What was promised, and what is wrong with it: nothing when it was kept."""

    words: str
    faults: tuple[str, ...]


def hold(performance: Performance) -> Sequence[Promise]:
    """Examine every promise."""
    scenario = performance.program.scenario
    checks: Sequence[tuple[str, Callable[[Performance], Iterator[str]]]] = (
        ("every message got the answer that it had to get", _answers),
        ("every message reached exactly the agencies entitled to it, byte for byte", _deliveries),
        ("nobody was told by the coordinator what concerns another", _own),
        (f"exactly the {len(scenario.conflict)} expected conflicts were found, and both sides told alike", _conflicts),
        (f"{len(scenario.apart)} near misses were no conflict", _near_misses),
        ("every feed is gapless over both its queues", _feeds),
        ("a message sent twice had one effect and one receipt", _repeats),
        ("the broker itself refused what an account may not do", _intrusions),
        ("an agency whose queue was missing got everything later, and nobody else waited", _missing),
        ("an alert was received while a pile of notices waited", _overtaking),
        ("nothing is owed any more, and every delivery was received", _settled),
        ("the journal holds what was signed", _journal),
    )
    return [Promise(words, tuple(check(performance))) for words, check in checks]


def _answers(performance: Performance) -> Iterator[str]:
    for letter in performance.letters:
        receipt = performance.mailroom.boxes[letter.agency].receipt(letter.id)
        if receipt is None:
            yield f"{letter.key} got no receipt"
        else:
            yield from (f"{letter.key}: {fault}" for fault in _answer_faults(letter, receipt))


def _answer_faults(letter: Letter, receipt: Received) -> Iterator[str]:
    expected, data = letter.expected, receipt.data
    if expected.refused is not None:
        wanted = (expected.refused.code, expected.refused.field, expected.refused.hint)
        if (data.get("code"), data.get("field"), data.get("hint")) != wanted:
            yield f"refused as {data.get('code')}, not as {expected.refused.code}"
        return
    if receipt.name != "message.accepted":
        yield f"refused: {data.get('code')}"
        return
    if set(data.get("recipients", ())) != expected.told:
        yield f"its receipt names {sorted(data.get('recipients', ()))}, not {sorted(expected.told)}"
    withheld = {each["agency"]: each["reason"] for each in data.get("withheld", ())}
    if withheld != dict(expected.withheld):
        yield f"withheld from {withheld}, not from {dict(expected.withheld)}"
    if data.get("authority") != expected.authority and (expected.authority or data.get("authority") != "none"):
        yield f"its authority is {data.get('authority')}, not {expected.authority}"
    if letter.name == "operation.notice" and (data["coverage"] == "actual") != (expected.status == "actual"):
        yield f"it was compared with operations of another status: {data['coverage']}"


def _deliveries(performance: Performance) -> Iterator[str]:
    letters = {(letter.agency, letter.id): letter for letter in performance.letters}
    missing = {(agency, key) for key, letter in letters.items() for agency in letter.expected.told}
    for box in performance.mailroom.boxes.values():
        for received in box.in_order():
            letter = letters.get(received.key)
            if letter is None:
                continue
            if box.agency not in letter.expected.told:
                yield f"{box.agency} was given {letter.key} of {letter.agency}, and is not entitled to it"
            elif (box.agency, received.key) not in missing:
                yield f"{box.agency} was given {letter.key} under two numbers"
            missing.discard((box.agency, received.key))
            if received.body != letter.body:
                yield f"{box.agency} was given other bytes of {letter.key} than were sent"
            if received.claimed != (received.event["source"], letter.id):
                yield f"{box.agency} was given {letter.key} with headers of another message"
    for agency, key in sorted(missing):
        yield f"{agency} was never given {letters[key].key}"


def _own(performance: Performance) -> Iterator[str]:
    program = performance.program
    copies = {(letter.agency, letter.id) for letter in performance.letters if letter.expected.tells_lead}
    for box in performance.mailroom.boxes.values():
        for received in box.in_order():
            if program.letter(*received.key) is not None:
                continue
            if received.key[0] != "coordinator" or received.name not in OWN_NAMES:
                yield f"{box.agency} was given {received.name} of {received.key[0]}, which nobody sent"
            elif received.name.startswith("message."):
                target = (str(received.data["target"]["agency"]), str(received.data["target"]["id"]))
                if target[0] != box.agency and (box.agency != program.scenario.lead or target not in copies):
                    yield f"{box.agency} was given a receipt of {target[0]}"
                copies.discard(target if box.agency == program.scenario.lead else ("", ""))
    for agency, _ in sorted(copies):
        yield f"DPS was not told what was withheld or unproven of a message of {agency}"


def _conflicts(performance: Performance) -> Iterator[str]:
    yield from conflict_faults(performance.program, performance.mailroom)
    expected = len(performance.program.conflicts)
    if performance.figures.conflicts != expected:
        yield f"{performance.figures.conflicts} pairs are on record, not {expected}"


def _near_misses(performance: Performance) -> Iterator[str]:
    told = found_pairs(performance.mailroom)
    for pair, why in performance.program.apart:
        if pair in told:
            yield f"a conflict was found: {why}"


def _feeds(performance: Performance) -> Iterator[str]:
    for box in performance.mailroom.boxes.values():
        numbers = [each.sequence for each in box.in_order()]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"the feed of {box.agency} has gaps, or a number twice"
        if len(numbers) != performance.last.get(box.agency, 0):
            yield f"{box.agency} got {len(numbers)} messages of {performance.last.get(box.agency, 0)}"
        for dispatch in box.contradictions:
            yield f"{box.agency} got {dispatch} twice, with different contents"


def _repeats(performance: Performance) -> Iterator[str]:
    for act in performance.program.scenario.act:
        for letter in performance.program.again(act):
            box = performance.mailroom.boxes[letter.agency]
            receipt = box.receipt(letter.id)
            if receipt is None or not box.repeats[receipt.dispatch]:
                yield f"{letter.agency} did not get the first receipt of {letter.key} again"
            if sum(each.data.get("target", {}).get("id") == letter.id for each in box.of(*RECEIPTS)) != 1:
                yield f"{letter.agency} got several receipts of {letter.key}"


def _intrusions(performance: Performance) -> Iterator[str]:
    for row in performance.program.scenario.intrusion:
        if row.key in performance.observed.intrusions and performance.observed.intrusions[row.key] is None:
            yield f"the broker let {row.agency} pass with {row.tries} of {row.against}"


def _missing(performance: Performance) -> Iterator[str]:
    if not performance.observed.delayed:
        yield "nothing waited for the queue that was missing"


def _overtaking(performance: Performance) -> Iterator[str]:
    scenario = performance.program.scenario
    if performance.observed.pile < scenario.routine.count:
        yield f"{performance.observed.pile} notices waited, not {scenario.routine.count}"


def _settled(performance: Performance) -> Iterator[str]:
    figures = performance.figures
    if figures.owed or figures.parked:
        yield f"{figures.owed} deliveries are owed and {figures.parked} parked"
    if figures.deliveries != performance.mailroom.total:
        yield f"{figures.deliveries} deliveries were confirmed and {performance.mailroom.total} received"
    refused = sum(letter.expected.refused is not None for letter in performance.letters)
    accepted = len(performance.letters) - refused
    if (figures.messages, figures.refused) != (accepted, refused):
        yield f"{figures.messages} messages were accepted and {figures.refused} refused, not {accepted} and {refused}"


def _journal(performance: Performance) -> Iterator[str]:
    if verdict(performance.finding) is not Verdict.TRUE:
        yield sentence(performance.finding)
    elif isinstance(performance.finding, Intact) and performance.finding.size != performance.figures.entries:
        yield f"{performance.figures.entries} entries are recorded and {performance.finding.size} signed"
