"""What of a canonical record tells of a person; apart from the models, whose Arrow types take long to import."""

from __future__ import annotations

from typing import Final

__all__ = ["NAMES", "PERSONAL", "is_personal"]

PERSONAL: Final = frozenset(
    {"email", "name", "first_name", "last_name", "address1", "address2", "city", "state", "zip", "country"}
)
"""Header fields that tell of a person; a purge takes them away, amounts and keys stay."""

NAMES: Final = ("name", "first_name", "last_name", "ship_to_name", "supplier", "email")
"""Header fields by which people ask for a person, or a company."""

_MORE: Final = ("phone", "direct_phone", "mobile_phone", "fax", "tax_number", "bank_account", "supplier")


def is_personal(field: str) -> bool:
    """
    Whether a header field tells of a person, as a purge takes it.

    More than ``PERSONAL``, by which the audit's commitments are made: that can't change for entries of before.
    """
    return field in PERSONAL or field in _MORE or field.startswith(("ship_to_", "postal_"))
