"""A bundle is taken whole, as it was signed, by another person, when its checks hold where it goes; or not at all."""

from __future__ import annotations

import re
import shutil
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from commands.main import main
from ledgerbridge.drafts.bundle import files_in, hash_of, open_bundle, pack
from ledgerbridge.drafts.promotions import promotion, promotions
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import snapshot, transaction
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.state.signing import Signer, new_key
from operators.promote import ApplyBundleOperator, ApproveBundleOperator, CheckBundleOperator
from tests.two_environments import MAPPING, dev_and_prod
from tests.unit.console_browser import Browser, serve

ROOT = Path(__file__).parents[2]
KEY = new_key()
AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of where a bundle is packed, of the smallest flow; one mapping is another than in `prod`."""
    folder, _ = dev_and_prod(tmp_path)
    monkeypatch.setenv("LEDGERBRIDGE_SIGNING_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    return folder


def promote(*words: str, state: Engine | None = None) -> int:
    url = [] if state is None else ["--state", state.url.render_as_string(hide_password=False)]
    return main([*url, "promote", *words])


@pytest.fixture
def prod(dev: Path, state_db: Engine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment that bundles go to, as its tasks and commands know it."""
    folder = dev.parent / "prod"
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(folder))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__STATE_FOLDER", str(dev.parent / "state"))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__SIGNING_KEY", KEY)
    serve(state_db, monkeypatch)
    return folder


def offered(dev: Path, state: Engine, by: str = "otto") -> int:
    """A bundle that ada packed, offered by somebody."""
    assert promote("pack", "--include", str(dev), "--by", "ada") == 0
    assert promote("offer", "bundle.zip", "--by", by, state=state) == 0
    with snapshot(state) as session:
        return promotions(session)[0].id


def run(task: Any, number: int, run_id: str = "run-1") -> Any:
    """Execute a task of the DAG."""
    return task.execute({"params": {"promotion": number, "days": 7}, "run_id": run_id})


def checked(number: int, run_id: str = "run-1") -> None:
    run(CheckBundleOperator(task_id="check"), number, run_id)


def say(number: int, user: str, option: str = "Approve", run_id: str = "run-1") -> None:
    """What Airflow calls once somebody answered."""
    task = ApproveBundleOperator(task_id="approve")
    event = {"chosen_options": [option], "params_input": {}, "responded_at": AT,
             "responded_by_user": {"id": user, "name": user.title()}}  # fmt: skip
    context = {"params": {"promotion": number, "days": 7}, "run_id": run_id}
    task.execute_complete(context, event)  # type: ignore[arg-type]


def apply(number: int) -> None:
    run(ApplyBundleOperator(task_id="apply"), number)


def state_of(state: Engine, number: int) -> str:
    with snapshot(state) as session:
        return promotion(session, number).state


def test_a_bundle_is_checked_approved_by_another_live_and_taken_back_in_one_step(
    dev: Path, prod: Path, state_db: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    before, company = files_in(prod), (prod / "companies" / "main.yaml").read_text()
    number = offered(dev, state_db)
    assert promote("check", "bundle.zip", "--include", str(prod)) == 0
    told = capsys.readouterr().out
    assert f"changed  {MAPPING}\n" in told
    assert "gone     lookups/old.csv" in told
    checked(number)
    assert files_in(prod) == before
    say(number, "olga")
    assert files_in(prod) == before
    apply(number)
    assert files_in(prod) == files_in(dev)
    assert (prod / "companies" / "main.yaml").read_text() == company
    apply(number)  # its task is tried again
    assert promote("history", state=state_db) == 0
    told = capsys.readouterr().out
    with snapshot(state_db) as session:
        assert promotion(session, number).sha256 in told
    assert "packed by ada" in told
    assert "approved by Olga" in told
    back = ("back", str(number), "--include", str(prod), "--by", "olga")
    assert promote(*back, state=state_db) == 0
    assert files_in(prod) == before
    assert promote(*back, state=state_db) == 2
    assert "LB-PRO-006" in capsys.readouterr().err
    with transaction(state_db) as session:
        told_of = session.scalars(select(AuditEntry).where(AuditEntry.entity == "bundle").order_by(AuditEntry.id)).all()
        assert [each.action for each in told_of] == [
            "promotion-offered",
            "promotion-checked",
            "promotion-approved",
            "promoted",
            "promotion-undone",
        ]
        assert {each.details["packed_by"] for each in told_of} == {"ada"}
        assert told_of[2].details["by"] == "Olga"
        assert len({each.content_hash for each in told_of}) == 1


@pytest.mark.parametrize("user", ["ada", "otto"])
def test_who_packed_or_offered_a_bundle_approves_nothing(dev: Path, prod: Path, state_db: Engine, user: str) -> None:
    before, number = files_in(prod), offered(dev, state_db)
    checked(number)
    with pytest.raises(AirflowFailException, match=f"LB-PRO-003 {user.title()} packed or offered bundle {number}"):
        say(number, user)
    with pytest.raises(AirflowFailException, match="LB-PRO-005"):
        apply(number)
    assert (state_of(state_db, number), files_in(prod)) == ("checked", before)
    checked(number, "run-2")
    with pytest.raises(AirflowFailException, match=r"LB-PRO-006 .*checked again in run-2"):
        say(number, "olga")  # in the run before, of what was shown there
    say(number, "olga", run_id="run-2")
    apply(number)
    assert files_in(prod) == files_in(dev)


def asked(number: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Whose answer alone Airflow is to take, as the task that asks tells it; None: of all who may edit the DAG."""
    told: dict[str, Any] = {}
    kept = "airflow.providers.standard.operators.hitl.upsert_hitl_detail"
    monkeypatch.setattr(kept, lambda **each: told.update(each))
    context = {"params": {"promotion": number}, "run_id": "run-1", "task_instance": SimpleNamespace(id="ti")}
    with pytest.raises(TaskAwaitingInput):
        ApproveBundleOperator(task_id="approve").execute(context)  # type: ignore[arg-type]
    return told["assigned_users"]


def test_only_who_may_approve_is_asked_and_neither_who_packed_nor_who_offered(
    dev: Path, prod: Path, state_db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__BUNDLE_APPROVERS", "olga, otto, id-7=Ada")
    number = offered(dev, state_db)  # ada packed it, otto offered it
    checked(number)
    assigned = asked(number, monkeypatch)
    assert assigned == [{"id": "olga", "name": "olga"}]
    manager, ids = create_auth_manager(), {each["id"] for each in assigned}
    users = {name: SimpleAuthManagerUser(username=name, role="user") for name in ("olga", "otto", "eve")}
    may = {name: manager.is_authorized_hitl_task(assigned_users=ids, user=user) for name, user in users.items()}
    assert may == {"olga": True, "otto": False, "eve": False}  # Airflow's own answer to whoever asks it to take theirs
    olga, otto = Browser("olga"), Browser("otto")
    seen = {name: each.get(f"design/bundles/{number}") for name, each in (("olga", olga), ("otto", otto))}
    assert {name: (each["approvers"], each["may_approve"]) for name, each in seen.items()} == {
        "olga": (["olga"], True), "otto": (["olga"], False),
    }  # fmt: skip
    # where everybody is an admin Airflow takes any answer
    for name, option in (("eve", "Approve"), ("eve", "Reject")):
        with pytest.raises(AirflowFailException, match="LB-PRO-008 Eve is none of those who may approve"):
            say(number, name, option)
    with pytest.raises(AirflowFailException, match="LB-PRO-003"):
        say(number, "otto")
    assert state_of(state_db, number) == "checked"
    say(number, "olga")
    assert state_of(state_db, number) == "approved"


def test_nobody_is_asked_where_all_who_may_approve_packed_or_offered_it(
    dev: Path, prod: Path, state_db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = offered(dev, state_db)
    checked(number)
    assert asked(number, monkeypatch) is None  # nobody is named: all who may edit the DAG
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__BUNDLE_APPROVERS", "otto,id-7=Ada")
    with pytest.raises(AirflowFailException, match="LB-PRO-009"):
        run(ApproveBundleOperator(task_id="approve"), number)
    assert Browser("olga").get(f"design/bundles/{number}")["may_approve"] is False


def test_without_approval_nothing_becomes_live_whoever_marks_a_task_as_done(
    dev: Path, prod: Path, state_db: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    before, number = files_in(prod), offered(dev, state_db)
    for step in (lambda: None, lambda: checked(number), lambda: say(number, "olga", "Reject")):
        step()
        with pytest.raises(AirflowFailException, match=r"LB-PRO-005 .*nobody has approved it"):
            apply(number)
        assert promote("apply", str(number), "--include", str(prod), state=state_db) == 2
        assert "LB-PRO-005" in capsys.readouterr().err
    assert (state_of(state_db, number), files_in(prod)) == ("rejected", before)


def test_a_bundle_whose_check_fails_is_shown_to_nobody_and_changes_nothing(
    dev: Path, prod: Path, state_db: Engine
) -> None:
    (dev / MAPPING).write_text((dev / MAPPING).read_text().replace("Date: posted_on", "Date: nam"))
    before, number = files_in(prod), offered(dev, state_db)
    with pytest.raises(AirflowFailException, match='"nam" is no field'):
        checked(number)
    assert state_of(state_db, number) == "failed"
    assert run(ApproveBundleOperator(task_id="approve"), number) is None, "nobody is asked"
    with pytest.raises(AirflowFailException, match="LB-PRO-006"):
        say(number, "olga")
    with pytest.raises(AirflowFailException, match="LB-PRO-005"):
        apply(number)
    assert files_in(prod) == before


def test_a_byte_that_is_another_one_in_the_database_after_the_approval_is_refused(
    dev: Path, prod: Path, state_db: Engine
) -> None:
    before, number = files_in(prod), offered(dev, state_db)
    checked(number)
    say(number, "olga")
    other = pack(files_in(dev), Signer(KEY), "ada", AT)  # signed by the right key, and not what was approved
    for content in (None, other):
        with transaction(state_db) as session:
            row = promotion(session, number)
            row.content = content or row.content[:-1] + bytes([row.content[-1] ^ 1])
        with pytest.raises(AirflowFailException, match="LB-PRO-002"):
            apply(number)
        assert files_in(prod) == before


def test_a_bundle_is_compared_with_the_files_as_they_are_when_it_becomes_live(
    dev: Path, prod: Path, state_db: Engine
) -> None:
    number = offered(dev, state_db)
    checked(number)
    say(number, "olga")
    (prod / "lookups" / "mine.csv").write_text("key\n")
    with pytest.raises(AirflowFailException, match=r"LB-PRO-006 .*were changed since those of bundle 1 were checked"):
        apply(number)
    (prod / "lookups" / "mine.csv").unlink()
    apply(number)
    (prod / "lookups" / "mine.csv").write_text("key\n")
    assert promote("back", str(number), "--include", str(prod), state=state_db) == 2
    assert (prod / "lookups" / "mine.csv").exists(), "nobody's work is taken away"


def test_a_promotion_that_was_broken_off_goes_on(dev: Path, prod: Path, state_db: Engine) -> None:
    before, number = files_in(prod), offered(dev, state_db)
    checked(number)
    say(number, "olga")
    place = prod / "lookups"
    shutil.rmtree(place)
    place.write_text("no folder")  # so that writing breaks off in the middle
    with transaction(state_db) as session:
        promotion(session, number).files = hash_of(files_in(prod))
    with pytest.raises(OSError, match="lookups"):
        apply(number)
    assert state_of(state_db, number) == "applying"
    place.unlink()
    apply(number)
    assert files_in(prod) == files_in(dev)
    assert promote("back", str(number), "--include", str(prod), state=state_db) == 0
    assert files_in(prod) == {name: content for name, content in before.items() if not name.startswith("lookups/")}


def test_the_console_shows_a_bundle_with_its_difference_and_trial_and_takes_it_back(
    dev: Path, prod: Path, state_db: Engine
) -> None:
    olga, otto, vera = Browser("olga"), Browser("otto"), Browser("vera")
    before = files_in(prod)
    content = pack(files_in(dev), Signer(KEY), "ada", AT, "test")
    changed = content[:-1] + bytes([content[-1] ^ 1])
    refused = olga.post("design/bundles", {"content": b64encode(changed).decode()})
    assert refused.json()["code"] == "LB-PRO-002"
    assert olga.post("design/bundles", {"content": "no base64"}).json()["code"] == "LB-PRO-002"
    told = otto.post("design/bundles", {"content": b64encode(content).decode()}).raise_for_status().json()
    assert (told["state"], told["environment"], told["offered_by"]) == ("offered", "test", "otto")
    assert told["approval"] is None
    number = told["id"]
    checked(number, "manual run")
    told = olga.get(f"design/bundles/{number}")
    assert told["approval"] == "/dags/promote/runs/manual%20run/tasks/approve/required_actions"
    files = {each["name"]: (each["how"], each["diff"]) for each in told["files"]}
    assert files[MAPPING][0] == "changed"
    assert [line for line in files[MAPPING][1] if line[0] in "+-"] == ["-  Description: title", "+  Description: code"]
    assert files["lookups/old.csv"] == ("gone", ["@@ -1 +0,0 @@", "-key"])
    assert [each["leg"] for each in told["tried"]["differences"]] == ["general_ledger.journal"]  # whose mapping it is
    say(number, "olga", run_id="manual run")
    assert olga.post(f"design/bundles/{number}/rollbacks", {}).json()["code"] == "LB-PRO-006"
    apply(number)
    told = olga.get(f"design/bundles/{number}")
    assert (told["state"], told["may_go_back"], len(told["files"])) == ("applied", True, 2)
    [listed] = vera.get("design/bundles")["promotions"]
    assert (listed["said_by"], listed["may_go_back"]) == ("Olga", False)
    back = otto.post(f"design/bundles/{number}/rollbacks", {}).raise_for_status().json()
    assert (back["state"], back["undone_by"], files_in(prod)) == ("undone", "otto", before)
    assert olga.ask("GET", "design/bundles/99").status_code == 404


def test_a_bundle_packed_in_the_console_bears_the_name_of_who_is_logged_in(prod: Path) -> None:
    answer = Browser("olga").post("design/bundles/packs", {}).raise_for_status()
    bundle = open_bundle(answer.content, Signer(KEY).public)
    assert (bundle.by, bundle.files) == ("olga", files_in(prod))


def test_engineers_alone_pack_offer_and_take_back_and_who_mends_approves(
    dev: Path, prod: Path, state_db: Engine
) -> None:
    uma, number = Browser("uma"), offered(dev, state_db)
    checked(number)
    content = b64encode(pack(files_in(dev), Signer(KEY), "ada", AT, "test")).decode()
    acts = {"/packs": {}, "": {"content": content}, f"/{number}/rollbacks": {}}
    for act, body in acts.items():
        refused = uma.post(f"design/bundles{act}", body)
        assert (refused.status_code, refused.json()["code"]) == (403, "LB-DRF-008"), act
    assert uma.get("design/bundles")["may_offer"] is False
    assert uma.get(f"design/bundles/{number}")["may_approve"] is True
    say(number, "uma")
    apply(number)
    assert [Browser(user).get(f"design/bundles/{number}")["may_go_back"] for user in ("uma", "olga")] == [False, True]


def test_a_lookup_table_is_tried_as_any_file_is(
    prod: Path, state_db: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = state_db.url.render_as_string(hide_password=False)
    reads = "_terms: {lookup: {table: payment_terms, key: title, column: to_xero, optional: true}}"
    mapping = (prod / MAPPING).read_text()
    (prod / MAPPING).write_text(re.sub("^( +)Description: title", rf"\1{reads}\n\g<0>", mapping, flags=re.MULTILINE))
    (tmp_path / "payment_terms.csv").write_text("gp_terms,to_xero,from_xero\n")
    words = ("--state", url, "what-if", str(tmp_path / "payment_terms.csv"), "--include", str(prod))
    assert main(list(words)) == 0
    assert "general_ledger.journal -> xero.manual_journal: 0 records" in capsys.readouterr().out
    (prod / "lookups" / "payment_terms.csv").replace(tmp_path / "payment_terms.csv")
    shutil.copy(tmp_path / "payment_terms.csv", prod / "lookups")
    assert main(list(words)) == 0
    assert "No leg makes anything of it otherwise." in capsys.readouterr().out


def test_a_bundle_of_another_key_or_with_a_file_from_elsewhere_is_refused(dev: Path) -> None:
    content = pack(files_in(dev), Signer(KEY), "ada", AT)
    with pytest.raises(ConfigurationError, match=r"LB-PRO-002 .*signed by none of the keys"):
        open_bundle(content, Signer(new_key()).public)
    stray = pack({"../dags/evil.py": b"x"}, Signer(KEY), "ada", AT)
    with pytest.raises(ConfigurationError, match=r"LB-PRO-002 .*evil\.py is no flow"):
        open_bundle(stray, Signer(KEY).public)


def test_nothing_is_packed_without_a_key(
    dev: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEDGERBRIDGE_SIGNING_KEY", "")
    assert promote("pack", "--include", str(dev)) == 2
    assert "LB-PRO-001" in capsys.readouterr().err


BUNDLE = pack({MAPPING: (ROOT / "include" / MAPPING).read_bytes()}, Signer(KEY), "ada", AT)


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(BUNDLE) - 1), by=st.integers(1, 255))
def test_a_bundle_of_which_one_byte_is_another_is_refused(at: int, by: int) -> None:
    content = bytearray(BUNDLE)
    content[at] ^= by
    with pytest.raises(ConfigurationError, match="LB-PRO-002"):
        open_bundle(bytes(content), Signer(KEY).public)


def test_a_bundle_that_is_cut_or_has_more_is_refused() -> None:
    for content in (BUNDLE[:-1], BUNDLE + b"x", b"", b"PK"):
        with pytest.raises(ConfigurationError, match="LB-PRO-002"):
            open_bundle(content, Signer(KEY).public)
    assert list(open_bundle(BUNDLE, Signer(KEY).public).files) == [MAPPING]
