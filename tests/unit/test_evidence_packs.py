"""Evidence packs as an auditor gets them: a true one holds by the published key, a forged or a hostile one never."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from audited_company import ACTOR, Company, company_of, key_of
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from ledgerbridge.audit.evidence import VERIFIER
from ledgerbridge.audit.evidence_verify import ORDER, verified
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.mending import Person, Wanted, discard, find_letters
from ledgerbridge.state.signing import Signer, new_key
from ledgerbridge.state.source_records import Seen, register

SIGNER, FORGER = Signer(new_key_of := new_key()), Signer(new_key())
PUBLIC = SIGNER.public.known[0]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company of six orders whose audit is signed."""
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('state') / 'state.db'}", company="main")
    migrate(engine)
    return company_of(engine, new_key_of)


@pytest.fixture
def pack(company: Company, tmp_path: Path) -> Path:
    """Its evidence, unpacked."""
    return company.unpacked(tmp_path / "pack")


def check(place: Path, *arguments: object, key: str | None = PUBLIC, verifier: Path = VERIFIER) -> tuple[int, str]:
    """As an auditor does it: the published verifier, a Python with nothing installed."""
    keys = ["--key", key] if key else []
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(verifier), str(place), *keys, *map(str, arguments)],
        cwd=place.parent, env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("signing_key", ["", new_key_of], ids=["unsigned", "signed"])
def test_a_true_pack_holds_as_far_as_it_is_signed(state_db: Engine, tmp_path: Path, signing_key: str) -> None:
    pack = company_of(state_db, signing_key).unpacked(tmp_path / "pack")
    code, told = check(pack, key=None)
    assert (code, told.partition(":")[0]) == (3, "UNPROVEN")
    code, told = check(pack)
    expected = (0, "holds") if signing_key else (1, "BROKEN")
    assert (code, told.partition(":")[0]) == expected, told


def test_a_pack_of_one_order_holds_and_tells_its_booking(company: Company, tmp_path: Path) -> None:
    pack = company.unpacked(tmp_path / "pack", key_of(1))
    code, told = check(pack)
    assert (code, told.partition(":")[0]) == (0, "holds"), told
    assert [row["key"] for row in rows(pack, "booked")] == ["gp:TWO:journal:1"]
    assert "ann@example.com" not in (pack / "deliveries.json").read_text()


def test_a_pack_of_another_installation_is_broken_by_this_key(company: Company, pack: Path) -> None:
    code, told = check(pack, key=FORGER.public.known[0])
    assert (code, "not signed by the key" in told) == (1, True)


@pytest.fixture(scope="module")
def given_up(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The same, after a person gave a letter up in words that name somebody."""
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('state') / 'state.db'}", company="main")
    migrate(engine)
    company = company_of(engine, new_key_of)
    with transaction(company.state) as session:
        register(session, ACTOR.flow, ACTOR.leg, ACTOR.run_id, "shopify.order", [Seen(key_of(5), "v1")], "batch-1")
        letters = find_letters(session, Wanted(("open",), source_key=key_of(5)))
        discard(session, letters, Person("olga", "Zebedeo ordered twice", "console"))
    return company


@pytest.fixture
def struck(given_up: Company, tmp_path: Path) -> Path:
    """Its evidence for somebody who may not see values."""
    return given_up.unpacked(tmp_path / "struck", values=False)


def test_a_pack_without_values_holds_and_has_the_hashes_of_the_one_with_values(
    given_up: Company, struck: Path, tmp_path: Path
) -> None:
    code, told = check(struck)
    assert (code, told.startswith("holds: without values")) == (0, True), told
    told_in_all = b"".join(
        file.read_bytes() for file in struck.rglob("*") if file.is_file() and file.name != "verify.py"
    )
    assert [
        each for each in (b"Zebedeo", b"100.00", b'"-100"', b"no such item", b"weight") if each in told_in_all
    ] == []
    assert sorted(each.name for each in struck.iterdir()) == [
        "README.txt", "booked.json", "chain.jsonl", "dead_letters.json", "deliveries.json", "entries.json",
        "manifest.json", "manifest.sig", "struck.json", "verify.py",
    ]  # fmt: skip
    discarded = [each for each in rows(struck, "struck") if each["action"] == "dead-letter-discarded"]
    assert [(each["details"]["by"], "reason" in each["details"]) for each in discarded] == [("olga", False)]
    whole = given_up.unpacked(tmp_path / "whole")
    heads = [json.loads((each / "manifest.json").read_text())["head"] for each in (struck, whole)]
    assert heads[0] == heads[1]
    assert all(booked["row"] in (whole / "chain.jsonl").read_text() for booked in rows(struck, "booked"))


def another_hash(pack: Path) -> None:
    rewrite(pack, "booked", lambda booked: booked[0].update(row="0" * 64))


def another_state(pack: Path) -> None:
    rewrite(pack, "deliveries", lambda table: table[0].update(state="rejected"))


def another_number(pack: Path) -> None:
    rewrite(pack, "deliveries", lambda table: table[0].update(number="LBO99"))


def another_letter_state(pack: Path) -> None:
    rewrite(pack, "dead_letters", lambda table: [each.update(state="replaying") for each in table])


def one_entry_struck_twice(pack: Path) -> None:
    rewrite(pack, "struck", lambda shown: shown.append(shown[0]))


def none_struck(pack: Path) -> None:
    rewrite(pack, "struck", list.clear)


def an_entry_of_another_chain_struck(pack: Path) -> None:
    rewrite(pack, "struck", lambda shown: shown[0].update(hash="0" * 64))


def no_list_of_what_is_struck(pack: Path) -> None:
    (pack / "struck.json").unlink()


@pytest.mark.parametrize(
    "forge",
    [
        another_hash, another_state, another_number, another_letter_state, one_entry_struck_twice, none_struck,
        an_entry_of_another_chain_struck, no_list_of_what_is_struck,
    ],
)  # fmt: skip
def test_a_pack_without_values_forged_by_whoever_has_the_key_contradicts_the_chain(
    struck: Path, forge: Callable[[Path], None]
) -> None:
    forge(struck)
    list_anew(struck, SIGNER)
    code, told = check(struck)
    assert (code, told.partition(":")[0]) == (1, "BROKEN"), told


def test_a_pack_with_values_can_not_pass_for_one_without(pack: Path) -> None:
    (pack / "struck.json").write_text("[]")
    list_anew(pack, SIGNER)
    assert "struck.json is in a pack without values" in check(pack)[1]


def rows(pack: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((pack / f"{name}.json").read_text())
    return found


def rewrite(pack: Path, name: str, change: Callable[[list[dict[str, Any]]], object]) -> None:
    changed = rows(pack, name)
    change(changed)
    (pack / f"{name}.json").write_text(json.dumps(changed, indent=1))


def raise_an_amount(pack: Path) -> None:
    rewrite(pack, "booked", lambda booked: booked[0]["effects"].update({"4100": "-900"}))


def empty_the_deliveries(pack: Path) -> None:
    rewrite(pack, "deliveries", list.clear)


def hide_a_refusal(pack: Path) -> None:
    """Its entry becomes one of another record, known by its hash alone, and its letter and state go."""
    refused = next(row for row in rows(pack, "deliveries") if row["state"] == "rejected")
    hide_entries(
        pack, lambda content: content["record_key"] == refused["record_key"] and content["action"] == "refused"
    )
    rewrite(pack, "deliveries", lambda table: table.remove(refused))
    rewrite(pack, "dead_letters", list.clear)


def hide_a_record(pack: Path) -> None:
    """Every entry and row of it."""
    key = key_of(3)
    hide_entries(pack, lambda content: content["record_key"] == key)
    for name in ("deliveries", "dead_letters", "booked"):
        rewrite(pack, name, lambda table: table.__setitem__(slice(None), [r for r in table if r["record_key"] != key]))


def hide_entries(pack: Path, which: Callable[[dict[str, Any]], bool]) -> None:
    lines, shown = [], []
    for line in (pack / "chain.jsonl").read_text().splitlines():
        link = json.loads(line)
        if "content" in link and which(json.loads(link["content"])):
            del link["content"]
        if "content" in link:
            shown.append({"hash": link["hash"], **json.loads(link["content"])})
        lines.append(json.dumps(link) + "\n")
    (pack / "chain.jsonl").write_text("".join(lines))
    (pack / "entries.json").write_text(json.dumps(shown))
    manifest = json.loads((pack / "manifest.json").read_text())
    manifest["told"] = len(shown)
    (pack / "manifest.json").write_text(json.dumps(manifest))


def invent_a_letter(pack: Path) -> None:
    rewrite(pack, "dead_letters", lambda table: table.append({**table[0], "id": "f" * 24}))


def forge_the_chain_whole(pack: Path, signer: Signer = FORGER) -> None:
    """Another content in every entry and row, all hashes anew, signed by the forger."""
    manifest = json.loads((pack / "manifest.json").read_text())
    previous, lines, shown = manifest["previous_hash"], [], []
    for line in (pack / "chain.jsonl").read_text().splitlines():
        link = json.loads(line)
        if "content" in link:
            link["content"] = link["content"].replace("run-1", "run-X")
            link["digest"] = hashlib.sha256(link["content"].encode()).hexdigest()
        previous = link["hash"] = hashlib.sha256((previous + link["digest"]).encode()).hexdigest()
        link["signature"] = signer.sign("head", f"{link['number']} {previous}".encode())
        if "content" in link:
            shown.append({"hash": previous, **json.loads(link["content"])})
        lines.append(json.dumps(link) + "\n")
    manifest["head"]["hash"] = previous
    (pack / "chain.jsonl").write_text("".join(lines))
    (pack / "entries.json").write_text(json.dumps(shown))
    (pack / "manifest.json").write_text(json.dumps(manifest))


def forge_a_record(pack: Path) -> None:
    record = next(each for each in (pack / "records").iterdir())
    content = record.read_bytes().replace(b"00.00", b"99.99")
    record.unlink()
    (pack / "records" / f"{hashlib.sha256(content).hexdigest()}.json").write_bytes(content)


def forge_a_payload(pack: Path) -> None:
    payload = next(each for each in (pack / "payloads").iterdir())
    payload.write_bytes(payload.read_bytes() + b" ")


def show_other_entries(pack: Path) -> None:
    rewrite(pack, "entries", lambda shown: shown[0].update(run_id="another"))


def change_the_verifier(pack: Path) -> None:
    (pack / "verify.py").write_text("print('holds: all')\n")


def list_anew(pack: Path, signer: Signer | None = None) -> None:
    """What a forger does who knows that files are listed by their hash: the manifest anew, signed by another key."""
    manifest = json.loads((pack / "manifest.json").read_text())
    files = [each for each in sorted(pack.rglob("*")) if each.is_file() and not each.name.startswith("manifest.")]
    manifest["files"] = {
        str(each.relative_to(pack)): {
            "sha256": hashlib.sha256(each.read_bytes()).hexdigest(),
            "bytes": len(each.read_bytes()),
        }
        for each in files
    }
    (pack / "manifest.json").write_text(json.dumps(manifest))
    if signer is not None:
        signature = signer.sign("pack", (pack / "manifest.json").read_bytes())
        (pack / "manifest.sig").write_text(f"{signature}\n")


FORGERIES = [
    raise_an_amount,
    empty_the_deliveries,
    hide_a_refusal,
    hide_a_record,
    invent_a_letter,
    forge_the_chain_whole,
    forge_a_record,
    forge_a_payload,
    show_other_entries,
    change_the_verifier,
]


@pytest.mark.parametrize("signer", [None, FORGER], ids=["old-signature", "forger's-signature"])
@pytest.mark.parametrize("forge", FORGERIES)
def test_a_forged_pack_whose_manifest_was_redone_is_found(
    pack: Path, forge: Callable[[Path], None], signer: Signer | None
) -> None:
    forge(pack)
    list_anew(pack, signer)
    code, told = check(pack)
    assert (code, told.partition(":")[0]) == (1, "BROKEN"), told
    assert check(pack, key=None)[0] != 0


@pytest.mark.parametrize(
    "forge",
    [raise_an_amount, empty_the_deliveries, hide_a_refusal, invent_a_letter, forge_a_record, show_other_entries],
)
def test_a_forgery_by_whoever_has_the_key_still_contradicts_the_chain(
    pack: Path, forge: Callable[[Path], None]
) -> None:
    forge(pack)
    list_anew(pack, SIGNER)
    code, told = check(pack)
    assert (code, told.partition(":")[0]) == (1, "BROKEN"), told


def test_a_chain_forged_whole_by_whoever_has_the_key_is_found_by_an_anchor(pack: Path, tmp_path: Path) -> None:
    head = json.loads((pack / "manifest.json").read_text())["head"]
    (tmp_path / "anchors.jsonl").write_text(json.dumps(head))
    assert check(pack, "--anchors", tmp_path / "anchors.jsonl")[0] == 0
    forge_the_chain_whole(pack, SIGNER)
    list_anew(pack, SIGNER)
    code, told = check(pack, "--anchors", tmp_path / "anchors.jsonl")
    assert (code, "written anew" in told) == (1, True)
    assert check(pack, "--head", head["hash"])[0] == 1


@pytest.mark.parametrize("name", ["argparse.py", "json.py", "__future__.py", "sitecustomize.py", "zipfile.py"])
def test_a_file_beside_the_verifier_never_runs_and_is_named(pack: Path, tmp_path: Path, name: str) -> None:
    trap = tmp_path / "it-ran"
    (pack / name).write_text(f"open({str(trap)!r}, 'w').close()\n")
    list_anew(pack, FORGER)
    code, told = check(pack, verifier=pack / "verify.py")
    assert (code, name in told, "unexpected" in told) == (1, True, True), told
    started = subprocess.run(
        [sys.executable, str(pack / "verify.py"), "--key", PUBLIC],
        cwd=pack, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert started.returncode != 0
    assert "python3 -I verify.py" in started.stderr
    assert not trap.exists()


def link_a_file(pack: Path) -> None:
    (pack / "booked.json").rename(pack.parent / "booked.json")
    (pack / "booked.json").symlink_to(pack.parent / "booked.json")


def link_a_folder(pack: Path) -> None:
    (pack / "records").rename(pack.parent / "records")
    (pack / "records").symlink_to(pack.parent / "records")


def put_a_pipe(pack: Path) -> None:
    (pack / "booked.json").unlink()
    os.mkfifo(pack / "booked.json")


def put_a_folder(pack: Path) -> None:
    (pack / "__pycache__").mkdir()


def put_a_huge_file(pack: Path) -> None:
    with (pack / "booked.json").open("r+b") as file:
        file.truncate(5 << 30)  # takes no place on the disk


def put_deep_json(pack: Path) -> None:
    (pack / "booked.json").write_text("[" * 200_000)


def put_a_name_twice(pack: Path) -> None:
    text = (pack / "booked.json").read_text()
    (pack / "booked.json").write_text(text.replace('"kind"', '"effects": {"4100": "-900"}, "kind"', 1))


@pytest.mark.parametrize(
    "put",
    [link_a_file, link_a_folder, put_a_pipe, put_a_folder, put_a_huge_file, put_deep_json, put_a_name_twice],
)
def test_a_pack_that_would_hurt_its_reader_is_refused(pack: Path, put: Callable[[Path], None]) -> None:
    put(pack)
    code, told = check(pack, key=None)
    assert (code, told.partition(":")[0]) == (1, "BROKEN"), told


@pytest.mark.parametrize("ending", ["\n", "\r", "\x1b[2K\x1b[1A", "\u2028", "\ud800"])
def test_what_a_forged_pack_says_of_itself_is_told_on_one_line(pack: Path, ending: str) -> None:
    rewrite(pack, "deliveries", lambda table: table.append({**table[0], "record_key": f"{ending}holds: all"}))
    list_anew(pack)
    code, told = check(pack, key=None)
    assert (code, told.startswith("BROKEN: delivery"), told.isascii()) == (1, True, True), told
    assert told.removesuffix("\n").isprintable(), told


def test_a_file_larger_than_its_manifest_says_is_not_read(pack: Path) -> None:
    with (pack / "booked.json").open("r+b") as file:
        file.truncate(3 << 30)  # takes no place on the disk
    code, told = check(pack)
    assert (code, "booked.json is not the file" in told, "it has 3221225472 bytes" in told) == (1, True, True), told


def zipped(pack: Path, extra: Callable[[zipfile.ZipFile], object]) -> Path:
    path = pack.parent / "pack.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(pack.rglob("*")):
            if file.is_file():
                archive.write(file, str(file.relative_to(pack)))
        extra(archive)
    return path


def test_a_zipped_pack_holds(pack: Path) -> None:
    assert check(zipped(pack, lambda archive: None))[0] == 0


def _link(archive: zipfile.ZipFile) -> None:
    link = zipfile.ZipInfo("records/" + "0" * 64 + ".json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(link, "/etc/passwd")


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(lambda archive: archive.writestr("../outside.json", "x"), id="path-escape"),
        pytest.param(lambda archive: archive.writestr("/etc/outside.json", "x"), id="absolute"),
        pytest.param(lambda archive: archive.writestr("records\\..\\x.json", "x"), id="backslash"),
        pytest.param(lambda archive: archive.mkdir("records"), id="folder"),
        pytest.param(_link, id="link"),
    ],
)
def test_a_zip_with_a_name_that_leads_elsewhere_is_refused(
    pack: Path, extra: Callable[[zipfile.ZipFile], object]
) -> None:
    code, told = check(zipped(pack, extra), key=None)
    assert (code, "unexpected" in told) == (1, True), told


def another_before(path: Path) -> None:
    with zipfile.ZipFile(path.with_name("other.zip"), "w") as other:
        other.writestr("booked.json", "[]")
    path.write_bytes(path.with_name("other.zip").read_bytes() + path.read_bytes())


def a_comment(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"holds: all of it"


def a_file_that_is_not_listed(path: Path) -> None:
    """Python's own reader goes by the list at the end, one that reads from the front unpacks it."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("argparse.py", "raise SystemExit(0)")
        archive.filelist.pop()


def another_size_before_the_file(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[18:22] = (1).to_bytes(4, "little")
    path.write_bytes(content)


@pytest.mark.parametrize("change", [another_before, a_comment, a_file_that_is_not_listed, another_size_before_the_file])
def test_a_zip_that_another_program_reads_otherwise_is_refused(pack: Path, change: Callable[[Path], None]) -> None:
    path = zipped(pack, lambda archive: None)
    assert check(path)[0] == 0
    change(path)
    code, told = check(path)
    assert (code, told.partition(":")[0], "zip file" in told) == (1, "BROKEN", True), told


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_that_has_a_file_twice_is_refused(pack: Path) -> None:
    code, told = check(zipped(pack, lambda archive: archive.writestr("booked.json", "[]")), key=None)
    assert (code, "there twice" in told) == (1, True), told


@pytest.mark.parametrize("vector", range(2))
def test_the_verifiers_own_ed25519_agrees_with_rfc_8032(vector: int) -> None:
    """RFC 8032 §7.1, TEST 1 and TEST 2."""
    key, message, signature = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00",
        ),
    ][vector]
    assert verified(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 511), st.booleans())
def test_the_verifiers_own_ed25519_agrees_with_cryptography(seed: bytes, message: bytes, bit: int, flip: bool) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    signature = bytearray(private.sign(message))
    if flip:
        signature[bit // 8] ^= 1 << bit % 8
    try:
        private.public_key().verify(bytes(signature), message)
        expected = True
    except InvalidSignature:
        expected = False
    assert verified(private.public_key().public_bytes_raw(), message, bytes(signature)) == expected


def test_a_signature_that_was_made_another_one_is_refused() -> None:
    """The same scalar beyond the group's order; and keys that take any signature."""
    private = Ed25519PrivateKey.generate()
    signature = private.sign(b"pack")
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    assert not verified(
        private.public_key().public_bytes_raw(), b"pack", signature[:32] + scalar.to_bytes(32, "little")
    )
    neutral = (1).to_bytes(32, "little")
    assert not verified(neutral, b"anything", neutral + bytes(32))


def test_a_verifier_from_before_is_replaced_by_the_published_one(pack: Path) -> None:
    """The page an installation publishes names the hash of the verifier that is in its packs."""
    shutil.copy(pack / "verify.py", pack.parent / "taken.py")
    assert (pack.parent / "taken.py").read_bytes() == VERIFIER.read_bytes()
    assert hashlib.sha256(VERIFIER.read_bytes()).hexdigest() in (pack / "README.txt").read_text()
