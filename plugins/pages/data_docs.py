"""A gate's kept results as Great Expectations' Data Docs, rendered when somebody looks."""

from __future__ import annotations

from typing import Any

from lxml import html
from markupsafe import Markup

__all__ = ["render_validations"]

_FOUND = ("unexpected", "observed", "details")
"""What begins so in a result may hold values of records."""
_NUMBERS = (int, float)


def render_validations(validations: list[dict[str, Any]], *, with_values: bool) -> list[tuple[str, Markup]]:
    """
    Part name and its sections as HTML.

    Great Expectations' own page loads scripts of five other sites into the session of whoever looks: only its sections
    are taken.

    :param validations: ``{part, result}``, the result in Great Expectations' JSON form.
    :param with_values: False leaves counts only.
    """
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    shown = []
    for validation in validations:
        result = validation["result"] if with_values else _without_values(validation["result"])
        renderer: Any = ValidationResultsPageRenderer()
        content = renderer.render(expectationSuiteValidationResultSchema.load(result))
        view: Any = DefaultJinjaPageView()
        page: Any = html.document_fromstring(view.render(content))
        sections = page.find_class("ge-section")
        for section in sections:
            _plain(section)
        shown.append(
            (validation["part"], Markup("".join(html.tostring(each, encoding="unicode") for each in sections)))
        )
    return shown


def _plain(section: Any) -> None:
    """Without what needs a script or another page of a Data Docs site: folded details, links; ids occur once a part."""
    for unwanted in [*section.iter("script"), *section.find_class("collapse")]:
        unwanted.drop_tree()
    for link in [*section.iter("a")]:
        if "collapse" in link.get("data-toggle", ""):
            link.drop_tree()
        else:
            link.drop_tag()
    for element in section.iter():
        element.attrib.pop("id", None)


def _without_values(result: dict[str, Any]) -> dict[str, Any]:
    results = [
        {
            **each,
            "result": {
                name: value
                for name, value in each["result"].items()
                if isinstance(value, _NUMBERS) or not any(word in name for word in _FOUND)
            },
        }
        for each in result["results"]
    ]
    return {**result, "results": results}
