"""The errors Xero answers with (sources.md Xero §4); wordings that no source gives are listed in README.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.xero.wire import Element

__all__ = [
    "ApiError",
    "Refused",
    "bad_json",
    "bad_query",
    "forbidden",
    "high_volume",
    "idempotency_conflict",
    "not_found",
    "oauth_error",
    "too_many_requests",
    "unauthorized",
    "validation_exception",
]


class Refused(Exception):
    """One element is refused; each message is a validation error of it."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = messages


class ApiError(Exception):
    """The whole call is answered with this status and body."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def _exception(number: int, kind: str, message: str, **more: Any) -> ApiError:
    return ApiError(400, {"ErrorNumber": number, "Type": kind, "Message": message, **more})


def validation_exception(elements: Sequence[Element]) -> ApiError:
    """400 with the refused elements, each with its ``ValidationErrors``."""
    return _exception(10, "ValidationException", "A validation exception occurred", Elements=list(elements))


def bad_json(detail: str) -> ApiError:
    """400: the body is no JSON of the expected shape."""
    return _exception(14, "PostDataInvalidException", f"The string supplied is not valid JSON. {detail}")


def bad_query(detail: str) -> ApiError:
    """400: ``where``, ``order``, ``page`` or a header can't be understood."""
    return _exception(16, "QueryParseException", detail)


def high_volume(collection: str) -> ApiError:
    """400: there are so many of them that this way to list them is not answered (XeroAPI/xero-python#148)."""
    return _exception(
        51,
        "HighVolumeException",
        f"Your request is not filtering {collection} efficiently, given the extremely high volume for this"
        " organisation.",
    )


def idempotency_conflict(key: str) -> ApiError:
    """400: the key came before with another request."""
    return _exception(
        10, "ValidationException", f"Idempotency-Key '{key}' was used before with a different request.", Elements=[]
    )


def not_found() -> ApiError:
    """404, plain text."""
    return ApiError(404, "The resource you're looking for cannot be found")


def unauthorized(detail: str) -> ApiError:
    """401: no token, or one that is no longer good."""
    return ApiError(401, _problem("Unauthorized", 401, detail))


def forbidden(detail: str) -> ApiError:
    """403: the token is good, but not for this tenant or this endpoint."""
    return ApiError(403, _problem("Forbidden", 403, detail))


def _problem(title: str, status: int, detail: str) -> Element:
    return {"Type": None, "Title": title, "Status": status, "Detail": detail, "Instance": None, "Extensions": {}}


def too_many_requests(problem: str, retry_after_seconds: int | None) -> ApiError:
    """429 of the limit ``problem``; only the minute's and the day's say when to come back."""
    headers = {"X-Rate-Limit-Problem": problem}
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(retry_after_seconds)
    return ApiError(429, f"Rate limit exceeded: {problem}", headers)


def oauth_error(error: str, status: int = 400) -> ApiError:
    """An error of the token endpoint, as RFC 6749 §5.2 has it."""
    return ApiError(status, {"error": error}, {"Cache-Control": "no-store"})
