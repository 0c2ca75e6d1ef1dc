"""The pages of docs/reference that are made of the code: commands, settings, connections, files, entities, tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

__all__ = ["reference_pages"]

_MADE = "This page is made of {} by `make generate`."


def reference_pages() -> dict[str, str]:
    """Every page by its name, as it should be."""
    return {
        "cli": _cli(),
        "settings": _settings(),
        "connections": _connections(),
        "files": _files(),
        "entities": _entities(),
        "tables": _tables(),
    }


def _page(title: str, made_of: str, *sections: str) -> str:
    return "\n\n".join([f"# {title}", _MADE.format(made_of), *(section.strip() for section in sections)]) + "\n"


def _row(*cells: Any) -> str:
    return "| " + " | ".join(str(cell).replace("\n", " ").replace("|", "\\|") for cell in cells) + " |"


def _rows(heads: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> str:
    return "\n".join([_row(*heads), "|" + " --- |" * len(heads), *(_row(*row) for row in rows)])


def _cli() -> str:
    from commands.main import EXIT_CODES, load, root

    whole = root()
    introduction = (
        "It is installed by `make` as `.venv/bin/ledgerbridge`; `airflow ledgerbridge` is the same command, which "
        "without a URL takes the state database of Airflow's connection `ledgerbridge_db`. What people do to the "
        "simulated systems is another command, `sandbox --help`; what builds and tests is `make help`."
    )
    codes = _rows(("exit code", "when"), ((f"`{code}`", when) for code, when in EXIT_CODES.items()))
    errors = "Errors go to standard error, each with its [code](errors.md); answers to standard output."
    context = whole.context_class(whole, info_name="ledgerbridge")
    sections = [section for name in whole.list_commands(context) for section in _command(load(name), context)]
    own = _arguments(whole, context)
    return _page("Commands", "the commands themselves", introduction, f"{codes}\n\n{errors}", own, *sections)


def _command(command: Any, parent: Any) -> Iterator[str]:
    """A command's section, or those of a group; ``context_class`` makes what Typer tells its arguments by."""
    context = command.context_class(command, info_name=command.name, parent=parent)
    described = _arguments(command, context)
    yield f"## {context.command_path}\n\n{command.help}" + (f"\n\n{described}" if described else "")
    for name in getattr(command, "commands", {}):
        yield from _command(command.commands[name], context)


def _arguments(command: Any, context: Any) -> str:
    told = filter(None, (each.get_help_record(context) for each in command.params))
    rows = [(f"`{name if name.startswith('-') else name.partition(' <')[0]}`", about) for name, about in told]
    return _rows(("argument", "what"), iter(rows)) if rows else ""


def _settings() -> str:
    from hooks.provider import get_provider_info

    section = get_provider_info()["config"]["ledgerbridge"]["options"]
    options = (
        (f"`{name}`", option["description"], f"`{option['example']}`" if option.get("example") else "")
        for name, option in sorted(section.items())
    )
    introduction = (
        "In `airflow.cfg` they stand under `[ledgerbridge]`; as environment variables they begin with "
        "`AIRFLOW__LEDGERBRIDGE__`, such as `AIRFLOW__LEDGERBRIDGE__STATE_FOLDER`. How Airflow itself is tuned, "
        "and why, stands in `config/airflow.env`. The state database is an Airflow connection, `ledgerbridge_db`, "
        'with `{"url": "postgresql://…"}` in its extra; commands take it from `--state` or '
        "`LEDGERBRIDGE_STATE_URL`."
    )
    return _page("Settings", "the provider", introduction, _rows(("setting", "what it says", "example"), options))


def _connections() -> str:
    from hooks.provider import get_provider_info

    sections = []
    for form in get_provider_info()["connection-types"]:
        behaviour = form["ui-field-behaviour"]
        labels, shown = behaviour["relabeling"], behaviour.get("placeholders", {})
        rows = [
            (f"`{name}`", labels.get(name, name.capitalize()), f"Such as `{shown[name]}`." if name in shown else "")
            for name in ("host", "port", "schema", "login", "password")
            if name not in behaviour["hidden-fields"]
        ]
        rows += [
            (f"extra `{name}`", field["label"], field["description"] + _choices(field))
            for name, field in form["conn-fields"].items()
        ]
        table = _rows(("field", "in the form", "what it says"), iter(rows))
        sections.append(f"## {form['hook-name']}\n\nType `{form['connection-type']}`.\n\n{table}")
    introduction = (
        "The forms under Admin > Connections in Airflow; each has a Test button, which works where "
        "`AIRFLOW__CORE__TEST_CONNECTION` is `Enabled`: leave it so only while connections are set up, since whoever "
        "may edit connections can then make Airflow call any address. What the values mean at the "
        "system, and the keys only few sites need, stands on the page of the system. Which connection is whose "
        "says `connections` in the company file."
    )
    return _page("Connections", "the provider", introduction, *sections)


def _choices(field: dict[str, Any]) -> str:
    choices = field["schema"].get("enum")
    return f" One of {', '.join(f'`{each}`' for each in choices)}." if choices else ""


def _files() -> str:
    from hooks.systems import gateway_fields
    from ledgerbridge.alerts.config import AlertsConfig
    from ledgerbridge.flows import (
        FlowConfig,
        LegConfig,
        PollConfig,
        ScheduleConfig,
        SideConfig,
        StageConfig,
        StepMinutes,
        SyncConfig,
        SyncedLegConfig,
        TargetConfig,
        company_model,
    )
    from ledgerbridge.flows.company import gateway_model
    from ledgerbridge.gates import Expectation, Suite
    from ledgerbridge.mapping.model import MappingFile
    from ledgerbridge.mapping.reference import model_table
    from ledgerbridge.matching.rules import Comparison, FirstMeeting, MatchingConfig

    introduction = (
        "What the files of the include folder may hold. A key that is not here is an error that names file, line "
        "and the nearest known key; `ledgerbridge flow check` finds all of them. `include/schemas/*.json` says "
        "the same to editors."
    )
    return _page(
        "Files",
        "the models that read them",
        introduction,
        "## Flow: `include/flows/*.yaml`\n\n" + model_table(FlowConfig),
        "### stages\n\n" + model_table(StageConfig),
        "### schedule\n\n" + model_table(ScheduleConfig),
        "### poll\n\n" + model_table(PollConfig),
        "### legs\n\n"
        + model_table(LegConfig)
        + "\n\nInstead of one entity `to` may be a list of targets; `map`, `gate`, `pool` and `match` then stand in "
        "each of them. Each is served by a leg of its own, `<leg>_<name>`: others wait for one of them by that name, "
        "or for all by the name of the leg.\n\n",
        "### targets\n\n" + model_table(TargetConfig),
        "### legs with sync\n\n" + model_table(SyncedLegConfig),
        "### sync\n\n" + model_table(SyncConfig),
        "### sides\n\n" + model_table(SideConfig),
        "### matching\n\n" + model_table(MatchingConfig),
        "### meeting\n\n" + model_table(FirstMeeting),
        "### compare\n\n" + model_table(Comparison),
        "### most_minutes\n\n" + model_table(StepMinutes),
        "### alerts\n\n" + model_table(AlertsConfig),
        "## Companies: `include/companies/*.yaml`\n\n" + model_table(company_model(gateway_fields())),
        "### gateways\n\n" + model_table(gateway_model(gateway_fields())),
        "## Suite: `include/expectations/*.yaml`\n\n" + model_table(Suite, leave_out=("name",)),
        "### expectations\n\n" + model_table(Expectation),
        "## Mapping: `include/mappings/*.yaml`\n\n"
        + model_table(MappingFile, leave_out=("name",))
        + "The rules are a language of their own: [the mapping language](mapping-language.md).",
    )


def _entities() -> str:
    from hooks.systems import entity_class, offered_entities, systems, target_fields
    from ledgerbridge.canonical.models import CANONICAL

    words = {"source": "read", "target": "written", "master": "looked up"}
    offered = offered_entities()
    sections = []
    for system in systems():
        mine = {name: roles for name, roles in offered.items() if name.split(".")[0] == system}
        rows = (
            (f"`{name}`", ", ".join(word for role, word in words.items() if role in roles), _about(entity_class(name)))
            for name, roles in mine.items()
        )
        sections.append(f"## {system}\n\n{_rows(('entity', 'can be', 'what it is'), rows)}")
        sections += [_fields(name, target_fields(name)) for name in mine if target_fields(name)]
    canonical = [
        f"### {name}\n\n" + "\n".join(
            f"- {part}: " + ", ".join(f"`{field}` {_kind(kind)}" for field, kind in fields.items())
            for part, fields in parts.items()
        )
        for name, parts in CANONICAL.items()
    ]  # fmt: skip
    introduction = (
        "What flows can name as `from` and `to`, what mappings can look up live, and the canonical records "
        "between. How each is found again and sent again stands on the page of its system."
    )
    return _page(
        "Entities",
        "the hooks and the canonical models",
        introduction,
        *sections,
        "## Canonical records\n\nA header takes fields of your own too, if their name begins with `custom.`.",
        *canonical,
    )


def _about(entity: Any) -> str:
    """The first sentence or two of a docstring: its first paragraph."""
    return _plain((entity.__doc__ or "").strip().split("\n\n")[0])


def _fields(name: str, parts: dict[str, dict[str, int]]) -> str:
    lines = [
        f"- {part}: " + ", ".join(f"{field} ({length})" if length else field for field, length in fields.items())
        for part, fields in parts.items()
    ]
    return f"### Fields of {name}\n\nIn brackets how many characters a text may have.\n\n" + "\n".join(lines)


def _kind(kind: Any) -> str:
    words = {"string": "text", "date32[day]": "day", "int64": "number", "bool": "true or false"}
    return words.get(str(kind)) or re.sub(r"decimal128\((\d+), (\d+)\)", r"decimal(\1,\2)", str(kind))


def _tables() -> str:
    from ledgerbridge.state.models import Base

    classes = {mapper.local_table.name: mapper.class_ for mapper in Base.registry.mappers}  # type: ignore[attr-defined]
    sections = []
    for table in sorted(Base.metadata.tables.values(), key=lambda each: each.name):
        columns = (
            (f"`{column.name}`", _column(column.type), "" if column.nullable else "always") for column in table.columns
        )
        about = "\n\n".join(_plain(each) for each in (classes[table.name].__doc__ or "").strip().split("\n\n"))
        sections.append(f"## {table.name}\n\n{about}\n\n{_rows(('column', 'type', 'has a value'), columns)}")
    introduction = (
        "The state database, on SQLite or PostgreSQL. Read it as you like; change it by the commands only, or the "
        "audit trail tells another story than the tables. `ledgerbridge migrate` brings it up to date. Columns "
        "that many tables have: `flow` and `leg` whose work it was; `entity` (`gp.sales_order`); `record_key` "
        "names a record of ours for ever, `source_key` the source record it was made of, `chain_key` the order "
        "all its documents belong to; `label` and `number` are the names people see; `run_id` is the run of "
        "Airflow that wrote last."
    )
    return _page("Tables", "the models of the state database", introduction, *sections)


def _column(kind: Any) -> str:
    name = type(kind).__name__
    length = getattr(kind, "length", None)
    words = {
        "Instant": "instant, UTC", "Integer": "number", "Date": "day", "JSON": "JSON", "Text": "text", "String": "text",
        "Shown": "text, kept as far as it fits", "Boolean": "true or false",
    }  # fmt: skip
    return words.get(name, name) + (f", {length}" if length else "")


def _plain(text: str) -> str:
    """A docstring's markup as Markdown."""
    text = re.sub(r":attr (\w+):", r"`\1` is", " ".join(text.split()))
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    return text.replace("``", "`")
