"""Mappings in the console: who sees and edits what, drafts, and what they would make of records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from console_browser import Browser, serve
from sqlalchemy import Engine, select

from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.state.shapes import accept_shape, accepted_shape
from ledgerbridge.suggest import read_decisions
from tests.drafted import FILE, MAPPING, NAMES, git, include_in_git, plant_customers

PAGE = f"design/mappings/{MAPPING}"
CITY = ["header", "CITY"]
OF_THE_PAGE = {
    "previews": {"location": CITY, "written": "name"},
    "changes": {"seen": 0, "location": CITY, "written": "name"},
    "lines": {"seen": 0, "target": "CITY", "source": "name"},
    "decisions": {"seen": 0, "accepted": [{"target": "CITY", "source": "name"}]},
    "acceptances": {},
    "trials": {"days": 1},
    "publications": {"seen": 1, "note": "mine"},
    "rollbacks": {"publication": 1},
    "merges": {"seen": 1},
    "discards": {"seen": 1},
}
EDITS = [{"do": "put", "location": ["description"], "value": "Mine."}]
ACTS = {
    **{f"{PAGE}/{act}": body for act, body in OF_THE_PAGE.items()},
    "design/beginnings": {"kind": "flows", "name": "mine"},
    **{
        f"design/{file}/{act}": {"seen": 0, "edits": EDITS, "text": "key"}
        for file in ("flows/general_ledger", "expectations/gp_customer")
        for act in ("previews", "changes", "texts")
    },
    "design/lookups/tax_titles/texts": {"seen": 0, "text": "key"},
}
"""All that is done with drafts."""


@pytest.fixture
def include(tmp_path: Path, state_db: Engine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the shipped files; two customers have gone through the leg `customer`."""
    folder = include_in_git(tmp_path)
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(folder))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__PUBLISH", "straight")
    serve(state_db, monkeypatch)
    plant_customers(state_db, tmp_path / "staging")
    return folder


def field(mapping: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in mapping["fields"] if each["field"] == name)


def test_a_mapping_is_a_table_of_rules_with_what_they_make_of_recent_records(include: Path, state_db: Engine) -> None:
    shown = Browser("olga").get(PAGE)
    city = field(shown, "CITY")
    assert (city["before"], city["after"]) == (["Salem", "Salem"], ["Salem", "Salem"])
    assert city["source"] == ["city"]
    assert city["rule"] in (include / FILE).read_text()
    assert (include / FILE).read_text().split("\n")[city["line"] - 1].strip().startswith("CITY")
    assert (shown["problems"], shown["may_edit"], shown["draft"]) == ([], True, None)
    with transaction(state_db) as session:
        looks = session.scalars(select(AuditEntry.record_key).where(AuditEntry.action == "values-shown")).all()
    assert sorted(looks) == ["customer:0", "customer:1"]


def test_who_may_not_edit_sees_the_rules_and_no_value(include: Path, state_db: Engine) -> None:
    vera = Browser("vera")
    answer = vera.ask("GET", PAGE)
    assert "CITY" in answer.text
    assert "Salem" not in answer.text
    assert NAMES[0] not in answer.text
    for act, body in ACTS.items():
        refused = vera.post(act, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "LB-DRF-008"), act
        assert "does not let you edit the DAGs" in refused.json()["detail"]
    assert {each["may_edit"] for each in vera.get("design/files")} == {False}
    assert Browser("olga").ask("POST", f"{PAGE}/changes", json=OF_THE_PAGE["changes"]).status_code == 403  # no token


def test_operators_and_approvers_see_values_and_engineers_alone_draft_publish_and_take_back(include: Path) -> None:
    uma, olga = Browser("uma"), Browser("olga")
    shipped = (include / FILE).read_text()
    shown = uma.get(PAGE)
    assert (field(shown, "CITY")["after"], shown["values"], shown["may_edit"]) == (["Salem", "Salem"], True, False)
    for act, body in ACTS.items():
        refused = uma.post(act, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "LB-DRF-008"), act
        assert "does not let you change its variables (`PUT`). Remedy: Let an engineer" in refused.json()["detail"]
    assert {each["may_edit"] for each in uma.get("design/files")} == {False}
    assert uma.ask("GET", "design/palette").status_code == 403
    assert (include / FILE).read_text() == shipped
    drafted = olga.post(f"{PAGE}/changes", OF_THE_PAGE["changes"]).raise_for_status().json()["draft"]
    asked = {"seen": drafted["version"], "note": "Names."}
    assert uma.post(f"{PAGE}/publications", asked).status_code == 403
    [done] = olga.post(f"{PAGE}/publications", asked).raise_for_status().json()["history"]
    assert uma.post(f"{PAGE}/rollbacks", {"publication": done["id"]}).status_code == 403
    olga.post(f"{PAGE}/rollbacks", {"publication": done["id"]}).raise_for_status()


def test_a_rule_is_tried_while_it_is_written_and_what_fails_is_told_at_its_field(include: Path) -> None:
    olga = Browser("olga")

    def tried(written: str) -> dict[str, Any]:
        answer = olga.post(f"{PAGE}/previews", {"location": CITY, "written": written})
        return field(answer.raise_for_status().json(), "CITY")

    assert tried("name")["after"] == NAMES
    wrong = tried("{fron: name}")
    assert [each["message"] for each in wrong["problems"]] == ['unknown key "fron".']
    assert [each["message"] for each in tried("{from: nam}")["problems"]] != []
    failing = tried("{from: name, convert: {decimal: {places: 2}}}")["failures"]
    assert [(each["sample"], each["code"]) for each in failing] == [
        ("customer:0", "LB-MAP-003"),
        ("customer:1", "LB-MAP-003"),
    ]
    refused = olga.post(f"{PAGE}/previews", {"location": CITY, "written": "{from: name"})
    assert (refused.status_code, refused.json()["code"]) == (422, "LB-CFG-013")
    assert field(olga.get(PAGE), "CITY")["after"] == ["Salem", "Salem"]


def test_a_file_that_people_broke_says_what_is_wrong_with_it(include: Path) -> None:
    (include / FILE).write_text("header: {CITY: city")
    shown = Browser("olga").get(PAGE)
    assert shown["fields"] == []
    assert [each["remedy"] for each in shown["problems"]] == ["Mend the YAML."]
    (include / FILE).write_text("header: {CITY: city, A: [}\n")
    refused = Browser("olga").post(f"{PAGE}/changes", {"seen": 0, "location": CITY, "written": "name"})
    assert (refused.status_code, refused.json()["code"]) == (422, "LB-CFG-013")


def test_a_draft_is_kept_checked_published_and_taken_back_and_nothing_before_is_live(
    include: Path, state_db: Engine
) -> None:
    olga, otto = Browser("olga"), Browser("otto")
    shipped = (include / FILE).read_text()
    kept = olga.post(f"{PAGE}/changes", {"seen": 0, "location": CITY, "written": "name"}).json()
    assert kept["draft"]["version"] == 2
    assert [line for line in kept["draft"]["diff"] if line[0] in "+-"][-1].strip("+ ") == "CITY: name"
    assert (include / FILE).read_text() == shipped
    assert [each["by"] for each in otto.get(PAGE)["others"]] == ["olga"]
    assert {each["name"]: each["drafts"] for each in otto.get("design/files")}[MAPPING] == ["olga"]
    broken = olga.post(f"{PAGE}/changes", {"seen": 2, "location": CITY, "written": "{from: nam}"}).json()
    refused = olga.post(f"{PAGE}/publications", {"seen": broken["draft"]["version"], "note": "why"})
    assert (refused.status_code, refused.json()["code"]) == (422, "LB-DRF-005")
    assert (include / FILE).read_text() == shipped
    olga.post(f"{PAGE}/changes", {"seen": 3, "location": CITY, "written": "name"})
    late = olga.post(f"{PAGE}/changes", {"seen": 3, "location": CITY, "written": "label"})
    assert (late.status_code, late.json()["code"]) == (409, "LB-DRF-002")
    done = olga.post(f"{PAGE}/publications", {"seen": 4, "note": "Cities are names."}).raise_for_status().json()
    assert done["draft"] is None
    assert [(each["by"], each["note"]) for each in done["history"]] == [("olga", "Cities are names.")]
    assert git(include, "log", "-1", "--format=%an: %s").strip() == "olga: Cities are names."
    assert field(otto.get(PAGE), "CITY")["after"] == NAMES
    back = otto.post(f"{PAGE}/rollbacks", {"publication": done["history"][0]["id"]}).json()
    otto.post(f"{PAGE}/publications", {"seen": back["draft"]["version"], "note": "They are not."}).raise_for_status()
    assert (include / FILE).read_text() == shipped
    with transaction(state_db) as session:
        acts = session.scalars(select(AuditEntry).where(AuditEntry.action == "draft-published")).all()
        assert [each.details["by"] for each in acts] == ["olga", "otto"]


def test_the_second_of_two_who_publish_takes_the_first_one_s_change_in(include: Path) -> None:
    olga, otto = Browser("olga"), Browser("otto")
    for each, place in ((olga, CITY), (otto, ["header", "COUNTRY"])):
        each.post(f"{PAGE}/changes", {"seen": 0, "location": place, "written": "name"}).raise_for_status()
    olga.post(f"{PAGE}/publications", {"seen": 2, "note": "first"}).raise_for_status()
    second = otto.post(f"{PAGE}/publications", {"seen": 2, "note": "second"})
    assert (second.status_code, second.json()["code"]) == (409, "LB-DRF-003")
    assert otto.get(PAGE)["draft"]["is_behind"] is True
    taken = otto.post(f"{PAGE}/merges", {"seen": 2}).raise_for_status().json()
    assert (taken["draft"]["is_behind"], field(taken, "CITY")["rule"]) == (False, "name")
    otto.post(f"{PAGE}/publications", {"seen": 3, "note": "second"}).raise_for_status()
    otto.post(f"{PAGE}/changes", {"seen": 0, "location": CITY, "written": "city"}).raise_for_status()
    given_up = otto.post(f"{PAGE}/discards", {"seen": 2}).json()
    assert (given_up["draft"], field(given_up, "CITY")["rule"]) == (None, "name")


def test_what_is_suggested_is_taken_into_the_draft_or_refused_and_both_are_remembered(include: Path) -> None:
    olga = Browser("olga")
    kept = olga.post(f"{PAGE}/changes", {"seen": 0, "location": CITY, "written": None}).json()
    sides = olga.get(f"{PAGE}/sides")
    ruled, open_ = ({(each["part"], each["field"]) for each in of} for of in (kept["fields"], sides["suggestions"]))
    assert ruled & open_ == set()
    city = next(each for each in sides["suggestions"] if each["target"] == "CITY")
    assert (city["band"], city["candidates"][0]["path"]) == ("sure", "city")
    assert city["candidates"][0]["rule"] == "{from: city, convert: {text: {max: 35}}}"
    state = next(each for each in sides["suggestions"] if each["candidates"])
    refused = {"target": state["target"], "source": state["candidates"][0]["path"]}
    decided = {"seen": 2, "accepted": [{"target": "CITY", "source": "city"}], "refused": [refused]}
    taken = olga.post(f"{PAGE}/decisions", decided).raise_for_status().json()
    assert field(taken, "CITY")["rule"] == city["candidates"][0]["rule"]
    told = read_decisions(include / "suggestions.yaml")["canonical.customer -> gp.customer"]
    assert told.accepted == {"CITY": "city"}
    assert told.refused == {refused["target"]: frozenset({refused["source"]})}
    later = next(each for each in olga.get(f"{PAGE}/sides")["suggestions"] if each["target"] == refused["target"])
    assert refused["source"] not in [each["path"] for each in later["candidates"]]
    late = olga.post(f"{PAGE}/decisions", {"seen": 2, "accepted": [{"target": "STATE", "source": "name"}]})
    assert (late.status_code, late.json()["code"]) == (409, "LB-DRF-002")
    assert "STATE" not in read_decisions(include / "suggestions.yaml")["canonical.customer -> gp.customer"].accepted


def test_a_mapping_is_drafted_from_nothing_by_all_that_is_sure_and_published(include: Path) -> None:
    olga = Browser("olga")
    asked = {"kind": "mappings", "name": "magento_customer_of_ours", "reads": "magento.order",
             "writes": "canonical.sales_order"}  # fmt: skip
    olga.post("design/beginnings", asked).raise_for_status()
    page = f"design/mappings/{asked['name']}"
    assert Browser("otto").ask("GET", page).status_code == 404
    sides = olga.get(f"{page}/sides")
    sure = [
        {"target": each["target"], "source": each["candidates"][0]["path"]}
        for each in sides["suggestions"]
        if each["band"] == "sure"
    ]
    assert len(sure) > 5
    shown = olga.post(f"{page}/decisions", {"seen": 2, "accepted": sure}).raise_for_status().json()
    assert [each["message"] for each in shown["problems"]] == []
    assert {each["field"] for each in shown["fields"]} >= {each["target"].rpartition(".")[2] for each in sure}
    olga.post(f"{page}/publications", {"seen": 3, "note": "new"}).raise_for_status()
    assert "Begun" not in (include / f"mappings/{asked['name']}.yaml").read_text()
    again = olga.post("design/beginnings", asked)
    assert (again.status_code, again.json()["code"]) == (422, "LB-CFG-012")
    unknown = olga.post("design/beginnings", {**asked, "name": "other", "reads": "magento.odrer"})
    assert unknown.status_code == 422
    assert 'Did you mean "magento.order"?' in unknown.json()["detail"]


def test_a_line_gives_a_field_another_path_and_keeps_what_else_its_rule_says(include: Path) -> None:
    olga = Browser("olga")
    drawn = olga.post(f"{PAGE}/lines", {"seen": 0, "target": "CITY", "source": "name"}).raise_for_status().json()
    assert field(drawn, "CITY")["rule"] == "{from: name, convert: {text: {max: 35, cut: word, code_page: cp1252}}}"
    assert field(drawn, "CITY")["origins"] == [{"path": "name", "direct": True}]
    nowhere = olga.post(f"{PAGE}/lines", {"seen": 2, "target": "CITY", "source": "nmae"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "LB-SUG-006")
    olga.post(f"{PAGE}/changes", {"seen": 2, "location": CITY, "written": "{template: '{name}, {city}'}"})
    other = olga.post(f"{PAGE}/lines", {"seen": 3, "target": "CITY", "source": "name"})
    assert (other.status_code, other.json()["code"]) == (422, "LB-SUG-009")


def test_what_became_of_the_form_since_it_was_accepted_is_told_until_it_is_accepted_again(
    include: Path, state_db: Engine
) -> None:
    olga, vera = Browser("olga"), Browser("vera")
    assert olga.get(f"{PAGE}/drifts")["accepted_at"] is None
    assert vera.post(f"{PAGE}/acceptances", {}).status_code == 403
    accepted = olga.post(f"{PAGE}/acceptances", {}).raise_for_status().json()
    assert (accepted["by"], accepted["drifts"]) == ("olga", [])
    with transaction(state_db) as session:
        shape = accepted_shape(session, MAPPING)
        assert shape is not None
        was = {**shape.target, "CITY": "text(30)!", "FAX9": "text!"}
        accept_shape(session, MAPPING, "olga", {}, shape.source, was)
    names = ("of", "path", "what", "before", "now")
    told = [tuple(each[name] for name in names) for each in vera.get(f"{PAGE}/drifts")["drifts"]]
    assert told == [("target", "CITY", "changed", "text(30)!", "text(35)!"), ("target", "FAX9", "went", "text!", "")]
    held = olga.post(f"{PAGE}/changes", {"seen": 0, "location": ["drift"], "written": "hold"}).json()
    assert (held["drift"], held["problems"]) == ("hold", [])
    olga.post(f"{PAGE}/publications", {"seen": 2, "note": "hold"}).raise_for_status()
    assert olga.get(f"{PAGE}/drifts")["drifts"] == []
