"""Where the remedy of a letter is done, a click away: the file that says it, the page of the system that holds it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from ledgerbridge.state.models import DeadLetter, Delivery
from operators import settings
from operators.system_pages import Addresses
from pages.console.flow_files import flow_named
from pages.console.models import PlaceToMend

__all__ = ["places_to_mend"]

_FILE = re.compile(r"(?:include/)?([\w./-]+\.(?:ya?ml|csv))(?::(\d+))?")
_LEADS = {"http", "https", "vscode"}


def places_to_mend(opened: Session, letter: DeadLetter) -> list[PlaceToMend]:
    """The files that its rule and remedy name, and the pages of the systems it stands between, as far as known."""
    found = [*_files(letter), *_pages(opened, letter)]
    return list({each.address or each.title: each for each in found}.values())


def _files(letter: DeadLetter) -> Iterator[PlaceToMend]:
    """A file of the include folder; without an address where nothing says where people edit it."""
    folder = settings.include_folder()
    for text in (letter.rule or "", letter.remedy):
        for name, line in _FILE.findall(text):
            path = _inside(folder, name)
            if path is not None:
                title = f"{path}:{line}" if line else path
                yield PlaceToMend(title=title, address=_address(path, line or "1"))
    if "company's file" in letter.remedy:
        path = f"companies/{letter.company}.yaml"
        yield PlaceToMend(title=path, address=_address(path, "1"))


def _inside(folder: Path, name: str) -> str | None:
    """The path of a file below the folder, where there is exactly one of that name."""
    known = [each for each in folder.rglob(Path(name).name) if each.relative_to(folder).as_posix().endswith(name)]
    return known[0].relative_to(folder).as_posix() if len(known) == 1 else None


def _address(path: str, line: str) -> str | None:
    pattern = settings.files_url()
    address = pattern.replace("{path}", quote(path)).replace("{line}", line)
    return address if urlsplit(address).scheme in _LEADS else None


def _pages(opened: Session, letter: DeadLetter) -> Iterator[PlaceToMend]:
    """The record in its source, the document in its target where it stands, and where people begin in each."""
    addresses = Addresses(settings.company(letter.company))
    system, _, entity, *rest = [*letter.source_key.split(":", 3), "", "", ""]
    of_record = addresses.of(f"{system}.{entity}", rest[0], rest[0])
    if of_record is not None:
        yield PlaceToMend(title=f"{system} {entity}", address=of_record)
    made = select(Delivery).where(Delivery.record_key == letter.record_key, Delivery.company == letter.company)
    for row in opened.scalars(made):
        address = addresses.of(row.entity, row.target_id, row.number)
        if address is not None:
            yield PlaceToMend(title=row.entity.replace(".", " ").replace("_", " "), address=address)
    for each in dict.fromkeys([system, *_targets(letter)]):
        home = addresses.home(each)
        if home is not None:
            yield PlaceToMend(title=each, address=home)


def _targets(letter: DeadLetter) -> list[str]:
    """The systems that the letter's leg writes to."""
    flow = flow_named(letter.flow)
    config: Any = None if flow is None else flow.legs.get(letter.leg)
    target = getattr(config, "target", None)
    return [target.partition(".")[0]] if target else []
