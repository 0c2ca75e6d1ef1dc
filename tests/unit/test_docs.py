"""The pages say what is there: every link leads somewhere, every command line shown could be typed."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands.main import root
from hooks.systems import gateway_fields
from ledgerbridge.alerts.config import AlertsConfig
from ledgerbridge.flows import LegConfig
from ledgerbridge.flows.company import gateway_model
from ledgerbridge.gates import Suite
from ledgerbridge.mapping.model import MappingFile
from sandbox.cli import _parser as sandbox_parser

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
FENCE = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^```sh\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:ledgerbridge|sandbox|make) [^`]+)`")
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
VARIABLES = set(re.findall(r"^([A-Z_]+) \?=", (ROOT / "Makefile").read_text(), re.MULTILINE))
COMMANDS = ("ledgerbridge", "sandbox")


def lines_shown() -> Iterator[tuple[str, list[str]]]:
    """Where a command line of ours stands, and its words without redirections and comments."""
    for page in PAGES:
        text = page.read_text()
        for fence in FENCE.findall(text):
            for line in fence.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                    words.pop(0)
                if words and Path(words[0]).name in (*COMMANDS, "make"):
                    end = next((at for at, word in enumerate(words) if word in ("|", ">", "&&", "&")), len(words))
                    yield page.relative_to(ROOT).as_posix(), words[:end]
        for span in INLINE.findall(FENCE.sub("", text)):
            if "…" not in span and "|" not in span:
                yield page.relative_to(ROOT).as_posix(), shlex.split(span)


def type_at_sandbox(words: list[str]) -> None:
    """See that the words can be typed; ends the test with SystemExit where they can't."""
    known = next(each for each in sandbox_parser()._actions if isinstance(each, argparse._SubParsersAction))
    if words not in [[name] for name in known.choices]:  # named, not called
        sandbox_parser().parse_args(words)


def type_at_ledgerbridge(words: list[str]) -> None:
    """See that the words can be typed, as far as they go; ends the test with an error of Typer's where they can't."""
    command = root()
    context = command.make_context("ledgerbridge", list(words))
    while rest := [*context._protected_args, *context.args]:
        name, command, rest = command.resolve_command(context, rest)
        if not rest:
            return  # named, not called
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize(
    ("page", "words"), list(lines_shown()), ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_a_command_line_in_the_docs_can_be_typed(page: str, words: list[str]) -> None:
    name, arguments = Path(words[0]).name, words[1:]
    if name == "make":
        for word in arguments:
            variable, assigns, _ = word.partition("=")
            assert (variable in VARIABLES) if assigns else (word in TARGETS or word == ".venv/.dev"), f"{page}: {word}"
        return
    if not {"-h", "--help"} & set(arguments):
        (type_at_sandbox if name == "sandbox" else type_at_ledgerbridge)(arguments)


def test_the_pages_build_with_every_link_and_every_page_in_its_place(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, "`make docs` says: " + built.stderr
    elsewhere = [
        f"{page.name}: {address}"
        for page in (tmp_path / "site").rglob("*.html")
        for address in re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page.read_text())
    ]
    assert elsewhere == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "sandbox").rglob("*.md")])
def test_a_link_outside_the_built_pages_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_tutorial_does_what_it_says_as_far_as_no_system_is_needed(tmp_path: Path) -> None:
    """Its files and mapping commands, pasted one after the other into a copy of the shipped files."""
    shutil.copytree(ROOT / "include", tmp_path / "include")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    environment = {**os.environ, "AIRFLOW__LEDGERBRIDGE__INCLUDE_FOLDER": "include"}
    tutorial = (ROOT / "docs/tutorial/first-mapping.md").read_text()
    answers = []
    for script, shown in re.findall(
        r"^```sh\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", tutorial, re.MULTILINE | re.DOTALL
    ):
        if re.search(r"make demo|demo\.trigger|bin/sandbox|ledgerbridge (trace|dead-letters)", script):
            continue
        ended = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert shown in ("", ended.stdout)
        answers.append(f"{ended.returncode} {ended.stdout}{ended.stderr}")
    missing_table, made_table, tried = (answer for answer in answers if answer != "0 ")
    assert "sales_order_to_gp_sales_order.yaml:11:23: lookup table" in missing_table
    assert made_table.startswith("0 2 mapping files, no problems")
    assert tried.endswith("2 records, 1 mapped, 1 rejected\n")
    assert re.search(r"CMMTTEXT +Harbour gate", tried)
    assert 'LB-MAP-002 custom.city: "Boston"' in tried


def yaml_shown() -> Iterator[tuple[str, Any]]:
    """Every YAML block and its page; those of mapping-language.md are run by test_generated_files."""
    for page in (each for each in PAGES if each.name != "mapping-language.md"):
        for indent, block in re.findall(r"^( *)```yaml\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL):
            yield page.name, yaml.safe_load("\n".join(line.removeprefix(indent) for line in block.splitlines()))


@pytest.mark.parametrize(("page", "content"), list(yaml_shown()))
def test_yaml_shown_has_the_keys_of_its_kind_of_file(page: str, content: Any) -> None:
    if "header" in content:
        MappingFile.model_validate({"from": "a.b", "to": "c.d", **content})
    elif "expectations" in content:
        Suite.model_validate(content)
    elif "alerts" in content:
        AlertsConfig.model_validate(content["alerts"])
    for leg in content.get("legs", {}).values():
        assert set(leg) <= {field.alias or name for name, field in LegConfig.model_fields.items()}
    for gateway in content.get("gateways", []):
        gateway_model(gateway_fields()).model_validate(gateway)
