"""The directory: who takes part, how each party is reached and known to the broker, and which rules apply."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from coordinator.model.codes import AgencyKind, EventType, Role


@dataclass(frozen=True, slots=True)
class Desk:
    """A contact that answers: a watch desk (day and night), a supervisor or a headquarters."""

    name: str
    phone: str
    """E.164, for instance +15735550100."""
    email: str


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the broker, and the systems that may speak through it."""

    user: str
    """The user name at the broker; unique over the directory."""
    password_hash: str
    """As RabbitMQ keeps it: Base64 of a 4-byte salt and SHA-256 over salt and password."""
    systems: tuple[str, ...]
    """Systems that a message's `source` may name; never empty, so that nothing is allowed by omission."""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Agency:
    """A party of the domain, as the directory file describes it."""

    id: str
    name: str
    kind: AgencyKind
    role: Role
    ori: str
    """Originating Agency Identifier."""
    watch_desk: Desk
    supervisor: Desk
    headquarters: Desk
    counties: frozenset[str]
    """FIPS codes of the counties it covers: what `to_area` of an alert is expanded by."""
    accounts: tuple[Account, ...]
    require_user_id: bool = True
    """Whether each message must carry the broker's `user_id` property."""
    vhost: str | None = None
    """The agency's own vhost, where even names and depths of its queues are hidden from others; else the domain's."""

    def account(self, user: str) -> Account | None:
        """Return the account of that user name, enabled or not."""
        return next((account for account in self.accounts if account.user == user), None)


@dataclass(frozen=True, slots=True)
class ProximityRule:
    """Two operations conflict when they come within both bounds of each other (`domain.md`, Deconfliction)."""

    id: str
    version: str
    distance_m: float
    """Largest geodesic distance between the two areas, in metres."""
    widen_minutes: int
    """Minutes by which each window is widened on both sides before the two are compared."""
    event_types: frozenset[EventType]


@dataclass(frozen=True, slots=True)
class Reach:
    """The largest bounds of any rule: what a coarse query must not miss."""

    distance_m: float
    widen_minutes: int


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest operation that is accepted."""

    area_km2: float = 50_000
    window_days: int = 31
    vertices: int = 1_000


_COVERT = frozenset({EventType.SURVEILLANCE, EventType.UNDERCOVER_MEET})

DEFAULT_RULES = (
    ProximityRule("proximity", "1", 290, 60, frozenset(EventType) - _COVERT),
    ProximityRule("proximity-covert", "1", 800, 60, _COVERT),
)
"""What applies when the directory gives no rule: 290 m (950 ft), 800 m where officers work covertly, 60 minutes."""


@dataclass(frozen=True, slots=True)
class Directory:
    """All parties and rules of one domain. Two directories are equal when they say the same, however it is written."""

    agencies: Mapping[str, Agency]
    """By id."""
    rules: tuple[ProximityRule, ...] = DEFAULT_RULES
    """Each event type stands in exactly one of them."""
    limits: Limits = Limits()
    extent_margin_km: float = 50
    """How far beyond the domain's outline an operation may lie."""
    fingerprint: str = field(default="", compare=False)
    """`sha-256:` and the digest of the file: what is journaled when the configuration changes."""
    _by_type: Mapping[EventType, ProximityRule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Shut the mapping, and index the rules."""
        by_type = {event_type: rule for rule in self.rules for event_type in rule.event_types}
        object.__setattr__(self, "agencies", MappingProxyType(dict(self.agencies)))
        object.__setattr__(self, "_by_type", MappingProxyType(by_type))

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all agencies, in alphabetical order."""
        return tuple(sorted(self.agencies))

    @property
    def names(self) -> Mapping[str, str]:
        """The agencies' names for people, by id."""
        return {agency.id: agency.name for agency in self.agencies.values()}

    @property
    def lead(self) -> Agency | None:
        """The agency that leads the domain (DPS): the other side of every participation agreement."""
        return next((agency for agency in self.agencies.values() if agency.role is Role.LEAD), None)

    @property
    def patrol(self) -> Agency | None:
        """The State Highway Patrol: the state's side of a 287(g) agreement (RSMo 43.032)."""
        return next((agency for agency in self.agencies.values() if agency.role is Role.PATROL), None)

    def agency(self, agency_id: str) -> Agency | None:
        """Return the agency of that id."""
        return self.agencies.get(agency_id)

    def account(self, agency_id: str, user: str) -> Account | None:
        """Return that agency's account of that user name, enabled or not; another agency's is never returned."""
        agency = self.agencies.get(agency_id)
        return None if agency is None else agency.account(user)

    def covering(self, counties: frozenset[str]) -> tuple[str, ...]:
        """Return the ids of every agency that covers one of those counties (FIPS codes), in alphabetical order."""
        return tuple(sorted(agency.id for agency in self.agencies.values() if agency.counties & counties))

    def rule_for(self, event_type: EventType) -> ProximityRule:
        """Return the one rule of that event type."""
        return self._by_type[event_type]

    def stricter(self, one: EventType, other: EventType) -> ProximityRule:
        """Return what applies between two operations: the larger distance and the larger widening of their two rules.

        Where the two bounds come from different rules, both are cited (`a+b`), in alphabetical order of their ids:
        the answer is the same whichever operation is named first.
        """
        first, second = sorted((self._by_type[one], self._by_type[other]), key=lambda rule: rule.id)
        if first.distance_m >= second.distance_m and first.widen_minutes >= second.widen_minutes:
            return first
        if second.distance_m >= first.distance_m and second.widen_minutes >= first.widen_minutes:
            return second
        return ProximityRule(
            f"{first.id}+{second.id}",
            f"{first.version}+{second.version}",
            max(first.distance_m, second.distance_m),
            max(first.widen_minutes, second.widen_minutes),
            first.event_types | second.event_types,
        )

    def widest(self) -> Reach:
        """Return the largest distance and the largest widening of all rules."""
        return Reach(max(rule.distance_m for rule in self.rules), max(rule.widen_minutes for rule in self.rules))

    def users(self) -> Mapping[str, str]:
        """Return whose every account is: user name to agency id."""
        return {account.user: agency.id for agency in self.agencies.values() for account in agency.accounts}
