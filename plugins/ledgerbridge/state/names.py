"""
Finding records by what people are called, though names are kept encrypted: a keyed hash of each word of them.

Who has the database and not the key sees which records share a word and how often it occurs, and no word
(docs/decisions/0076).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, Select, Table, delete, func, select, tuple_, type_coerce
from sqlalchemy.orm import Session

from ledgerbridge.canonical.personal import NAMES
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.matching.words import words
from ledgerbridge.state.companies import bound_company
from ledgerbridge.state.database import transaction
from ledgerbridge.state.installation import key_salt
from ledgerbridge.state.models import LinkEnd, NameWord, SourceRecord
from ledgerbridge.state.upsert import in_chunks, upsert

__all__ = ["HELD", "TAKEN", "Indexed", "called", "forget_names", "index_names", "keep_names", "words_of"]

TAKEN, HELD = SourceRecord.__tablename__, LinkEnd.__tablename__
"""Where a name may be kept: in the canonical header of a record that was taken, in what a side of a link holds."""

_MOST_WORDS = 16
"""Of one row; no name of a person or company has more, and nobody outside is to fill the table."""
_AT_A_TIME = 500
_PURPOSE = "ledgerbridge.names"
_SEALED: Final[dict[str, Any]] = {TAKEN: SourceRecord.canonical, HELD: LinkEnd.held}


class Indexed(NamedTuple):
    """Rows of a table that were looked at, those whose words changed, and those that no key opens."""

    table: str
    seen: int
    changed: int
    unreadable: int


def words_of(text: str) -> list[str]:
    """What a name is found by: its words, without case, accents and ornament; of an e-mail address the whole."""
    found: dict[str, None] = {}
    for piece in text.split():
        found |= dict.fromkeys([piece.strip("<>,;").lower()] if "@" in piece else words(piece))
    return list(found)


def keep_names(session: Session, company: str, kept_in: str, headers: Mapping[int, Mapping[str, Any] | None]) -> int:
    """
    Let rows be found by the names in their headers, and no longer by others; of how many that changed anything.

    :param headers: by the row's id; None: it has none any more.
    """
    key = _keys(session, company)[0]
    wanted = {row: {_hash(key, word) for word in _named(header)} for row, header in headers.items()}
    known: dict[int, set[bytes]] = {}
    for chunk in in_chunks(list(wanted)):
        rows = select(NameWord.row_id, NameWord.word).where(NameWord.kept_in == kept_in, NameWord.row_id.in_(chunk))
        for row, word in session.execute(rows):
            known.setdefault(row, set()).add(word)
    gone = [(row, word) for row, there in known.items() for word in there - wanted[row]]
    new = [(row, word) for row, made in wanted.items() for word in sorted(made - known.get(row, set()))]
    for pairs in in_chunks(gone):
        left = tuple_(NameWord.row_id, NameWord.word).in_(pairs)
        session.execute(delete(NameWord).where(NameWord.company == company, NameWord.kept_in == kept_in, left))
    made = [{"company": company, "word": word, "kept_in": kept_in, "row_id": row} for row, word in new]
    upsert(session, NameWord, made, key=["company", "word", "kept_in", "row_id"])  # another may index it just now
    return len({row for row, _ in (*gone, *new)})


def forget_names(session: Session, kept_in: str, rows: Sequence[int]) -> None:
    """Rows are found by no name any more: what they tell of a person is taken away."""
    for chunk in in_chunks(rows):
        session.execute(delete(NameWord).where(NameWord.kept_in == kept_in, NameWord.row_id.in_(chunk)))


def called(session: Session, kept_in: str, text: str, most: int) -> list[int]:
    """
    The rows whose names have all words of the text, whichever field each is in, the newest first.

    :param most: no more than so many of a company, and of each key that names were hashed by.
    """
    asked = words_of(text)
    found: list[int] = []
    for company in _companies(session) if asked else ():
        for key in _keys(session, company):
            hashed = {_hash(key, each) for each in asked}
            found += session.scalars(_with_all(company, kept_in, hashed).limit(most))
    return sorted(set(found), reverse=True)


def index_names(engine: Engine) -> Iterator[Indexed]:
    """
    Make the words of all rows anew by the newest key, some hundred rows a transaction; flows may go on meanwhile.

    What is right already is left as it is: broken off, it may be begun again.
    """
    for kept_in, sealed in _SEALED.items():
        after = 0
        while True:
            with transaction(engine) as session:
                rows = _rows(session, sealed.class_.__table__, sealed.key, after)
                yield _index(session, kept_in, sealed.type, rows)
            if len(rows) < _AT_A_TIME:
                break
            after = rows[-1][0]


def _index(session: Session, kept_in: str, sealed: Any, rows: Sequence[tuple[int, str, Any]]) -> Indexed:
    headers: dict[str, dict[int, Any]] = {}
    unreadable = 0
    for row, company, kept in rows:
        try:
            header = sealed.process_result_value(kept, session.get_bind().dialect)
        except ConfigurationError:
            unreadable += 1
            continue
        headers.setdefault(company, {})[row] = header
    changed = sum(keep_names(session, company, kept_in, of_company) for company, of_company in headers.items())
    return Indexed(kept_in, len(rows), changed, unreadable)


def _rows(session: Session, table: Table, sealed: str, after: int) -> list[tuple[int, str, Any]]:
    """The next rows with their company and what they keep, as it is kept."""
    column = table.c[sealed]
    kept = type_coerce(column, column.type.impl_instance)  # type: ignore[attr-defined]
    chosen = select(table.c.id, table.c.company, kept).where(table.c.id > after).order_by(table.c.id)
    found = session.execute(chosen.limit(_AT_A_TIME).with_for_update()).all()
    return [(row, company, held) for row, company, held in found]


def _named(header: Mapping[str, Any] | None) -> list[str]:
    told: Iterable[Any] = () if header is None else (header.get(name) for name in NAMES)
    return words_of(" ".join(str(each) for each in told if each))[:_MOST_WORDS]


def _with_all(company: str, kept_in: str, hashed: set[bytes]) -> Select[int]:
    of_words = select(NameWord.row_id).where(NameWord.company == company, NameWord.kept_in == kept_in)
    return (
        of_words.where(NameWord.word.in_(hashed))
        .group_by(NameWord.row_id)
        .having(func.count() == len(hashed))
        .order_by(NameWord.row_id.desc())
    )


def _companies(session: Session) -> Iterator[str]:
    """The session's, or all that have names, one after the other: none of their many rows is looked at."""
    bound = bound_company(session)
    if bound is not None:
        yield bound
        return
    last = ""
    while (last := session.scalar(select(func.min(NameWord.company)).where(NameWord.company > last)) or "") != "":
        yield last


def _keys(session: Session, company: str) -> list[bytes]:
    dialect: Any = session.get_bind().dialect
    found: list[bytes] = dialect.payload_sealer.derived(f"{_PURPOSE} {company}", key_salt(session, company))
    return found


def _hash(key: bytes, word: str) -> bytes:
    return hmac.digest(key, word.encode(), "sha256")[:16]
