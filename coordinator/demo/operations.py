"""The messages about operations and situations that the scenario writes down."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from coordinator.demo.ground import Json, area_of
from coordinator.demo.letters import Expectation, Letter, Sketch
from coordinator.demo.pen import Handled, Pen, Said
from coordinator.demo.scenario import AlertRow, CancelRow, Ground, NoticeRow, Places, StatusRow, UpdateRow
from coordinator.model.answers import AuthorityVerdict
from coordinator.model.base import COORDINATOR
from coordinator.model.codes import Certainty, Priority, Purpose, Severity, Urgency
from coordinator.model.counties import Counties

_ALERT_FOR = timedelta(hours=2)
_FAR_M = 1_000


@dataclass(slots=True)
class OperationLetters:
    """Writes notices first, then whatever refers to them."""

    pen: Pen
    places: Places
    counties: Counties
    sketches: dict[str, Sketch] = field(default_factory=dict)
    """By operation id."""
    _plans: dict[str, tuple[NoticeRow, Json]] = field(default_factory=dict)
    """By the notice's key: the row, and the plan as it was sent."""

    def letters(self, routine: Iterable[NoticeRow]) -> Iterator[Letter]:
        """Every message about an operation, and every alert; routine notices are given."""
        scenario = self.pen.scenario
        yield from map(self._notice, scenario.notice)
        for row in routine:
            yield self._notice(row, routine=True)
        yield from map(self._update, scenario.update)
        for report in scenario.status:
            yield self._report(report, "operation.status", "the report on", {"progress": report.progress})
        for gone in scenario.cancel:
            yield self._report(gone, "operation.cancel", "the cancellation of", {"reason": gone.reason})
        yield from map(self._alert, scenario.alert)

    def _notice(self, row: NoticeRow, *, routine: bool = False) -> Letter:
        operation = self.pen.new_id()
        start, end = (self.pen.weekend.moment(text) for text in row.window)
        plan = self._plan(row, operation)
        self._plans[row.key] = (row, plan)
        where = self.where(row.ground)
        self.sketches[operation] = Sketch(row.key, row.agency, row.name, where, start, end)
        said = Said(row.key, row.act, row.agency, row.name, where, row.system, row.claims, routine)
        return self.pen.letter(said, "operation.notice", plan, self._expected(row))

    def _plan(self, row: NoticeRow, operation: str) -> Json:
        start, end = (self.pen.weekend.moment(text) for text in row.window)
        to = (*row.told, *row.withheld)
        handled = Handled(row.status, row.marking, row.regime)
        authority = {"function": row.function, "officer_ids": list(row.officers)} if row.officers else None
        return {
            **self.pen.common(row.agency, to, Purpose.DECONFLICTION, handled),
            "operation_id": operation,
            "name": row.name,
            "event_type": row.event_type,
            "duty": row.duty,
            "start": start.isoformat(),
            "end": end.isoformat(),
            "area": area_of(row.ground, self.places, self.counties),
            "lead": row.agency,
            "contact": self.pen.contact(row.agency),
            "plainclothes": row.plainclothes,
            "caution": list(row.caution),
            "sealed": row.sealed,
            **({"authority": authority} if authority is not None else {}),
        }

    def _expected(self, row: NoticeRow) -> Expectation:
        if row.refused is not None:
            return Expectation(status=row.status, refused=row.refused)
        unproven = row.authority is AuthorityVerdict.UNPROVEN
        return Expectation(
            told=frozenset(row.told) - {COORDINATOR},
            withheld=row.withheld,
            authority=row.authority,
            status=row.status,
            tells_lead=row.agency != self.pen.scenario.lead and (bool(row.withheld) or unproven),
        )

    def _update(self, row: UpdateRow) -> Letter:
        """The whole notice again, with what has changed."""
        notice, plan = self._plans[row.operation]
        changed = notice.model_copy(
            update={"ground": row.ground or notice.ground, "window": row.window or notice.window, "told": row.told}
        )
        data = {**self._plan(changed, plan["operation_id"]), "revision": 2, "reason": row.reason}
        said = Said(row.key, row.act, notice.agency, notice.name, self.where(changed.ground), notice.system)
        return self.pen.letter(said, "operation.update", data, self._expected(changed))

    def _report(self, row: StatusRow | CancelRow, name: str, words: str, more: Json) -> Letter:
        notice, plan = self._plans[row.operation]
        handled = Handled(notice.status, notice.marking, notice.regime)
        common = self.pen.common(notice.agency, row.told, Purpose.DECONFLICTION, handled)
        said = Said(row.key, row.act, notice.agency, f"{words} {notice.name}", system=notice.system)
        expected = Expectation(frozenset(row.told), status=notice.status)
        return self.pen.letter(said, name, {**common, "operation_id": plan["operation_id"], **more}, expected)

    def _alert(self, row: AlertRow) -> Letter:
        to = (COORDINATOR,) if row.to_area else row.told
        common = self.pen.common(row.agency, to, Purpose.OFFICER_SAFETY)
        if row.officer is not None:
            common["originator"]["officer_id"] = row.officer
        imminent = {} if row.imminent is None else {"imminent_reason": row.imminent}
        data = {
            **common,
            "situation": row.situation,
            "priority": Priority.URGENT,
            "urgency": Urgency.IMMEDIATE,
            "severity": Severity.SEVERE,
            "certainty": Certainty.OBSERVED,
            "imminent_danger": row.imminent is not None,
            **imminent,
            "area": area_of(row.ground, self.places, self.counties),
            "to_area": row.to_area,
            "expires": (self.pen.weekend.now + _ALERT_FOR).isoformat(),
        }
        said = Said(row.key, row.act, row.agency, "the alert", self.where(row.ground), row.system)
        return self.pen.letter(said, "situation.alert", data, Expectation(frozenset(row.told)))

    def where(self, ground: Ground) -> str:
        """The ground in words."""
        if ground.county is not None:
            return next(f"{county.name} County" for county in self.counties.outlines if county.fips == ground.county)
        names = [self.places[place].name for place in ground.places]
        if ground.route:
            return f"{names[0]} to {names[-1]}"
        return f"{_away(ground)}{' and '.join(names)}"


def _away(ground: Ground) -> str:
    """How far from its place the ground is, where that is worth a word."""
    ways = ((ground.north_m, "north", "south"), (ground.east_m, "east", "west"))
    parts = [f"{abs(far) / 1000:.0f} km {up if far > 0 else down}" for far, up, down in ways if abs(far) >= _FAR_M]
    return f"{' and '.join(parts)} of " if parts else ""
