"""`ledgerbridge map`: all that is wrong with a file at once, a field in words, a mapping tried on samples."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from commands.main import main
from ledgerbridge.changes import Taken
from ledgerbridge.entities import RawRecord
from ledgerbridge.mapping import Lookups, load_mapping, nested_records
from ledgerbridge.mapping.trial import given_lookups
from operators.staging import raw_table, write_frames, write_raw
from operators.taken import write_taken

INCLUDE = Path(__file__).parents[2] / "include"
ORDER_MAPPING = """\
from: canonical.sales_order
to: gp.sales_order
header:
  SOPNUMBE: order_number
  CUSTNMBR: {lookup: {cross_reference: gp.customer, key: customer_key, column: target_id}, required: true}
  DOCAMNT: total
lines:
  each: lines
  ITEMNMBR: {lookup: {live: gp.item, key: sku}, required: true}
  SLSINDX:
    segment:
      of: {lookup: {table: accounts, key: {value: sales}, column: gp}}
      set: {1: {lookup: {table: projects, key: custom.project, column: segment}}}
"""


@pytest.fixture
def include(tmp_path: Path) -> Path:
    """A copy of the shipped files that a test may add to and spoil."""
    folder = Path(shutil.copytree(INCLUDE, tmp_path / "include"))
    (folder / "lookups").mkdir(exist_ok=True)
    (folder / "lookups" / "projects.csv").write_text("project,segment\nProject A,100\n")
    (folder / "mappings" / "order.yaml").write_text(ORDER_MAPPING)
    return folder


@pytest.fixture
def ledgerbridge(include: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """The command on those files: exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        code = main([*arguments, "--include", str(include)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def test_shipped_mappings_check_clean(ledgerbridge: Callable[..., tuple[int, str]]) -> None:
    code, printed = ledgerbridge("map", "check")
    assert (code, printed.splitlines()[-1].endswith("mapping files, no problems")) == (0, True), printed


def test_check_finds_every_problem_of_a_file_with_its_place_and_remedy(
    include: Path, ledgerbridge: Callable[..., tuple[int, str]]
) -> None:
    broken = (
        ORDER_MAPPING.replace("SOPNUMBE: order_number", "SOPNUMBR: order_nmber")
        .replace("gp.customer", "gp.custmer")
        .replace("live: gp.item", "live: gp.itm")
        .replace("table: projects", "table: project")
        .replace("column: gp}", "column: gpp}")
        + "  ITEMDESC: {from: title, convert: {text: {max: 500}}}\n"
    )
    (include / "mappings" / "order.yaml").write_text(broken)
    code, printed = ledgerbridge("map", "check", "order")
    assert code == 1
    lines = printed.splitlines()
    assert lines[-1] == "1 mapping file, 7 problems"
    for place, message in (
        ("order.yaml:4:3:", '"SOPNUMBR" is no field of header of gp.sales_order. Remedy: Did you mean "SOPNUMBE"?'),
        ("order.yaml:4:3:", 'Did you mean "order_number"?'),
        ("order.yaml:5:23:", 'Did you mean "gp.customer"?'),
        ("order.yaml:9:23:", '"gp.itm" is no master of any system. Remedy: Did you mean "gp.item"?'),
        ("order.yaml:12:59:", 'lookup table "accounts" has no column "gpp". Remedy: Did you mean "gp"?'),
        ("order.yaml:13:", "Create it, or use one of"),
        ("order.yaml:14:44:", "ITEMDESC takes 100 characters, `max` is 500. Remedy: Write `max: 100`."),
    ):
        assert any(place in line and message in line for line in lines), (place, message, printed)


def test_form_errors_are_found_together(include: Path, ledgerbridge: Callable[..., tuple[int, str]]) -> None:
    (include / "mappings" / "order.yaml").write_text(
        "from: canonical.sales_order\nto: gp.sales_order\nheader:\n  A: {form: label}\n  B: {from: label, vlaue: 1}\n"
        "  C: {from: label, convert: {decimal: {places: 99}}}\n  D: label\n  D: label\n"
    )
    code, printed = ledgerbridge("map", "check", "order")
    assert code == 1
    assert [line.split(":")[1] for line in printed.splitlines()[:-1]] == ["4", "5", "6", "8"], printed
    for message in ('did you mean "from"?', 'did you mean "value"?', "places: Input should be", 'key "D" stands twice'):
        assert message in printed


def test_a_name_that_is_no_file_gives_the_nearest(ledgerbridge: Callable[..., tuple[int, str]]) -> None:
    code, printed = ledgerbridge("map", "check", "customer_to_gp_custmer")
    assert code == 2
    assert 'Did you mean "customer_to_gp_customer"?' in printed


def test_explain_says_where_a_field_comes_from(ledgerbridge: Callable[..., tuple[int, str]]) -> None:
    code, printed = ledgerbridge("map", "explain", "order", "SLSINDX", "header.CUSTNMBR")
    assert code == 0
    assert "CUSTNMBR is `target_id` of the cross-reference to gp.customer whose key is `customer_key`." in printed
    assert "Without a value the record is rejected." in printed
    assert (
        'SLSINDX is the account `gp` of the row of table accounts whose key is "sales", with segment 1 set to '
        "`segment` of the row of table projects whose key is `custom.project`." in printed
    )
    assert "ITEMNMBR" not in printed


def test_every_field_of_every_shipped_mapping_has_words(ledgerbridge: Callable[..., tuple[int, str]]) -> None:
    for path in sorted((INCLUDE / "mappings").glob("*.yaml")):
        code, printed = ledgerbridge("map", "explain", path.stem)
        assert code == 0
        for part in load_mapping(path).parts.values():
            for field in (field for each in part for field in each.definition.fields):
                assert f"  {field} " in printed, (path.stem, field)


def test_explain_of_an_unknown_field_gives_the_nearest(ledgerbridge: Callable[..., tuple[int, str]]) -> None:
    code, printed = ledgerbridge("map", "explain", "order", "CUSTNUMBR")
    assert code == 2
    assert 'Did you mean "CUSTNMBR"?' in printed


def test_try_shows_before_and_after_and_the_errors_of_each_field(
    tmp_path: Path, ledgerbridge: Callable[..., tuple[int, str]]
) -> None:
    def order(number: str, sku: str, project: str | None) -> dict[str, object]:
        header = {"order_number": number, "customer_key": "c1", "total": 119.5}
        return {"header": header, "lines": [{"sku": sku, "net": "100.00", "custom.project": project}]}

    records, known = tmp_path / "orders.json", tmp_path / "known.json"
    records.write_text(json.dumps([order("O1", "LAMP", "Project A"), order("O2", "NONE", None)]))
    known.write_text(
        json.dumps({"live": {"gp.item": ["LAMP"]}, "cross_reference": {"gp.customer": {"c1": {"target_id": "ANNA"}}}})
    )
    code, printed = ledgerbridge("map", "try", "order", str(records), "--lookups", str(known))
    assert code == 1
    first, _, second = printed.partition("record 2\n")
    assert '"order_number": "O1"' in first.partition("after")[0]
    for field, value in (("CUSTNMBR", "ANNA"), ("DOCAMNT", "119.50000"), ("SLSINDX", "100-4100-00")):
        assert any(line.split()[-2:] == [field, value] for line in first.splitlines()), printed
    assert "nothing: the record is rejected" in second
    assert 'LB-MAP-002 sku: "NONE" is not known as gp.item (live), and ITEMNMBR needs it (order.yaml:9' in second
    assert "remedy: Create" in second
    assert printed.splitlines()[-1] == "2 records, 1 mapped, 1 rejected"


def test_try_reads_a_staged_batch_taken_raw_or_canonical(
    tmp_path: Path, include: Path, ledgerbridge: Callable[..., tuple[int, str]]
) -> None:
    payout = {"id": "po_1", "arrival_date": 1772420400, "amount": "12.00", "currency": "usd", "status": "paid"}
    payout |= {"reconciliation_status": "completed", "items": []}
    key, now = "stripe:acct_1:payout:po_1", datetime(2026, 3, 2, tzinfo=UTC)
    raw = write_raw(f"file://{tmp_path}/raw", raw_table([RawRecord(key, "1", now, payout)]))
    taken = write_taken(f"file://{tmp_path}/extract", [Taken(key, "1", 1, raw.uri)], {}, {raw.uri: raw})
    for batch in (raw, taken):
        code, printed = ledgerbridge(
            "map", "try", "stripe_payout_to_payout", batch.uri.removeprefix("file://"), "--json"
        )
        ((tried),) = json.loads(printed)
        assert (code, tried["key"], tried["before"]) == (0, key, payout)
    conformed = load_mapping(include / "mappings" / "stripe_payout_to_payout.yaml").run(
        nested_records([payout], [key], [now]), _nothing_known(tmp_path)
    )
    write_frames(f"file://{tmp_path}/canonical", conformed.frames)
    code, printed = ledgerbridge("map", "try", "payout_to_gp_gl_transaction", f"{tmp_path}/canonical", "--json")
    assert json.loads(printed)[0]["before"]["header"]["record_key"] == key


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param('{"no": "header"}', "a canonical record has a `header`", id="no-header"),
        pytest.param('{"header": {"total": "lots"}}', 'header.total "lots" is no decimal', id="type"),
        pytest.param("{", "Name a JSON file", id="no-json"),
    ],
)
def test_try_says_what_is_wrong_with_its_samples(
    tmp_path: Path, ledgerbridge: Callable[..., tuple[int, str]], content: str, message: str
) -> None:
    (tmp_path / "records.json").write_text(content)
    code, printed = ledgerbridge("map", "try", "order", str(tmp_path / "records.json"))
    assert code == 2
    assert "LB-MAP-012" in printed
    assert message in printed


def _nothing_known(folder: Path) -> Lookups:
    base = {"company": {"base_currency": {"value": "USD"}}}
    return given_lookups(folder, {}, base, "America/New_York")
