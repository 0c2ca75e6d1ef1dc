"""
An evidence pack: what the audit says of a record or a period, with what was read and sent, to be verified where nothing
of us runs.

Entries of other records are in it by their hash alone, so that the chain can be followed over them; of other records of
a batch, too, only the hashes.

For whoever may not see values there is a pack without any: its rows are told by what names them, their state and their
hash, and of entries that say more than names and states, the rest is struck.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ledgerbridge.audit.anchors import Anchor
from ledgerbridge.audit.chain import GENESIS, content_digest, content_text
from ledgerbridge.audit.commitments import body, committed, row_digest
from ledgerbridge.audit.records import record_list, record_text
from ledgerbridge.audit.tables import last_entries
from ledgerbridge.audit.trace import trace
from ledgerbridge.audit.verify import verify
from ledgerbridge.entities import RawRecord
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state.companies import MAIN
from ledgerbridge.state.models import AuditEntry, BookedDocument, DeadLetter, Delivery
from ledgerbridge.state.signing import PACK, signer_of
from ledgerbridge.state.upsert import in_chunks

__all__ = ["VERIFIER", "Pack", "Payloads", "Records", "collect", "key_page", "pack_name", "period_of"]

Payloads = Callable[[str, dict[str, int], str], dict[str, dict[str, Any]]]
"""The documents of a staged batch by their content hash; given its address, its rows by part and its own hash."""

Records = Callable[[str, dict[str, int], str], list[RawRecord]]
"""The source records of a staged batch; given the same."""

VERIFIER = Path(__file__).parent / "evidence_verify.py"

NO_VALUES = frozenset(
    {
        "after", "attempt", "before", "body", "by", "change", "code", "dead_letter", "flow", "force", "key", "later",
        "leg", "left", "manifest", "mapping", "matched_by", "number", "path", "records", "right", "row", "rows",
        "stands", "starts_at", "state", "step", "target_id", "upto", "uri", "version", "with_values",
    }
)  # fmt: skip
"""Details of entries that hold no value of a record and no words of people: names, states, counts, hashes."""
_VALUES = {Delivery: {"canonical"}, DeadLetter: {"reason"}, BookedDocument: {"effects"}}
"""The fields of rows that hold values, or words of people, who name what they see."""

_README = """Evidence of Ledgerbridge: {wanted}
Made {made_at}.

Whoever gave you this pack can have changed verify.py too. Take it, and the public key, from where the installation
publishes them, or see that this one has the SHA-256 published there:

    {verifier}

Then, with any Python 3.9 or newer and nothing else:

    python3 -I verify.py --key PUBLIC
    python3 -I verify.py --key PUBLIC --anchors FILE   with anchors you kept (`ledgerbridge audit anchor`)
    python3 -I verify.py --key PUBLIC evidence.zip     a pack elsewhere, not unpacked

chain.jsonl         the audit trail from the first entry that concerns this to its head; other entries by hash alone
entries.json        the entries that concern this, to read
deliveries.json     what stands in each system, with its number there
dead_letters.json   what could not go on, why, and what people did with it
booked.json         what both ledgers booked for it, as the last reconciliation read them
records/            the sources' records as they were read, each named by its hash
batches/            the hashes of all records of the batches they were read in; the batch's entry names each list's hash
payloads/           the documents that were sent, each named by its hash, which its entries name too
manifest.json       every file with its hash and length
manifest.sig        the installation's signature of manifest.json

Every row of the three tables is as its last entry says, by its hash: what tells of persons in `canonical` is left out.
"""
_STRUCK_README = """
This pack was made for somebody who may not see values. There is no record and no payload in it; rows have no amounts,
and are known by `row`, the hash that their last entry tells; struck.json has the entries that say more than names and
states, without what they say, and their content is in no chain. A pack with values, of the same record, has the same
hashes. A hash hides what nobody can guess: an amount of few digits can be tried.
"""


@dataclass(frozen=True)
class Pack:
    """The files of a pack by name."""

    files: dict[str, bytes]

    def write(self, file: Path | IO[bytes]) -> None:
        """As a zip file."""
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as pack:
            for name, content in self.files.items():
                pack.writestr(name, content)


def pack_name(wanted: str, *, values: bool = True) -> str:
    """What the file of a pack is called: ``evidence-1001.zip``, ``evidence-1001-without-values.zip``."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", wanted).strip("_")
    return f"evidence-{name}{'' if values else '-without-values'}.zip"


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


def collect(
    session: Session,
    wanted: str,
    payloads: Payloads,
    records: Records,
    anchors: Sequence[Anchor] | None = None,
    *,
    values: bool = True,
) -> Pack:
    """
    The pack of a record (any id ``trace`` takes) or of a period.

    :param payloads: reads staged batches; one that was purged gives nothing, and its documents are not in the pack.
    :param records: likewise, of what was read.
    :param anchors: all that were kept; None: the end of the trail is taken as it is.
    :param values: False: no value of a record is in it, and no words of people.
    :raises LedgerbridgeError: there is nothing to prove, or what there is does not hold: nothing false is signed.
    """
    broken = verify(session, anchors or (), complete=anchors is not None).broken
    if broken is not None:
        raise LedgerbridgeError(
            broken.code,
            f"no evidence can be given: {broken}.",
            remedy="Find out who wrote to the state database: `ledgerbridge audit verify`.",
        )
    session.expunge_all()
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
    tables = _rows_of(session, entries)
    entries = _with_tellers(session, _with_batches(session, entries), tables)
    struck = [] if values else [entry for entry in entries if not entry.details.keys() <= NO_VALUES]
    told = [entry for entry in entries if entry not in struck]
    files = {
        **(_tables(tables) if values else _struck_tables(struck, tables)),
        **(_payload_files(entries, payloads) if values else {}),
        **(_record_files(entries, records, keys) if values else {}),
        "entries.json": _json(_shown(entry) for entry in told),
        "chain.jsonl": _chain(session, entries[0].id, told),
        "README.txt": _readme(wanted, values),
        "verify.py": VERIFIER.read_bytes(),
    }
    files["manifest.json"] = manifest = _manifest(session, wanted, entries, files, None if values else len(struck))
    signature = signer_of(session).sign(PACK, manifest)
    return Pack(files if signature is None else {**files, "manifest.sig": f"{signature}\n".encode()})


def key_page(keys: Sequence[str]) -> str:
    """The page an installation publishes: its public keys, and the hash of the verifier."""
    return _KEY_PAGE.format(keys="\n".join(keys), verifier=_verifier_hash())


_KEY_PAGE = """# How to verify evidence of this installation

The audit trail and evidence packs are signed by (Ed25519, the first one signs now):

```text
{keys}
```

The verifier `verify.py` has this SHA-256:

```text
{verifier}
```

Compare it (`sha256sum verify.py`), then run `python3 -I verify.py --key KEY evidence.zip`. Without `--key` nothing
proves who made a pack.
"""


def _verifier_hash() -> str:
    return sha256(VERIFIER.read_bytes()).hexdigest()


def _readme(wanted: str, values: bool) -> bytes:
    made_at = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    told = _README.format(wanted=wanted, made_at=made_at, verifier=_verifier_hash())
    return (told if values else told + _STRUCK_README).encode()


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


def _chain(session: Session, first: int, entries: list[AuditEntry]) -> bytes:
    told = {entry.id for entry in entries}
    lines = []
    rest = session.scalars(
        select(AuditEntry).where(AuditEntry.id >= first).order_by(AuditEntry.id).execution_options(yield_per=1000)
    )
    for entry in rest:
        link: dict[str, Any] = {"number": entry.id, "digest": content_digest(entry), "hash": entry.hash}
        if entry.id in told:
            link["content"] = content_text(entry).decode()
        if entry.signature is not None:
            link["signature"] = entry.signature
        lines.append(orjson.dumps(link))
    return b"\n".join(lines) + b"\n"


def _rows_of(session: Session, entries: list[AuditEntry]) -> dict[Any, list[Any]]:
    """
    The rows that entries tell of or whose record they are about, by table; a dead letter's source counts too.

    Another company may have records of the same keys: only rows of companies that the entries are of.
    """
    companies = {entry.company or MAIN for entry in entries}
    keys = sorted({entry.record_key for entry in entries})
    letters = sorted({str(entry.details["dead_letter"]) for entry in entries if "dead_letter" in entry.details})
    bookings = sorted({str(entry.details["key"]) for entry in entries if entry.action == "booked"})
    rows: dict[Any, dict[Any, Any]] = {Delivery: {}, DeadLetter: {}, BookedDocument: {}}
    wanted: tuple[tuple[Any, InstrumentedAttribute[str], list[str]], ...] = (
        (Delivery, Delivery.record_key, keys),
        (DeadLetter, DeadLetter.record_key, keys),
        (DeadLetter, DeadLetter.source_key, keys),
        (DeadLetter, DeadLetter.id, letters),
        (BookedDocument, BookedDocument.record_key, keys),
        (BookedDocument, BookedDocument.key, bookings),
    )
    for table, column, known in wanted:
        for chunk in in_chunks(known):
            found = select(table).where(column.in_(chunk), table.company.in_(companies))
            rows[table] |= {row.id: row for row in session.scalars(found)}
    return {table: [of_table[key] for key in sorted(of_table)] for table, of_table in rows.items()}


def _with_tellers(session: Session, entries: list[AuditEntry], tables: dict[Any, list[Any]]) -> list[AuditEntry]:
    """The entries, and the last one about each row: what the row is compared with."""
    told = {entry.id: entry for entry in entries}
    numbers = {entry.id for table, rows in tables.items() for entry in last_entries(session, table, rows).values()}
    for chunk in in_chunks(sorted(numbers - set(told))):
        told |= {entry.id: entry for entry in session.scalars(select(AuditEntry).where(AuditEntry.id.in_(chunk)))}
    return [told[number] for number in sorted(told)]


def _shown(entry: AuditEntry) -> dict[str, Any]:
    return {"hash": entry.hash, **orjson.loads(content_text(entry))}


def _tables(tables: dict[Any, list[Any]]) -> dict[str, bytes]:
    deliveries = [{"state": row.state, **committed(Delivery, row)} for row in tables[Delivery]]
    letters = [{**committed(DeadLetter, row), "kept": body(row)} for row in tables[DeadLetter]]
    return {
        "deliveries.json": _json(deliveries),
        "dead_letters.json": _json(letters),
        "booked.json": _json(committed(BookedDocument, row) for row in tables[BookedDocument]),
    }


def _struck_tables(struck: list[AuditEntry], tables: dict[Any, list[Any]]) -> dict[str, bytes]:
    """The same without values, each row with the hash that its last entry tells; and the entries that are struck."""

    def rows(table: Any) -> Iterable[dict[str, Any]]:
        for row in tables[table]:
            names = {name: value for name, value in committed(table, row).items() if name not in _VALUES[table]}
            yield {**names, **({"state": row.state} if table is Delivery else {}), "row": row_digest(table, row)}

    shown = ((entry, _shown(entry)) for entry in struck)
    kept = ({**each, "details": {k: v for k, v in entry.details.items() if k in NO_VALUES}} for entry, each in shown)
    return {
        "deliveries.json": _json(rows(Delivery)),
        "dead_letters.json": _json(rows(DeadLetter)),
        "booked.json": _json(rows(BookedDocument)),
        "struck.json": _json(kept),
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


def _manifest(
    session: Session, wanted: str, entries: list[AuditEntry], files: dict[str, bytes], struck: int | None
) -> bytes:
    """
    What is in the pack.

    :param struck: how many of the entries are; None: the pack has values.
    """
    first = entries[0]
    last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    manifest = {
        "wanted": wanted,
        "first": first.id,
        "previous_hash": first.previous_hash if first.id > 1 else GENESIS,
        "head": {"number": last.id, "hash": last.hash},
        "told": len(entries) - (struck or 0),
        **({} if struck is None else {"struck": struck}),
        "files": {
            name: {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in sorted(files.items())
        },
    }
    return _json(manifest)


def _json(value: Any) -> bytes:
    listed = value if isinstance(value, dict) else list(value)
    return json.dumps(listed, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass")
