"""
What a leg's tasks tell OpenLineage: the datasets they read and wrote, and which field was made of which.

Of Airflow's provider, where it is installed (docs/how-to/send-lineage.md): it asks a task that has ended for
``get_openlineage_facets_on_complete``. Names of entities and fields are told, as mapping files have them; no value is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledgerbridge.flows import LegConfig
from ledgerbridge.mapping import load_mapping
from ledgerbridge.mapping.lineage import FILTERED, How, composed, filters_of, origins_of
from operators import settings

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

__all__ = ["lineage_of"]


def lineage_of(company: str, legs: Sequence[LegConfig]) -> OperatorLineage:
    """
    The datasets of legs that went, named as the assets of their entities: ``ledgerbridge://main`` ``xero.invoice``.

    :param company: its key.
    """
    # beside us only where somebody wants lineage; this is called by it alone
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset

    namespace = f"ledgerbridge://{company}"

    def field(entity: str, path: str, hows: Sequence[How]) -> Any:
        how = [
            column_lineage_dataset.Transformation(
                "DIRECT" if each.direct else "INDIRECT", each.kind, masking=each.masking
            )
            for each in hows
        ]
        return column_lineage_dataset.InputField(namespace, entity, path, how)

    def schema(names: Sequence[str]) -> Any:
        return schema_dataset.SchemaDatasetFacet([schema_dataset.SchemaDatasetFacetFields(each) for each in names])

    read: dict[str, set[str]] = {}
    written: list[OutputDataset] = []
    for leg in legs:
        source = leg.source
        conform, documents = _mapping(leg.sources[source]), _mapping(leg.map)
        origins = composed(origins_of(conform), origins_of(documents))
        filters = sorted(filters_of(conform))
        read.setdefault(source, set()).update(filters, *origins.values())
        made = {
            target: column_lineage_dataset.Fields([field(source, path, sorted(made[path])) for path in sorted(made)])
            for target, made in sorted(origins.items())
            if made
        }
        chosen = [field(source, path, [FILTERED]) for path in filters]
        facets = {
            "schema": schema(sorted(origins)),
            "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(made, chosen),
        }
        written.append(OutputDataset(namespace, leg.target, facets=facets))
    given = [
        InputDataset(namespace, name, facets={"schema": schema(sorted(names))}) for name, names in sorted(read.items())
    ]
    return OperatorLineage(inputs=given, outputs=written)


def _mapping(name: str) -> Any:
    path: Path = settings.include_folder() / "mappings" / f"{name}.yaml"
    return load_mapping(path)
