"""Which field goes where: suggestions for a mapping that is yet to be written, each with its confidence and reason."""

from ledgerbridge.suggest.by_values import read_tables, with_rules
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
from ledgerbridge.suggest.reordering import INSTRUCTIONS, Opinion, questions, reordered

__all__ = [
    "INSTRUCTIONS",
    "Candidate",
    "Decided",
    "Entity",
    "Field",
    "Known",
    "Opinion",
    "Suggestion",
    "canonical_entity",
    "decide",
    "draft",
    "field_from_words",
    "fields_of_records",
    "known_names",
    "mappings_in",
    "questions",
    "read_catalogue",
    "read_decisions",
    "read_tables",
    "reordered",
    "suggest",
    "with_accepted",
    "with_decisions",
    "with_rules",
    "with_samples",
]
