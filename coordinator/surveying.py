"""What lies near the operations of a unit, compared before the lock is taken, or under it when it is little."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from coordinator.model.decisions import Refused
from coordinator.model.directory import Directory
from coordinator.model.enquiry import Enquiry, enquire
from coordinator.model.operations import OperationNotice, OperationUpdate
from coordinator.model.plan import MAX_NEAR, Known
from coordinator.model.questions import DeconflictionRequest
from coordinator.model.volume import Neighbourhood, Probe, Volume
from coordinator.model.work import Judged, Read
from coordinator.ports import Store
from coordinator.steps import register
from coordinator.steps.deconflict import NOTHING_SURVEYED, Survey, probe, survey

MAX_CHANGED = 50
"""Operations changed since the survey that are judged under the lock; above it the survey is made again."""


@dataclass(slots=True)
class Surveyor:
    """Surveys for one intake."""

    store: Store
    directory: Directory
    crowded: bool = field(init=False, default=False)
    """Whether much lay near what was surveyed last: then the next survey is made before the lock is taken."""

    async def ahead(self, volumes: Sequence[Volume]) -> Survey | None:
        """Survey before the lock is taken, where that is worth a look of its own; None where it is not."""
        return await self.survey(volumes) if self.crowded or not volumes else None

    async def standing(
        self, surveyed: Survey | None, thought: Sequence[Volume], moved: Sequence[Volume], known: Known
    ) -> Survey | None:
        """Return the survey, or the one that the lock allows to make; None when there is none that still stands.

        It does not stand when too much has changed since, or when the lock shows other volumes than were thought.
        """
        if surveyed is None and known.around is not None:
            surveyed = await self._compare(thought, known.around)
        if surveyed is None or len(known.changed) > MAX_CHANGED or not surveyed.covers(moved):
            return None
        return surveyed

    async def survey(self, volumes: Sequence[Volume]) -> Survey:
        """Find what lies near from a snapshot, and compare."""
        if not volumes:
            return NOTHING_SURVEYED
        around = await self.store.neighbours(self.probes(volumes))
        self.crowded = len(around.hits) > MAX_NEAR
        return await self._compare(volumes, around)

    def probes(self, volumes: Sequence[Volume]) -> Sequence[Probe]:
        """Ask for what lies near."""
        return [probe(volume, self.directory) for volume in volumes]

    def enquiries(self, unit: Sequence[Judged]) -> Sequence[Enquiry]:
        """Ask whether others are where a unit's questions are about."""
        found: list[Enquiry] = []
        for each in unit:
            read = each.read
            if isinstance(each.event, DeconflictionRequest) and isinstance(read, Read) and read.shape is not None:
                said = each.event.data
                question = (each.event.id, each.submission.agency, said.status)
                found.append(enquire(question, read.shape, (said.start, said.end), self.directory.widest()))
        return found

    async def _compare(self, volumes: Sequence[Volume], around: Neighbourhood) -> Survey:
        """Leave heavy geometry to a worker thread."""
        if not around.hits:
            return survey(volumes, around, self.directory)
        return await asyncio.to_thread(survey, volumes, around, self.directory)


def planned(judged: Judged) -> Volume | None:
    """Return the volume that a notice or update would occupy, whatever the verdict, which is provisional still."""
    read = judged.read
    if isinstance(read, Refused) or read.shape is None:
        return None
    event = read.event
    if not isinstance(event, OperationNotice | OperationUpdate):
        return None
    revision = event.data.revision if isinstance(event, OperationUpdate) else 1
    return register.volume_of(event, event.data, revision, read.shape)
