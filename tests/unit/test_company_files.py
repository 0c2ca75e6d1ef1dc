"""The companies' files: each has its own, named by its key; what is wrong with one is no other's matter."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from airflow.sdk import DAG

from hooks.systems import gateway_fields
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.flows import company_of, dag_of, default_key, flow_of, load_company, stage_of
from operators import settings
from operators.builder import build_flow

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "keep-several-companies.md"
FILE = "name: Somebody\nbase_currency: USD\ntime_zone: UTC\nconnections: {}\naccounts: []\ngateways: []\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of companies without any."""
    made = tmp_path / "companies"
    made.mkdir()
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__COMPANIES_FOLDER", str(made))
    return made


def write(folder: Path, *keys: str, text: str = FILE) -> None:
    for key in keys:
        (folder / f"{key}.yaml").write_text(text)


@pytest.mark.parametrize(
    ("keys", "default"),
    [
        pytest.param(["quay"], "quay", id="the-only-one"),
        pytest.param(["main", "quay"], "main", id="main-of-several"),
        pytest.param(["harbor", "quay"], None, id="none-of-several-without-main"),
    ],
)
def test_whatever_names_no_company_is_of_the_only_one_or_of_main(
    folder: Path, keys: list[str], default: str | None
) -> None:
    write(folder, *keys)
    assert default_key(folder) == default
    if default is None:
        with pytest.raises(ConfigurationError, match=r"LB-CFG-027 .* has no company main: there are: harbor, quay"):
            settings.company()
    else:
        assert settings.company().key == default
    assert settings.company("quay").key == "quay"


def test_the_one_file_of_earlier_releases_is_named_with_where_it_goes(folder: Path) -> None:
    (folder.parent / "company.yaml").write_text(FILE)
    with pytest.raises(ConfigurationError, match=rf"LB-CFG-027 .*mv {folder.parent}/company.yaml {folder}/main.yaml"):
        settings.company()


def test_the_setting_of_earlier_releases_is_named_with_what_takes_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__LEDGERBRIDGE__COMPANY_FILE", "/etc/company.yaml")
    with pytest.raises(ConfigurationError, match=r"LB-CFG-027 .*/etc/company.yaml.*companies_folder"):
        settings.company()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("quay", f"key: harbor\n{FILE}", '`key` is "harbor", the file is named quay', id="another-key"),
        pytest.param("Harbor Light", FILE, "named by its key", id="no-key"),
    ],
)
def test_a_file_that_is_not_named_by_its_key_is_refused(folder: Path, name: str, text: str, message: str) -> None:
    write(folder, name, text=text)
    with pytest.raises(ConfigurationError, match=f"LB-CFG-004 .*{message}"):
        load_company(folder / f"{name}.yaml", gateway_fields())


def test_a_file_that_names_its_own_key_as_before_is_read(folder: Path) -> None:
    write(folder, "quay", text=f"key: quay\n{FILE}")
    assert load_company(folder / "quay.yaml", gateway_fields()).key == "quay"


def test_dags_of_one_company_keep_their_names_and_those_of_a_second_begin_with_its_key(folder: Path) -> None:
    write(folder, "main")
    alone = set(build_flow("order_to_cash"))
    write(folder, "quay")
    assert set(build_flow("order_to_cash")) == set(build_flow("order_to_cash", company="main")) == alone
    second = build_flow("order_to_cash", company="quay")
    assert set(second) == {f"quay.{name}" for name in alone}
    companies = {task.company.key for dag in second.values() for task in dag.tasks if hasattr(task, "company")}
    assert companies == {"quay"}


def test_a_broken_file_stops_its_own_company_alone(folder: Path) -> None:
    write(folder, "main", "quay")
    write(folder, "quay", text="name: [\n")
    assert all(_is_sound(dag) for dag in build_flow("order_to_cash").values())
    [broken] = build_flow("order_to_cash", company="quay").values()
    assert broken.dag_id == "quay.order_to_cash"
    with pytest.raises(ValueError, match=r"LB-CFG-004 .*quay\.yaml"):
        broken.validate()
    [missing] = build_flow("order_to_cash", company="dune").values()
    with pytest.raises(ValueError, match="has no company dune: there are: main, quay"):
        missing.validate()


def test_the_dag_file_of_the_page_about_several_companies_builds_the_second_ones_dags(folder: Path) -> None:
    write(folder, "main", "quay")
    [code] = re.findall(r"^ *```python\n(.*?)^ *```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(dedent(code), names)
    assert "quay.order_to_cash.orders" in {each.dag_id for each in names.values() if isinstance(each, DAG)}


def _is_sound(dag: DAG) -> bool:
    dag.validate()
    return True


@pytest.mark.parametrize(
    ("dag", "parts"),
    [
        pytest.param("order_to_cash.orders", (None, "order_to_cash", "orders"), id="of-the-default-company"),
        pytest.param("quay.order_to_cash.orders", ("quay", "order_to_cash", "orders"), id="of-another"),
        pytest.param("by_hand", (None, "by_hand", ""), id="written-by-hand"),
    ],
)
def test_a_dags_id_tells_company_flow_and_stage(dag: str, parts: tuple[str | None, str, str]) -> None:
    assert (company_of(dag), flow_of(dag), stage_of(dag)) == parts
    assert not parts[2] or dag_of(parts[1], parts[2], parts[0] or "") == dag
