"""What is given anything at all: each takes one input and raises nothing but the errors it is meant to raise."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import orjson
from hypothesis import strategies as st

from hooks.shopify import webhooks as shopify_webhooks
from hooks.stripe import webhooks as stripe_webhooks
from hooks.wire.untrusted import parse_json, parse_xml
from hooks.xero import webhooks as xero_webhooks
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping import Lookups, load_mapping, map_raw
from tests.fuzz.records import MAPPINGS, batch, raw_mappings
from tests.unit.mapping_runs import NOW, NoState

__all__ = ["TARGETS"]

LOOKUPS = Lookups(
    Path(__file__).parents[2] / "include" / "lookups",
    {
        "company": {"base_currency": {"key": "base_currency", "value": "USD"}},
        "accounts_gp": {"000-1200-00": {"role": "receivables", "xero": "610"}},
        "accounts_xero": {"610": {"role": "receivables", "gp": "000-1200-00"}},
        "gateways": {"stripe": {"name": "stripe", "role": "clearing", "contact": "Stripe"}},
    },
    NoState(),
    lambda entity, keys, max_age_minutes: {},
    "America/New_York",
)
_FOLDER = tempfile.TemporaryDirectory(prefix="ledgerbridge-fuzz-")

TEXT = st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
_STRIPE = {
    "id": "evt_1", "object": "event", "type": "charge.succeeded", "created": 1772460000,
    "data": {"object": {"id": "ch_1", "object": "charge"}},
}  # fmt: skip
_XERO = {
    "events": [
        {"tenantId": "t", "eventCategory": "INVOICE", "resourceId": "r", "eventType": "UPDATE",
         "eventDateUtc": "2026-03-02T14:00:00.000"}
    ]
}  # fmt: skip
_SHOPIFY = {"id": 5500000001, "order_id": 1, "updated_at": "2026-03-02T14:00:00Z"}
_XML = """<?xml version="1.0"?><root><eConnect ACTION="1"><SO_Trans><SOPNUMBE>ORD1</SOPNUMBE><DOCAMNT>1.00</DOCAMNT>
</SO_Trans></eConnect></root>"""
_HOSTILE_XML = (
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    "<a>" * 5000, '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><a>&b;</a>',
)  # fmt: skip
_HOSTILE_JSON = (
    b"[" * 5000, b'{"a":' * 300 + b"1" + b"}" * 300, b'{"amount": 1e999999999}', b'{"amount": NaN}',
    b'{"id": ' + b"9" * 5000 + b"}", b'{"name": "\\ud800"}', b"\xff\xfe", b"",
)  # fmt: skip


def _mutated(text: str) -> st.SearchStrategy[str]:
    """A text with a few pieces cut, doubled, swapped or replaced."""

    def mutate(seed: int, changes: int, foreign: str) -> str:
        dice, mutated = random.Random(seed), text
        for _ in range(changes):
            start = dice.randrange(len(mutated) + 1)
            end = min(len(mutated), start + dice.randrange(1, 30))
            piece = dice.choice(["", foreign, mutated[start:end] * 2, dice.choice("[]{}:,\"'<>&%!|\n\t 0")])
            mutated = mutated[:start] + piece + mutated[end:]
        return mutated

    return st.builds(mutate, st.integers(0, 2**32), st.integers(1, 5), TEXT)


def _body(example: object) -> st.SearchStrategy[bytes]:
    """Bytes, any JSON, or a real body that was tampered with."""
    mutated = _mutated(orjson.dumps(example).decode()).map(lambda text: text.encode("utf-8", "surrogatepass"))
    anything = VALUES.map(lambda value: json.dumps(value).encode())
    hostile = st.integers(0, len(_HOSTILE_JSON) - 1).map(_HOSTILE_JSON.__getitem__)
    return st.binary(max_size=60) | mutated | anything | hostile


def api_answer(body: bytes) -> None:
    """What was read can be staged and read again as it was; no float is in it."""
    try:
        content = parse_json(body)
    except ValueError:
        return
    assert orjson.loads(orjson.dumps(content)) == content
    assert "float" not in _kinds(content)


def _kinds(value: object) -> set[str]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {type(value).__name__}.union(*map(_kinds, inside))


def xml_answer(text: str) -> None:
    """A tree without document type, or a refusal."""
    try:
        root = parse_xml(text)
    except ValueError:
        return
    assert not root.getroottree().docinfo.doctype  # type: ignore[union-attr]


def stripe_webhook(body: bytes) -> None:
    """An event, or a refusal."""
    try:
        stripe_webhooks.event_of(body)
    except ValueError:
        return


def xero_webhook(body: bytes) -> None:
    """Events, or a refusal."""
    try:
        xero_webhooks.events_of(body)
    except ValueError:
        return


def shopify_webhook(body: bytes) -> None:
    """An event, or a refusal."""
    headers = {
        "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Event-Id": "e",
        "X-Shopify-Triggered-At": "2026-03-02T14:00:00Z",
    }
    try:
        shopify_webhooks.event_of(headers, body)
    except ValueError:
        return


def mapping_file(text: str) -> None:
    """A compiled mapping, or the error that names file and line."""
    path = Path(_FOLDER.name) / "mapping.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        load_mapping(path)
    except ConfigurationError:
        return


def records(chosen: tuple[int, int, int]) -> None:
    """No record is lost: each one is in the frames, or fails, or is none of this mapping's by its conditions."""
    which, size, seed = chosen
    raw = raw_mappings()[which % len(raw_mappings())]
    payloads = batch(raw.paths, size, seed)
    keys = [f"shop:x:thing:{number}" for number in range(size)]
    mapped = map_raw(raw.mapping, payloads, keys, [NOW] * size, LOOKUPS)
    made, failed = set(mapped.links["record"]), set(mapped.failures["record"])
    case = f"{raw.mapping.name}: {payloads}"
    assert not made & failed, case
    assert raw.selective or made | failed == set(range(size)), case
    known = set(mapped.links["record_key"])
    assert set(mapped.frames["header"]["record_key"]) == known, case
    assert all(set(frame["record_key"]) <= known for frame in mapped.frames.values()), case


TARGETS: dict[str, tuple[Callable[..., None], st.SearchStrategy[object]]] = {
    "API answers": (api_answer, _body({"orders": [{"id": 1, "total": 12.50, "name": "#1001"}]})),
    "XML": (xml_answer, _mutated(_XML) | TEXT | st.sampled_from(_HOSTILE_XML)),
    "webhooks of Stripe": (stripe_webhook, _body(_STRIPE)),
    "webhooks of Xero": (xero_webhook, _body(_XERO)),
    "webhooks of Shopify": (shopify_webhook, _body(_SHOPIFY)),
    "mapping files": (mapping_file, st.sampled_from(MAPPINGS).map(Path.read_text).flatmap(_mutated)),
    "records": (records, st.tuples(st.integers(0, 63), st.integers(1, 4), st.integers(0, 2**32))),
}
"""By name: what is given inputs, and which."""
