"""What an installation was given once and keeps for good."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state.models import Installation

__all__ = ["key_salt"]


def key_salt(session: Session) -> bytes:
    """
    What keys of guessable things are made with (docs/decisions/0002); empty where they have always been made without.

    :raises ConfigurationError: there is none: all such keys would change.
    """
    row = session.get(Installation, "key_salt")
    if row is None:
        raise ConfigurationError(
            "LB-STA-008",
            "the state database keeps no `key_salt` in its table `installation`; every installation has one.",
            remedy="Put the row back from a backup of the state database: with another salt customers get other keys.",
        )
    return bytes.fromhex(row.value)
