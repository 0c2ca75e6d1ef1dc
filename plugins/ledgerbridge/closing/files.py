"""
The files of a period's report.

They say the same: data as JSON, a page for people, a workbook. The same inputs give the same bytes, so that
anybody can make them again and compare; what is signed is the hash of the list of the files' hashes, as ``sha256sum``
writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import orjson

from ledgerbridge.closing.page import page_of
from ledgerbridge.closing.report import PeriodReport
from ledgerbridge.closing.workbook import workbook_of

__all__ = ["FILES", "SUMS", "files_of", "hash_of"]

SUMS = "SHA256SUMS"
"""The list of the files' hashes."""

FILES = ("report.html", "report.xlsx", "report.json", SUMS)


def files_of(report: PeriodReport) -> dict[str, bytes]:
    """The files by name, the list of their hashes last."""
    files = {
        "report.json": orjson.dumps(report.to_json(), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2),
        "report.html": page_of(report),
        "report.xlsx": workbook_of(report),
    }
    sums = "".join(f"{sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return {**files, SUMS: sums.encode()}


def hash_of(files: Mapping[str, bytes]) -> str:
    """What is signed."""
    return sha256(files[SUMS]).hexdigest()
