"""What agreements and credentials make lawful at a moment, from the last word of every side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from coordinator.model.answers import Standing
from coordinator.model.authority import Terms
from coordinator.model.codes import AgreementKind, AgreementState, CredentialState, Function, Regime
from coordinator.model.parties import PartyState

_ENDED = frozenset({AgreementState.SUSPENDED, AgreementState.TERMINATED})


@dataclass(frozen=True, slots=True)
class AgreementWord:
    """The last thing that one agency said of one agreement."""

    agreement_id: str
    agency: str
    terms: Terms
    state: AgreementState


@dataclass(frozen=True, slots=True)
class CredentialWord:
    """The last thing that one agency said of one officer's credential."""

    agreement_id: str
    officer_id: str
    agency: str
    state: CredentialState
    functions: tuple[Function, ...]
    valid_from: datetime
    valid_to: datetime


@dataclass(frozen=True, slots=True)
class PartyWord:
    """The last thing that the lead said of an agency, of one of its accounts, or of one of its keys."""

    party: str
    account: str | None
    key_id: str | None
    state: PartyState

    @property
    def of(self) -> tuple[str, str | None, str | None]:
        """Of whom or what it is said."""
        return self.party, self.account, self.key_id


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement that both sides have put in force, for `[effective, expires)`."""

    id: str
    terms: Terms

    def holds_at(self, moment: datetime) -> bool:
        """Whether the moment lies within the term."""
        return self.terms.effective <= moment < self.terms.expires

    def holds_during(self, start: datetime, end: datetime) -> bool:
        """Whether all of `[start, end)` lies within the term."""
        return self.terms.effective <= start and end <= self.terms.expires


def standing_of(words: Iterable[AgreementWord], at: datetime | None = None) -> Standing:
    """Where an agreement stands: in force only when each party has said so, of the same terms.

    With a moment, one whose term is over by then is not in force any more.
    """
    said = {word.agency: word for word in words}
    states = {word.state for word in said.values()}
    if states & _ENDED:
        return Standing.NOT_IN_FORCE
    if states != {AgreementState.IN_FORCE}:
        return Standing.WAITING_FOR_OTHER_SIDE
    first, *others = (word.terms for word in said.values())
    if not said.keys() >= set(first.parties):
        return Standing.WAITING_FOR_OTHER_SIDE
    if any(terms != first for terms in others):
        return Standing.TERMS_DIFFER
    return Standing.NOT_IN_FORCE if at is not None and first.expires <= at else Standing.IN_FORCE


@dataclass(frozen=True)
class Policy:
    """Every agreement and credential at one version; a snapshot that decisions are made from.

    Built anew when the version moves, indexed once, then asked per message.
    """

    version: int
    lead: str
    agreement_words: tuple[AgreementWord, ...] = ()
    credential_words: tuple[CredentialWord, ...] = ()
    party_words: tuple[PartyWord, ...] = ()

    @cached_property
    def _parties(self) -> Mapping[tuple[str, str | None, str | None], PartyState]:
        return {word.of: word.state for word in self.party_words}

    def party_state(self, party: str, account: str | None = None, key_id: str | None = None) -> PartyState:
        """What the lead said last of an agency, of an account or of a key: in force where it said nothing."""
        return self._parties.get((party, account, key_id), PartyState.IN_FORCE)

    def disabled(self, agency: str, account: str | None = None) -> bool:
        """Whether the agency, or that account of it, is suspended or revoked: then nothing that it sends is heard.

        Its operations stay live, and it is told as before (`domain.md`, *Registration is not dissemination*).
        """
        if not self.party_words:
            return False
        in_force = PartyState.IN_FORCE
        return self.party_state(agency) is not in_force or (
            account is not None and self.party_state(agency, account) is not in_force
        )

    @cached_property
    def words_of(self) -> Mapping[str, tuple[AgreementWord, ...]]:
        """The words of each agreement, by its id."""
        words: dict[str, list[AgreementWord]] = {}
        for word in self.agreement_words:
            words.setdefault(word.agreement_id, []).append(word)
        return {agreement: tuple(said) for agreement, said in words.items()}

    @cached_property
    def agreements(self) -> Mapping[str, Agreement]:
        """The agreements that both sides have put in force, whatever their term, by id."""
        return {
            agreement: Agreement(agreement, words[0].terms)
            for agreement, words in self.words_of.items()
            if standing_of(words) is Standing.IN_FORCE
        }

    @cached_property
    def _dissemination(self) -> Mapping[tuple[str, str], tuple[Agreement, ...]]:
        """By two parties, in either order: the agreements that both are parties to."""
        pairs: dict[tuple[str, str], list[Agreement]] = {}
        for agreement in self.agreements.values():
            if agreement.terms.kind is AgreementKind.DISSEMINATION:
                parties = agreement.terms.parties
                for pair in {(one, two) for one in parties for two in parties if one != two}:
                    pairs.setdefault(pair, []).append(agreement)
        return {pair: tuple(found) for pair, found in pairs.items()}

    @cached_property
    def _participation(self) -> Mapping[str, tuple[Agreement, ...]]:
        found: dict[str, list[Agreement]] = {}
        for agreement in self.agreements.values():
            terms = agreement.terms
            if terms.kind is AgreementKind.PARTICIPATION and self.lead in terms.parties:
                for party in terms.parties:
                    found.setdefault(party, []).append(agreement)
        return {party: tuple(agreements) for party, agreements in found.items()}

    def participates(self, agency: str, at: datetime) -> bool:
        """Whether a participation agreement of the agency is in force; the lead takes part by its office."""
        return agency == self.lead or any(each.holds_at(at) for each in self._participation.get(agency, ()))

    def covering(
        self,
        sender: str,
        recipient: str,
        message: tuple[str, Regime],
        at: datetime,
        wanted: str | None = None,
    ) -> Agreement | None:
        """The dissemination agreement under which the recipient may be told, or None.

        `message` is the short type and the regime; `wanted` is the one that the sender relies on, if it named one.
        """
        short_type, regime = message
        for agreement in self._dissemination.get((sender, recipient), ()):
            terms = agreement.terms
            fits = short_type in terms.message_types and regime in terms.regimes and agreement.holds_at(at)
            if fits and wanted in (None, agreement.id):
                return agreement
        return None

    @cached_property
    def _credentials(self) -> Mapping[tuple[str, str], tuple[CredentialWord, ...]]:
        words: dict[tuple[str, str], list[CredentialWord]] = {}
        for word in self.credential_words:
            words.setdefault((word.agreement_id, word.officer_id), []).append(word)
        return {key: tuple(said) for key, said in words.items()}

    @cached_property
    def _delegations(self) -> Mapping[str, tuple[tuple[Agreement, tuple[CredentialWord, ...]], ...]]:
        """By officer: each 287(g) agreement in force, and what its two sides said of the officer under it."""
        found: dict[str, list[tuple[Agreement, tuple[CredentialWord, ...]]]] = {}
        for (agreement_id, officer), words in self._credentials.items():
            agreement = self.agreements.get(agreement_id)
            if agreement is not None and agreement.terms.kind is AgreementKind.DELEGATION:
                sides = tuple(word for word in words if word.agency in agreement.terms.parties)
                found.setdefault(officer, []).append((agreement, sides))
        return {officer: tuple(each) for officer, each in found.items()}

    def confers(self, employer: str, officer: str, function: Function, window: tuple[datetime, datetime]) -> bool:
        """Whether the officer holds the function for all of `[start, end)`.

        Certified by the employer and authorised by the other side, under an agreement in force that delegates it.
        """
        return any(
            function in agreement.terms.functions
            and agreement.holds_during(*window)
            and _both_vouch(employer, words, function, window)
            for agreement, words in self._delegations.get(officer, ())
        )

    def credential_standing(self, agreement_id: str, officer_id: str, at: datetime | None = None) -> Standing:
        """Where an officer's credential stands: in force where both sides share a function and a time, not over yet."""
        words = self._credentials.get((agreement_id, officer_id), ())
        states = {word.state for word in words}
        if states & {CredentialState.SUSPENDED, CredentialState.REVOKED}:
            return Standing.NOT_IN_FORCE
        agreement = self.agreements.get(agreement_id)
        if {CredentialState.CERTIFIED, CredentialState.AUTHORISED} <= states and agreement is not None:
            return _common(agreement, words, at)
        return Standing.WAITING_FOR_OTHER_SIDE


def _common(agreement: Agreement, words: Iterable[CredentialWord], at: datetime | None) -> Standing:
    """Whether both sides and the agreement have a function and a time in common."""
    functions = set(agreement.terms.functions)
    start, end = agreement.terms.effective, agreement.terms.expires
    for word in words:
        functions &= set(word.functions)
        start, end = max(start, word.valid_from), min(end, word.valid_to)
    if not functions or start >= end:
        return Standing.TERMS_DIFFER
    return Standing.NOT_IN_FORCE if at is not None and end <= at else Standing.IN_FORCE


def _both_vouch(
    employer: str, words: Iterable[CredentialWord], function: Function, window: tuple[datetime, datetime]
) -> bool:
    """Whether the employer has certified and the other side has authorised, each for the function and the window."""
    start, end = window
    vouching = {
        word.agency == employer
        for word in words
        if word.state is (CredentialState.CERTIFIED if word.agency == employer else CredentialState.AUTHORISED)
        and function in word.functions
        and word.valid_from <= start
        and end <= word.valid_to
    }
    return vouching == {True, False}
