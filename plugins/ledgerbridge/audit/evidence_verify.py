"""
Verify an evidence pack of Ledgerbridge. Needs Python 3.9 or newer and nothing else; no network, no Ledgerbridge.

    python3 -I verify.py --key PUBLIC             the pack in this folder
    python3 -I verify.py --key PUBLIC PACK        the pack in that folder or zip file
    ... --head HASH                               also: the chain ends in or runs through a hash you know from elsewhere
    ... --anchors FILE                            also: it runs through the anchors you kept (lines of JSON)

Take this file and PUBLIC from where the installation publishes them, not from the pack, or compare this file's SHA-256
with the one published: whoever can change a pack can change the verifier in it.

What holds when it says so: the pack is signed by the key, and nothing in it is another or more than what was signed;
the audit entries follow each other without a gap from the first to the head, which is signed too; every delivery, dead
letter and booking is as its last entry says, none is invented or left out; every payload is the one an entry was
written for, every source record one of a batch that an entry was written for.

A pack without values (struck.json is in it) proves less, and says so: a row is told of by an entry and has the hash
that the entry tells; what it shows beside, and what struck.json shows of an entry, is as the installation signed it.

It ends with 0 (holds), 1 (BROKEN), 2 (not run as it must be) or 3 (UNPROVEN: without a key anybody can have made it).
"""

import sys

if __name__ == "__main__" and not sys.flags.isolated:
    # without -I the next import could be a file of the pack
    sys.exit("Run it as: python3 -I verify.py --key PUBLIC. Without -I files beside it could run as its code.")

import argparse
import hashlib
import json
import os
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Optional

MOST_FILES = 1_000_000
MOST_BYTES = 4 << 30
"""Of a pack, unpacked."""
ALWAYS = {
    "README.txt",
    "booked.json",
    "chain.jsonl",
    "dead_letters.json",
    "deliveries.json",
    "entries.json",
    "verify.py",
}
LOCAL = struct.Struct("<4s5H3I2H")
"""What stands before each file of a zip file, without its name."""
ZIP64 = 0xFFFFFFFF
ENDS = (22, 22 + 20 + 56)
"""Bytes that a zip file ends with; the longer one if it is large."""
STRUCK = "struck.json"
NAMED = re.compile(r"(?:records|payloads)/[0-9a-f]{64}\.json|batches/[0-9a-f]{64}\.txt")
FOLDERS = {"records", "payloads", "batches"}
BODY = ("value", "message", "raw", "canonical", "document", "document_types", "corrections")
OF_DELIVERIES = ("sending", "delivered", "adopted", "refused", "waits", "put-back", "change-refused")
STATE_AFTER = {
    "dead-lettered": "open",
    "dead-letter-corrected": "open",
    "dead-letter-replayed": "replaying",
    "dead-letter-closed": "closed",
    "dead-letter-discarded": "discarded",
}


class Broken(Exception):
    """What is wrong with the pack."""


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def plain(text: str) -> str:
    """Text of a pack as one line that no terminal obeys: a name in it could print a verdict of its own."""
    return "".join(each if " " <= each <= "~" else ascii(each)[1:-1] for each in text)


def parsed(text: bytes, name: str) -> Any:
    """JSON that reads the same to everybody: no name twice."""

    def once(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
        if len({key for key, _ in pairs}) != len(pairs):
            raise Broken(f"{name} has a name twice in one object")
        return dict(pairs)

    try:
        return json.loads(text.decode("utf-8", "surrogatepass"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Broken(f"{name} is no JSON: {error}") from None


class Pack:
    """The files of a pack, in a folder or a zip file; only regular files with the names a pack has."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.zip = None if os.path.isdir(place) else zipfile.ZipFile(place)
        self.sizes = dict(self.zipped() if self.zip else self.unpacked(place, ""))
        unexpected = sorted(
            name
            for name in self.sizes
            if name not in ALWAYS | {"manifest.json", "manifest.sig", STRUCK} and not NAMED.fullmatch(name)
        )
        if unexpected:
            raise Broken(f"{', '.join(map(repr, unexpected[:5]))} is unexpected: no pack has such a file")
        if len(self.sizes) > MOST_FILES or sum(self.sizes.values()) > MOST_BYTES:
            raise Broken(f"the pack is larger than {MOST_FILES} files or {MOST_BYTES} bytes")
        self.listed: "dict[str, Any]" = {}

    def zipped(self) -> "Iterator[tuple[str, int]]":
        assert self.zip is not None
        seen = set()
        for each in self.zip.infolist():
            kind = stat.S_IFMT(each.external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or each.is_dir() or each.flag_bits & 1 or each.filename in seen:
                raise Broken(f"{each.filename!r} is unexpected: a link, a folder, encrypted or there twice")
            seen.add(each.filename)
            yield each.filename, each.file_size
        self.check_zip(self.zip)

    def check_zip(self, archive: zipfile.ZipFile) -> None:
        """It is its files and nothing else: what lies between them, other programs unpack as files of the pack."""
        end = listed = 0
        with open(self.place, "rb") as file:
            for each in sorted(archive.infolist(), key=lambda member: member.header_offset):
                file.seek(each.header_offset)
                header = file.read(LOCAL.size)
                if each.header_offset != end or len(header) != LOCAL.size:
                    raise Broken(f"{each.filename!r} does not follow the file before it in the zip file")
                _, _, flags, method, _, _, check, packed, size, name, extra = LOCAL.unpack(header)
                sizes = {(each.compress_size, each.file_size), (ZIP64, ZIP64)}
                if (flags, method, check) != (each.flag_bits, each.compress_type, each.CRC) or (
                    (packed, size) not in sizes
                ):
                    raise Broken(f"{each.filename!r} is told otherwise before it than at the end of the zip file")
                end += LOCAL.size + name + extra + each.compress_size
                listed += 46 + name + len(each.extra) + len(each.comment)
            rest = file.seek(0, os.SEEK_END) - end - listed
        if end != archive.start_dir or rest not in ENDS or archive.comment:
            raise Broken("the zip file holds more than its files")

    def unpacked(self, folder: str, within: str) -> "Iterator[tuple[str, int]]":
        for each in os.scandir(folder):
            name = within + each.name
            status = each.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode) and name in FOLDERS:
                yield from self.unpacked(each.path, f"{name}/")
            elif stat.S_ISREG(status.st_mode):
                yield name, status.st_size
            else:
                raise Broken(f"{name!r} is unexpected: a link, a folder or no regular file")

    def names(self, folder: str) -> "list[str]":
        return [name for name in self.sizes if name.startswith(folder)]

    def read(self, name: str) -> bytes:
        """A file's content; once the manifest is known, the one that it lists."""
        if name not in self.sizes:
            raise Broken(f"{name} is missing")
        size, listed = self.sizes[name], self.listed.get(name)
        if listed is not None and listed.get("bytes") != size:  # before it fills the memory
            raise Broken(f"{name} is not the file the pack was made with: it has {size} bytes")
        if self.zip is not None:
            with self.zip.open(name) as member:
                content = member.read(size + 1)
        else:
            descriptor = os.open(os.path.join(self.place, *name.split("/")), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with os.fdopen(descriptor, "rb") as file:
                content = file.read(size + 1)
        if listed is not None and listed != {"sha256": sha(content), "bytes": len(content)}:
            raise Broken(f"{name} is not the file the pack was made with")
        return content


def check_files(pack: Pack) -> "dict[str, Any]":
    """Every file is as the manifest lists it, and there is no other; the manifest."""
    manifest: "dict[str, Any]" = parsed(pack.read("manifest.json"), "manifest.json")
    if set(manifest) - {"struck"} != {"wanted", "first", "previous_hash", "head", "told", "files"}:
        raise Broken("manifest.json has other entries than a manifest has")
    listed = manifest["files"]
    if ("struck" in manifest) != (STRUCK in listed):
        raise Broken(f"{STRUCK} is in a pack without values, and in no other")
    missing = sorted((set(listed) | ALWAYS) - set(pack.sizes))
    if missing:
        raise Broken(f"{missing[0]} is missing")
    unlisted = sorted(set(pack.sizes) - set(listed) - {"manifest.json", "manifest.sig"})
    if unlisted:
        raise Broken(f"{', '.join(map(repr, unlisted[:5]))} is unexpected: the manifest does not list it")
    pack.listed = listed
    for name in sorted(listed):
        pack.read(name)
    return manifest


def check_signature(pack: Pack, keys: "list[bytes]") -> None:
    """The manifest is signed by one of the keys."""
    if "manifest.sig" not in pack.sizes:
        raise Broken("the pack is not signed")
    text = pack.read("manifest.sig")
    signature = text[:-1].decode("ascii", "replace") if text.endswith(b"\n") else ""
    if not signed(keys, "pack", pack.read("manifest.json"), signature):
        raise Broken("the pack is not signed by the key given, or was changed since")


def check_chain(
    pack: Pack, manifest: "dict[str, Any]", keys: "list[bytes]"
) -> "tuple[dict[int, dict[str, Any]], dict[int, str]]":
    """The entries with content, by number, and every hash."""
    previous, number = manifest["previous_hash"], manifest["first"] - 1
    if number == 0 and previous != "0" * 64:
        raise Broken("the first entry of all follows another")
    entries: "dict[int, dict[str, Any]]" = {}
    hashes: "dict[int, str]" = {}
    signature = None
    for line in pack.read("chain.jsonl").split(b"\n")[:-1]:
        link = parsed(line, "chain.jsonl")
        number += 1
        if link["number"] != number:
            raise Broken(f"entry {number} is missing: entry {link['number']} stands in its place")
        if "content" in link:
            if sha(link["content"].encode()) != link["digest"]:
                raise Broken(f"entry {number} was changed: its content does not have its hash")
            content = parsed(link["content"].encode(), f"entry {number}")
            if content["number"] != number:
                raise Broken(f"entry {number} was written as entry {content['number']}")
            entries[number] = content
        previous = hashes[number] = sha((previous + link["digest"]).encode())
        if previous != link["hash"]:
            raise Broken(f"entry {number} does not follow the one before it")
        signature = link.get("signature")
    head = manifest["head"]
    if (number, previous) != (head["number"], head["hash"]):
        raise Broken(f"the chain ends in entry {number}, not in the head of the pack")
    if len(entries) != manifest["told"]:
        raise Broken(f"{manifest['told']} entries were told, {len(entries)} are: one was hidden or shown")
    if keys and not signed(keys, "head", f"{number} {previous}".encode(), signature or ""):
        raise Broken(f"the head of the chain, entry {number}, is not signed by the key given")
    shown = [{"hash": hashes[each], **entries[each]} for each in sorted(entries)]
    if parsed(pack.read("entries.json"), "entries.json") != shown:
        raise Broken("entries.json shows other entries than the chain")
    return entries, hashes


def check_struck(
    pack: Pack, manifest: "dict[str, Any]", entries: "dict[int, dict[str, Any]]", hashes: "dict[int, str]"
) -> "dict[int, dict[str, Any]]":
    """The entries whose content is struck, by number: each is one of the chain's, by its hash, and not told there."""
    struck: "dict[int, dict[str, Any]]" = {}
    for each in rows_of(pack, STRUCK) if "struck" in manifest else []:
        number = each["number"]
        if each["hash"] != hashes.get(number) or number in entries or number in struck:
            raise Broken(f"{STRUCK} shows entry {number}, which is no other entry of the chain")
        struck[number] = each
    if len(struck) != manifest.get("struck", 0):
        raise Broken(f"{manifest['struck']} entries were struck, {len(struck)} are: one was hidden or shown")
    return struck


def check_payloads(pack: Pack, entries: "dict[int, dict[str, Any]]") -> int:
    """Every payload has the hash an entry names; how many there are."""
    told = {content["content_hash"] for content in entries.values()}
    return check_named(pack, "payloads/", told, "belongs to no entry")


def check_records(pack: Pack, entries: "dict[int, dict[str, Any]]") -> int:
    """Every source record is in the list of a batch, and every list has the hash an entry names; how many records."""
    told = {content["details"].get("records") for content in entries.values()}
    check_named(pack, "batches/", told, "belongs to no entry")
    listed = {line for name in pack.names("batches/") for line in pack.read(name).decode().splitlines()}
    return check_named(pack, "records/", listed, "is in no batch")


def check_named(pack: Pack, folder: str, known: "set[Any]", unknown: str) -> int:
    """Every file of a folder has its hash for a name, and a known one; how many there are."""
    files = pack.names(folder)
    for name in files:
        digest = name[len(folder) :].split(".")[0]
        if sha(pack.read(name)) != digest:
            raise Broken(f"{name} was changed")
        if digest not in known:
            raise Broken(f"{name} {unknown}")
    return len(files)


def row_hash(row: "dict[str, Any]") -> str:
    text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha(text.encode("utf-8", "surrogatepass"))


def check_rows(pack: Pack, entries: "dict[int, dict[str, Any]]", fits: "Fits") -> None:
    """Deliveries, dead letters and bookings are as the last entry about each says; none is more, none left out."""
    last: "dict[tuple[str, ...], dict[str, Any]]" = {}
    needed = set()
    for number in sorted(entries):
        content = entries[number]
        key = named_row(content)
        if key[0] != "delivery" or "row" in content["details"] or content["action"] in OF_DELIVERIES:
            needed.add(key)
        last[key] = content
    rows = [
        *(
            (("delivery", *company_of(row), row["entity"], row["record_key"]), row)
            for row in rows_of(pack, "deliveries.json")
        ),
        *((("dead letter", row["id"]), row) for row in rows_of(pack, "dead_letters.json")),
        *((("booking", *company_of(row), row["ledger"], row["key"]), row) for row in rows_of(pack, "booked.json")),
    ]
    for key, row in rows:
        if key not in last:
            raise Broken(f"{' '.join(key)} was invented: no entry tells of it")
        if not fits(key[0], row, last[key]):
            raise Broken(f"{' '.join(key)} was changed: entry {last[key]['number']} tells of another")
    there = [key for key, _ in rows]
    if len(set(there)) != len(there):
        raise Broken("a row is there twice")
    left_out = sorted(needed - set(there))
    if left_out:
        raise Broken(f"{' '.join(left_out[0])} was left out: entry {last[left_out[0]]['number']} tells of it")


def rows_of(pack: Pack, name: str) -> "list[dict[str, Any]]":
    rows = parsed(pack.read(name), name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Broken(f"{name} is no list of rows")
    return rows


def named_row(content: "dict[str, Any]") -> "tuple[str, ...]":
    """The row an entry tells of: a delivery's where nothing else is named."""
    if "dead_letter" in content["details"]:
        return ("dead letter", content["details"]["dead_letter"])
    if content["action"] == "booked":
        return ("booking", *company_of(content), content["entity"], content["details"]["key"])
    return ("delivery", *company_of(content), content["entity"], content["record_key"])


def company_of(told: "dict[str, Any]") -> "tuple[str, ...]":
    """The company of a row or an entry; one named `main` is not told."""
    return (str(told["company"]),) if "company" in told else ()


def fits_whole(kind: str, row: "dict[str, Any]", content: "dict[str, Any]") -> bool:
    """Whether a row is as an entry tells."""
    details: "dict[str, Any]" = content["details"]
    if kind == "delivery":
        rest = {name: value for name, value in row.items() if name != "state"}
        if "row" in details:
            return stands(row, details) and row_hash(rest) == str(details["row"])
        told = ("delivered", content["content_hash"], details.get("target_id"), details.get("number"))
        shown = (row["state"], row["content_hash"], row["target_id"], row["number"])
        return told == shown or content["action"] not in ("delivered", "adopted")
    if kind == "dead letter":
        rest = {name: value for name, value in row.items() if name != "kept"}
        if "row" not in details:  # written before rows were told
            return str(row["state"]) == STATE_AFTER.get(content["action"], str(row["state"]))
        purged = row["state"] in ("closed", "discarded") and row["kept"] == {**dict.fromkeys(BODY), "message": "purged"}
        return row_hash(rest) == str(details["row"]) and (purged or row_hash(row["kept"]) == str(details["body"]))
    return row_hash(row) == str(details["row"])


def stands(row: "dict[str, Any]", details: "dict[str, Any]") -> bool:
    """Whether a delivery has the state an entry tells."""
    # that a record waits again for the same reason is not told in every pass
    return row["state"] in (details["stands"], "not_sent" if details["stands"] == "sending" else details["stands"])


def fits_struck(kind: str, row: "dict[str, Any]", content: "dict[str, Any]") -> bool:
    """Whether a row without its values is known by the hash that an entry tells, and has its state and number."""
    details: "dict[str, Any]" = content["details"]
    if content["action"] in ("delivered", "adopted"):
        told = {**details, "content_hash": content["content_hash"]}
        names = ("content_hash", "target_id", "number")
        if any(told.get(name) not in (None, row[name]) for name in names):
            return False
    if kind == "dead letter" and row["state"] != STATE_AFTER.get(content["action"], row["state"]):
        return False
    if "row" not in details:  # written before rows were told
        return True
    return str(row["row"]) == str(details["row"]) and (kind != "delivery" or stands(row, details))


Fits = Callable[[str, "dict[str, Any]", "dict[str, Any]"], bool]


def check_anchors(anchors: "Iterable[dict[str, Any]]", hashes: "dict[int, str]") -> int:
    """The chain runs through what was known of it before; how many anchors it reaches."""
    reached = 0
    for anchor in anchors:
        known = hashes.get(anchor["number"])
        if known is None and anchor["number"] > max(hashes, default=0):
            raise Broken(f"the chain was cut: an anchor knows entry {anchor['number']}")
        if known is not None and known != anchor["hash"]:
            raise Broken(f"the chain was written anew: an anchor has another hash for entry {anchor['number']}")
        reached += known is not None
    return reached


# Ed25519 as RFC 8032 §5.1 gives it: points of the curve in extended coordinates (x, y, z, t).
PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, PRIME) % PRIME
ROOT = pow(2, (PRIME - 1) // 4, PRIME)
Point = tuple[int, int, int, int]
ZERO = (0, 1, 1, 0)


def added(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % PRIME, (p[1] + p[0]) * (q[1] + q[0]) % PRIME
    c, d = 2 * p[3] * q[3] * D % PRIME, 2 * p[2] * q[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME)


def multiplied(scalar: int, point: Point) -> Point:
    result = ZERO
    while scalar:
        if scalar & 1:
            result = added(result, point)
        point, scalar = added(point, point), scalar >> 1
    return result


def decoded(text: bytes) -> "Optional[Point]":
    """The point of 32 bytes, None if there is none."""
    number = int.from_bytes(text, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= PRIME:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if x * x % PRIME != square:
        x = x * ROOT % PRIME
    if x * x % PRIME != square or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = PRIME - x
    return (x, y, 1, x * y % PRIME)


def encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, PRIME)
    x, y = point[0] * inverse % PRIME, point[1] * inverse % PRIME
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decoded((4 * pow(5, -1, PRIME) % PRIME).to_bytes(32, "little"))


def verified(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a key made a signature."""
    point = decoded(key)
    scalar = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or point is None or BASE is None or scalar >= ORDER:
        return False
    if encoded(multiplied(8, point)) == encoded(ZERO):
        return False  # such a key takes signatures that nobody made
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    minus = (PRIME - point[0], point[1], 1, PRIME - point[3])
    return encoded(added(multiplied(scalar, BASE), multiplied(challenge, minus))) == signature[:32]


def signed(keys: "list[bytes]", purpose: str, content: bytes, signature: str) -> bool:
    if not re.fullmatch("[0-9a-f]{128}", signature):
        return False
    text = f"ledgerbridge {purpose} 1\n".encode() + content
    return any(verified(key, text, bytes.fromhex(signature)) for key in keys)


def key_of(text: str) -> bytes:
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError("a key is 64 hexadecimal characters")
    return bytes.fromhex(text)


def verify(options: argparse.Namespace) -> str:
    """What to say of a pack that holds."""
    pack = Pack(options.pack)
    if options.key:
        check_signature(pack, options.key)
    manifest = check_files(pack)
    entries, hashes = check_chain(pack, manifest, options.key)
    struck = check_struck(pack, manifest, entries, hashes)
    payloads = check_payloads(pack, entries)
    records = check_records(pack, entries)
    check_rows(pack, {**entries, **struck}, fits_struck if "struck" in manifest else fits_whole)
    if options.head and options.head not in hashes.values():
        raise Broken("the hash you know is not in the chain")
    reached = ""
    if options.anchors:
        with open(options.anchors, "rb") as file:
            anchors = [parsed(line, "the anchors") for line in file if line.strip()]
        reached = f", {check_anchors(anchors, hashes)} of {len(anchors)} anchors reached"
    told = f"{len(entries)} entries told of {len(hashes)} in the chain, {records} records, {payloads} payloads"
    if "struck" in manifest:
        told = f"without values: {len(entries)} entries told of {len(hashes)} in the chain, {len(struck)} struck"
    return f"{told}{reached}, head {manifest['head']['hash']}"


def main(arguments: "Optional[list[str]]" = None) -> int:
    """Verify; the exit code."""
    parser = argparse.ArgumentParser(description="Verify an evidence pack of Ledgerbridge.")
    parser.add_argument("pack", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument(
        "--key", type=key_of, action="append", default=[], help="of the installation, as it publishes it"
    )
    parser.add_argument("--head")
    parser.add_argument("--anchors")
    options = parser.parse_args(arguments)
    try:
        told = verify(options)
    except Exception as error:  # whatever a forged file makes go wrong, the pack does not hold
        print(f"BROKEN: {plain(str(error) if isinstance(error, Broken) else repr(error))}")
        return 1
    if not options.key:
        print(f"UNPROVEN: consistent, but without --key anybody can have made it: {told}")
        return 3
    print(f"holds: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
