"""
Verify this evidence pack. Needs Python 3.8 or newer and nothing else; no network, no Ledgerbridge.

    python3 verify.py                     the pack in this folder (or in the zip file given)
    python3 verify.py --head HASH         also: the chain ends in a hash that you know from elsewhere
    python3 verify.py --anchors FILE      also: it runs through the anchors you kept (lines of {"number", "hash"})

What holds when it says so: every file is the one the pack was made with; the audit entries follow each other without a
gap from the first to the head, each hash computed anew; every payload is the one an entry was written for, every source
record one of a batch that an entry was written for. Whoever can write the whole database could still have made all of
it: a head or anchors kept elsewhere exclude that.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import zipfile
from collections.abc import Callable, Collection, Iterable
from typing import Any


class Broken(Exception):
    """What is wrong with the pack."""


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def reader(place: str) -> tuple[Callable[[str], bytes], list[str]]:
    """How files of the pack are read, and their names; a folder or a zip file."""
    if os.path.isdir(place):

        def read(name: str) -> bytes:
            with open(os.path.join(place, *name.split("/")), "rb") as file:
                return file.read()

        names = [
            os.path.relpath(os.path.join(folder, name), place).replace(os.sep, "/")
            for folder, _, files in os.walk(place)
            for name in files
        ]
        return read, names
    pack = zipfile.ZipFile(place)
    return pack.read, pack.namelist()


def check_files(read: Callable[[str], bytes], names: list[str], manifest: dict[str, Any]) -> None:
    """Every file is as the manifest lists it, and there is no other."""
    listed = manifest["files"]
    for name, expected in sorted(listed.items()):
        if name not in names:
            raise Broken(f"{name} is missing")
        if sha(read(name)) != expected:
            raise Broken(f"{name} is not the file the pack was made with")
    unlisted = set(names) - set(listed) - {"manifest.json"}
    extra = sorted(name for name in unlisted if "__pycache__" not in name)
    if extra:
        raise Broken(f"{', '.join(extra)} is not part of the pack")


def check_chain(
    read: Callable[[str], bytes], manifest: dict[str, Any]
) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
    """The entries with content, by number, and every hash."""
    previous, number = manifest["previous_hash"], manifest["first"] - 1
    entries: dict[int, dict[str, Any]] = {}
    hashes: dict[int, str] = {}
    for line in read("chain.jsonl").splitlines():
        link = json.loads(line)
        number += 1
        if link["number"] != number:
            raise Broken(f"entry {number} is missing: entry {link['number']} stands in its place")
        if "content" in link:
            if sha(link["content"].encode()) != link["digest"]:
                raise Broken(f"entry {number} was changed: its content does not have its hash")
            content = json.loads(link["content"])
            if content["number"] != number:
                raise Broken(f"entry {number} was written as entry {content['number']}")
            entries[number] = content
        previous = hashes[number] = sha((previous + link["digest"]).encode())
        if previous != link["hash"]:
            raise Broken(f"entry {number} does not follow the one before it")
    head = manifest["head"]
    if (number, previous) != (head["number"], head["hash"]):
        raise Broken(f"the chain ends in entry {number}, not in the head of the pack")
    return entries, hashes


def check_payloads(names: list[str], read: Callable[[str], bytes], entries: dict[int, dict[str, Any]]) -> int:
    """Every payload has the hash an entry names; how many there are."""
    told = {content["content_hash"] for content in entries.values()}
    return check_named(names, read, "payloads/", told, "belongs to no entry")


def check_records(names: list[str], read: Callable[[str], bytes], entries: dict[int, dict[str, Any]]) -> int:
    """Every source record is in the list of a batch, and every list has the hash an entry names; how many records."""
    told = {content["details"].get("records") for content in entries.values()}
    check_named(names, read, "batches/", told, "belongs to no entry")
    listed = {line for name in names if name.startswith("batches/") for line in read(name).decode().splitlines()}
    return check_named(names, read, "records/", listed, "is in no batch")


def check_named(
    names: list[str], read: Callable[[str], bytes], folder: str, known: Collection[str | None], unknown: str
) -> int:
    """Every file of a folder has its hash for a name, and a known one; how many there are."""
    files = [name for name in names if name.startswith(folder)]
    for name in files:
        digest = name[len(folder) :].split(".")[0]
        if sha(read(name)) != digest:
            raise Broken(f"{name} was changed")
        if digest not in known:
            raise Broken(f"{name} {unknown}")
    return len(files)


def check_deliveries(read: Callable[[str], bytes], entries: dict[int, dict[str, Any]]) -> None:
    """What stands in a system is what the last entry about it says."""
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for content in entries.values():
        if content["action"] in ("delivered", "adopted"):
            last[content["entity"], content["record_key"]] = content
    for row in json.loads(read("deliveries.json").decode()):
        if row["state"] != "delivered" or (row["entity"], row["record_key"]) not in last:
            continue
        content = last[row["entity"], row["record_key"]]
        told = (content["content_hash"], content["details"].get("target_id"), content["details"].get("number"))
        if told != (row["content_hash"], row["target_id"], row["number"]):
            raise Broken(f"{row['entity']} {row['record_key']} is not what its entry says")


def check_anchors(anchors: Iterable[dict[str, Any]], hashes: dict[int, str]) -> None:
    """The chain runs through what was known of it before."""
    for anchor in anchors:
        known = hashes.get(anchor["number"])
        if known is not None and known != anchor["hash"]:
            raise Broken(f"the chain was written anew: an anchor has another hash for entry {anchor['number']}")


def main() -> int:
    """Verify; the exit code."""
    parser = argparse.ArgumentParser(description="Verify an evidence pack of Ledgerbridge.")
    parser.add_argument("pack", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--head")
    parser.add_argument("--anchors")
    options = parser.parse_args()
    try:
        read, names = reader(options.pack)
        manifest = json.loads(read("manifest.json").decode())
        check_files(read, names, manifest)
        entries, hashes = check_chain(read, manifest)
        payloads = check_payloads(names, read, entries)
        records = check_records(names, read, entries)
        check_deliveries(read, entries)
        if options.head and options.head not in hashes.values():
            raise Broken("the hash you know is not in the chain")
        if options.anchors:
            with open(options.anchors, encoding="utf-8") as file:
                check_anchors([json.loads(line) for line in file if line.strip()], hashes)
    except (Broken, KeyError, TypeError, ValueError, AttributeError, OSError, zipfile.BadZipFile) as error:
        print(f"BROKEN: {error}")
        return 1
    head = manifest["head"]["hash"]
    told = f"{len(entries)} entries told of {len(hashes)} in the chain, {records} records, {payloads} payloads"
    print(f"holds: {told}, head {head}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
