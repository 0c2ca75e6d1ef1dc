"""A mapping in words: where the value of a target field comes from, when, and what happens if there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ledgerbridge.mapping.conditions import Comparison, Condition
from ledgerbridge.mapping.conversions import (
    Convert,
    DateConversion,
    DecimalConversion,
    PhoneConversion,
    TextConversion,
)
from ledgerbridge.mapping.model import Aggregate, Lookup, MappingFile, Part, Rule, Segment, Share, Split
from ledgerbridge.mapping.rows import CUSTOM, is_helper

__all__ = ["condition_in_words", "explain_part", "field_in_words", "rule_in_words"]

_ROUNDINGS = {
    "half_up": "half up",
    "half_down": "half down",
    "half_even": "half to even",
    "up": "away from zero",
    "down": "towards zero",
    "ceiling": "up",
    "floor": "down",
}
_COMPARISONS = {
    "eq": "is",
    "ne": "is there and is not",
    "gt": "is greater than",
    "ge": "is at least",
    "lt": "is less than",
    "le": "is at most",
}


def explain_part(part: Part) -> list[str]:
    """Which rows a part has."""
    words = ["One row a record." if part.each is None else f"One row for each of {part.each}."]
    if part.where is not None:
        words.append(f"Only where {condition_in_words(part.where)}.")
    if part.dated is not None:
        words.append(f"Only from the company's `send_from` on; the day is {_short(part.dated)}.")
    if part.split is not None:
        words.append(_split_in_words(part.split))
    if part.group:
        words.append(f"Rows with the same {_listed(part.group)} become one.")
    if part.having is not None:
        words.append(f"Of these only where {condition_in_words(part.having)}.")
    return words


def field_in_words(target: str, rule: Rule, file: MappingFile) -> list[str]:
    """What a field's rule does, line by line."""
    words = [f"{target} {_opening(rule)}", *rule_in_words(rule)[1:]]
    if is_helper(target):
        words.append("It is a helper: later rules read it, it is not written.")
    elif target.startswith(CUSTOM) and file.to.startswith("canonical."):
        words.append("It is a field of your own; mappings that read this canonical record may use it.")
    return words


def rule_in_words(rule: Rule) -> list[str]:
    """A rule, line by line: origin, conversions, what if there is no value."""
    lines = [_opening(rule)]
    if rule.when is not None:
        lines += _branches(rule)
    if rule.first is not None:
        for number, each in enumerate(rule.first, 1):
            lines += _indented(f"{number}. ", _branch(each))
    lines += [_conversion_in_words(each) for each in rule.convert or ()]
    if rule.lookup is not None:
        lines.append(_unknown_in_words(rule))
    lines.append(_absence_in_words(rule))
    if rule.combine != "first":
        lines.append(f"Where rows become one, it is their {_combined(rule.combine)}.")
    return [line for line in lines if line]


def condition_in_words(condition: Condition) -> str:
    """A condition as a clause."""
    clauses = [_comparison_in_words(path, test) for path, test in condition.tests.items()]
    clauses += [condition_in_words(each) for each in condition.all or ()]
    if condition.any is not None:
        choices = " or ".join(condition_in_words(each) for each in condition.any)
        clauses.append(f"({choices})" if len(condition.any) > 1 else choices)
    if condition.not_ is not None:
        clauses.append(f"not ({condition_in_words(condition.not_)})")
    if condition.expr is not None:
        clauses.append(f"`{condition.expr}`")
    return " and ".join(clauses) or "always"


def _opening(rule: Rule) -> str:
    words: dict[str, Callable[[], str]] = {
        "from_": lambda: f"is {_path(rule.from_ or '')}.",
        "value": lambda: "has no value." if rule.value is None else f"is always {_value(rule.value)}.",
        "when": lambda: "depends:",
        "lookup": lambda: _lookup_in_words(rule.lookup),
        "template": lambda: f'is the text "{rule.template}", with the values of the paths in braces.',
        "expr": lambda: f"is computed: `{rule.expr}`.",
        "first": lambda: "is the first of these that gives a value:",
        "hash_": lambda: _hash_in_words(rule),
        "match": lambda: _match_in_words(rule),
        "share": lambda: _share_in_words(rule.share),
        "segment": lambda: _segment_in_words(rule.segment),
        "position": lambda: "is the row's number within its record, from 1.",
    }
    if rule.aggregate is not None:
        return _aggregate_in_words(*rule.aggregate)
    return words[rule.origin]()


def _path(path: str) -> str:
    """A path as people say it."""
    if path in ("@key", "@changed_at"):
        return "the record's key" if path == "@key" else "the time the record changed"
    if path.startswith("="):
        return f"the field {path[1:]} made above"
    if path.startswith("%"):
        return f"`{path[1:]}` of the split row"
    if path.startswith("$."):
        return f"`{path[2:]}` of the whole record"
    if path.startswith("^"):
        levels = len(path) - len(path.lstrip("^"))
        around = "the element around" if levels == 1 else f"the element {levels} levels around"
        return f"`{path.lstrip('^.')}` of {around}"
    return f"`{path}`"


def _short(rule: Rule | None) -> str:
    """A rule within another, on one line."""
    if rule is None:
        return "nothing"
    if rule.when is not None:
        opening = f"{_short(rule.then)} if {condition_in_words(rule.when)}, otherwise {_short(rule.else_)}"
    elif rule.first is not None:
        opening = f"the first there is of {_listed([_short(each) for each in rule.first])}"
    elif rule.origin == "value":
        opening = "nothing" if rule.value is None else _value(rule.value)
    else:
        opening = _opening(rule).removesuffix(".").removeprefix("is ")
    changes = [_conversion_in_words(each).removesuffix(".") for each in rule.convert or ()]
    default = f", else {_value(rule.default)}" if rule.default is not None else ""
    return ", ".join([opening, *(change[0].lower() + change[1:] for change in changes)]) + default


def _branches(rule: Rule) -> list[str]:
    assert rule.when is not None
    lines = _indented(f"- if {condition_in_words(rule.when)}: ", _branch(rule.then))
    return lines + _indented("- otherwise: ", _branch(rule.else_))


def _branch(rule: Rule | None) -> list[str]:
    return ["no value."] if rule is None else [each for each in rule_in_words(rule) if each != _LEFT_OUT]


def _indented(first: str, lines: list[str]) -> list[str]:
    return [f"  {first}{lines[0]}", *(f"    {line}" for line in lines[1:])]


def _lookup_in_words(lookup: Lookup | None) -> str:
    assert lookup is not None
    kind, name = lookup.place
    taken = "the key itself" if lookup.column is None else f"`{lookup.column}`"
    by = f"`{lookup.by}`" if lookup.by else "key"
    places = {
        "table": f"the row of table {name} whose {by} is",
        "cross_reference": f"the cross-reference to {name} whose {by} is",
        "delivery": f"the document delivered as {name} whose {by} is",
        "label": f"the {name} record that people know by the name",
        "live": f"the {name} whose key is",
    }
    return f"is {taken} of {places[kind]} {_short(lookup.key)}{_age(lookup)}{_waits(lookup)}."


def _age(lookup: Lookup) -> str:
    if lookup.live is None:
        return ""
    if lookup.max_age_minutes is None:
        return "; its system is asked at every run"
    return f"; an answer of its system may be {lookup.max_age_minutes} minutes old"


def _waits(lookup: Lookup) -> str:
    return "" if lookup.ours is None else "; where only we can have made it and it is not there, the record waits"


def _hash_in_words(rule: Rule) -> str:
    assert rule.hash_ is not None
    of = _listed([_path(path) for path in rule.hash_.of])
    prefix = f' that begins with "{rule.hash_.prefix}"' if rule.hash_.prefix else ""
    where = " in this installation" if rule.hash_.salted else ""
    return f"is a short name of {rule.hash_.length} characters{prefix}, always the same for the same {of}{where}."


def _match_in_words(rule: Rule) -> str:
    match = rule.match
    assert match is not None
    own = _path(match.key or match.on)
    return f"is `{match.column}` of the row in {match.part} whose `{match.on}` is {own} of this row."


def _aggregate_in_words(kind: str, aggregate: Aggregate) -> str:
    words = {
        "sum": "the sum of",
        "count": "the number of values in",
        "min": "the least of",
        "max": "the greatest of",
        "join": "the different texts in",
    }
    same = ""
    if aggregate.by:
        same = f" over the rows whose `{aggregate.by}` is {_path(aggregate.key or aggregate.by)} of this row"
    where = f", only where {condition_in_words(aggregate.where)}" if aggregate.where is not None else ""
    joined = f', with "{aggregate.separator}" between' if kind == "join" else ""
    told = "" if aggregate.table is None else f", as `{aggregate.column}` of table {aggregate.table} says"
    behind = "" if aggregate.after is None else f' (what follows the last "{aggregate.after}")'
    return f"is {words[kind]} `{aggregate.of}`{behind}{same}{where}{told}{joined}."


def _share_in_words(share: Share | None) -> str:
    assert share is not None
    over = "the rows made of one by the split" if share.over == "row" else "the rows of the record"
    weight = "the split's `weight`" if share.weight is None else _short(share.weight)
    return (
        f"is this row's share of {_short(share.of)}, by {weight}, over {over}; "
        f"rounded half up to {share.places} places, the last row takes what is left."
    )


def _segment_in_words(segment: Segment | None) -> str:
    assert segment is not None
    if segment.take is not None:
        return f"is segment {segment.take} of the account {_short(segment.of)}."
    changes = _listed([f"segment {number} set to {_short(rule)}" for number, rule in (segment.set or {}).items()])
    return f"is the account {_short(segment.of)}, with {changes}."


def _split_in_words(split: Split) -> str:
    if split.rows is not None:
        weights = _listed([str(row["weight"]) for row in split.rows])
        return f"Each row becomes {len(split.rows)}, with weights {weights}."
    unknown = "a key that is not there leaves it whole" if split.optional else "a key that is not there is rejected"
    return (
        f"Each row becomes as many as table {split.table} has for {_short(split.key)}; without a key it stays whole, "
        f"{unknown}."
    )


def _conversion_in_words(options: Convert) -> str:
    if options.decimal is not None:
        return _decimal_in_words(options.decimal)
    if options.date is not None:
        return _date_in_words(options.date)
    if options.text is not None:
        return _text_in_words(options.text)
    if options.phone is not None:
        return _phone_in_words(options.phone)
    if options.boolean is not None:
        return f"True for {_listed(options.boolean.true)}, false for {_listed(options.boolean.false)}."
    if options.enum is not None:
        words = _listed([f'"{old}" becomes "{new}"' for old, new in options.enum.items() if old != "*"])
        other = f'any other word "{options.enum["*"]}"' if "*" in options.enum else "any other word is rejected"
        return f"{words}; {other}."
    return "As a whole number."


def _decimal_in_words(options: DecimalConversion) -> str:
    marks = f", decimal mark `{options.mark}`" if options.mark != "." else ""
    groups = f", thousands parted by `{options.group}`" if options.group else ""
    rounded = "" if options.places is None else f", rounded {_ROUNDINGS[options.rounding]} to {options.places} places"
    return f"As a decimal number{marks}{groups}{rounded}."


def _date_in_words(options: DateConversion) -> str:
    read = ", read as seconds since 1970" if options.epoch else f", written {options.format}" if options.format else ""
    zone = ""
    if options.zone is not None:
        zone = f" in {'the company' if options.zone == 'company' else options.zone}'s zone"
    made = "%Y-%m" if options.month else options.as_
    return f"As the day{zone}{read}{f', as text {made}' if made else ''}."


def _phone_in_words(options: PhoneConversion) -> str:
    home = "the company's country" if options.country == "company" else options.country
    made = {
        "world": "as it is dialled from anywhere",
        "home": "as it is dialled at home, one of another country as from anywhere",
        "country": "its country's code alone",
        "area": "its area's code alone",
        "number": "without the codes of country and area",
    }[options.as_]
    behind = f"; {options.extension} digits behind ten are its extension" if options.extension else ""
    return f"As a telephone number, {made}; home is {home}{behind}."


def _text_in_words(options: TextConversion) -> str:
    cuts = {"word": "a longer one is cut at a word", "end": "a longer one is cut", "refuse": "a longer one is rejected"}
    steps = [
        f'only what follows the last "{options.after}"' if options.after is not None else "",
        f'only what comes before the first "{options.before}"' if options.before is not None else "",
        "without blanks at the ends, blanks alone count as no value" if options.trim else "",
        f"in code page {options.code_page}, what it lacks is {_UNFIT[options.unfit]}" if options.code_page else "",
        "in upper case" if options.upper else "in lower case" if options.lower else "",
        f"at most {options.max} characters, {cuts[options.cut]}" if options.max else "",
        f'filled up to {options.pad} characters with "{options.fill}" in front' if options.pad else "",
    ]
    return f"As text: {'; '.join(step for step in steps if step)}." if any(steps) else "As text."


def _unknown_in_words(rule: Rule) -> str:
    assert rule.lookup is not None
    if rule.default is not None or rule.lookup.optional:
        return "A key that is not found gives no value."
    if rule.lookup.untold:
        return "Of a key that is not found people are told, and the field stays as it is on both sides."
    remedy = f" ({rule.lookup.remedy})" if rule.lookup.remedy else ""
    return f"A key that is not found rejects the record{remedy}."


def _absence_in_words(rule: Rule) -> str:
    if rule.origin in ("value", "position") and rule.value is not None:
        return ""
    if rule.default is not None:
        return f"Without a value it is {_value(rule.default)}."
    if rule.required:
        return f"Without a value the record is rejected{f' ({rule.remedy})' if rule.remedy else ''}."
    return _LEFT_OUT if rule.origin not in ("template", "hash_", "position", "count") else ""


def _comparison_in_words(path: str, test: Comparison) -> str:
    clauses = []
    for name in test.model_fields_set:
        wanted = getattr(test, name)
        if name == "null":
            clauses.append("has no value" if wanted else "has a value")
        elif name == "in_":
            clauses.append(f"is one of {_listed([str(each) for each in wanted], 'or')}")
        elif name == "between":
            clauses.append(f"is between {wanted[0]} and {wanted[1]}")
        elif name == "matches":
            clauses.append(f"matches `{wanted}`")
        else:
            clauses.append(f"{_COMPARISONS[name]} {_value(wanted)}")
    return f"{_path(path)} {' and '.join(clauses)}"


def _value(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _combined(how: str) -> str:
    return {"sum": "sum", "last": "last", "min": "least", "max": "greatest"}[how]


def _listed(words: list[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


_LEFT_OUT = "Without a value the field is left out."
_UNFIT = {"transliterate": "written with its nearest letters", "refuse": "rejected"}
