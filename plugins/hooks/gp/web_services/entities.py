"""
Master data of GP through Web Services: customers, vendors, items.

Lists stop silently at 1,000 and have no paging (sources.md GP §3): a full answer is asked again in two ranges of keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hooks.gp.web_services.client import ValidationRefused, WebServicesClient
from hooks.wire.in_parallel import results_of
from ledgerbridge.entities import Document, Found, Outcome, RawRecord, Window
from ledgerbridge.errors import ConfigurationError, LedgerbridgeError, RecordRejected, TransientError
from ledgerbridge.going_out import carrying
from ledgerbridge.mapping.text import fits_cp1252

__all__ = ["ENTITIES", "MasterKind", "MasterRecords", "WritableMasterRecords"]

_LIST_CAP = 1000
_MOST_HALVINGS = 60
_NEVER = datetime(1900, 1, 1)
_UNSET_TIME = datetime(1, 1, 1)  # what .NET sends for a time nobody gave


@dataclass(frozen=True)
class MasterKind:
    """
    How one kind of master record is named in the service.

    :param type_name: of the object; operations and criteria are named after it.
    :param id_criterion: the criteria field that restricts the key.
    :param changed: the criteria and summary field with the time of the last change, UTC.
    :param by_day: that field is a date: a change may be older than the time it is read by.
    :param scope: the criteria's Scope, for those that have one.
    :param required: values for what GP demands and a mapping need not give.
    """

    type_name: str
    id_criterion: str
    changed: str
    scope: str | None = None
    required: Mapping[str, str] | None = None
    by_day: bool = False


ENTITIES: Mapping[str, MasterKind] = {
    "customer": MasterKind(
        "Customer", "Id", "LastModifiedDate", "Return All", {"PostResultsTo": "Receivables/Discount Account"}
    ),
    "vendor": MasterKind(
        "Vendor", "Id", "ModifiedDate", "Return All", {"PostResultsTo": "Payables/Discount Account"}, by_day=True
    ),
    "item": MasterKind("Item", "ItemId", "LastModifiedDate"),
}


class MasterRecords:
    """
    One kind of master record, read by change time or by key.

    :param scope: the connection's company, third part of record keys.
    """

    def __init__(self, client: WebServicesClient, name: str, *, company_id: int, max_parallel: int) -> None:
        self._client = client
        self._name = name
        self._kind = ENTITIES[name]
        self._company_id = company_id
        self._max_parallel = max_parallel

    def read(self, window: Window) -> Iterator[list[RawRecord]]:
        """Pages of at most 1,000 whole objects; payload by property, decimals and times as text."""
        for summaries in self._lists(changed=window):
            with ThreadPoolExecutor(self._max_parallel) as pool:
                yield list(pool.map(self._record, summaries))

    def clock(self) -> datetime:
        """The GP server's time now, aware UTC."""
        return self._client.server_time()

    def lookup(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The summaries found, by the key as asked; a key GP doesn't have is left out."""
        found: dict[str, Any] = {}
        for start in range(0, len(keys), _LIST_CAP):
            items = self._client.make("ArrayOfString", string=list(keys[start : start + _LIST_CAP]))
            for summaries in self._lists(items=items):
                found |= {str(each.Key.Id).strip().upper(): each for each in summaries}
        return {key: _plain(found[key.strip().upper()]) for key in keys if key.strip().upper() in found}

    def _lists(
        self, *, changed: Window | None = None, items: Any = None, after: str | None = None, upto: str | None = None,
        halvings: int = 0,
    ) -> Iterator[list[Any]]:  # fmt: skip
        """Lists that together hold everything asked for: a list at the cap is asked again in two ranges of keys."""
        summaries = self._list(changed, items, after, upto)
        if len(summaries) < _LIST_CAP:
            if summaries:
                yield summaries
            return
        if halvings == _MOST_HALVINGS:
            raise ConfigurationError(
                "LB-GP-028",
                f"GP lists {_LIST_CAP} {self._kind.type_name}s between {after!r} and {upto!r}, a range that is one key",
                remedy="Report it with the keys named: they sort otherwise in GP than here.",
            )
        keys = sorted((str(each.Key.Id).strip() for each in summaries), key=str.upper)
        middle = keys[len(keys) // 2 - 1]
        for first, last in ((after, middle), (middle, upto)):
            yield from self._lists(changed=changed, items=items, after=first, upto=last, halvings=halvings + 1)

    def _list(self, changed: Window | None, items: Any, after: str | None, upto: str | None) -> list[Any]:
        criteria: dict[str, Any] = {
            self._kind.id_criterion: self._restriction(self._kind.id_criterion, Items=items, GreaterThan=after, To=upto)
        }
        if changed is not None and (changed.since or changed.until):
            since = _naive(changed.since)
            if since and self._kind.by_day:
                # the day is the server's own, which may have begun a day before ours
                since = datetime.combine(since.date() - timedelta(days=1), time())
            criteria[self._kind.changed] = self._restriction(self._kind.changed, From=since, To=_naive(changed.until))
        if self._kind.scope:
            criteria["Scope"] = self._kind.scope
        asked = self._client.make(f"{self._kind.type_name}Criteria", **criteria)
        answer = self._client.read(f"Get{self._kind.type_name}List", asked)
        if isinstance(answer, list):
            return answer
        return list(getattr(answer, f"{self._kind.type_name}Summary", None) or [])

    def _restriction(self, criterion: str, **limits: Any) -> Any:
        elements = dict(self._client.type(f"{self._kind.type_name}Criteria").elements)
        return elements[criterion].type(**{name: value for name, value in limits.items() if value is not None})

    def _whole(self, key: str) -> Any:
        return self._client.read(
            f"Get{self._kind.type_name}ByKey", self._client.make(f"{self._kind.type_name}Key", Id=key)
        )

    def _record(self, summary: Any) -> RawRecord:
        # nil where nobody changed it since GP keeps the time
        changed = (getattr(summary, self._kind.changed) or _NEVER).replace(tzinfo=UTC)
        key = str(summary.Key.Id).strip()
        payload = _plain(self._whole(key))
        told = changed.isoformat()
        if self._kind.by_day or changed.year == _NEVER.year:
            told += f" {_digest(payload)}"
        return RawRecord(
            key=f"gp:{self._company_id}:{self._name}:{key}", version=told, changed_at=changed, payload=payload
        )


class WritableMasterRecords(MasterRecords):
    """
    Master records that can be created and updated too.

    ``header`` gives properties, nested by dots (``Key.Id``, ``Name``, ``DefaultAddressKey.Id``); ``parts`` give
    arrays (``Addresses``). An update changes what is given and keeps the rest.
    """

    max_batch = 100
    updatable = True
    adopts = True
    asks_before_each_call = True

    @property
    def call_seconds(self) -> float:
        """How long one call may take."""
        return self._client.timeout_seconds

    def find(self, documents: Sequence[Document]) -> dict[str, Found]:
        """Who is there under the same key; whoever it is, it is brought up to date, not refused."""
        found = self.lookup([str(document.header["Key.Id"]) for document in documents])
        return {
            document.record_key: Found(key, key, found[key])
            for document in documents
            if (key := str(document.header["Key.Id"])) in found
        }

    def send(self, documents: Sequence[Document]) -> list[Outcome]:
        """Create or update each, and look that it is there: GP answers a write with nothing."""
        there = self.find(documents)
        with ThreadPoolExecutor(self._max_parallel) as pool:
            # each in a copy of this context: delivery grants its calls
            begun = [pool.submit(copy_context().run, self._sent, each, each.record_key in there) for each in documents]
            outcomes = results_of(pool, begun)
        written = [each for each, outcome in zip(documents, outcomes, strict=True) if outcome.error is None]
        if not written:
            refused = next((o.error for o in outcomes if isinstance(o.error, ConfigurationError)), None)
            if refused is not None:
                raise refused
        seen = self.find(written) if written else {}
        return [_confirmed(outcome, seen.get(outcome.record_key)) for outcome in outcomes]

    def _sent(self, document: Document, exists: bool) -> Outcome:
        try:
            with carrying([document]):
                self._write(document, exists)
        except ValidationRefused as refused:
            return Outcome(document.record_key, error=refused.rejected(document.record_key))
        except LedgerbridgeError as error:
            return Outcome(document.record_key, error=error)
        return Outcome(document.record_key)

    def _write(self, document: Document, exists: bool) -> None:
        name = self._kind.type_name
        value = self._whole(str(document.header["Key.Id"])) if exists else self._client.make(name)
        object_type = self._client.type(name)
        for path, given in document.header.items():
            if given is not None:
                _assign(value, object_type, path, given, document.record_key)
        for part, rows in document.parts.items():
            _assign_rows(value, object_type, part, rows, document.record_key)
        for property_name, default in (self._kind.required or {}).items():
            if getattr(value, property_name) is None:
                setattr(value, property_name, default)
        _set_unset_times(value, object_type)
        self._client.write(f"{'Update' if exists else 'Create'}{name}", value)


def _assign(value: Any, object_type: Any, path: str, given: Any, record_key: str) -> None:
    """Set a property, making the objects on the way to it that aren't there yet."""
    *way, name = path.split(".")
    for step in way:
        element = _element(object_type, step, path, given, record_key)
        if getattr(value, step) is None:
            setattr(value, step, element.type())
        value, object_type = getattr(value, step), element.type
    _element(object_type, name, path, given, record_key)
    if isinstance(given, str) and not fits_cp1252(given):
        raise RecordRejected(
            "LB-GP-007",
            "has characters outside CP-1252, GP can't hold them",
            record_key=record_key,
            field=path,
            value=given,
            remedy="Transliterate it by the mapping (convert: text), or mend it in the source, then replay.",
        )
    setattr(value, name, given)


def _assign_rows(value: Any, object_type: Any, part: str, rows: list[dict[str, Any]], record_key: str) -> None:
    array = _element(object_type, part, part, None, record_key).type
    ((item_name, item),) = array.elements
    made = []
    for row in rows:
        each = item.type()
        for path, given in row.items():
            if given is not None:
                _assign(each, item.type, path, given, record_key)
        made.append(each)
    setattr(value, part, array(**{item_name: made}))


def _element(object_type: Any, name: str, path: str, given: Any, record_key: str) -> Any:
    elements = dict(object_type.elements)
    if name not in elements:
        raise RecordRejected(
            "LB-GP-008",
            f"{object_type.name} has no property {name}",
            record_key=record_key,
            field=path,
            value=given,
            remedy="Mend the mapping's field list, then replay the record.",
        )
    return elements[name]


def _set_unset_times(value: Any, object_type: Any) -> None:
    """Fill times the service demands though nobody may set them (CreatedDate), through the whole object."""
    for name, element in object_type.elements:
        inner = getattr(value, name)
        if inner is None and element.min_occurs and not element.nillable and element.type.name == "dateTime":
            setattr(value, name, _UNSET_TIME)
        for each in inner if isinstance(inner, list) else [inner]:
            if hasattr(each, "_xsd_type"):
                _set_unset_times(each, each._xsd_type)


def _confirmed(outcome: Outcome, found: Found | None) -> Outcome:
    if outcome.error is not None:
        return outcome
    if found is not None:
        return Outcome(outcome.record_key, found.target_id, found.number, found.content)
    missing = TransientError(
        "LB-GP-022",
        "GP took it without an error, but does not list it yet",
        remedy="None: it is looked up again.",
        outcome_unknown=True,
    )
    return Outcome(outcome.record_key, error=missing)


def _digest(payload: Any) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:16]


def _naive(moment: datetime | None) -> datetime | None:
    """GP's times are UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment else None


def _plain(value: Any) -> Any:
    """A zeep value as dicts, lists and text; unset times are None."""
    from zeep import helpers

    to_dict: Any = helpers.serialize_object  # zeep is not annotated
    return _as_text(to_dict(value, dict))


def _as_text(value: Any) -> Any:
    match value:
        case dict():
            return {name: _as_text(inner) for name, inner in value.items()}
        case list():
            return [_as_text(inner) for inner in value]
        case Decimal():
            return f"{value:f}"
        case datetime() if value.year in (1, 1900):
            return None
        case datetime() | date():
            return value.isoformat()
        case _:
            return value
