"""Delivery: each document once."""

from ledgerbridge.delivery.content import content_hash, document_text, documents_of, plain
from ledgerbridge.delivery.deliver import SETTLE, Delivered, Deliverer
from ledgerbridge.delivery.lease import LEASE
from ledgerbridge.delivery.leave import LEASED
from ledgerbridge.delivery.overtaken import settle_overtaken

__all__ = [
    "LEASE",
    "LEASED",
    "SETTLE",
    "Delivered",
    "Deliverer",
    "content_hash",
    "document_text",
    "documents_of",
    "plain",
    "settle_overtaken",
]
