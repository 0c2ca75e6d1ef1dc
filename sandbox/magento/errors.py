"""
What the simulated Magento answers when it refuses: a message with placeholders, and what fills them.

Source: sources.md Magento (errors); the wording is magento/magento2's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import HTMLResponse, JSONResponse, Response

from sandbox.faults import Fault, NoSuchFault, answer_in

__all__ = [
    "EventRefused",
    "InputRefused",
    "InternalError",
    "MagentoRefusal",
    "NoRoute",
    "NoSuchEntity",
    "NotAcceptable",
    "NotAuthorized",
    "OAuthRefused",
    "maintenance",
    "refuse_on_demand",
]

Parameters = list[Any] | Mapping[str, Any]
_REPORT = "webapi-5f0e8c2d1b7a3"


class EventRefused(ValueError):
    """An admin call contradicts what the shop holds; HTTP 409 with the sentence."""


class MagentoRefusal(Exception):
    """
    An error answer.

    :param message: with placeholders, ``%1`` for the first of a list, ``%name`` for one of a mapping.
    """

    status = 400

    def __init__(self, message: str, parameters: Parameters | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.parameters = parameters

    def body(self, *, developer_mode: bool) -> dict[str, Any]:
        """The answer's JSON; developers get a trace."""
        body: dict[str, Any] = {"message": self.message}
        if self.parameters:
            body["parameters"] = self.parameters
        if developer_mode:
            body["trace"] = f"#0 {type(self).__name__}"
        return body


class InputRefused(MagentoRefusal):
    """A parameter is missing or wrong."""


class OAuthRefused(MagentoRefusal):
    """Keys, signature, nonce or time of a signed request are wrong."""

    status = 401


class NotAuthorized(MagentoRefusal):
    """Nobody known calls, or one who may not read this: Magento tells both the same way."""

    status = 401

    def __init__(self, resource: str) -> None:
        super().__init__("The consumer isn't authorized to access %resources.", {"resources": resource})


class NoRoute(MagentoRefusal):
    """There is no such endpoint, or no such store code."""

    status = 404

    def __init__(self) -> None:
        super().__init__("Request does not match any route.")


class NoSuchEntity(MagentoRefusal):
    """There is no document of that id."""

    status = 404

    def __init__(self) -> None:
        super().__init__("The entity that was requested doesn't exist. Verify the entity and try again.")


class NotAcceptable(MagentoRefusal):
    """The client takes no JSON."""

    status = 406

    def __init__(self, accept: str) -> None:
        super().__init__(
            "Server cannot match any of the given Accept HTTP header media type(s) from the request: %1 with media "
            "types from the config of response renderer.",
            [f'"{accept}"'],
        )


class InternalError(MagentoRefusal):
    """An exception that is no message for clients: only developers see what it says."""

    status = 500

    def body(self, *, developer_mode: bool) -> dict[str, Any]:
        """What happened, or the number of a report."""
        if developer_mode:
            return super().body(developer_mode=True)
        return {"message": f"Internal Error. Details are available in Magento log file. Report ID: {_REPORT}"}


def maintenance() -> Response:
    """What Magento's start page answers while the shop is in maintenance mode; no endpoint is reached."""
    return HTMLResponse(
        "<!doctype html><html><head><title>503 Service Unavailable</title></head>"
        "<body><h1>Service Temporarily Unavailable</h1></body></html>",
        503,
    )


def refuse_on_demand(fault: Fault) -> Response:
    """
    The answer of a fault that is one.

    :raises NoSuchFault: Magento has no such answer.
    """
    match fault.kind:
        case "status":
            return answer_in(fault, InternalError("").body(developer_mode=False))
        case "expired_token":
            refusal = OAuthRefused("Access token has been revoked")
            return JSONResponse(refusal.body(developer_mode=False), refusal.status)
        case kind:
            raise NoSuchFault(f"Magento has no answer of kind {kind}.")
