"""The ``ledgerbridge`` command on a state database with one order in it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from commands.main import COMMANDS, load, main
from commands.options import STATE_URL
from ledgerbridge.audit import Actor
from ledgerbridge.audit.anchors import next_anchor, tell_anchor
from ledgerbridge.audit.evidence import VERIFIER
from ledgerbridge.changes import Found as LoggedVersion
from ledgerbridge.changes import SourceId, append
from ledgerbridge.delivery import Deliverer
from ledgerbridge.entities import Document, Found, Outcome
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.dead_letters import Letter, write_letters
from operators.anchors import keep_anchor

ACTOR = Actor("order_to_cash", "order", "run-1", "order.load")
ORDER = "shopify:us.myshopify.com:order:1"


class Accepting:
    """A target that takes everything."""

    max_batch = 10

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        return {}

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        return [Outcome(document.record_key, "LBO1", "LBO1") for document in documents]


@pytest.fixture
def url(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path / 'state.db'}"
    engine = connect(address, company="main")
    migrate(engine)
    Deliverer(engine, ACTOR, "gp.sales_order", Accepting()).deliver(
        [Document(ORDER, "key", {"SOPNUMBE": "LBO1"})], {ORDER: {"chain_key": ORDER, "label": "#1"}}
    )
    letter = Letter(
        "map", "shopify:x:order:2", "v1", "shopify:x:order:2", "LB-MAP-002", "sku", "NONE",
        '"NONE" is not known', "Create item NONE in GP.", label="#2",
    )  # fmt: skip
    with transaction(engine) as session:
        write_letters(session, ACTOR, [letter])
    engine.dispose()
    return address


def test_dead_letters_are_listed_with_field_and_remedy(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", url, "dead-letters"]) == 0
    shown = capsys.readouterr().out
    assert "LB-MAP-002 order #2" in shown
    assert 'sku: "NONE" is not known' in shown
    assert "remedy: Create item NONE in GP." in shown


@pytest.mark.parametrize("known_as", ["LBO1", ORDER])
def test_trace_finds_the_order_by_any_of_its_ids(url: str, known_as: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", url, "trace", known_as, "--full"]) == 0
    first, step, *lines = capsys.readouterr().out.splitlines()
    assert first == ORDER
    assert step.split() == ["└─", "order", "gp.sales_order", "LBO1", "delivered"]
    assert [line.split()[2] for line in lines] == ["sending", "delivered"]
    assert all(line.endswith("[run-1 order.load]") for line in lines)


def test_trace_tells_the_story_in_the_order_of_the_process(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A customer without a day, an order, a part of it invoiced later, its payment on the day of the order."""
    engine = connect(url, company="main")
    happened = [
        ("invoice", "xero.invoice", "INV1", {"invoiced_on": "2026-03-04", "total": "53.77000", "currency": "USD"}),
        ("payment", "xero.payment", "PAY1", {"paid_on": "2026-03-02", "amount": "1053.77000", "currency": "USD"}),
        ("customer", "gp.customer", "ANNA01", {}),
        ("ordering", "gp.sales_order", "LBO2", {"ordered_on": "2026-03-01", "total": "1053.77000", "currency": "USD"}),
    ]
    for leg, entity, number, header in happened:
        key = f"{ORDER}:{leg}"
        actor = Actor("order_to_cash", leg, "run-2", f"{leg}.load")
        Deliverer(engine, actor, entity, Accepting()).deliver(
            [Document(key, key, {"NUMBER": number})], {key: {"chain_key": ORDER, **header}}
        )
    engine.dispose()
    assert main(["--state", url, "trace", ORDER]) == 0
    _, *told = capsys.readouterr().out.splitlines()
    assert [line[3:].split("  gp.")[0].split("  xero.")[0].split() for line in told] == [
        ["order"],
        ["customer"],
        ["2026-03-01", "ordered", "1,053.77", "USD"],
        ["2026-03-02", "paid", "1,053.77", "USD"],
        ["2026-03-04", "invoiced", "53.77", "USD"],
    ]


def test_an_earlier_version_is_listed_and_sent_again_with_a_reason(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = SourceId("main", "shopify.order", "shopify_us")
    with transaction(connect(url, company="main")) as session:
        for version in ("v1", "v2"):
            found = [LoggedVersion(ORDER, version, datetime(2026, 3, 2, tzinfo=UTC))]
            append(session, source, found, how="poll", payload_uri="file:///x")
    assert main(["--state", url, "changes", "list", ORDER]) == 0
    first, second = (line.split() for line in capsys.readouterr().out.splitlines())
    assert (first[-1], second[-1]) == ("v1", "v2")
    assert main(["--state", url, "changes", "send-again", first[0]]) == 2  # without a reason
    assert main(["--state", url, "changes", "send-again", first[0], "--reason", "the edit was a mistake"]) == 0
    assert f"change {first[0]} is the newest now, as 3" in capsys.readouterr().out
    assert main(["--state", url, "changes", "list", "shopify:x:order:none"]) == 2
    assert "LB-CHG-001" in capsys.readouterr().err


def test_an_unknown_id_is_told_with_what_may_be_asked(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", url, "trace", "NONE"]) == 2
    assert 'LB-AUD-003 nothing is known under "NONE"' in capsys.readouterr().err


@pytest.fixture
def anchors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where this installation keeps its anchors."""
    place = (tmp_path / "anchors").as_uri()
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__ANCHORS_URL", place)
    return place


def test_a_broken_audit_chain_is_told_with_its_entry(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--state", url, "audit", "anchor"]) == 0
    anchors = tmp_path / "anchors.jsonl"
    anchors.write_text(capsys.readouterr().out)
    assert main(["--state", url, "audit", "verify", "--anchors", str(anchors)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("3 entries, the chain is whole; its head is not signed")
    assert "1 anchors hold" in told
    engine = connect(url, company="main")
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_entry_refuses_delete"))
        connection.execute(text("DELETE FROM audit_entry WHERE id = 3"))
    assert main(["--state", url, "audit", "verify"]) == 1
    assert "LB-AUD-005 dead_letter" in capsys.readouterr().out
    with engine.begin() as connection:  # the end as a whole: nothing in the database tells of it
        connection.execute(text("DELETE FROM dead_letter"))
    engine.dispose()
    assert main(["--state", url, "audit", "verify"]) == 0
    assert main(["--state", url, "audit", "verify", "--anchors", str(anchors)]) == 1
    assert "LB-AUD-001 audit entry 3 truncated" in capsys.readouterr().out


def test_a_chain_is_signed_once_a_key_is_there_and_verified_by_the_page_it_publishes(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["audit", "key", "--new"]) == 0
    monkeypatch.setenv("LEDGERBRIDGE_SIGNING_KEY", capsys.readouterr().out.strip())
    assert main(["--state", url, "audit", "verify"]) == 1
    assert "LB-AUD-001 audit entry 3 unsigned" in capsys.readouterr().out
    assert main(["--state", url, "audit", "sign", "--by", "ann"]) == 0
    assert "signed from entry 4 on by ann" in capsys.readouterr().out
    assert main(["audit", "key", "--out", str(tmp_path / "page.txt")]) == 0
    page = (tmp_path / "page.txt").read_text()
    public, verifier = re.findall(r"^[0-9a-f]{64}$", page, re.MULTILINE)
    assert hashlib.sha256(VERIFIER.read_bytes()).hexdigest() == verifier
    monkeypatch.delenv("LEDGERBRIDGE_SIGNING_KEY")
    capsys.readouterr()
    assert main(["--state", url, "audit", "verify"]) == 0
    assert "its head is signed, by whom is not known: give --key" in capsys.readouterr().out
    assert main(["--state", url, "audit", "verify", "--key", public]) == 0
    assert "its head is signed;" in capsys.readouterr().out
    assert main(["--state", url, "audit", "verify", "--key", "0" * 63 + "1"]) == 1


def test_a_page_without_a_key_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "key"]) == 2
    assert "LB-AUD-007" in capsys.readouterr().err


def test_anchors_the_chain_tells_of_are_missed_wherever_they_are_looked_for(
    url: str, anchors: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = connect(url, company="main")
    with transaction(engine) as session:
        anchor = next_anchor(session, [])
        tell_anchor(session, ACTOR, anchor)
    engine.dispose()
    assert main(["--state", url, "audit", "verify"]) == 1
    assert "LB-AUD-004 anchor 1 is missing: the chain tells of 1, 0 are there" in capsys.readouterr().out
    keep_anchor(anchors, anchor)
    assert main(["--state", url, "audit", "verify"]) == 0
    assert main(["--state", url, "audit", "verify", "--anchors", str(tmp_path / "anchors")]) == 0
    assert main(["--state", url, "audit", "verify", "--anchors", str(tmp_path / "elsewhere")]) == 1


def anchored(url: str, anchors: str) -> Engine:
    """A state whose head is kept there."""
    engine = connect(url, company="main")
    with transaction(engine) as session:
        keep_anchor(anchors, next_anchor(session, []))
    return engine


def test_a_state_that_was_emptied_is_missed_by_the_anchors_of_this_installation(
    url: str, anchors: str, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = anchored(url, anchors)
    assert main(["--state", url, "audit", "verify"]) == 0
    capsys.readouterr()
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_entry_refuses_delete"))
        for table in ("audit_entry", "dead_letter", "delivery"):
            connection.execute(text(f"DELETE FROM {table}"))
    engine.dispose()
    assert main(["--state", url, "audit", "verify"]) == 1
    told = capsys.readouterr().out
    assert "LB-AUD-001 audit entry 1 truncated: entries 1 to 3 are missing at the end" in told
    assert anchors in told


def test_no_evidence_is_given_of_a_trail_whose_end_is_missing(
    url: str, anchors: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = anchored(url, anchors)
    evidence = ["--state", url, "evidence", "2000-01-01..2099-01-01", "--out", str(tmp_path / "evidence.zip")]
    assert main(evidence) == 0
    (tmp_path / "evidence.zip").unlink()
    with engine.begin() as connection:  # the letter as if it had never been
        connection.execute(text("DROP TRIGGER audit_entry_refuses_delete"))
        connection.execute(text("DELETE FROM audit_entry WHERE id = 3"))
        connection.execute(text("DELETE FROM dead_letter"))
    engine.dispose()
    assert main(evidence) != 0
    assert "no evidence can be given: audit entry 3 truncated" in capsys.readouterr().err
    assert not (tmp_path / "evidence.zip").exists()


@pytest.mark.parametrize(("asked", "shown"), [("sent and confirmed", 1), ("unknown", 0)])
def test_deliveries_are_shown_by_what_is_known_of_them(
    url: str, asked: str, shown: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--state", url, "deliveries", "--standing", asked, "--entity", "gp.sales_order"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == shown
    assert all("sent and confirmed" in line and "LBO1" in line and ORDER in line for line in lines)


def test_without_a_state_database_it_says_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(STATE_URL, raising=False)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    assert main(["dead-letters"]) == 2
    assert STATE_URL in capsys.readouterr().err


def test_commands_find_the_state_database_of_the_airflow_home(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv(STATE_URL, "sqlite:////nowhere")  # so that it is put back after the test
    monkeypatch.delenv(STATE_URL)
    (tmp_path / "ledgerbridge.env").write_text(f"{STATE_URL}={url}\n")
    assert main(["dead-letters"]) == 0
    assert "LB-MAP-002 order #2" in capsys.readouterr().out
    monkeypatch.setenv(STATE_URL, "mysql://elsewhere")
    assert main(["dead-letters"]) == 2
    assert "LB-CFG-009" in capsys.readouterr().err


def test_a_word_that_is_no_command_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dead-leters"]) == 2
    assert "Did you mean 'dead-letters'?" in capsys.readouterr().err


def test_an_option_that_is_wrong_is_told_with_its_place(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", url, "dead-letters", "list", "--since", "yesterday"]) == 2
    assert "Invalid value for '--since': \"yesterday\" is no day" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_tells_what_it_is_for(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert COMMANDS[name] in " ".join(capsys.readouterr().out.split())
    assert load(name).name == name


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, as a person does."""
    return subprocess.run(
        [Path(sys.executable).parent / words[0], *words[1:]],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


LOADED = "import sys; from commands.main import main; main(sys.argv[1:]); print(*sys.modules)"
FOR_TASKS = {"airflow", "pandas", "pyarrow", "numpy", "great_expectations", "zeep", "alembic"}


def test_help_imports_neither_a_database_nor_what_tasks_need() -> None:
    asked = run("python", "-c", LOADED, "--help")
    assert asked.returncode == 0
    assert not (FOR_TASKS | {"sqlalchemy"}) & set(asked.stdout.split())


def test_dead_letters_are_listed_without_what_only_tasks_need(url: str) -> None:
    asked = run("python", "-c", LOADED, "--state", url, "dead-letters", "list")
    assert "LB-MAP-002" in asked.stdout
    assert not FOR_TASKS & set(asked.stdout.split())


@pytest.mark.parametrize("read", [1, 20_000])
def test_an_answer_that_nobody_reads_to_its_end_ends_quietly(url: str, read: int) -> None:
    """As `ledgerbridge … | head`: gone before the first line is out, or in the middle."""
    engine = connect(url, company="main")
    many = [
        Letter("map", f"k{number}", "v1", f"k{number}", "LB-MAP-002", "sku", "NONE", "no", "Mend it.")
        for number in range(2_000)
    ]
    with transaction(engine) as session:
        write_letters(session, ACTOR, many)
    engine.dispose()
    command = [Path(sys.executable).parent / "ledgerbridge", "--state", url, "dead-letters", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
        assert asked.stdout is not None
        assert asked.stderr is not None
        asked.stdout.read(read)
        asked.stdout.close()
        assert asked.stderr.read() == b""
    assert asked.returncode == 1


def test_a_short_answer_that_nobody_reads_ends_quietly(url: str) -> None:
    gone, end = os.pipe()
    os.close(gone)
    try:
        command = [Path(sys.executable).parent / "ledgerbridge", "--state", url, "dead-letters", "list"]
        asked = subprocess.run(command, stdout=end, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(end)
    assert (asked.returncode, asked.stderr) == (1, b"")


def test_airflow_has_the_same_commands_on_the_state_database_of_its_tasks(url: str, tmp_path: Path) -> None:
    home = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW_CONN_LEDGERBRIDGE_DB": json.dumps({"conn_type": "generic", "extra": {"url": url}}),
        STATE_URL: "",
    }
    listed = run("airflow", "ledgerbridge", "dead-letters", "list", "--code", "LB-MAP-002", **home)
    assert "LB-MAP-002 order #2" in listed.stdout, listed.stderr
    assert listed.returncode == 0
    refused = run("airflow", "ledgerbridge", "--state", "mysql://nowhere", "trace", "#2", **home)
    assert refused.returncode == 2
    assert "LB-CFG-009" in refused.stderr
    helped = run("airflow", "ledgerbridge", "trace", "--help", **home)
    assert helped.returncode == 0
    assert "Usage: ledgerbridge trace" in helped.stdout
