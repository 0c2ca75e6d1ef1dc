"""
What a pass takes of replayed dead letters: kept records that stand for a source's, and documents made before.

A letter that was replayed once stands for its source record's version for good (``stands_for``), so that a rerun of
the same run reads what the first try read, corrections included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.entities import RawRecord
from ledgerbridge.state.models import DeadLetter
from ledgerbridge.state.upsert import in_chunks

__all__ = ["KeptDocument", "documents_to_resume", "in_letter", "kept_records", "let_pass", "letter_uri"]

_SCHEME = "dead-letter:"


def letter_uri(letter_id: str) -> str:
    """Where the work list finds a record that a letter keeps."""
    return f"{_SCHEME}{letter_id}"


def in_letter(batch_uri: str) -> bool:
    """Whether a record of the work list is kept by a letter and not by a staged batch."""
    return batch_uri.startswith(_SCHEME)


@dataclass(frozen=True)
class KeptDocument:
    """
    A document a letter keeps, values as text.

    :param types: Arrow schema by part, serialised, base64.
    """

    source_key: str
    record_key: str
    document: dict[str, Any]
    types: dict[str, str]
    canonical: dict[str, Any]
    mapping_version: str | None


def kept_records(session: Session, flow: str, leg: str, source_keys: Sequence[str]) -> dict[str, RawRecord]:
    """The records that letters keep, by source key; each under the version of the source record it stands for."""
    return {
        key: RawRecord(key, str(letter.stands_for), letter.changed_at or letter.created_at, letter.raw)
        for key, letters in _replayed(session, flow, leg, source_keys).items()
        for letter in letters
        if letter.raw is not None
    }


def documents_to_resume(
    session: Session, flow: str, leg: str, versions: Mapping[str, str]
) -> dict[str, list[KeptDocument]]:
    """
    Documents by the key of the source record they were made of, where its replay starts after the mapping.

    :param versions: the versions of the source records that a pass took; another version is made anew.
    """
    found: dict[str, list[KeptDocument]] = {}
    for key, letters in _replayed(session, flow, leg, list(versions)).items():
        # the last replay decides where the record starts
        if letters[-1].stands_for != versions[key] or letters[-1].replay_from != "gate":
            continue
        documents = {
            letter.record_key: KeptDocument(
                key,
                letter.record_key,
                letter.document,
                letter.document_types,
                letter.canonical or {},
                letter.mapping_version,
            )
            for letter in letters
            if letter.stands_for == versions[key] and letter.document and letter.document_types
        }
        if documents:
            found[key] = list(documents.values())
    return found


def let_pass(session: Session, flow: str, leg: str, code: str, versions: Mapping[str, str]) -> set[str]:
    """
    Record keys of documents that people let pass: they replayed a letter with this code.

    :param versions: those of the source records, by key; of another version a letter says nothing.
    """
    return {
        letter.record_key
        for key, letters in _replayed(session, flow, leg, list(versions)).items()
        for letter in letters
        if letter.code == code and letter.stands_for == versions[key]
    }


def _replayed(session: Session, flow: str, leg: str, source_keys: Sequence[str]) -> dict[str, list[DeadLetter]]:
    """Letters that were replayed and not discarded, by source key, the last replay last."""
    found: dict[str, list[DeadLetter]] = {}
    for chunk in in_chunks(source_keys):
        letters = session.scalars(
            select(DeadLetter)
            .where(
                DeadLetter.flow == flow,
                DeadLetter.leg == leg,
                DeadLetter.source_key.in_(chunk),
                DeadLetter.stands_for.is_not(None),
                DeadLetter.state != "discarded",
            )
            .order_by(DeadLetter.replayed_at, DeadLetter.id)
        )
        for letter in letters:
            found.setdefault(letter.source_key, []).append(letter)
    return found
