"""New files as they begin: they check clean and say what is to be filled in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ledgerbridge.canonical.models import CANONICAL
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping import load_mapping

__all__ = ["Asked", "dag_file", "flow_files", "new_mapping", "new_suite"]


@dataclass(frozen=True)
class Asked:
    """What a new flow moves, and where its files go."""

    source: str
    target: str
    canonical: str
    owner: str
    include: Path
    dags: Path


def flow_files(name: str, asked: Asked) -> dict[Path, str]:
    """Path to content of every file the flow needs; mappings that are there already are used."""
    system, _, entity = asked.source.partition(".")
    kind = asked.canonical.removeprefix("canonical.")
    target = asked.target.replace(".", "_")
    files: dict[Path, str] = {}
    mappings = asked.include / "mappings"
    conform = _there(mappings, asked.source, asked.canonical)
    if conform is None:
        conform = f"{system}_{entity}_to_{kind}"
        files[mappings / f"{conform}.yaml"] = new_mapping(asked.source, asked.canonical)
    mapping = _there(mappings, asked.canonical, asked.target)
    if mapping is None:
        mapping = f"{kind}_to_{target}"
        files[mappings / f"{mapping}.yaml"] = new_mapping(asked.canonical, asked.target)
    suite = f"{name}_{target}"
    files[asked.include / "expectations" / f"{suite}.yaml"] = new_suite(asked.target)
    leg = asked.target.partition(".")[2]
    files[asked.include / "flows" / f"{name}.yaml"] = (
        f"{_schema('flow')}"
        f"description: {asked.source} to {asked.target}.\n"
        f"owner: {asked.owner}\n"
        "stages:\n"
        f"  {leg}:\n"
        '    # schedule: {cron: "0 * * * *", events: true}\n'
        "    legs:\n"
        f"      {leg}:\n"
        f"        from: {asked.source}\n"
        f"        conform: {conform}\n"
        f"        map: {mapping}\n"
        f"        gate: {suite}\n"
        f"        to: {asked.target}\n"
    )
    files[asked.dags / f"{name}.py"] = dag_file(name)
    return files


def dag_file(flow: str) -> str:
    """The short file that a flow's DAGs are built by."""
    return (
        f'"""The Airflow DAGs of {flow}: include/flows/{flow}.yaml says what its stages do."""\n\n'
        "from operators.builder import build_flow\n\n"
        f'globals().update(build_flow("{flow}"))\n'
    )


def new_mapping(reads: str, writes: str) -> str:
    """A mapping to a canonical record, or of one to a target's document."""
    return _conform(reads, writes) if writes in CANONICAL else _map(reads, writes)


def _there(folder: Path, source: str, target: str) -> str | None:
    for path in sorted(folder.glob("*.yaml")):
        try:
            mapping = load_mapping(path)
        except ConfigurationError:
            continue
        if (mapping.source, mapping.target) == (source, target):
            return path.stem
    return None


def _conform(source: str, canonical: str) -> str:
    parts = CANONICAL[canonical]
    lines = [f"{_schema('mapping')}from: {source}", f"to: {canonical}", "description: To be written."]
    lines += ["header:", "  # the record's day: one before the company's `send_from` is left to people", "  # dated:"]
    lines += ["  # the name people know the record by", '  label: "@key"']
    lines += [f"  # {field}:" for field in parts["header"] if field not in ("record_key", "label")]
    for name, fields in parts.items():
        if name != "header":
            lines += [f"# {name}:", "#   each: <list of the record>[]"]
            lines += [f"#   {field}:" for field in fields if field != "record_key"]
    return "\n".join(lines) + "\n"


def _map(canonical: str, target: str) -> str:
    from hooks.systems import target_fields

    lines = [f"{_schema('mapping')}from: {canonical}", f"to: {target}", "description: To be written."]
    fields = target_fields(target)
    if not fields:
        lines += ["header:", "  # <field of the target>: <field of the canonical record>", "  fields: {}"]
    for part, names in sorted(fields.items(), key=lambda each: each[0] != "header"):
        mark = "" if part == "header" else "# "
        lines += [f"{mark}{part}:", *(["  fields: {}"] if part == "header" else [f"#   each: {part}"])]
        lines += [f"  {'' if part == 'header' else mark}# {name}:{_length(length)}" for name, length in names.items()]
    return "\n".join(lines) + "\n"


def _length(length: int) -> str:
    return f"  # at most {length} characters" if length else ""


def new_suite(target: str) -> str:
    """A gate for the documents of a target."""
    return (
        f"{_schema('suite')}description: What every {target} must meet before it leaves.\n"
        "expectations:\n"
        "  - expect: expect_column_values_to_not_be_null\n"
        "    column: record_key\n"
        "    remedy: Look at the mapping; every document has a key.\n"
    )


def _schema(kind: str) -> str:
    return f"# yaml-language-server: $schema=../schemas/{kind}.json\n"
