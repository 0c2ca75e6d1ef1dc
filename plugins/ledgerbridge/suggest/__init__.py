"""Which field goes where: suggestions for a mapping that is yet to be written, each with its confidence and reason."""

from ledgerbridge.suggest.decided import Decided, decide, read_decisions, with_accepted, with_decisions
from ledgerbridge.suggest.described import (
    Entity,
    Field,
    canonical_entity,
    field_from_words,
    fields_of_records,
    read_catalogue,
    with_samples,
)
from ledgerbridge.suggest.drafting import draft
from ledgerbridge.suggest.known import Known, known_names, mappings_in
from ledgerbridge.suggest.ranking import Candidate, Suggestion, suggest

__all__ = [
    "Candidate",
    "Decided",
    "Entity",
    "Field",
    "Known",
    "Suggestion",
    "canonical_entity",
    "decide",
    "draft",
    "field_from_words",
    "fields_of_records",
    "known_names",
    "mappings_in",
    "read_catalogue",
    "read_decisions",
    "suggest",
    "with_accepted",
    "with_decisions",
    "with_samples",
]
