"""A gate's kept results as Great Expectations' Data Docs, rendered when somebody looks."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import nh3
from lxml import html
from markupsafe import Markup, escape

__all__ = ["render_validations"]

_COUNTED = ("_count", "_percent", "_percent_total", "_percent_nonmissing")
"""What ends so in a result is a number of rows; everything else may hold values of records."""
_TAGS = {
    *("b", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p", "small"),
    *("span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
"""What Great Expectations' sections are made of, and nothing that leads, loads, runs or takes input."""


def render_validations(validations: list[dict[str, Any]], *, with_values: bool) -> list[tuple[str, Markup]]:
    """
    Part name and its sections as HTML.

    Great Expectations' own page loads scripts of five other sites into the session of whoever looks: only its sections
    are taken, and of these only what ``_TAGS`` names. It writes values of records as HTML, so they are escaped before.

    :param validations: ``{part, result}``, the result in Great Expectations' JSON form.
    :param with_values: False leaves counts only.
    """
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    import_module("ledgerbridge.expectations.registered")  # this process may have run no gate
    shown = []
    for validation in validations:
        result = _told(validation["result"], with_values=with_values)
        renderer: Any = ValidationResultsPageRenderer()
        content = renderer.render(expectationSuiteValidationResultSchema.load(result))
        view: Any = DefaultJinjaPageView()
        page: Any = html.document_fromstring(view.render(content))
        sections = "".join(_plain(section) for section in page.find_class("ge-section"))
        shown.append((validation["part"], Markup(nh3.clean(sections, tags=_TAGS, attributes={"*": {"class"}}))))
    return shown


def _plain(section: Any) -> str:
    """Without what needs a script or another page of a Data Docs site: folded details, links."""
    for unwanted in section.find_class("collapse"):
        unwanted.drop_tree()
    for link in [*section.iter("a")]:
        if "collapse" in link.get("data-toggle", ""):
            link.drop_tree()
    text: str = html.tostring(section, encoding="unicode")
    return text


def _told(result: dict[str, Any], *, with_values: bool) -> dict[str, Any]:
    """What may be shown of a result, as text and no HTML."""
    results = [
        {
            **each,
            "exception_info": _escaped(each["exception_info"]) if with_values else {},
            "result": {
                name: _escaped(value)
                for name, value in each["result"].items()
                if with_values or (name.endswith(_COUNTED) and isinstance(value, int | float))
            },
        }
        for each in result["results"]
    ]
    return {**result, "results": results}


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _escaped(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    return str(escape(value)) if isinstance(value, str) else value
