"""
Whether a receiver of webhooks passes the test that Xero makes of it, before a person registers it there.

Xero has no interface by which an app could subscribe, list its subscriptions or see that one has ended: all of that
is on the app's page. Source: sources.md Xero §6.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from http import HTTPStatus

import requests
from requests.exceptions import RequestException

from ledgerbridge.errors import ConfigurationError

__all__ = ["check_receiver"]

_SECONDS = 5.0
"""What Xero waits for an answer."""


def check_receiver(url: str, key: str) -> float:
    """
    Call an address as Xero does, signed with the app's key and with another one; the seconds its slower answer took.

    :raises ConfigurationError: it does not answer 200 to the first and 401 to the second, each without a body or a
        cookie and within five seconds; the message has what it answered.
    """
    took = [
        _called(url, key, HTTPStatus.OK, "the app's key"),
        _called(url, secrets.token_hex(32), HTTPStatus.UNAUTHORIZED, "another key"),
    ]
    return max(took)


def _called(url: str, key: str, expected: HTTPStatus, by: str) -> float:
    told = {"events": [], "firstEventSequence": 0, "lastEventSequence": 0, "entropy": secrets.token_hex(10).upper()}
    body = json.dumps(told).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "x-xero-signature": base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode(),
    }
    began = time.monotonic()
    try:
        answer = requests.post(url, data=body, headers=headers, timeout=_SECONDS, allow_redirects=False)
    except RequestException as error:
        raise _refused(url, by, expected, f"got no answer ({type(error).__name__})") from error
    took = time.monotonic() - began
    beside = [name for name, there in (("a body", answer.content), ("a cookie", answer.cookies)) if there]
    if answer.status_code != expected or beside or took > _SECONDS:
        raise _refused(url, by, expected, " with ".join([f"answered {answer.status_code} after {took:.1f} s", *beside]))
    return took


def _refused(url: str, by: str, expected: HTTPStatus, found: str) -> ConfigurationError:
    return ConfigurationError(
        "LB-XERO-035",
        f"{url}, called as Xero does and signed with {by}, {found}; expected {expected:d} within 5 s, nothing with it",
        remedy="Give the receiver's address, and the connection the app's webhook key as `webhook_secret`.",
    )
