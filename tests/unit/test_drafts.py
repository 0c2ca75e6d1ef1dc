"""Drafts: nothing edited is live until it is published, and publishing survives being broken off at any step."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from ledgerbridge.audit import verify
from ledgerbridge.drafts import publish as publishing
from ledgerbridge.drafts.folders import committed, with_file
from ledgerbridge.drafts.publish import merged, publish
from ledgerbridge.drafts.store import begin, discard, keep, open_drafts, publications, settle
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry

FILE = "mappings/order.yaml"
BASE = "header:\n  A: a\n  B: b\n  C: c\n  D: d\n"
TEXT = BASE.replace("A: a", "A: aa")


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def include(tmp_path: Path) -> Path:
    """An include folder below the root of a repository, with one mapping and something else that is staged."""
    folder = tmp_path / "books" / "include"
    (folder / "mappings").mkdir(parents=True)
    (folder / FILE).write_text(BASE)
    (folder / "notes.txt").write_text("mine")
    git(folder.parent, "init", "-q", "-b", "main")
    git(folder, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q", "--allow-empty", "-m", "begin")
    git(folder, "add", FILE)
    git(folder, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q", "-m", "a mapping")
    git(folder, "add", "notes.txt")
    return folder


def test_a_published_draft_is_a_commit_of_that_file_alone_in_the_name_of_the_person(include: Path) -> None:
    done = publish(include, FILE, BASE, TEXT, by="olga@books.example", note="A is aa: -F --amend", how="straight")
    assert (include / FILE).read_text() == TEXT
    told = git(include, "show", "--format=%H|%an|%ae|%s", "--name-only").split("\n")
    assert told[0] == f"{done.commit}|olga@books.example|olga@books.example|A is aa: -F --amend"
    assert [each for each in told[1:] if each] == [f"include/{FILE}"]
    assert git(include, "status", "--short").split("\n")[0] == "A  notes.txt"


def test_on_a_branch_neither_the_files_nor_what_is_checked_out_are_touched(include: Path) -> None:
    done = publish(include, FILE, BASE, TEXT, by="Olga <x>", note="why", how="branch")
    assert done.branch is not None
    assert done.branch.startswith("ledgerbridge/order-")
    assert (include / FILE).read_text() == BASE
    assert git(include, "status", "--short").strip() == "A  notes.txt"
    assert git(include, "show", f"{done.branch}:./{FILE}") == TEXT
    assert git(include, "log", "-1", "--format=%an|%s", done.branch).strip() == "Olga x|why"
    assert publish(include, FILE, BASE, TEXT, by="Olga", note="why", how="branch") == done


@pytest.mark.parametrize("how", ["straight", "branch"])
@pytest.mark.parametrize("step", range(8))
def test_publishing_that_was_broken_off_anywhere_is_ended_by_publishing_again(
    include: Path, step: int, how: publishing.How, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0
    run = publishing._Git._run

    def broken(self: publishing._Git, *words: str, **more: object) -> str:
        nonlocal count
        count += 1
        if count > step:
            raise KeyboardInterrupt
        return run(self, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(publishing._Git, "_run", broken)
    with suppress(KeyboardInterrupt):
        publish(include, FILE, BASE, TEXT, by="olga", note="why", how=how)
    monkeypatch.setattr(publishing._Git, "_run", run)
    done = publish(include, FILE, BASE, TEXT, by="olga", note="why", how=how)
    assert git(include, "show", f"{done.commit}:./{FILE}") == TEXT
    assert git(include, "rev-list", "--count", "--all").strip() == "3"


def test_a_file_that_changed_meanwhile_is_not_overwritten_and_what_both_changed_is_put_together(include: Path) -> None:
    newer = BASE.replace("D: d", "D: dd")
    (include / FILE).write_text(newer)
    with pytest.raises(LedgerbridgeError, match=r"LB-DRF-003 include/mappings/order.yaml was changed since"):
        publish(include, FILE, BASE, TEXT, by="olga", note="why", how="straight")
    assert (include / FILE).read_text() == newer
    assert merged(BASE, TEXT, newer) == TEXT.replace("D: d", "D: dd")
    assert merged(BASE, TEXT, BASE.replace("A: a", "A: b")) is None


def test_where_git_can_t_the_draft_stays_and_the_remedy_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    with pytest.raises(ConfigurationError, match=r"LB-DRF-004 git rev-parse .*not a git repository.*include_folder"):
        publish(tmp_path, FILE, "", TEXT, by="olga", note="why", how="straight")


def test_a_folder_with_a_draft_leaves_the_real_one_alone(include: Path) -> None:
    with with_file(include, FILE, TEXT) as folder:
        assert (folder / FILE).read_text() == TEXT
        assert (folder / "notes.txt").read_text() == "mine"
    assert (include / FILE).read_text() == BASE
    (include / FILE).write_text(TEXT)
    assert committed(include / FILE) == BASE
    with pytest.raises(ConfigurationError, match="LB-CFG-014"):
        committed(include / "notes.yaml")


def test_two_windows_of_one_draft_do_not_overwrite_each_other_and_others_are_told(state_db: Engine) -> None:
    with transaction(state_db) as session:
        begin(session, FILE, BASE, "olga")
        begin(session, FILE, BASE, "otto")
    with transaction(state_db) as session:
        keep(session, FILE, "olga", 1, TEXT)
    with pytest.raises(LedgerbridgeError, match="LB-DRF-002"), transaction(state_db) as session:
        keep(session, FILE, "olga", 1, BASE)
    with transaction(state_db) as session:
        assert {each.by: each.text for each in open_drafts(session, FILE)} == {"otto": BASE, "olga": TEXT}
        assert begin(session, FILE, "something newer", "olga").text == TEXT


def test_the_audit_tells_who_published_what_and_who_gave_up(state_db: Engine) -> None:
    act: list[Callable[..., None]] = [
        lambda session: settle(session, FILE, "olga", 1, "why", "abc", None),
        lambda session: discard(session, FILE, "otto", 1),
    ]
    with transaction(state_db) as session:
        for by in ("olga", "otto"):
            begin(session, FILE, BASE, by)
    for each in act:
        with transaction(state_db) as session:
            each(session)
        with pytest.raises(LedgerbridgeError, match="LB-DRF-001"), transaction(state_db) as session:
            each(session)
    with transaction(state_db) as session:
        told = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [(each.action, each.record_key, each.details["by"]) for each in told] == [
            ("draft-published", FILE, "olga"),
            ("draft-discarded", FILE, "otto"),
        ]
        assert told[0].details["commit"] == "abc"
        assert [each.base for each in publications(session, FILE)] == [BASE]
        assert open_drafts(session) == []
        assert verify(session).broken is None
