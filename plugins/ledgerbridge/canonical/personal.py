"""What of a canonical record tells of a person; apart from the models, whose Arrow types take long to import."""

from __future__ import annotations

from typing import Final

__all__ = ["PERSONAL"]

PERSONAL: Final = frozenset(
    {"email", "name", "first_name", "last_name", "address1", "address2", "city", "state", "zip", "country"}
)
"""Header fields that tell of a person; a purge takes them away, amounts and keys stay."""
