"""Reads the directory file: text in, the directory or every mistake out."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from coordinator.directory import crosscheck, mistakes
from coordinator.directory.form import (
    AccountForm,
    AgencyForm,
    CountyIndex,
    DeskForm,
    DirectoryForm,
    RuleForm,
)
from coordinator.directory.mistakes import Mistake
from coordinator.directory.positions import locate
from coordinator.model.codes import EventType
from coordinator.model.directory import (
    DEFAULT_RULES,
    Account,
    Agency,
    Desk,
    Directory,
    Limits,
    ProximityRule,
)
from coordinator.model.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of a file; there is a directory exactly when there is no mistake."""

    directory: Directory | None
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]
    """What is allowed and probably not meant."""


def read_directory(text: str, *, counties: Mapping[str, str]) -> Directory | tuple[Mistake, ...]:
    """Return the directory that the text describes, or every mistake in it, in the order of their lines.

    `counties` are the domain's, FIPS code to name.
    """
    reading = examine(text, counties=counties)
    return reading.mistakes if reading.directory is None else reading.directory


def examine(text: str, *, counties: Mapping[str, str]) -> Reading:
    """Read a directory file, with warnings. `counties` are the domain's, FIPS code to name."""
    located = locate(text)
    found = [*mistakes.of_faults(located.faults), *crosscheck.contradictions(located)]
    warnings = tuple(sorted(crosscheck.doubts(located)))
    try:
        form = DirectoryForm.model_validate(located.document, context=CountyIndex(counties))
    except ValidationError as error:
        found += mistakes.of_validation(error, located)
        return Reading(None, tuple(sorted(found)), warnings)
    if found:
        return Reading(None, tuple(sorted(found)), warnings)
    return Reading(_directory(form, fingerprint(text)), (), warnings)


def examine_file(content: bytes, *, counties: Mapping[str, str]) -> Reading:
    """Read the bytes of a directory file, with warnings; bytes that are not UTF-8 are a mistake like any other."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Reading(None, (Mistake(line, "", "not UTF-8: save the file in this encoding"),), ())
    return examine(text, counties=counties)


def load_directory(path: Path, *, counties: Mapping[str, str]) -> Directory:
    """Return the directory of a file.

    Raises ConfigurationError, which names the first mistake and the command that names all, or why it cannot be read.
    """
    try:
        reading = examine_file(path.read_bytes(), counties=counties)
    except OSError as cause:
        msg = f"cannot read the directory file {path}: {cause.strerror}; `coordinator init DIR` writes one"
        raise ConfigurationError(msg) from cause
    if reading.directory is None:
        first, number = reading.mistakes[0], len(reading.mistakes)
        more = f" ({number} mistakes; `coordinator directory check` names them all)" if number > 1 else ""
        msg = f"{path}:{first.line}: {': '.join(filter(None, (first.where, first.what)))}{more}"
        raise ConfigurationError(msg)
    return reading.directory


def fingerprint(text: str) -> str:
    """Return the digest of a directory file as it is journaled."""
    return f"sha-256:{hashlib.sha256(text.encode()).hexdigest()}"


def _directory(form: DirectoryForm, digest: str) -> Directory:
    return Directory(
        agencies={agency.id: _agency(agency) for agency in form.agency},
        rules=_rules(form.rule),
        limits=Limits(form.limits.area_km2, form.limits.window_days, form.limits.vertices),
        extent_margin_km=form.extent.margin_km,
        fingerprint=digest,
    )


def _agency(form: AgencyForm) -> Agency:
    return Agency(
        id=form.id,
        name=form.name,
        kind=form.kind,
        role=form.role,
        ori=form.ori,
        watch_desk=_desk(form.watch_desk),
        supervisor=_desk(form.supervisor),
        headquarters=_desk(form.headquarters),
        counties=frozenset(form.counties),
        accounts=tuple(_account(account) for account in form.account),
        require_user_id=form.require_user_id,
        vhost=form.vhost,
    )


def _desk(form: DeskForm) -> Desk:
    return Desk(form.name, form.phone, form.email)


def _account(form: AccountForm) -> Account:
    return Account(form.user, form.password_hash, tuple(form.systems), form.enabled)


def _rules(forms: Sequence[RuleForm]) -> tuple[ProximityRule, ...]:
    if not forms:
        return DEFAULT_RULES
    left = frozenset(EventType).difference(*(form.event_types or () for form in forms))
    return tuple(
        ProximityRule(
            form.id,
            form.version,
            form.distance_m,
            form.widen_minutes,
            left if form.event_types is None else frozenset(form.event_types),
        )
        for form in forms
    )
