"""The daily check of the audit: anchors are kept, stamped and sent, and what is missing of them is an alarm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, text

from ledgerbridge.audit import Actor, Anchor, Change, append
from ledgerbridge.audit.anchors import next_anchor, signed_head
from ledgerbridge.errors import LedgerbridgeError
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.state.signing import new_key
from operators.anchors import keep_anchor, kept_anchors, note_head
from operators.verify_audit import VerifyAuditOperator
from tests.contract.timestamping_authority import Authority, stamping
from tests.contract.webhook_receiver import Receiver, receiving

ACTOR = Actor("order_to_cash", "order", "run-1", "order.load")
KEY = new_key()


@dataclass
class Installation:
    """Its state, and the folder of its anchors."""

    state: Engine
    folder: Path

    @property
    def anchors(self) -> list[Anchor]:
        return kept_anchors(self.folder.as_uri())

    def work(self, count: int = 1) -> None:
        """Something to be audited."""
        with transaction(self.state) as session:
            append(session, ACTOR, [Change("window-read", "shopify.order", f"window-{n}") for n in range(count)])

    def verify(self) -> int:
        """As the DAG does it; how many entries there are."""
        return VerifyAuditOperator(task_id="verify").execute({"run_id": "daily"})  # type: ignore[typeddict-item]


@pytest.fixture
def installation(state_db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """One whose audit is signed."""
    url = state_db.url.render_as_string(hide_password=False)
    for name, value in {
        "AIRFLOW_CONN_LEDGERBRIDGE_DB": json.dumps({"conn_type": "generic", "extra": {"url": url}}),
        "AIRFLOW__LEDGERBRIDGE__SIGNING_KEY": KEY,
        "AIRFLOW__LEDGERBRIDGE__ANCHORS_URL": (tmp_path / "anchors").as_uri(),
    }.items():
        monkeypatch.setenv(name, value)
    made = Installation(connect(url, signing_key=KEY, company="main"), tmp_path / "anchors")
    made.work(3)
    return made


def test_every_check_keeps_a_numbered_anchor_that_the_chain_tells_of(installation: Installation) -> None:
    assert [installation.verify() for _ in range(3)] == [3, 4, 5]
    kept = installation.anchors
    assert [(anchor.position, anchor.number) for anchor in kept] == [(1, 3), (2, 4), (3, 5)]
    assert [anchor.before for anchor in kept[1:]] == [anchor.digest() for anchor in kept[:-1]]


def take_one_away(folder: Path) -> None:
    (folder / "anchor-000002.json").unlink()


def take_the_last_away(folder: Path) -> None:
    (folder / "anchor-000003.json").unlink()


def take_all_away(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def take_the_folder_away(folder: Path) -> None:
    take_all_away(folder)
    folder.rmdir()


def cut_one(folder: Path) -> None:
    (folder / "anchor-000003.json").write_bytes(b"")


def put_another(folder: Path) -> None:
    anchor = json.loads((folder / "anchor-000002.json").read_text())
    (folder / "anchor-000002.json").write_text(json.dumps({**anchor, "at": "2026-01-01T00:00:00+00:00"}))


def put_one_more(folder: Path) -> None:
    anchor = json.loads((folder / "anchor-000003.json").read_text())
    (folder / "anchor-000004.json").write_text(json.dumps({**anchor, "position": 4}))


@pytest.mark.parametrize(
    "attack",
    [take_one_away, take_the_last_away, take_all_away, take_the_folder_away, cut_one, put_another, put_one_more],
)
def test_anchors_that_are_missing_or_others_fail_the_check(
    installation: Installation, attack: Callable[[Path], None]
) -> None:
    for _ in range(3):
        installation.verify()
    attack(installation.folder)
    with pytest.raises(LedgerbridgeError, match="LB-AUD-004"):
        installation.verify()


def test_a_chain_cut_behind_its_last_anchor_is_found_by_the_head_a_load_noted(installation: Installation) -> None:
    installation.verify()
    installation.work()
    installation.work()
    with transaction(installation.state) as session:
        note_head(installation.folder.as_uri(), signed_head(session))
    unseal(installation.state)
    with transaction(installation.state) as session:
        session.execute(delete(AuditEntry).where(AuditEntry.id == 6))
    with pytest.raises(LedgerbridgeError, match="LB-AUD-001 audit entry 6 truncated"):
        installation.verify()


def unseal(engine: Engine) -> None:
    on = " ON audit_entry" if engine.dialect.name == "postgresql" else ""
    trigger = "audit_entry_is_append_only" if on else "audit_entry_refuses_delete"
    with engine.begin() as connection:
        connection.execute(text(f"DROP TRIGGER {trigger}{on}"))


def test_a_worker_killed_between_keeping_and_telling_an_anchor_is_no_alarm(installation: Installation) -> None:
    installation.verify()
    with transaction(installation.state) as session:
        untold = next_anchor(session, installation.anchors)
    keep_anchor(installation.folder.as_uri(), untold)
    installation.verify()
    installation.verify()
    assert [anchor.position for anchor in installation.anchors] == [1, 2, 3, 4]


def test_an_anchor_is_never_written_over(installation: Installation) -> None:
    installation.verify()
    (anchor,) = installation.anchors
    with pytest.raises(LedgerbridgeError, match=r"LB-AUD-004 .* is there already"):
        keep_anchor(installation.folder.as_uri(), replace(anchor, number=1))
    assert installation.anchors == [anchor]


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Who is sent the anchors: a webhook on a socket."""
    with receiving() as receiver:
        url = receiver.url.replace("http://", "json://")
        connection = {"conn_type": "apprise", "extra": {"config": {"path": url, "tag": "anchors"}}}
        monkeypatch.setenv("AIRFLOW_CONN_MAILBOX", json.dumps(connection))
        monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__ANCHORS_TO", "mailbox")
        yield receiver


def test_every_anchor_is_sent_to_the_mailbox(installation: Installation, mailbox: Receiver, tmp_path: Path) -> None:
    installation.verify()
    message = json.loads(mailbox.next().body)
    assert message["title"] == "Ledgerbridge: anchor 1 of the audit"
    assert json.loads(message["message"]) == json.loads((installation.folder / "anchor-000001.json").read_text())


def test_an_anchor_that_reached_nobody_fails_the_check_and_stays_kept(
    installation: Installation, mailbox: Receiver
) -> None:
    mailbox.status = 503
    with pytest.raises(LedgerbridgeError, match="LB-AUD-010"):
        installation.verify()
    mailbox.status = 200
    installation.verify()
    assert len(installation.anchors) == 2


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """Who stamps the anchors."""
    with stamping(tmp_path / "authority") as authority:
        monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__TIMESTAMP_URL", authority.url)
        monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__TIMESTAMP_ROOTS", str(authority.roots))
        yield authority


def test_an_anchor_is_stamped_and_its_stamp_is_verified_every_day(
    installation: Installation, authority: Authority
) -> None:
    installation.verify()
    installation.verify()
    assert all(anchor.timestamp for anchor in installation.anchors)


def test_a_time_stamp_of_another_anchor_or_authority_fails_the_check(
    installation: Installation, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.verify()
    with stamping(tmp_path / "another") as another:
        monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__TIMESTAMP_ROOTS", str(another.roots))
        with pytest.raises(LedgerbridgeError, match="LB-AUD-004 the time stamp of anchor 1"):
            installation.verify()
        monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__TIMESTAMP_ROOTS", str(authority.roots))
        monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__TIMESTAMP_URL", another.url)
        with pytest.raises(LedgerbridgeError, match="LB-AUD-009 the time stamp from"):
            installation.verify()
    assert len(installation.anchors) == 1


@pytest.mark.parametrize("roots", ["", "/nowhere/roots.pem"])
def test_time_stamps_without_roots_are_refused_before_anything_is_kept(
    installation: Installation, authority: Authority, monkeypatch: pytest.MonkeyPatch, roots: str
) -> None:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__TIMESTAMP_ROOTS", roots)
    with pytest.raises(LedgerbridgeError, match="LB-AUD-009"):
        installation.verify()
    assert installation.anchors == []
