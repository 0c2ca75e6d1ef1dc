"""Delivery: each document once."""

from ledgerbridge.delivery.content import content_hash, document_text, documents_of, plain
from ledgerbridge.delivery.deliver import LEASED, SETTLE, Delivered, Deliverer

__all__ = ["LEASED", "SETTLE", "Delivered", "Deliverer", "content_hash", "document_text", "documents_of", "plain"]
