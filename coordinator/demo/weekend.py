"""The weekend that the demo is played for: its times as moments, and moments as a sergeant reads them."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = "America/Chicago"
"""Central Time, which all of Missouri keeps (49 CFR 71.6)."""
_DAYS: Final = {"Fri": 0, "Sat": 1, "Sun": 2}
_FRIDAY: Final = 4
_WEEK: Final = 7
_BEGINS: Final = time(16)
"""The weekend is the next one when it is later than this on a Friday."""
_QUARTER: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Weekend:
    """The next weekend after a moment, with an offset from UTC."""

    now: datetime

    @property
    def friday(self) -> datetime:
        """The beginning of its Friday, in Central Time."""
        local = self.now.astimezone(ZoneInfo(ZONE))
        friday = local.date() + timedelta(days=(_FRIDAY - local.weekday()) % _WEEK)
        if friday == local.date() and local.time() >= _BEGINS:
            friday += timedelta(days=_WEEK)
        return datetime.combine(friday, time(), ZoneInfo(ZONE))

    def moment(self, text: str) -> datetime:
        """Read `Fri 20:00` (by the clock on the wall) or `+6:00` (after the beginning, from a quarter hour on)."""
        day, _, clock = text.rpartition("+" if text.startswith("+") else " ")
        hours, minutes = (int(part) for part in clock.split(":"))
        if not day:
            since = self.now - timedelta(minutes=self.now.minute % 15, seconds=self.now.second)
            return since.replace(microsecond=0) + _QUARTER + timedelta(hours=hours, minutes=minutes)
        date = self.friday.date() + timedelta(days=_DAYS[day])
        return datetime.combine(date, time(hours, minutes), ZoneInfo(ZONE))


def central(moment: datetime) -> datetime:
    """The moment in Central Time."""
    return moment.astimezone(ZoneInfo(ZONE))


def offset(moment: datetime) -> str:
    """The offset of Central Time at a moment; never left out, for in November an hour happens twice."""
    text = central(moment).strftime("%z")
    return f"{text[:3]}:{text[3:]}"


def clock(moment: datetime) -> str:
    """The time of day, to the second."""
    return f"{central(moment):%H:%M:%S} {offset(moment)}"


def shown(moment: datetime) -> str:
    """Day and time, to the minute."""
    return f"{central(moment):%a %d %b %H:%M} {offset(moment)}"


def window(start: datetime, end: datetime) -> str:
    """From when to when, the day once where it is one."""
    first, last = central(start), central(end)
    same = first.date() == last.date() and offset(start) == offset(end)
    return f"{first:%a %d %b %H:%M} to {last:%H:%M} {offset(end)}" if same else f"{shown(start)} to {shown(end)}"
