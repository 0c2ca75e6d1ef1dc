"""What people do with a draft: change it, try it, publish it, give it up, go back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledgerbridge.drafts.folders import with_file
from ledgerbridge.drafts.publish import FILE_CHANGED, Clash, live_text, merged, pieces, publish
from ledgerbridge.drafts.store import UNKNOWN, begin, discard, keep, open_draft, publications, settle
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.flows import company_keys
from ledgerbridge.pipeline.difference import AccountEffect, ChangedDocument, Difference
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.models import Draft
from ledgerbridge.yaml_edits import YamlText, with_written
from ledgerbridge.yaml_files import Problem
from operators import settings
from operators.file_checks import mapping_problems
from operators.what_if import what_if
from pages.console.access import Access
from pages.console.design.beginnings import goes_with
from pages.console.design.drifts import note_shapes
from pages.console.design.edits import edited
from pages.console.design.files import must_edit
from pages.console.design.flow_models import EditsAsked, TextAsked
from pages.console.design.flows import checked_flow
from pages.console.design.gates import gate_problems
from pages.console.design.models import (
    ChangeAsked,
    ClashesView,
    ClashView,
    DifferenceView,
    DocumentChange,
    EffectView,
    MergeAsked,
    PublishAsked,
    RefusalView,
    SumView,
    TryAsked,
    TryView,
)
from pages.console.design.tables import wrong_with

__all__ = ["change", "clashes_of", "edit", "give_up", "publish_draft", "restore", "roll_back", "take_in", "try_draft"]

_SHOWN = 20


def change(access: Access, file: str, asked: ChangeAsked) -> None:
    """
    Write one thing anew in the user's draft, which is begun if there is none.

    :raises LedgerbridgeError: it can't stand there, or the draft was changed in another window.
    """
    _keep(access, file, asked.seen, lambda text: _changed(text, asked))


def edit(access: Access, file: str, asked: EditsAsked) -> None:
    """Change several things in the user's draft, all or none; raises as ``change``."""
    _keep(access, file, asked.seen, lambda text: edited(text, asked.edits).text)


def restore(access: Access, file: str, asked: TextAsked) -> None:
    """Let the user's draft have a text that it had before; raises as ``change``."""
    _keep(access, file, asked.seen, lambda _: asked.text)


def _keep(access: Access, file: str, seen: int, changed: Callable[[YamlText], str]) -> None:
    must_edit(access, file)
    with transaction(settings.state_engine(stays=True)) as opened:
        known = open_draft(opened, file, access.name)
        draft = begin(opened, file, live_text(settings.include_folder(), file), access.name)
        text = changed(YamlText(draft.text, Path(file).stem))
        keep(opened, file, access.name, draft.version if known is None else seen, text)


def give_up(access: Access, file: str, seen: int) -> None:
    """Give the user's draft up; raises as ``keep``."""
    must_edit(access, file)
    with transaction(settings.state_engine(stays=True)) as opened:
        discard(opened, file, access.name, seen)


def take_in(access: Access, file: str, asked: MergeAsked) -> None:
    """
    Put what the file became since the draft was begun into it.

    :raises LedgerbridgeError: both changed the same lines, and it was not chosen whose stand in the file as it is now.
    """
    must_edit(access, file)
    live = live_text(settings.include_folder(), file)
    draft = _own(access, file)
    text = merged(draft.base, draft.text, live, asked.choices)
    if text is None or (asked.choices and asked.live != _hash(live)):
        raise LedgerbridgeError(
            FILE_CHANGED,
            f"{file}: the draft and the newer file changed the same lines.",
            remedy="Choose at each of these places whose lines stand.",
        )
    with transaction(settings.state_engine(stays=True)) as opened:
        keep(opened, file, access.name, asked.seen, text, base=live)


def clashes_of(access: Access, file: str) -> ClashesView:
    """Where the user's draft and the file as it is now changed the same lines."""
    must_edit(access, file)
    live, draft = live_text(settings.include_folder(), file), _own(access, file)
    found = pieces(draft.base, draft.text, live)
    return ClashesView(
        live=_hash(live),
        clashes=[
            ClashView(
                before=_last_line(found[at - 1]) if at else "", draft=each.draft, base=each.base, live=each.live
            )
            for at, each in enumerate(found)
            if isinstance(each, Clash)
        ],
    )  # fmt: skip


def _last_line(piece: str | Clash) -> str:
    return piece.rstrip("\n").rpartition("\n")[2] if isinstance(piece, str) else ""


def roll_back(access: Access, file: str, publication: int) -> None:
    """
    Begin a draft with the text that a publication was made from, in place of one that is under way.

    :raises LedgerbridgeError: there is no such publication.
    """
    must_edit(access, file)
    with transaction(settings.state_engine(stays=True)) as opened:
        before = next((each.base for each in publications(opened, file) if each.id == publication), None)
        if before is None:
            raise LedgerbridgeError(
                UNKNOWN, f"{file} has no publication {publication}.", remedy="Take one of its history."
            )
        draft = begin(opened, file, live_text(settings.include_folder(), file), access.name)
        keep(opened, file, access.name, draft.version, before)


def _problems(file: str, text: str) -> list[Problem]:
    """Everything that is wrong with a mapping, gate or lookup table, were this its text."""
    if file.startswith("lookups/"):
        return wrong_with(file, text)
    if file.startswith("expectations/"):
        return gate_problems(file, text)
    include = settings.include_folder()
    company = settings.company(company_keys(settings.companies_folder())[0])
    with with_file(include, file, text) as folder:
        return mapping_problems(folder / file, folder, lambda: company)


def try_draft(access: Access, file: str, asked: TryAsked) -> TryView:
    """What the user's draft would have made of the last days, of every company."""
    must_edit(access, file)
    draft = _own(access, file)
    since = datetime.now(UTC) - timedelta(days=asked.days)
    include = settings.include_folder()
    told = TryView(days=asked.days, differences=[], effects=[], not_shown={})
    with with_file(include, file, draft.text) as folder:
        for key in company_keys(settings.companies_folder()):
            engine = settings.state_engine(key, stays=True)
            found = what_if(include, folder, settings.company(key), engine, since, most=asked.most)
            told.differences += [_difference(each) for each in found.differences]
            told.effects += [_effect(each, key) for each in found.effects if each.is_another]
            told.not_shown |= found.not_shown
    return told


def publish_draft(access: Access, file: str, asked: PublishAsked) -> None:
    """
    Commit the user's draft in their name.

    :raises LedgerbridgeError: it has problems, the file was changed since, or git can't.
    """
    must_edit(access, file)
    draft = _own(access, file)
    flow = checked_flow(access, file, draft.text) if file.startswith("flows/") else None
    problems = _problems(file, draft.text) if flow is None else [problem for problem, _ in flow.problems]
    if problems:
        raise LedgerbridgeError(
            "LB-DRF-005",
            f"{file} has {len(problems)} problem{'s' if len(problems) != 1 else ''}; line {problems[0].line}:"
            f" {problems[0].message}",
            remedy=problems[0].remedy,
        )
    texts, others = goes_with(access, file, flow.content if flow else None)
    done = publish(
        settings.include_folder(), file, draft.base, draft.text, by=access.name, note=asked.note.strip(),
        how=settings.publishes(), beside=texts,
    )  # fmt: skip
    with transaction(settings.state_engine(stays=True)) as opened:
        for each, seen in ((file, asked.seen), *((one.file, one.version) for one in others)):
            settle(opened, each, access.name, seen, asked.note.strip(), done.commit, done.branch)
    if done.branch is None:
        for each in (file, *(one.file for one in others)):
            if each.startswith("mappings/"):
                note_shapes(access.name, each)


def _own(access: Access, file: str) -> Draft:
    with snapshot(settings.state_engine(stays=True)) as opened:
        draft = open_draft(opened, file, access.name)
        if draft is None:
            raise LedgerbridgeError(UNKNOWN, f"you have no draft of {file}.", remedy="Change something first.")
        opened.expunge(draft)
    return draft


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _changed(text: YamlText, asked: ChangeAsked) -> str:
    place = tuple(asked.location)
    return (text.take_away(place) if asked.written is None else with_written(text, place, asked.written)).text


def _difference(found: Difference) -> DifferenceView:
    documents: Sequence[ChangedDocument] = [*found.changed, *found.added, *found.gone]
    return DifferenceView(
        leg=f"{found.flow}.{found.leg}", entity=found.entity, records=found.records, before=found.before,
        after=found.after, changed=len(found.changed), added=len(found.added), gone=len(found.gone),
        refused_no_more=len(found.refused_no_more), newly_waiting=len(found.newly_waiting),
        newly_refused=len(found.newly_refused), assumed=found.assumed,
        refusals=[
            RefusalView(
                source_key=each.source_key, field=each.field, code=each.code, message=each.message, remedy=each.remedy
            )
            for each in found.newly_refused[:_SHOWN]
        ],
        accounts=[_sum(each, role=each.role, account=each.account) for each in found.accounts],
        totals=[_sum(each) for each in found.totals],
        documents=[
            DocumentChange(
                name=each.label or each.record_key,
                fields=[
                    f"{one.part} {one.row} {one.field}: {_said(one.before)} → {_said(one.after)}"
                    for one in each.fields[:_SHOWN]
                ],
            )
            for each in documents[:_SHOWN]
        ],
    )  # fmt: skip


def _effect(each: AccountEffect, company: str) -> EffectView:
    return EffectView(company=company, difference=each.difference, **asdict(each))


def _sum(each: Any, **of: str) -> SumView:
    return SumView(
        field=f"{each.part}.{each.field}", currency=each.currency, before=each.before, after=each.after, **of
    )


def _said(value: Any) -> str:
    return "nothing" if value is None else str(value)
