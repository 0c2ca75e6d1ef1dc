"""The place of the anchors, `[ledgerbridge] anchors_url`: a folder with one object each, none written over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk import ObjectStoragePath

from ledgerbridge.audit.anchors import Anchor, read_anchors
from ledgerbridge.errors import ConfigurationError

__all__ = ["keep_anchor", "kept_anchors", "note_head"]

_HEAD = "head.json"
_SUFFIXES = (".json", ".jsonl")


def kept_anchors(url: str) -> list[Anchor]:
    """
    All anchors of a place, in their order, and the head that was noted last.

    :raises ConfigurationError: the place can't be read, or something in it is no anchor.
    """
    with _told(url):
        folder = ObjectStoragePath(url)
        files = sorted(folder.iterdir(), key=lambda file: file.name) if folder.exists() else []
        lines = [line for file in files if file.name.endswith(_SUFFIXES) for line in file.read_bytes().splitlines()]
    return sorted(read_anchors(lines), key=lambda anchor: (anchor.position or 0, anchor.number))


def keep_anchor(url: str, anchor: Anchor) -> None:
    """
    Keep an anchor for good.

    :raises ConfigurationError: the place can't be written, or has another of its number.
    """
    with _told(url):
        file = ObjectStoragePath(url) / f"anchor-{anchor.position:06}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_bytes(anchor.line())
            return
    raise ConfigurationError(
        "LB-AUD-004",
        f"{file} is there already.",
        remedy="Let one DAG keep anchors there: another installation has the same [ledgerbridge] anchors_url.",
    )


def note_head(url: str, head: Anchor) -> None:
    """
    Write the head of the chain beside the anchors, over the one before: what comes after the last anchor is known too.

    :raises ConfigurationError: the place can't be written.
    """
    with _told(url):
        file = ObjectStoragePath(url) / _HEAD
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(head.line())


@contextmanager
def _told(url: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            "LB-AUD-004",
            f"the anchors at {url} can't be reached: {error}.",
            remedy="Set [ledgerbridge] anchors_url to a folder that the workers can read and add to.",
        ) from error
