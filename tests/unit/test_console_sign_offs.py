"""The console's signed periods: who sees what of them, takes the report, and opens one again."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from ledgerbridge.audit import Actor
from ledgerbridge.closing import propose, sign
from ledgerbridge.reconciliation import Period
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry, SignOff
from tests.unit.console_browser import Browser, serve

ACTOR = Actor("", "", "close-1", "sign_1")
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
VALUE, NOTE = "190.08", "rent of Zebedeo comes in April"
LATE = {
    "type": "late entry", "ledger": "gp", "kind": "entry", "number": "77", "record": "gp:TWO:journal:77",
    "booked_on": "2026-03-20", "value": VALUE, "told": f"booked after the period was signed: 1200 {VALUE}",
}  # fmt: skip


@pytest.fixture
def signed(state_db: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> int:
    """March, signed by one person; an entry came late."""
    serve(state_db, monkeypatch)
    (tmp_path / "report.html").write_text(f"<p>{VALUE}</p>")
    with transaction(state_db) as session:
        url = tmp_path.as_uri()
        number = propose(session, ACTOR, "main", MARCH, ["order_to_cash"], report_hash="a" * 64, report_url=url)
        sign(session, ACTOR, number, by="anna", name="Anna", note=NOTE, needed=1).changes = [LATE]
    return number


def test_a_signed_period_is_shown_with_what_changed_and_who_may_not_mend_sees_no_value(signed: int) -> None:
    [shown] = Browser("olga").get("sign-offs")
    assert (shown["state"], shown["period_from"], shown["may_reopen"]) == ("signed", "2026-03-01", True)
    assert [(each["name"], each["note"]) for each in shown["signatures"]] == [("Anna", NOTE)]
    assert [(each["type"], each["number"], each["value"]) for each in shown["changes"]] == [("late entry", "77", VALUE)]
    [seen] = Browser("vera").get("sign-offs")
    assert [each["number"] for each in seen["changes"]] == ["77"]
    assert not [each for each in (VALUE, NOTE) if each in json.dumps(seen)]
    assert (seen["may_reopen"], seen["files"]) == (False, [])


def test_the_report_is_taken_by_who_sees_values_and_no_address_leads_elsewhere(signed: int) -> None:
    path = f"sign-offs/main/{signed}/files"
    answer = Browser("olga").ask("GET", f"{path}/report.html")
    assert (answer.status_code, VALUE in answer.text) == (200, True)
    assert answer.headers["content-disposition"] == f'attachment; filename="close-main-{signed}-report.html"'
    assert Browser("vera").ask("GET", f"{path}/report.html").status_code == 403
    for name in ("report.xlsx", "other.txt", "..report.html"):
        assert Browser("olga").ask("GET", f"{path}/{name}").status_code in (404, 422)


def test_a_person_opens_it_again_once_and_the_audit_keeps_why(signed: int, state_db: Engine) -> None:
    path, body = f"sign-offs/main/{signed}/reopenings", {"reason": "a bill came late"}
    assert Browser("vera").post(path, body).status_code == 403
    assert Browser("olga").post(path, body).is_success
    again = Browser("olga").post(path, body)
    assert (again.status_code, again.json()["code"]) == (409, "LB-CLS-004")
    with transaction(state_db) as session:
        assert session.get_one(SignOff, signed).state == "reopened"
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "period-reopened")).one()
        assert told.details == {"by": "olga", "reason": "a bill came late"}
