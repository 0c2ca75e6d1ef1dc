"""Whoever clones the repository can follow every citation: page and section are there, and so is what they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("bench", "config", "dags", "demo", "docker", "docs", "include", "plugins", "sandbox", "tests")
KINDS = {".env", ".graphql", ".html", ".json", ".md", ".py", ".sql", ".toml", ".wsdl", ".yaml", ".yml"}
PAGES = {page.name for page in (ROOT / "docs").rglob("*.md")}
RULES, SOURCES, SANDBOX = (
    (ROOT / "docs/reference" / f"{name}.md").read_text() for name in ("accounting-rules", "sources", "sandbox")
)

NAMED = re.compile(r"(?<![\w./:-])(?:[\w.-]+/)*([\w.-]+\.md)\b")
CITED = re.compile(
    r"\b([\w-]+\.md)(?=[,;]?[\s#]+(?:and )?(?:§|rules?\b|eConnect|Web Services|[A-Z]\w+ [§\d]))"
    r"((?:[,;]?[\s#]+(?:and )?"
    r"(?:[A-Z]\w+|eConnect|Web Services|[§\d][\d.]*(?:–§\d)?|rules? \d+(?:(?:, | and | to )\d+)*|\([^)\n]*\)))+)"
)


def shipped() -> Iterator[tuple[str, str]]:
    """The repository's text files: path and content."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    for path in sorted([*paths, *ROOT.iterdir()]):
        if (
            path.is_file()
            and (path.suffix in KINDS or path.name in ("Makefile", "Dockerfile"))
            and path != Path(__file__)
        ):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def unfollowable(path: str, text: str) -> list[str]:
    """What a text cites that is not there."""
    bases = (ROOT, (ROOT / path).parent, ROOT / "docs")
    names = {
        found[0]
        for found in NAMED.finditer(text)
        if found[0] not in PAGES and not any((base / found[0]).exists() for base in bases)
    }
    wrong = {f"{page} {place}" for page, sections in CITED.findall(text) for place in not_there(page, sections)}
    return sorted(names | wrong)


def not_there(page: str, sections: str) -> list[str]:
    """Sections of a citation that its page does not have."""
    sections = re.sub(r"\([^)]*\)", "", sections)
    if page == "accounting-rules.md":
        anchors = [(f"§{number}", f"s{number}") for number in re.findall(r"§([\d.]+\d|\d)", sections)]
        for numbers in re.findall(r"rules? (\d[\d, andto]*)", sections):
            anchors += [(f"rule {number}", f"rule-{number}") for number in re.findall(r"\d+", numbers)]
        return [name for name, anchor in anchors if f'<a id="{anchor}"></a>' not in RULES] or _none(anchors, sections)
    system, _, numbers = sections.strip(" ,;").partition(" ")
    if page == "sources.md":
        found = re.findall(r"§(\d(?:\.\d)?)", numbers)
        return [
            f"{system} §{number}" for number in found if f'<a id="{system.lower()}-{number}"></a>' not in SOURCES
        ] or _none(found, sections)
    if page == "sandbox.md":
        title, number = re.fullmatch(r"[,\s]*(.*?) (\d+)[\s.]*", sections).groups()  # type: ignore[union-attr]
        table = re.search(rf"^## [^\n]*{title}\n(.*?)(?=^## |\Z)", SANDBOX, re.MULTILINE | re.DOTALL)
        return [] if table and f"\n| {number} |" in table[1] else [f"{title} {number}"]
    return [sections]  # a page without numbered sections


def _none(found: list[str] | list[tuple[str, str]], sections: str) -> list[str]:
    return [] if found else [sections]


def test_every_page_and_section_cited_is_in_the_repository() -> None:
    assert {path: wrong for path, text in shipped() if (wrong := unfollowable(path, text))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "half-up (accounting.md §7)",
        "Source: facts/gp.md §1.3.",
        '"""Errors (design.md §5, "Errors")."""',
        "one share (accounting-rules.md §12)",
        "it waits (accounting-rules.md §2, rules 5, 99)",
        "its net (accounting-rules.md rules 1 and 98)",
        "its rate (accounting-rules.md §2; §7, §11)",
        "Source: sources.md GP §1.3, §8.",
        "Source: sources.md Oracle §1.",
        "periods are open (sandbox.md eConnect 99)",
        "see docs/reference/nothing.md",
        "twice (docs/explanation/why-it-cannot-double.md §3)",
    ],
)
def test_a_citation_of_what_is_not_there_is_found(text: str) -> None:
    assert unfollowable("plugins/hooks/xero/hook.py", text) != []


@pytest.mark.parametrize(
    "text",
    [
        "accounting-rules.md §2, rules 5, 6; §7",
        "accounting-rules.md rules 1 to 3).",
        "accounting-rules.md\n    rule 13).",
        "sources.md Shopify §2 (cost, paging), §3 (order)",
        "sources.md Xero §3–§5; accounting-rules.md §5 (natural keys) and rule 1 (totals).",
        "sources.md Magento (OAuth 1.0a)",
        "sandbox.md Web Services 2",
        "docs/explanation/speed.md",
    ],
)
def test_a_citation_of_what_is_there_is_not(text: str) -> None:
    assert unfollowable("plugins/hooks/xero/hook.py", text) == []


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`((?:include|plugins|tests)/[^`]+)`", RULES + SOURCES))))
def test_code_and_test_that_a_rule_names_are_there(place: str) -> None:
    path, _, test = place.partition("::")
    if "NAME" not in path:
        assert (ROOT / path).exists()
    if test:
        assert f"def {test}(" in (ROOT / path).read_text()


def test_each_kind_at_a_glance_names_its_rule_its_entries_and_a_test() -> None:
    table = RULES.partition('<a id="s8"></a>')[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 30
    for row in (row for row in rows if not row[0].startswith("**")):
        assert len(row) == 5, row
        assert all(row), row
        assert re.fullmatch(r"`tests/\S+\.py::test_\w+`", row[4]), row


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(\w+_to_\w+)`", RULES))))
def test_mapping_that_a_step_names_is_there(name: str) -> None:
    assert (ROOT / "include/mappings" / f"{name}.yaml").exists()
