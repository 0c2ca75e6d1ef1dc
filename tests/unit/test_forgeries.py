"""
Two hundred forgeries drawn at random, of packs, chains, tables and anchors: every one is found.

Whoever forges has all but the key: the pack whole, the database whole, or the place of the anchors whole. The draw is
seeded, so that one that is not found can be drawn again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from audited_company import Company, company_of, key_of
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.orm import Session
from test_audit import unseal
from test_evidence_packs import list_anew

from ledgerbridge.audit import Actor, Anchor, Change, append, verify
from ledgerbridge.audit.anchors import next_anchor, signed_head, tell_anchor
from ledgerbridge.audit.chain import digest, signed_content
from ledgerbridge.audit.commitments import BODY, BOOKED, DELIVERY, LETTER
from ledgerbridge.audit.evidence_verify import main as verify_pack
from ledgerbridge.state import transaction
from ledgerbridge.state.dead_letters import close_letters
from ledgerbridge.state.models import AuditEntry, BookedDocument, DeadLetter, Delivery
from ledgerbridge.state.purge import purge_payloads, tell_purged
from ledgerbridge.state.signing import ANCHOR, Signer, new_key

KEY = new_key()
SIGNER, FORGER = Signer(KEY), Signer(new_key())
ACTOR = Actor("", "", "run-1", "verify")
SEED = 16
PACKS, CHAINS, ANCHORS = 80, 80, 40


@pytest.fixture
def company(state_db: Engine) -> Company:
    """A company whose audit is signed, after a purge, and nothing that keeps anybody from changing it."""
    company = company_of(state_db, KEY)
    with transaction(company.state) as session:
        close_letters(session, ACTOR, [key_of(3)])
    day = datetime.now(UTC) + timedelta(days=1)
    with transaction(company.state) as session:
        tell_purged(session, day, purge_payloads(session, day), [], "ann")
    unseal(state_db)
    return company


@pytest.fixture
def anchors(company: Company) -> list[Anchor]:
    """Three anchors, entries after each, and the head noted last."""
    kept: list[Anchor] = []
    for number in range(3):
        with transaction(company.state) as session:
            anchor = next_anchor(session, kept)
            tell_anchor(session, ACTOR, anchor)
            append(session, ACTOR, [Change("window-read", "shopify.order", f"window-{number}")])
        kept.append(anchor)
    with transaction(company.state) as session:
        return [*kept, signed_head(session)]


# Packs ----------------------------------------------------------------------------------------------------------------

Files = dict[str, bytes]


def json_paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where single values lie in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        yield path
        return
    for key, each in inner:
        yield from json_paths(each, (*path, key))


def another(draw: random.Random, value: Any) -> Any:
    match value:
        case bool() | None:
            return "forged"
        case int() | float():
            return value + draw.choice([-1, 1, 800])
        case str() if value and draw.random() < 0.5:
            place = draw.randrange(len(value))
            return value[:place] + ("1" if value[place] != "1" else "9") + value[place + 1 :]
        case _:
            return draw.choice(["900.00", "LBO999", ""]) if value not in ("900.00", "LBO999", "") else "else"


def change_a_value(draw: random.Random, files: Files) -> None:
    name = draw.choice(["booked.json", "deliveries.json", "dead_letters.json", "entries.json"])
    document = json.loads(files[name])
    *way, last = draw.choice(list(json_paths(document)))
    holder = document
    for key in way:
        holder = holder[key]
    holder[last] = another(draw, holder[last])
    files[name] = json.dumps(document, indent=1, ensure_ascii=False).encode()


def change_the_rows(draw: random.Random, files: Files) -> None:
    name = draw.choice(["booked.json", "deliveries.json", "dead_letters.json", "entries.json"])
    table = json.loads(files[name])
    match draw.randrange(3):
        case 0:
            table.remove(draw.choice(table))
        case 1:
            table.append(draw.choice(table))
        case _:
            table.clear()
    files[name] = json.dumps(table, indent=1, ensure_ascii=False).encode()


def change_the_chain(draw: random.Random, files: Files) -> None:
    lines = files["chain.jsonl"].splitlines(keepends=True)
    place = draw.randrange(len(lines))
    match draw.randrange(4):
        case 0:
            del lines[place]
        case 1:
            del lines[place:]
        case 2:
            lines.insert(place, lines[place])
        case _:
            lines[place] = lines[place].replace(b"run-1", b"run-2")
            lines[place] = lines[place].replace(b'"number"', b'"number" ', 1)
    files["chain.jsonl"] = b"".join(lines)


def hide_an_entry(draw: random.Random, files: Files) -> None:
    links = [json.loads(line) for line in files["chain.jsonl"].splitlines()]
    hidden = draw.choice([link for link in links if "content" in link])
    del hidden["content"]
    shown = [{"hash": link["hash"], **json.loads(link["content"])} for link in links if "content" in link]
    files["chain.jsonl"] = b"".join(json.dumps(link).encode() + b"\n" for link in links)
    files["entries.json"] = json.dumps(shown).encode()
    manifest = json.loads(files["manifest.json"])
    files["manifest.json"] = json.dumps({**manifest, "told": len(shown)}).encode()


def flip_a_bit(draw: random.Random, files: Files) -> None:
    name = draw.choice(sorted(files))
    content = bytearray(files[name])
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    files[name] = bytes(content)


def take_a_file_away(draw: random.Random, files: Files) -> None:
    del files[draw.choice(sorted(files))]


def put_a_file(draw: random.Random, files: Files) -> None:
    known = draw.choice([name for name in files if "/" in name])
    names = ["argparse.py", "payloads/more.json", known.replace("/", "/0", 1), "payloads/" + "0" * 64 + ".json"]
    files[draw.choice(names)] = b"{}"


def swap_two_files(draw: random.Random, files: Files) -> None:
    one, other = draw.sample([name for name in files if name.startswith(("payloads/", "records/"))], 2)
    files[one], files[other] = files[other], files[one]


OF_PACKS = [
    change_a_value, change_a_value, change_the_rows, change_the_chain, hide_an_entry, flip_a_bit, take_a_file_away,
    put_a_file, swap_two_files,
]  # fmt: skip


def test_every_forgery_of_a_pack_is_found(company: Company, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw = random.Random(SEED)
    true = company.pack().files
    public = SIGNER.public.known[0]
    assert verify_pack([str(write(tmp_path / "true", true)), "--key", public]) == 0
    missed = []
    for number in range(PACKS):
        forge, files = draw.choice(OF_PACKS), dict(true)
        forge(draw, files)
        assert files != true, (number, forge.__name__)
        pack = write(tmp_path / str(number), files)
        redone = draw.choice(["as it is", "listed anew", "signed by another"])
        if redone != "as it is" and "manifest.json" in files and readable(files["manifest.json"]):
            list_anew(pack, FORGER if redone == "signed by another" else None)
        if verify_pack([str(pack), "--key", public]) != 1 or verify_pack([str(pack)]) == 0:
            missed.append((number, forge.__name__, redone))
    capsys.readouterr()
    assert missed == []


def readable(manifest: bytes) -> bool:
    try:
        return isinstance(json.loads(manifest), dict)
    except ValueError:
        return False


def write(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


# The database ---------------------------------------------------------------------------------------------------------


def forge_an_entry(draw: random.Random, session: Session) -> None:
    """A field of an entry, and as much hashed and signed anew as somebody without the key can."""
    entry = draw.choice(session.scalars(select(AuditEntry)).all())
    name = draw.choice(["run_id", "task", "action", "entity", "record_key", "content_hash", "details"])
    value = {"forged": True} if name == "details" else "forged"
    setattr(entry, name, value)
    hash_anew(draw, session, entry.id)


def take_entries_out(draw: random.Random, session: Session) -> None:
    numbers = session.scalars(select(AuditEntry.id).order_by(AuditEntry.id)).all()
    first = draw.choice(numbers)
    last = draw.choice([first, first + 1, numbers[-1]])
    session.execute(delete(AuditEntry).where(AuditEntry.id.between(first, last)))
    behind = [number for number in numbers if number > last]
    for number in behind[: draw.randrange(len(behind) + 1)]:  # as many close up
        session.execute(update(AuditEntry).where(AuditEntry.id == number).values(id=number - (last - first + 1)))
    hash_anew(draw, session, first)


def cut_the_end(draw: random.Random, session: Session) -> None:
    numbers = session.scalars(select(AuditEntry.id)).all()
    session.execute(delete(AuditEntry).where(AuditEntry.id >= draw.choice(numbers)))


def append_an_entry(draw: random.Random, session: Session) -> None:
    last = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert last is not None
    copied = {column.name: getattr(last, column.name) for column in AuditEntry.__table__.columns}
    forged = AuditEntry(**{**copied, "id": last.id + 1, "record_key": "forged", "previous_hash": last.hash})
    forged.hash = digest(forged)
    forged.signature = draw.choice([None, last.signature, signature_of(forged)])
    session.add(forged)


def change_signatures(draw: random.Random, session: Session) -> None:
    entry = draw.choice(session.scalars(select(AuditEntry)).all())
    entry.signature = draw.choice([None, "", "00" * 64, signature_of(entry)])


def signature_of(entry: AuditEntry) -> str | None:
    return FORGER.sign("head", signed_content(entry.id, entry.hash))


def hash_anew(draw: random.Random, session: Session, first: int) -> None:
    session.flush()
    if draw.random() < 0.2:
        return
    sign = draw.choice(["by the forger", "not", "no more"])
    session.expire_all()
    previous = session.get(AuditEntry, first - 1)
    for entry in session.scalars(select(AuditEntry).where(AuditEntry.id >= first).order_by(AuditEntry.id)):
        entry.previous_hash = previous.hash if previous is not None else entry.previous_hash
        entry.hash = digest(entry)
        if sign != "not":
            entry.signature = signature_of(entry) if sign == "by the forger" else None
        previous = entry
        session.flush()


TABLES: list[tuple[Any, tuple[str, ...]]] = [
    (Delivery, (*DELIVERY, "state")),
    (DeadLetter, (*LETTER, *BODY)),
    (BookedDocument, BOOKED),
]


def change_a_row(draw: random.Random, session: Session) -> None:
    table, columns = draw.choice(TABLES)
    row = draw.choice(session.scalars(select(table)).all())
    name = draw.choice([each for each in columns if each not in ("booked_on",)])
    if name in ("canonical", "effects", "raw", "document", "document_types"):
        value: Any = {**(getattr(row, name) or {}), "total": "900.00"}
    elif name in ("id", "key", "record_key"):
        value = f"{getattr(row, name)}9"  # one that no other row has
    else:
        value = [{"path": "raw.total"}] if name == "corrections" else another(draw, getattr(row, name))
    setattr(row, name, value)


def take_a_row_away(draw: random.Random, session: Session) -> None:
    table, _ = draw.choice(TABLES)
    session.delete(draw.choice(session.scalars(select(table)).all()))


def invent_a_row(draw: random.Random, session: Session) -> None:
    table, _ = draw.choice(TABLES)
    row = draw.choice(session.scalars(select(table)).all())
    key = {Delivery: "record_key", DeadLetter: "id", BookedDocument: "key"}[table]
    copied = {column.name: getattr(row, column.name) for column in table.__table__.columns if column.name != "id"}
    session.execute(insert(table).values({**copied, key: "forged"}))


def pretend_a_purge(draw: random.Random, session: Session) -> None:
    """As one would leave a letter, and in one of its fields something else."""
    letter = draw.choice(session.scalars(select(DeadLetter)).all())
    letter.message, letter.closed_at = "purged", datetime(2020, 1, 1, tzinfo=UTC)
    for name in BODY:
        if name != "message":
            setattr(letter, name, None)
    letter.document = draw.choice([None, {"total": "900.00"}]) if letter.state == "open" else {"total": "900.00"}


def invent_a_booking_elsewhere(draw: random.Random, session: Session) -> None:
    """In a ledger that no entry tells of."""
    row = draw.choice(session.scalars(select(BookedDocument)).all())
    copied = {column.name: getattr(row, column.name) for column in BookedDocument.__table__.columns}
    session.execute(insert(BookedDocument).values({**copied, "id": 999, "ledger": draw.choice(["xero", "other"])}))


OF_DATABASES: list[Callable[[random.Random, Session], None]] = [
    forge_an_entry, take_entries_out, cut_the_end, append_an_entry, change_signatures, change_a_row, take_a_row_away,
    invent_a_row, pretend_a_purge, invent_a_booking_elsewhere,
]  # fmt: skip


def test_every_forgery_of_the_database_is_found(company: Company, anchors: list[Anchor]) -> None:
    draw = random.Random(SEED)
    with transaction(company.state) as session:
        assert verify(session, anchors, complete=True).broken is None
    missed = []
    for number in range(CHAINS):
        forge = draw.choice(OF_DATABASES)
        with Session(company.state) as session:
            forge(draw, session)
            session.flush()
            session.expire_all()
            if verify(session, anchors, complete=True).broken is None:
                missed.append((number, forge.__name__))
            session.rollback()
    with transaction(company.state) as session:
        assert verify(session, anchors, complete=True).broken is None
        assert session.scalar(text("SELECT COUNT(*) FROM audit_entry"))
    assert missed == []


# The anchors ----------------------------------------------------------------------------------------------------------


def forge_anchors(draw: random.Random, kept: list[Anchor]) -> list[Anchor]:
    numbered, noted = kept[:-1], kept[-1]
    place = draw.randrange(len(numbered))
    one = numbered[place]
    forged = list(numbered)
    match draw.randrange(8):
        case 0:
            del forged[place]
        case 1:
            forged = forged[:place]
        case 2:
            forged[place] = replace(one, **{draw.choice(["number", "position"]): 7})
        case 3:
            forged[place] = replace(one, **{draw.choice(["hash", "before", "at", "signature"]): "f" * 64})
        case 4:
            unsigned = replace(one, at="2026-01-01T00:00:00+00:00", signature=None)
            forged[place] = replace(unsigned, signature=FORGER.sign(ANCHOR, unsigned.text()))
        case 5:
            more = replace(one, position=len(forged) + 1, before=forged[-1].digest(), signature=None)
            forged.append(replace(more, signature=draw.choice([None, one.signature, FORGER.sign(ANCHOR, more.text())])))
        case 6:
            beside = replace(one, **{draw.choice(["hash", "before", "signature"]): "f" * 64})
            forged.insert(draw.choice([place, place + 1]), beside)
        case _:
            noted = replace(noted, number=noted.number + draw.choice([-1, 1]))
    return [*forged, noted]


def test_every_forgery_of_the_anchors_is_found(company: Company, anchors: list[Anchor]) -> None:
    draw = random.Random(SEED)
    missed = []
    with transaction(company.state) as session:
        for number in range(ANCHORS):
            forged = forge_anchors(draw, anchors)
            assert forged != anchors, number
            if verify(session, forged, complete=True).broken is None:
                missed.append((number, forged))
        assert verify(session, anchors, complete=True).broken is None
    assert missed == []


def test_they_are_two_hundred() -> None:
    assert PACKS + CHAINS + ANCHORS == 200
