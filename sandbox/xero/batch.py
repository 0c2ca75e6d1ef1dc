"""Writing elements: all or nothing, or each for itself with ``summarizeErrors=false`` (sources.md Xero §3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sandbox.xero.errors import Refused, bad_json, validation_exception
from sandbox.xero.models import Book
from sandbox.xero.wire import NOBODY, Element, NotOfType

__all__ = ["save_batch", "sent_elements"]


def sent_elements(body: Any, name: str) -> list[Element]:
    """
    The elements of a request: ``{"Invoices": […]}``, a bare array, or one element alone.

    :raises ApiError: 400, nothing of the kind.
    """
    elements = body.get(name, [body]) if isinstance(body, dict) else body
    if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements):
        raise bad_json(f"An object with an array {name} is expected.")
    if not elements or elements == [{}]:
        raise bad_json(f"The array {name} is empty.")
    return elements


def save_batch(
    book: Book,
    elements: Sequence[Element],
    save: Callable[[Element], Element],
    *,
    id_field: str,
    summarize_errors: bool,
) -> list[Element]:
    """
    Save the elements in order; each one's answer.

    :param summarize_errors: True: one refused element refuses the call. False: it is answered with its
        ``ValidationErrors`` among the others, which are saved.
    :raises ApiError: 400, with the refused elements, or for a value of the wrong JSON type.
    """
    answers, refused = [], []
    for element in elements:
        try:
            with book.attempt():
                answer = save(element)
            answers.append(answer if summarize_errors else answer | {"StatusAttributeString": "OK"})
        except Refused as refusal:
            answers.append(_refused(element, refusal, id_field))
            refused.append(answers[-1])
        except NotOfType as error:
            raise bad_json(str(error)) from error
    if refused and summarize_errors:
        raise validation_exception(refused)
    return answers


def _refused(element: Element, refusal: Refused, id_field: str) -> Element:
    errors = [{"Message": message} for message in refusal.messages]
    return {
        id_field: NOBODY,
        **element,
        "HasErrors": True,
        "StatusAttributeString": "ERROR",
        "ValidationErrors": errors,
    }
