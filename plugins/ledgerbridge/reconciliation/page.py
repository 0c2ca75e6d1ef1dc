"""A reconciliation as a page that people read, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ledgerbridge.reconciliation.model import Difference, Reconciliation

__all__ = ["page_of"]


def page_of(result: Reconciliation, title: str) -> str:
    """The verdict, the balances by role, then what nobody explains, then what is explained."""
    unexplained = [each for each in result.differences if not each.explained]
    explained = [each for each in result.differences if each.explained]
    first, second = result.ledgers
    span = f"{result.period.first or 'the beginning'} to {result.period.last or 'now'}"
    verdict = (
        "**The books agree, to the cent.**" if result.agree else f"**The books differ in {len(unexplained)} ways.**"
    )
    balances = [
        (role, f"{a:.2f}", f"{b:.2f}", "same" if a == b else f"{a - b:.2f}") for role, (a, b) in result.roles.items()
    ]
    return "\n".join(
        [
            f"# {title}",
            "",
            f"{verdict} Compared: {span}; debit positive, in base currency.",
            *_table("Balances by role", ("role", first, second, "difference"), balances),
            *_table("Figures", ("figure", "amount"), [(name, f"{each:.2f}") for name, each in result.figures.items()]),
            *_table("Not explained", ("type", "role", "value", "documents", "remedy"), map(_row, unexplained)),
            *_table("Explained", ("type", "role", "value", "documents", "reason"), map(_row, explained)),
            "",
        ]
    )


def _row(each: Difference) -> tuple[str, ...]:
    documents = ", ".join(f"{link} (`{link.record}`)" for link in each.documents)
    return each.type, each.role, f"{each.value:.2f}", documents, each.reason or each.remedy


def _table(heading: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [" | ".join(_cell(cell) for cell in row) for row in rows]
    if not lines:
        return []
    return ["", f"## {heading}", "", *(f"| {line} |" for line in [" | ".join(columns), _rule(len(columns)), *lines])]


def _rule(columns: int) -> str:
    return " | ".join(["---"] * columns)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
