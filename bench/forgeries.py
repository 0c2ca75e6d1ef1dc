"""Ten thousand deliveries that are not to be believed, at the webhook receiver: what it answers, and what it keeps."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
from sqlalchemy import Engine, func, select

from bench.webhooks import SECRET, SHOP, TENANT, receiver
from inbox.app import MAX_BYTES
from ledgerbridge.state import transaction
from ledgerbridge.state.models import LoggedChange

__all__ = ["KINDS", "Attempt", "attempt", "measure", "send", "tell_known"]

TRIES, MOST = 10_000, 100_000
AT_ONCE = 32
KNOWN = {"order": 1, "event": "known-1", "invoice": "i-known"}
"""What the receiver has been told already."""
_PIECE = 256 * 1024


@dataclass(frozen=True)
class Attempt:
    """
    One delivery that must not change anything.

    :param answer: the status it is to get; each without a body.
    :param pieces: the body is sent in pieces, without its length.
    """

    connection: str
    headers: Mapping[str, str]
    body: bytes
    answer: int
    pieces: bool = False


def _shop(body: bytes, *, secret: str = SECRET, event: str = "event", domain: str = SHOP) -> dict[str, str]:
    return {
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Shop-Domain": domain,
        "X-Shopify-Event-Id": event,
        "X-Shopify-Triggered-At": "2026-03-02T16:00:00Z",
        "X-Shopify-Hmac-Sha256": base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode(),
    }


def _order(dice: Random) -> bytes:
    return json.dumps({"id": dice.randrange(10**12)}).encode()


def _forged(dice: Random) -> Attempt:
    body = _order(dice)
    return Attempt("shop", _shop(body, secret=f"secret-{dice.randrange(2, 10**6)}"), body, 401)


def _altered(dice: Random) -> Attempt:
    body = bytearray(_order(dice))
    headers = _shop(bytes(body))
    body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
    return Attempt("shop", headers, bytes(body), 401)


def _wrongly_signed(dice: Random) -> Attempt:
    body = _order(dice)
    signature = dice.choice(
        ["", "=", "x" * 44, base64.b64encode(dice.randbytes(32)).decode(), "é".encode().decode("latin-1")]
    )
    return Attempt("shop", {**_shop(body), "X-Shopify-Hmac-Sha256": signature}, body, 401)


def _of_another_shop(dice: Random) -> Attempt:
    body = _order(dice)
    return Attempt("shop", _shop(body, domain=f"shop-{dice.randrange(10**6)}.myshopify.com"), body, 401)


def _to_nobody(dice: Random) -> Attempt:
    body = _order(dice)
    return Attempt(f"shop{dice.randrange(10**6)}", _shop(body), body, 401)


def _stale(dice: Random) -> Attempt:
    body = json.dumps({"id": f"evt_{dice.randrange(10**9)}", "type": "charge.succeeded"}).encode()
    at = int(time.time()) + dice.choice([-1, 1]) * dice.randrange(400, 10**6)
    signature = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return Attempt("till", {"Stripe-Signature": f"t={at},v1={signature}"}, body, 401)


def _replayed(_: Random) -> Attempt:
    body = json.dumps({"id": KNOWN["order"]}).encode()
    return Attempt("shop", _shop(body, event=str(KNOWN["event"])), body, 200)


def _oversized(dice: Random) -> Attempt:
    body = b"0" * (MAX_BYTES + 1 + dice.randrange(_PIECE))
    return Attempt("shop", _shop(body), body, 413, pieces=dice.random() < 0.5)


def _malformed(dice: Random) -> Attempt:
    shapes = [b"", b"{", b"[]", b"null", b'"id"', b'{"id": {}}', b"\xff\xfe", b"[" * 5000, dice.randbytes(64)]
    body = dice.choice(shapes)
    return Attempt("shop", _shop(body), body, 400)


def _by_xero(body: bytes, *, key: str = SECRET) -> dict[str, str]:
    return {"X-Xero-Signature": base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode()}


def _invoice(identity: str) -> bytes:
    event = {"tenantId": TENANT, "eventCategory": "INVOICE", "resourceId": identity, "eventType": "UPDATE",
             "eventDateUtc": "2026-03-02T16:00:00.000"}  # fmt: skip
    return json.dumps({"events": [event], "firstEventSequence": 1, "lastEventSequence": 1, "entropy": "E"}).encode()


def _any_invoice(dice: Random) -> bytes:
    return _invoice(f"i-{dice.randrange(10**12)}")


def _forged_of_xero(dice: Random) -> Attempt:
    body = _any_invoice(dice)
    return Attempt("books", _by_xero(body, key=f"key-{dice.randrange(10**6)}"), body, 401)


def _unsigned_of_xero(dice: Random) -> Attempt:
    return Attempt("books", dice.choice([{}, {"X-Xero-Signature": ""}]), _any_invoice(dice), 401)


def _with_another_s_signature(dice: Random) -> Attempt:
    body = _any_invoice(dice)
    return Attempt("books", _by_xero(_any_invoice(dice)), body, 401)


def _replayed_of_xero(_: Random) -> Attempt:
    body = _invoice(str(KNOWN["invoice"]))
    return Attempt("books", _by_xero(body), body, 200)


def _oversized_of_xero(dice: Random) -> Attempt:
    body = b"0" * (MAX_BYTES + 1 + dice.randrange(_PIECE))
    return Attempt("books", _by_xero(body), body, 413, pieces=dice.random() < 0.5)


def _malformed_of_xero(dice: Random) -> Attempt:
    shapes = [b"", b"{", b"[]", b"null", b"{}", b'{"events": 1}', b'{"events": [{}]}', b'{"events": [null]}',
              _any_invoice(dice).replace(b"2026-03-02", b"some-day"), b"\xff\xfe", dice.randbytes(64)]  # fmt: skip
    body = dice.choice(shapes)
    return Attempt("books", _by_xero(body), body, 400)


KINDS: dict[str, Callable[[Random], Attempt]] = {
    "forged": _forged,
    "altered": _altered,
    "wrongly signed": _wrongly_signed,
    "of another shop": _of_another_shop,
    "to nobody": _to_nobody,
    "stale": _stale,
    "replayed": _replayed,
    "oversized": _oversized,
    "malformed": _malformed,
    "forged of Xero": _forged_of_xero,
    "unsigned of Xero": _unsigned_of_xero,
    "of Xero, with another's signature": _with_another_s_signature,
    "replayed of Xero": _replayed_of_xero,
    "oversized of Xero": _oversized_of_xero,
    "malformed of Xero": _malformed_of_xero,
}


def attempt(number: int, seed: int = 1) -> tuple[str, Attempt]:
    """The delivery of that number, and its kind; the same for the same seed."""
    kind = list(KINDS)[number % len(KINDS)]
    return kind, KINDS[kind](Random(f"{seed} {number}"))


def tell_known(url: str) -> None:
    """Deliver what is then replayed, as it first came; parameter as for ``send``."""
    for kind in ("replayed", "replayed of Xero"):
        known = KINDS[kind](Random(0))
        answer = httpx.post(f"{url}/{known.connection}", content=known.body, headers=known.headers, timeout=60)
        answer.raise_for_status()


async def send(url: str, tries: int, seed: int = 1) -> tuple[Counter[str], list[str]]:
    """
    Deliver so many; how many of each kind, and what was not answered as it has to be.

    :param url: the receiver's, without a connection.
    """
    tried: Counter[str] = Counter()
    wrong: list[str] = []
    numbers = iter(range(tries))
    async with httpx.AsyncClient(timeout=60) as client:

        async def work() -> None:
            for number in numbers:
                kind, each = attempt(number, seed)
                tried[kind] += 1
                content = _in_pieces(each.body) if each.pieces else each.body
                headers = [(name.encode(), value.encode("latin-1")) for name, value in each.headers.items()]
                try:
                    answer = await client.post(f"{url}/{each.connection}", content=content, headers=headers)
                except (httpx.WriteError, httpx.RemoteProtocolError, httpx.ReadError):
                    if each.answer != httpx.codes.REQUEST_ENTITY_TOO_LARGE:  # there it hangs up on who goes on sending
                        wrong.append(f"{kind} {number}: broken off")
                    continue
                if answer.status_code != each.answer or answer.content:
                    wrong.append(f"{kind} {number}: {answer.status_code} {answer.content[:40]!r}, not {each.answer}")

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return tried, wrong


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for begun in range(0, len(body), _PIECE):
        yield body[begun : begun + _PIECE]


def kept(state: Engine) -> int:
    """How many changes the log has."""
    with transaction(state) as session:
        return session.scalar(select(func.count()).select_from(LoggedChange)) or 0


def measure(*, everything: bool) -> list[dict[str, Any]]:
    """
    Ten thousand, fifteen kinds of them.

    :param everything: a hundred thousand.
    """
    tries = MOST if everything else TRIES
    with receiver() as (url, _, state):
        tell_known(url)
        before, began = kept(state), time.monotonic()
        tried, wrong = asyncio.run(send(url, tries))
        seconds, more = time.monotonic() - began, kept(state) - before
    print(
        f"  {tries} tried in {seconds:.0f} s: {len(wrong)} answered otherwise than they must be, {more} kept",
        flush=True,
    )
    print(f"  {', '.join(f'{count} {kind}' for kind, count in tried.items())}", flush=True)
    for each in wrong[:10]:
        print(f"    {each}", flush=True)
    return [{"tried": dict(tried), "wrong": wrong, "kept": more, "seconds": round(seconds, 1)}]
