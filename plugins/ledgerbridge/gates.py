"""Validation gates: Great Expectations suites on what is about to leave, answered record by record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.expectations.menu import argument_names, by_row
from ledgerbridge.unusual import KINDS, Hint, Unusual
from ledgerbridge.yaml_files import CheckedFile, ConfigModel, Location, Problem, check_file, nearest, raise_first

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Expectation", "GateResult", "Suite", "check_suite_file", "load_suite", "run_suite", "with_hints"]


class Expectation(ConfigModel):
    """One expectation on one part of the documents."""

    part: str = Field("header", description="Part of the document: header, lines, taxes.")
    expect: str = Field(description="Great Expectations' name, e.g. `expect_column_values_to_not_be_null`.")
    column: str = Field(description="Field it is about.")
    beside: str | None = Field(
        None, description="Second field, for an expectation on pairs of values: the country of a postcode."
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="Its other arguments, as Great Expectations names them."
    )
    remedy: str = Field(description="What a person does when a record doesn't meet it.")
    otherwise: Literal["reject", "warn"] = Field(
        "reject",
        description="What becomes of a record that doesn't meet it: `reject`, a dead letter; `warn`, it goes on, and"
        " the log and the run's validation results tell of it.",
    )

    @property
    def columns(self) -> list[str]:
        """The fields it looks at."""
        return [self.column] if self.beside is None else [self.column, self.beside]

    @property
    def domain(self) -> dict[str, Any]:
        """The same as Great Expectations' arguments."""
        if self.beside is None:
            return {"column": self.column}
        return {"column_A": self.column, "column_B": self.beside}


class Suite(ConfigModel):
    """What every record must meet before it leaves."""

    description: str = Field("", description="What this suite guards.")
    expectations: list[Expectation] = Field(min_length=1, description="All must hold.")
    unusual: Unusual | None = Field(
        None, description="Also compare each document with those that went before: amount, day, account, duplicates."
    )
    name: str = ""


@dataclass(frozen=True)
class GateResult:
    """
    What a suite found.

    :param failures: ``record_key``, ``field``, ``value``, ``message``, ``rule``, ``remedy``, ``code`` a record and
        expectation, which ``position`` tells, from 0; ``warnings`` are those of expectations that only warn.
    :param results: per expectation whether it was met, by how many rows, for the run's history.
    :param validations: ``part`` and Great Expectations' own ``result`` in its JSON form, for Data Docs.
    """

    failures: list[dict[str, Any]]
    results: list[Any]
    validations: list[dict[str, Any]]
    warnings: list[dict[str, Any]] = field(default_factory=list)


def check_suite_file(path: Path, *, names: bool = False) -> CheckedFile[Suite]:
    """
    A suite and everything that is wrong with it.

    :param names: expectations and their arguments too, for which Great Expectations is loaded.
    """
    checked = check_file(path, Suite, code="LB-CFG-006")
    if names and checked.content is not None:
        _check_names(checked, checked.content)
    return checked


def load_suite(path: Path) -> Suite:
    """
    Read a suite.

    :raises ConfigurationError: anything wrong with it, an unknown expectation included; with file, line and remedy.
    """
    problems, suite = _with_names(path, path.read_bytes() if path.is_file() else None)
    raise_first(problems)
    assert suite is not None
    return suite.model_copy(update={"name": path.stem})


@lru_cache(maxsize=256)
def _with_names(path: Path, _content: bytes | None) -> tuple[tuple[Problem, ...], Suite | None]:
    """A suite as ``check_suite_file`` finds it with names; what has not changed is not compared with them again."""
    checked = check_suite_file(path, names=True)
    return tuple(checked.problems), checked.content


def run_suite(suite: Suite, frames: dict[str, pd.DataFrame]) -> GateResult:
    """Validate each part's frame by its expectations; a record fails with any row of any part."""
    failures: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    results: list[Any] = []
    validations: list[dict[str, Any]] = []
    for part in dict.fromkeys(each.part for each in suite.expectations):
        if part not in frames or frames[part].empty:
            continue
        expectations = [each for each in suite.expectations if each.part == part]
        _must_be_there(suite, part, expectations, frames[part])
        validation = _validate(suite.name, frames[part], expectations)
        validations.append({"part": part, "result": validation.to_json_dict()})
        for answer in validation.results:
            expectation = expectations[answer.expectation_config.meta["position"]]
            results.append(
                {"part": part, "expect": expectation.expect, "column": expectation.column, **_summary(answer)}
            )
            found = warnings if expectation.otherwise == "warn" else failures
            position = next(at for at, each in enumerate(suite.expectations) if each is expectation)
            found += [{**each, "position": position} for each in _failures(suite, expectation, answer)]
    return GateResult(failures, results, validations, warnings)


def with_hints(result: GateResult, suite: Suite, documents: int, hints: Sequence[Hint]) -> GateResult:
    """
    What a suite found, and what is unusual: a failure or a warning, as ``otherwise`` of ``unusual`` says.

    :param documents: how many were looked at.
    """
    told = [
        {
            "record_key": each.record_key,
            "field": each.field,
            "value": each.value,
            "message": each.message,
            "rule": f"include/expectations/{suite.name}.yaml (unusual.{each.of})",
            "remedy": "Compare it with what it was made of. If it is right, replay this letter: it then goes on.",
            "code": "LB-GATE-002",
        }
        for each in hints
    ]
    summaries = [
        {"part": "header", "expect": f"usual {kind}", "success": not count, "rows": documents, "unexpected": count}
        for kind in KINDS
        if (count := sum(each.of == kind for each in hints)) or kind == "amount"
    ]
    results = [*result.results, *summaries]
    if suite.unusual is not None and suite.unusual.otherwise == "reject":
        return replace(result, results=results, failures=[*result.failures, *told])
    return replace(result, results=results, warnings=[*result.warnings, *told])


def _must_be_there(suite: Suite, part: str, expectations: list[Expectation], frame: pd.DataFrame) -> None:
    for column in (column for each in expectations for column in each.columns):
        if column not in frame:
            raise ConfigurationError(
                "LB-CFG-006",
                f'suite {suite.name}: the {part} of these documents have no "{column}", so nothing guards it.',
                remedy=f"Name a field the mapping makes: {', '.join(map(str, frame.columns))}.",
            )


@cache
def _context() -> Any:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]  # a dict is what it takes
    return context


@cache
def _whole_frame(name: str) -> Any:
    """What Great Expectations takes frames of a name by: to make it takes as long as to validate a small one."""
    return _context().data_sources.add_pandas(name).add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)


def _validate(name: str, frame: pd.DataFrame, expectations: list[Expectation]) -> Any:
    from great_expectations.core import ExpectationSuite
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    import_module("ledgerbridge.expectations.registered")
    columns = ["record_key", *dict.fromkeys(column for each in expectations for column in each.columns)]
    plain = frame[columns].astype(object).where(frame[columns].notna(), None)
    batch = _whole_frame(name).get_batch({"dataframe": plain})
    configured = [
        ExpectationConfiguration(
            type=each.expect, kwargs={**each.domain, **each.arguments}, meta={"position": position}
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
    if unexpected is None and (why := _why_not_judged(answer.exception_info)):
        raise ConfigurationError(
            "LB-CFG-006",
            f"suite {suite.name}: {expectation.expect} can't judge {expectation.column}: {why}",
            remedy="Choose an expectation for the kind of value the field holds, and arguments of that kind.",
        )
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
            "code": "LB-GATE-001",
        }
        for key, value in seen.items()
    ]


def _why_not_judged(told: Any) -> str:
    """What Great Expectations was stopped by, of one metric or the first of several; blank: by nothing."""
    if not isinstance(told, dict):
        return ""
    if told.get("raised_exception"):
        return str(told.get("exception_message") or "").strip().rpartition("\n")[2]
    return next(filter(None, (_why_not_judged(each) for each in told.values())), "")


def _check_names(checked: CheckedFile[Suite], suite: Suite) -> None:
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    of_pairs = by_row()
    known = list_registered_expectation_implementations()
    for index, each in enumerate(suite.expectations):
        place = ("expectations", index)
        if each.expect not in known:
            hint = nearest(each.expect, of_pairs)
            remedy = f'Did you mean "{hint}"?' if hint else "Great Expectations' gallery lists them."
            checked.complain((*place, "expect"), f'there is no expectation "{each.expect}".', remedy)
        elif each.expect not in of_pairs:
            checked.complain(
                (*place, "expect"),
                f"{each.expect} names no rows: it can't split a batch.",
                "Use an expectation about column values (expect_column_values_to_…).",
            )
        elif (each.beside is not None) != of_pairs[each.expect]:
            what = "looks at one field" if each.beside else "looks at two fields"
            remedy = "Leave `beside` away." if each.beside else "Name the second one by `beside`."
            checked.complain((*place, "expect"), f"{each.expect} {what}.", remedy)
        else:
            _check_arguments(checked, place, each, get_expectation_impl(each.expect))


def _check_arguments(checked: CheckedFile[Suite], place: Location, each: Expectation, implementation: Any) -> None:
    takes = argument_names(each.expect)
    unknown = [name for name in each.arguments if name not in takes]
    for name in unknown:
        hint = nearest(name, takes)
        checked.complain(
            (*place, "arguments", name),
            f'{each.expect} takes no argument "{name}".',
            f'Did you mean "{hint}"?' if hint else f"It takes: {', '.join(takes) or 'none'}.",
        )
    if unknown:
        return
    try:
        implementation(**each.domain, **each.arguments)
    except ValueError as error:
        what = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in getattr(error, "errors", list)())
        checked.complain(
            (*place, "arguments"),
            f"{each.expect} can't take these arguments: {what or error}.",
            f"It takes: {', '.join(takes)}.",
        )
