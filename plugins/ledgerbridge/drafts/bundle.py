"""
Bundles that carry files from one environment to another: signed, and refused when a byte of them is another one.

A bundle is a zip file behind a line with its signature, which most programs unpack all the same. The signature is of
every byte behind that line, and nothing is unpacked before it holds.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from ledgerbridge.drafts.publish import write_whole
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.signing import BUNDLE, PublicKeys, Signer

__all__ = ["REFUSED", "Bundle", "changed_files", "files_in", "hash_of", "open_bundle", "pack", "unpack"]

REFUSED = "LB-PRO-002"
_FOLDERS = {"flows": "yaml", "mappings": "yaml", "expectations": "yaml", "lookups": "csv"}
"""What is promoted. Companies are not: their connections are an environment's own."""
_NAME = re.compile(r"(flows|mappings|expectations)/[\w-]+\.yaml|lookups/[\w-]+\.csv")
_LINE = re.compile(rb"ledgerbridge bundle ([0-9a-f]{128})\n")
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Bundle:
    """
    Files by their names below the include folder, with who packed them when, and the hash of the bundle as a whole.

    :param environment: where it was packed, as that calls itself; None: it has no name.
    """

    files: Mapping[str, bytes]
    by: str
    at: str
    sha256: str
    environment: str | None = None


def files_in(include: Path) -> dict[str, bytes]:
    """The files of an include folder that are promoted, by name."""
    found = [path for folder, suffix in _FOLDERS.items() for path in (include / folder).glob(f"*.{suffix}")]
    return {path.relative_to(include).as_posix(): path.read_bytes() for path in sorted(found)}


def hash_of(files: Mapping[str, bytes]) -> str:
    """One hash of files and their names."""
    each = (f"{name} {sha256(content).hexdigest()}\n" for name, content in sorted(files.items()))
    return sha256("".join(each).encode()).hexdigest()


def changed_files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> dict[str, str]:
    """The files that differ, by name, each `new`, `gone` or `changed`."""
    return {
        name: "new" if name not in before else "gone" if name not in after else "changed"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }


def pack(files: Mapping[str, bytes], signer: Signer, by: str, at: datetime, environment: str | None = None) -> bytes:
    """
    A bundle as a zip file.

    :param environment: what this one calls itself.
    :raises ConfigurationError: LB-PRO-001, there is no key to sign it with.
    """
    manifest = json.dumps({"by": by, "at": at.isoformat(), "environment": environment}).encode()
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in {_MANIFEST: manifest, **files}.items():
            zipped.writestr(name, content)
    signature = signer.sign(BUNDLE, whole.getvalue())
    if signature is None:
        raise ConfigurationError(
            "LB-PRO-001",
            "a bundle is signed, and no signing key is set here.",
            remedy="Set LEDGERBRIDGE_SIGNING_KEY, the same as [ledgerbridge] signing_key.",
        )
    return f"ledgerbridge bundle {signature}\n".encode() + whole.getvalue()


def open_bundle(content: bytes, keys: PublicKeys) -> Bundle:
    """
    What a bundle holds, if it is exactly what one of these keys signed.

    :raises ConfigurationError: LB-PRO-002, it is not.
    """
    line = _LINE.match(content)
    if line is None:
        raise _refused("it is none, or its first line was changed")
    zipped = content[line.end() :]
    if not keys.verify(BUNDLE, zipped, line.group(1).decode()):
        raise _refused("it was changed, or signed by none of the keys given")
    with zipfile.ZipFile(BytesIO(zipped)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    told = json.loads(files.pop(_MANIFEST))
    for name in files:
        if not _NAME.fullmatch(name):
            raise _refused(f"{name} is no flow, mapping, suite or table")
    return Bundle(files, str(told["by"]), str(told["at"]), sha256(content).hexdigest(), told.get("environment"))


def unpack(files: Mapping[str, bytes], include: Path) -> None:
    """Let an include folder have these files, and no others of their kinds; doing it again ends what was broken off."""
    for name, content in files.items():
        if not (include / name).is_file() or (include / name).read_bytes() != content:
            write_whole(include / name, content)
    for name in files_in(include).keys() - files.keys():
        (include / name).unlink()


def _refused(why: str) -> ConfigurationError:
    return ConfigurationError(
        REFUSED,
        f"the bundle is refused: {why}.",
        remedy="Take it again from where it was packed, and name the key that `ledgerbridge audit key` shows there.",
    )
