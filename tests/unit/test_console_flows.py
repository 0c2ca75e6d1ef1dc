"""Flows in the console: drawn as far as they can be read, changed in their text, begun and published whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine

from ledgerbridge.state import transaction
from ledgerbridge.state.source_records import Fate, Seen, register, set_outcomes
from operators.new_files import dag_file
from tests.drafted import git, include_in_git
from tests.unit.console_browser import Browser, serve

FLOW = "general_ledger"
PAGE = f"design/flows/{FLOW}"


@pytest.fixture
def include(tmp_path: Path, state_db: Engine, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the shipped files, and a folder for DAG files beside them."""
    folder = include_in_git(tmp_path)
    (tmp_path / "dags").mkdir()
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER", str(folder))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__PUBLISH", "straight")
    serve(state_db, monkeypatch)
    return folder


def edit(someone: Browser, page: str, seen: int, *edits: dict[str, Any]) -> dict[str, Any]:
    answer = someone.post(f"{page}/changes", {"seen": seen, "edits": list(edits)})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def put(location: list[str | int], value: Any) -> dict[str, Any]:
    return {"do": "put", "location": location, "value": value}


def test_every_shipped_flow_is_drawn_whole_and_nothing_written_where_nothing_is_changed(include: Path) -> None:
    olga = Browser("olga")
    for path in sorted((include / "flows").glob("*.yaml")):
        shown = olga.get(f"design/flows/{path.stem}")
        stages = yaml.safe_load(path.read_text())["stages"]
        drawn = {stage["name"]: [leg["name"] for leg in stage["legs"]] for stage in shown["stages"]}
        assert drawn == {name: list(told.get("legs", {})) for name, told in stages.items()}
        assert (shown["problems"], shown["draft"], shown["text"]) == ([], None, path.read_text())
        legs = [leg for stage in shown["stages"] for leg in stage["legs"]]
        same = [{"do": "write", "location": each["location"], "written": each["written"]} for each in legs]
        assert olga.post(f"design/flows/{path.stem}/previews", {"edits": same}).json()["text"] == path.read_text()


def test_a_gate_is_changed_in_its_line_and_what_is_wrong_is_told_at_its_place(include: Path) -> None:
    olga = Browser("olga")
    leg = olga.get(PAGE)["stages"][0]["legs"][0]
    gate = [*leg["location"], "gate"] if leg["kind"] == "one" else [*leg["targets"][0]["location"], "gate"]
    wrong = edit(olga, PAGE, 0, put(gate, "xero_manual_jurnal"))
    told = [each for each in wrong["problems"] if each["at"] == gate]
    assert [each["remedy"] for each in told] == ['Did you mean "xero_manual_journal"?']
    assert len([line for line in wrong["draft"]["diff"] if line[0] in "+-"]) == 2
    refused = olga.post(f"{PAGE}/publications", {"seen": 2, "note": "x"})
    assert refused.json()["code"] == "LB-DRF-005"
    back = olga.post(f"{PAGE}/texts", {"seen": 2, "text": (include / f"flows/{FLOW}.yaml").read_text()}).json()
    assert (back["problems"], back["draft"]["diff"]) == ([], [])


def test_what_names_a_leg_follows_its_name(include: Path) -> None:
    olga = Browser("olga")
    told = {"to": "apprise", "expect": {"payout_gp": 60}}
    renamed = [("payouts", "payout", "transfer"), ("money", "goodwill", "gift"),
               ("invoices", "rounding_debit", "cents")]  # fmt: skip
    moves = [
        {"do": "move", "location": ["stages", stage, "legs", leg], "to": ["stages", stage, "legs", name]}
        for stage, leg, name in renamed
    ]
    shown = edit(olga, "design/flows/order_to_cash", 0, put(["alerts"], told), *moves)
    # a name that no leg has is a problem wherever it stands
    assert (shown["problems"], shown["expect"]) == ([], {"transfer_gp": "60"})
    after = {leg["name"]: leg["after"] for stage in shown["stages"] for leg in stage["legs"]}
    assert after["payout_back_xero"] == ["transfer_xero", "payout_back_gp"]
    assert "made_by: goods_back+gift+shipping_back\n" in shown["text"]
    assert "        cents: for_ever\n" in shown["text"]


def test_a_draft_that_breaks_the_form_is_drawn_all_the_same(include: Path) -> None:
    olga = Browser("olga")
    shown = edit(olga, PAGE, 0, put(["stages", "more", "legs", "half"], {"from": "gp.customer"}))
    assert shown["stages"][-1]["legs"][0]["sources"] == ["gp.customer"]
    assert {tuple(each["at"]) for each in shown["problems"]} == {("stages", "more", "legs", "half")}
    broken = olga.post(f"{PAGE}/texts", {"seen": 2, "text": "stages: {a: [}"}).json()
    assert (broken["stages"], [each["remedy"] for each in broken["problems"]]) == ([], ["Mend the YAML."])


def test_a_flow_begun_from_nothing_is_published_with_its_mapping_gate_and_dag_file_in_one_commit(
    include: Path,
) -> None:
    olga, otto = Browser("olga"), Browser("otto")
    begin = {"kind": "flows", "name": "stock", "description": "Items of the shop to GP."}
    assert olga.post("design/beginnings", begin).json() == {"file": "flows/stock.yaml"}
    again = olga.post("design/beginnings", begin)
    assert (again.status_code, again.json()["code"]) == (422, "LB-CFG-012")
    for kind, name, reads, writes in (
        ("mappings", "xero_item_to_item_2", "xero.item", "canonical.item"),
        ("expectations", "stock_gp_item", "", "gp.item"),
    ):
        body = {"kind": kind, "name": name, "reads": reads, "writes": writes}
        olga.post("design/beginnings", body).raise_for_status()
    names = {each["name"] for each in olga.get("design/palette")["mappings"]}
    assert "xero_item_to_item_2" in names
    assert "xero_item_to_item_2" not in {each["name"] for each in otto.get("design/palette")["mappings"]}
    leg = {
        "from": "xero.item", "conform": "xero_item_to_item_2", "map": "master_item_to_gp_item",
        "gate": "stock_gp_item", "to": "gp.item",
    }  # fmt: skip
    shown = edit(olga, "design/flows/stock", 2, put(["stages", "items", "legs", "item"], leg))
    assert shown["problems"] == []
    assert not (include / "flows/stock.yaml").exists()
    done = olga.post("design/flows/stock/publications", {"seen": 3, "note": "Stock."})
    assert done.status_code == 200, done.text
    assert (include / "flows/stock.yaml").read_text() == (
        "# yaml-language-server: $schema=../schemas/flow.json\n"
        "description: Items of the shop to GP.\nowner: finance\n"
        "stages:\n  items:\n    legs:\n      item:\n        from: xero.item\n"
        "        conform: xero_item_to_item_2\n        map: master_item_to_gp_item\n"
        "        gate: stock_gp_item\n        to: gp.item\n"
    )
    assert (include.parent / "dags/stock.py").read_text() == dag_file("stock")
    committed = git(include, "show", "--name-only", "--format=%an: %s", "HEAD").split("\n")
    assert committed[0] == "olga: Stock."
    assert sorted(filter(None, committed[1:])) == [
        "dags/stock.py",
        "include/expectations/stock_gp_item.yaml",
        "include/flows/stock.yaml",
        "include/mappings/xero_item_to_item_2.yaml",
    ]
    assert [each["drafts"] for each in olga.get("design/files") if each["name"] in ("stock", leg["conform"])] == [
        [],
        [],
    ]


def test_the_drawing_tells_what_each_leg_s_last_pass_did(include: Path, state_db: Engine) -> None:
    with transaction(state_db) as session:
        seen = [Seen(f"c:{number}", "1") for number in range(3)]
        register(session, "order_to_cash", "customer", "run-1", "shopify.order", seen, "file:///batch")
        fates = {"c:0": Fate("delivered"), "c:1": Fate("rejected"), "c:2": Fate("waiting")}
        set_outcomes(session, "order_to_cash", "customer", fates)
    (told,) = Browser("vera").get("design/flows/order_to_cash/passes")
    assert (told["leg"], told["run_id"]) == ("customer", "run-1")
    assert [told[key] for key in ("read", "delivered", "rejected", "waiting")] == [3, 1, 1, 1]
