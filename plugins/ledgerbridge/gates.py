"""Validation gates: Great Expectations suites on what is about to leave, answered record by record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.yaml_files import ConfigModel, Marks, file_error, load_file, nearest

__all__ = ["Expectation", "GateResult", "Suite", "check_suite", "load_suite", "run_suite"]


class Expectation(ConfigModel):
    """One expectation on one part of the documents."""

    part: str = Field("header", description="Part of the document: header, lines, taxes.")
    expect: str = Field(description="Great Expectations' name, e.g. `expect_column_values_to_not_be_null`.")
    column: str = Field(description="Field it is about.")
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="Its other arguments, as Great Expectations names them."
    )
    remedy: str = Field(description="What a person does when a record doesn't meet it.")


class Suite(ConfigModel):
    """What every record must meet before it leaves."""

    description: str = Field("", description="What this suite guards.")
    expectations: list[Expectation] = Field(min_length=1, description="All must hold.")
    name: str = ""


@dataclass(frozen=True)
class GateResult:
    """
    What a suite found.

    :param failures: ``record_key``, ``field``, ``value``, ``message``, ``rule``, ``remedy`` a record and expectation.
    :param results: per expectation whether it was met, by how many rows, for the run's history.
    :param validations: ``part`` and Great Expectations' own ``result`` in its JSON form, for Data Docs.
    """

    failures: list[dict[str, Any]]
    results: list[Any]
    validations: list[dict[str, Any]]


def check_suite(path: Path) -> None:
    """
    Check the form of a suite without loading Great Expectations: its names are checked when the gate runs.

    :raises ConfigurationError: anything wrong with the file.
    """
    load_file(path, Suite, code="LB-CFG-006")


def load_suite(path: Path) -> Suite:
    """
    Read a suite.

    :raises ConfigurationError: anything wrong with it, an unknown expectation included; with file, line and remedy.
    """
    suite, marks = load_file(path, Suite, code="LB-CFG-006")
    _check_names(path, suite, marks)
    return suite.model_copy(update={"name": path.stem})


def run_suite(suite: Suite, frames: dict[str, pd.DataFrame]) -> GateResult:
    """Validate each part's frame by its expectations; a record fails with any row of any part."""
    failures: list[dict[str, Any]] = []
    results: list[Any] = []
    validations: list[dict[str, Any]] = []
    for part in dict.fromkeys(each.part for each in suite.expectations):
        if part not in frames or frames[part].empty:
            continue
        expectations = [each for each in suite.expectations if each.part == part and each.column in frames[part]]
        validation = _validate(suite.name, frames[part], expectations)
        validations.append({"part": part, "result": validation.to_json_dict()})
        for answer in validation.results:
            expectation = expectations[answer.expectation_config.meta["position"]]
            results.append(
                {"part": part, "expect": expectation.expect, "column": expectation.column, **_summary(answer)}
            )
            failures += _failures(suite, expectation, answer)
    return GateResult(failures, results, validations)


def _validate(name: str, frame: pd.DataFrame, expectations: list[Expectation]) -> Any:
    import great_expectations as gx
    from great_expectations.core import ExpectationSuite
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]  # a dict is what it takes
    columns = ["record_key", *dict.fromkeys(each.column for each in expectations)]
    plain = frame[columns].astype(object).where(frame[columns].notna(), None)
    batch = (
        context.data_sources.add_pandas(name)
        .add_dataframe_asset(name)
        .add_batch_definition_whole_dataframe(name)
        .get_batch({"dataframe": plain})
    )
    configured = [
        ExpectationConfiguration(
            type=each.expect, kwargs={"column": each.column, **each.arguments}, meta={"position": position}
        ).to_domain_obj()
        for position, each in enumerate(expectations)
    ]
    result_format = {
        "result_format": "COMPLETE",
        "unexpected_index_column_names": ["record_key"],
        "return_unexpected_index_query": False,
    }
    return batch.validate(ExpectationSuite(name, expectations=configured), result_format=result_format)


def _summary(answer: Any) -> dict[str, Any]:
    result = answer.result or {}
    return {
        "success": bool(answer.success),
        "rows": int(result.get("element_count") or 0),
        "unexpected": int(result.get("unexpected_count") or 0),
    }


def _failures(suite: Suite, expectation: Expectation, answer: Any) -> list[dict[str, Any]]:
    if answer.success:
        return []
    unexpected = (answer.result or {}).get("unexpected_index_list")
    if unexpected is None:
        raise ConfigurationError(
            "LB-CFG-006",
            f"suite {suite.name}: {expectation.expect} on {expectation.column} names no rows: it can't split a batch.",
            remedy="Use an expectation about column values (expect_column_values_to_…).",
        )
    seen: dict[str, Any] = {row["record_key"]: row.get(expectation.column) for row in unexpected}
    return [
        {
            "record_key": key,
            "field": expectation.column,
            "value": None if value is None else str(value),
            "message": f'"{value}" does not meet {expectation.expect.removeprefix("expect_").replace("_", " ")}',
            "rule": f"include/expectations/{suite.name}.yaml ({expectation.part}.{expectation.column})",
            "remedy": expectation.remedy,
        }
        for key, value in seen.items()
    ]


def _check_names(path: Path, suite: Suite, marks: Marks) -> None:
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    known = list_registered_expectation_implementations()
    for index, each in enumerate(suite.expectations):
        if each.expect not in known:
            hint = nearest(each.expect, known)
            raise file_error(
                path,
                marks,
                ("expectations", index, "expect"),
                "LB-CFG-006",
                f'there is no expectation "{each.expect}".',
                f'Did you mean "{hint}"?' if hint else "Great Expectations' gallery lists them.",
            )
