"""
An evidence pack: what the audit says of a record or a period, with what was read and sent, to be verified where nothing
of us runs.

Entries of other records are in it by their hash alone, so that the chain can be followed over them; of other records of
a batch, too, only the hashes.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from ledgerbridge.audit.chain import GENESIS, content_digest, content_text
from ledgerbridge.audit.records import record_list, record_text
from ledgerbridge.audit.trace import trace
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state.models import AuditEntry, BookedDocument, DeadLetter, Delivery
from ledgerbridge.state.upsert import in_chunks

__all__ = ["Pack", "Payloads", "Records", "collect", "period_of"]

Payloads = Callable[[str, dict[str, int], str], dict[str, dict[str, Any]]]
"""The documents of a staged batch by their content hash; given its address, its rows by part and its own hash."""

Records = Callable[[str, dict[str, int], str], list[RawRecord]]
"""The source records of a staged batch; given the same."""

_README = """Evidence of Ledgerbridge: {wanted}
Made {made_at}.

Verify it with any Python 3.8 or newer, nothing else is needed:

    python3 verify.py
    python3 verify.py --anchors FILE     with the anchors you kept (`ledgerbridge audit anchor`)

chain.jsonl         the audit trail from the first entry that concerns this to its head; other entries by hash alone
entries.json        the entries that concern this, to read
deliveries.json     what stands in each system, with its number there
dead_letters.json   what could not go on, why, and what people did with it
booked.json         what both ledgers booked for it, as the last reconciliation read them
records/            the sources' records as they were read, each named by its hash
batches/            the hashes of all records of the batches they were read in; the batch's entry names each list's hash
payloads/           the documents that were sent, each named by its hash, which its entries name too
"""


@dataclass(frozen=True)
class Pack:
    """The files of a pack by name."""

    files: dict[str, bytes]

    def write(self, path: Path) -> None:
        """As a zip file."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
            for name, content in self.files.items():
                pack.writestr(name, content)


def period_of(wanted: str) -> tuple[datetime, datetime] | None:
    """A day, a month or two days with ``..`` between them as instants (UTC, the end excluded); None: no period."""
    if re.fullmatch(r"\d{4}-\d\d", wanted):
        first = date.fromisoformat(f"{wanted}-01")
        return _midnight(first), _midnight((first + timedelta(days=32)).replace(day=1))
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?", wanted)
    if match is None:
        return None
    first, last = date.fromisoformat(match[1]), date.fromisoformat(match[2] or match[1])
    return _midnight(first), _midnight(last + timedelta(days=1))


def collect(session: Session, wanted: str, payloads: Payloads, records: Records) -> Pack:
    """
    The pack of a record (any id ``trace`` takes) or of a period.

    :param payloads: reads staged batches; one that was purged gives nothing, and its documents are not in the pack.
    :param records: likewise, of what was read.
    :raises LedgerbridgeError: there is nothing to prove.
    """
    period, keys = period_of(wanted), None
    if period is None:
        found = trace(session, wanted)
        entries, keys = found.entries, {row.source_key for step in found.steps for row in step.records}
    else:
        chosen = select(AuditEntry).where(AuditEntry.at >= period[0], AuditEntry.at < period[1])
        entries = list(session.scalars(chosen.order_by(AuditEntry.id)))
    if not entries:
        raise LedgerbridgeError(
            "LB-AUD-003",
            f'the audit has no entry for "{wanted}".',
            remedy="Give an id as `ledgerbridge trace` takes it, a day, a month, or two days with `..` between them.",
        )
    entries = _with_batches(session, entries)
    files = {
        **_tables(session, entries),
        **_payload_files(entries, payloads),
        **_record_files(entries, records, keys),
        "chain.jsonl": _chain(session, entries),
        "README.txt": _README.format(wanted=wanted, made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC").encode(),
        "verify.py": (Path(__file__).parent / "evidence_verify.py").read_bytes(),
    }
    return Pack({**files, "manifest.json": _manifest(session, wanted, entries, files)})


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _with_batches(session: Session, entries: list[AuditEntry]) -> list[AuditEntry]:
    """The entries, and those of the batches they went by."""
    runs = sorted({entry.run_id for entry in entries if entry.run_id})
    legs = {entry.task.partition(".")[0] for entry in entries}
    found = {entry.id: entry for entry in entries}
    for chunk in in_chunks(runs):
        staged = select(AuditEntry).where(AuditEntry.run_id.in_(chunk), AuditEntry.action.startswith("batch-"))
        found |= {entry.id: entry for entry in session.scalars(staged) if entry.task.partition(".")[0] in legs}
    return [found[number] for number in sorted(found)]


def _chain(session: Session, entries: list[AuditEntry]) -> bytes:
    told = {entry.id for entry in entries}
    lines = []
    rest = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.id >= entries[0].id)
        .order_by(AuditEntry.id)
        .execution_options(yield_per=1000)
    )
    for entry in rest:
        link: dict[str, Any] = {"number": entry.id, "digest": content_digest(entry), "hash": entry.hash}
        if entry.id in told:
            link["content"] = content_text(entry).decode()
        lines.append(orjson.dumps(link))
    return b"\n".join(lines) + b"\n"


def _tables(session: Session, entries: list[AuditEntry]) -> dict[str, bytes]:
    keys = sorted({entry.record_key for entry in entries})
    deliveries: list[Delivery] = []
    letters: list[DeadLetter] = []
    booked: list[BookedDocument] = []
    for chunk in in_chunks(keys):
        deliveries += session.scalars(select(Delivery).where(Delivery.record_key.in_(chunk)).order_by(Delivery.id))
        of_record = or_(DeadLetter.record_key.in_(chunk), DeadLetter.source_key.in_(chunk))
        letters += session.scalars(select(DeadLetter).where(of_record).order_by(DeadLetter.created_at))
        books = select(BookedDocument).where(BookedDocument.record_key.in_(chunk)).order_by(BookedDocument.id)
        booked += session.scalars(books)
    shown = [{"hash": entry.hash, **orjson.loads(content_text(entry))} for entry in entries]
    return {
        "entries.json": _json(shown),
        "deliveries.json": _json(_columns(row, without=("lease_owner", "lease_until")) for row in deliveries),
        "dead_letters.json": _json({letter.id: _columns(letter) for letter in letters}.values()),
        "booked.json": _json(_columns(row) for row in booked),
    }


def _payload_files(entries: list[AuditEntry], payloads: Payloads) -> dict[str, bytes]:
    """The documents that entries name by their hash, as far as their batches are still there."""
    sent = {entry.content_hash for entry in entries if entry.content_hash and not entry.action.startswith("batch-")}
    files = {}
    for entry in _standing(entries, "batch-gate"):
        for digest, document in payloads(entry.details["uri"], entry.details["rows"], str(entry.content_hash)).items():
            if digest in sent:
                files[f"payloads/{digest}.json"] = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return files


def _record_files(entries: list[AuditEntry], records: Records, keys: set[str] | None) -> dict[str, bytes]:
    """The records as they were read, all or those of these keys, with the lists of their batches."""
    files: dict[str, bytes] = {}
    for entry in _standing(entries, "batch-extract"):
        batch = records(entry.details["uri"], entry.details["rows"], str(entry.content_hash))
        texts = [record_text(each) for each in batch if keys is None or each.key in keys]
        if texts and "records" in entry.details:
            files |= {f"records/{sha256(text).hexdigest()}.json": text for text in texts}
            files[f"batches/{entry.details['records']}.txt"] = record_list(batch)
    return files


def _standing(entries: list[AuditEntry], action: str) -> Iterable[AuditEntry]:
    """The batches a step staged, without those that another try of its task has written over."""
    return {entry.details["uri"]: entry for entry in entries if entry.action == action}.values()


def _manifest(session: Session, wanted: str, entries: list[AuditEntry], files: dict[str, bytes]) -> bytes:
    first = entries[0]
    last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    manifest = {
        "wanted": wanted,
        "first": first.id,
        "previous_hash": first.previous_hash if first.id > 1 else GENESIS,
        "head": {"number": last.id, "hash": last.hash},
        "files": {name: sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    return _json(manifest)


def _columns(row: Any, without: Iterable[str] = ()) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns if column.name not in without}


def _json(value: Any) -> bytes:
    listed = value if isinstance(value, dict) else list(value)
    return json.dumps(listed, indent=1, ensure_ascii=False, default=_text).encode()


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
