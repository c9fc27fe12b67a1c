"""What a message does to the law: one side's word on an agreement or a credential, the lead's on a party."""

from collections.abc import Iterable

from coordinator.model.authority import AgreementStatus, CredentialBody, CredentialStatus
from coordinator.model.codes import AgreementState, CredentialState
from coordinator.model.decisions import RefusalCode, Refused
from coordinator.model.parties import PartyState, PartyStatus
from coordinator.model.policy import AgreementWord, CredentialWord, PartyWord, Policy
from coordinator.model.recorded import Party
from coordinator.steps.register.effects import AgreementEffect, CredentialEffect, PartyEffect, refused


def agreement(event: AgreementStatus, policy: Policy) -> AgreementEffect | Refused:
    """An agreement's kind and parties are its identity: whoever speaks first fixes them."""
    said = event.data
    first = next(iter(policy.words_of.get(said.agreement_id, ())), None)
    if first is not None:
        if event.agency not in first.terms.parties:
            return refused(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.agreement_id")
        same = first.terms.kind is said.kind and set(first.terms.parties) == set(said.parties)
        if not same:
            return refused(RefusalCode.TERMS_FIXED, "data.parties")
    ended = any(word.state is AgreementState.TERMINATED for word in policy.words_of.get(said.agreement_id, ()))
    if ended and said.state is not AgreementState.TERMINATED:
        return refused(RefusalCode.ENDED_FOR_GOOD, "data.state")
    return AgreementEffect(AgreementWord(said.agreement_id, event.agency, said.terms, said.state))


def credential(event: CredentialStatus, policy: Policy) -> CredentialEffect | Refused:
    """What one side has revoked, no word of the other brings back."""
    said = event.data
    if said.state is not CredentialState.REVOKED and _revoked(policy, said):
        return refused(RefusalCode.ENDED_FOR_GOOD, "data.state")
    window = said.valid_from, said.valid_to
    return CredentialEffect(
        CredentialWord(said.agreement_id, said.officer_id, event.agency, said.state, said.functions, *window)
    )


def policy_after(policy: Policy, outcomes: Iterable[object]) -> Policy:
    """The policy with the words that a unit's outcomes hold; it moves by one version when anything was said."""
    agreements, credentials, parties = policy.agreement_words, policy.credential_words, policy.party_words
    moved = False
    for outcome in outcomes:
        match outcome:
            case AgreementEffect(word=said):
                side = (said.agreement_id, said.agency)
                agreements = (*(each for each in agreements if (each.agreement_id, each.agency) != side), said)
                moved = True
            case CredentialEffect(word=spoken):
                key = (spoken.agreement_id, spoken.officer_id, spoken.agency)
                kept = (each for each in credentials if (each.agreement_id, each.officer_id, each.agency) != key)
                credentials = (*kept, spoken)
                moved = True
            case PartyEffect(word=of_party):
                parties = (*(each for each in parties if each.of != of_party.of), of_party)
                moved = True
            case _:
                pass
    return Policy(policy.version + 1, policy.lead, agreements, credentials, parties) if moved else policy


def _revoked(policy: Policy, said: CredentialBody) -> bool:
    """Whether either side has revoked the credential: then one side's word alone can never bring it back."""
    return any(
        word.state is CredentialState.REVOKED
        for word in policy.credential_words
        if (word.agreement_id, word.officer_id) == (said.agreement_id, said.officer_id)
    )


def party(event: PartyStatus, policy: Policy) -> PartyEffect | Refused:
    """What the lead has revoked is not restored: a new account or key is entered in the directory."""
    said = event.data
    before = policy.party_state(said.party, said.account, said.key_id)
    if before is PartyState.REVOKED and said.state is not PartyState.REVOKED:
        return refused(RefusalCode.ENDED_FOR_GOOD, "data.state")
    word = PartyWord(said.party, said.account, said.key_id, said.state)
    officer = said.originator.officer_id or ""
    return PartyEffect(word, Party(*word.of, said.state.value, said.reason.value, officer))
