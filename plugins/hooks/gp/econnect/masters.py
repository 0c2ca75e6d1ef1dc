"""Master records that people make and edit in GP too: known by our number, and given only what they lack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from hooks.gp.econnect.entities import ChangedRows, MasterRows
from hooks.gp.econnect.reader import CHANGES, Row, all_of, any_of, changed_between, equal, literal
from hooks.gp.econnect.targets import MasterTarget, is_current, outcome_of
from ledgerbridge.entities import DELETED, Candidate, Document, Matched, Outcome, RawRecord, Window
from ledgerbridge.errors import RecordRejected

__all__ = ["Beside", "KeptMaster"]

_DELETE = 3  # ACTION in eConnect_Out: sources.md GP §2
_ZONES = timedelta(days=1)
"""No clock is further from UTC: eConnect_Out is dated by the server's own."""


@dataclass(frozen=True)
class Beside:
    """
    A table of a master's child rows whose changes do not stamp the master's own row (sources.md GP §2).

    :param element: the child rows by the name that the master's DOCTYPE gives them.
    :param owner: the column that has the master's number.
    :param where: which rows are of such masters.
    """

    table: str
    element: str
    owner: str
    where: str = ""


class KeptMaster(MasterTarget, ChangedRows, MasterRows, Matched):
    """
    A master that is read, looked up, and written under our number; who was adopted keeps the number GP has.

    Sending one that exists under our number updates the fields given. What people delete is read as such (``CHANGES``).
    """

    number_field: str
    master_table: ClassVar[str]
    """Where GP keeps it."""
    address_code: ClassVar[str | None] = None
    """The header field that says which address its address fields are."""
    beside: ClassVar[Beside | None] = None
    at_first: ClassVar[frozenset[str]] = frozenset()
    """Header fields that a new one needs, and that nothing kept elsewhere changes."""

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """As ``ChangedRows.read``, and what was deleted, where the site lets that be read."""
        changed = changed_between(window.since, window.until)
        yield from self._changed(changed)
        if self._site.reader.offers(CHANGES):
            yield from self._deletions(window)

    def matches(self, documents: Sequence[Document]) -> dict[str, list[Candidate]]:
        """Who is there under the number; also inactive ones."""
        return {document.record_key: [own] for document, own in self._own(documents) if own is not None}

    def common(self, document: Document) -> str | None:
        """Nothing but the number, unless an entity knows more."""
        return None

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        """Create, or update who bears our number; who is known under another number is left as they are."""
        located = self._located(documents)
        outcomes: dict[str, Outcome] = {}
        to_write: list[Document] = []
        for document in documents:
            key, known, held = document.record_key, document.target_id, located.get(document.record_key)
            if known is not None and known.upper() != str(document.header[self.natural_key]).upper():
                outcomes[key] = Outcome(key, known, known, written=False)
            elif held is not None and held.differences and not document.merged:
                outcomes[key] = outcome_of(key, held)
            elif held is None and document.merged:
                outcomes[key] = Outcome(key, error=self._deleted(document))
            else:
                to_write.append(_said(document if held is None else self.updating(document, held.content)))
        outcomes |= {outcome.record_key: outcome for outcome in self._send(to_write, self._write)}
        return [outcomes[document.record_key] for document in documents]

    def updating(self, document: Document, row: Row) -> Document:
        """
        The document with what an update of this row has to say besides, and without what is said to a new one alone.

        GP keeps the main address twice, with the master and under its code. Both change if the code is given; the code
        is the master's own, whichever a new one would get. What is said of another address that has this code is said
        of the main one.
        """
        if not document.merged:
            return document
        header = {name: value for name, value in document.header.items() if name not in self.at_first}
        if self.address_code is None:
            return replace(document, header=header)
        code = header[self.address_code] = row.get(self.address_code) or header.get(self.address_code)
        addresses = document.parts.get("addresses", [])
        of_main = {name: value for each in addresses if each["ADRSCODE"] == code for name, value in each.items()}
        said = {name: value for name, value in header.items() if value is not None}
        others = {"addresses": [each for each in addresses if each["ADRSCODE"] != code]} if addresses else {}
        header = {**header, **{name: value for name, value in of_main.items() if name != "ADRSCODE"}, **said}
        return replace(document, header=header, parts={**document.parts, **others})

    def _changed(self, changed: str) -> Iterator[list[RawRecord]]:
        """What is there and changed, or has a changed row ``beside``, by a condition on DEX_ROW_TS."""
        if changed and self.beside is not None:
            owners = f"SELECT {self.beside.owner} FROM {self.beside.table} WHERE {all_of(self.beside.where, changed)}"  # noqa: S608
            # the Requester knows no other table's columns: sources.md GP §1.4
            changed = any_of(changed, f"{self.master_column} IN ({owners})")
        for rows in self._site.reader.pages(self.master_doctype, changed, key=self.source_key):
            yield [self._record(self.master_doctype, self._stamped(row)) for row in rows]

    def _stamped(self, row: Row) -> Row:
        """The master as of the last change of its row or of one beside."""
        if self.beside is None:
            return row
        stamps = [row.get("DEX_ROW_TS"), *(each.get("DEX_ROW_TS") for each in row.get(self.beside.element, []))]
        return {**row, "DEX_ROW_TS": max(filter(None, stamps), default=None)}

    def _deletions(self, window: Window) -> Iterator[list[RawRecord]]:
        """
        What the Requester noted as deleted and nobody made again since.

        It is noted at the server's own time, which is taken as UTC: the window reaches back further, and what was read
        before is read again.
        """
        noted = all_of(equal("TABLENAME", self.master_table), equal("ACTION", _DELETE))
        since = f"DATE1 >= {literal(window.since - _ZONES)}" if window.since else ""
        for rows in self._site.reader.pages(CHANGES, all_of(noted, since), key=("INDEX1", "DATE1")):
            last = {str(row["INDEX1"]): str(row["DATE1"]) for row in rows}
            there, now = self.lookup(list(last)), self.clock()
            yield [
                RawRecord(
                    key=f"gp:{self._site.company}:{self.source_name}:{number}",
                    version=f"deleted {noted_at}",
                    changed_at=min(datetime.fromisoformat(noted_at).replace(tzinfo=UTC), now),
                    payload={self.master_column: number, DELETED: True},
                )
                for number, noted_at in last.items()
                if number not in there
            ]

    def _deleted(self, document: Document) -> RecordRejected:
        number = document.header[self.natural_key]
        return RecordRejected(
            "LB-GP-031",
            f"GP has no {self.source_name} {number} any more, of whom something changed elsewhere",
            record_key=document.record_key,
            field=self.natural_key,
            value=number,
            remedy="Was it deleted in GP? Archive it where it changed, and close the dead letter; or make it again in"
            " GP under this number, and replay.",
        )

    def is_active(self, row: Row) -> bool:
        """Whether it may be used."""
        raise NotImplementedError

    def _own(self, documents: Sequence[Document]) -> Iterator[tuple[Document, Candidate | None]]:
        """Each document with who bears its number."""
        located = self._located(documents)
        for document in documents:
            held = located.get(document.record_key)
            if held is None:
                yield document, None
                continue
            current, active = is_current(document.header, held.content), self.is_active(held.content)
            yield document, Candidate(held, self.natural_key, own=True, active=active, current=current)


def _said(document: Document) -> Document:
    """The document without addresses of which nothing is said: a new master gets no empty ones."""
    if "addresses" not in document.parts:
        return document
    said = [
        each
        for each in document.parts["addresses"]
        if any(value is not None for name, value in each.items() if name != "ADRSCODE")
    ]
    return replace(document, parts={**document.parts, "addresses": said})
