"""Whatever a customer typed is read again as it was kept, with a key and without, by this release or one before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Engine, Text, bindparam, delete, null, select, type_coerce, update

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import connect, transaction
from ledgerbridge.state.dead_letters import Letter, write_letters
from ledgerbridge.state.models import DeadLetter
from ledgerbridge.state.sealing import Sealer
from tests.unit.test_privacy import ACTOR, LETTER

KEY = Fernet.generate_key().decode()
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")).map("sealed:{}".format),
    st.text().map(lambda text: Sealer(KEY).seal(text.encode()).decode() if text.isascii() else "sealed:plain:"),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


def letter(value: str | None, raw: Any) -> Letter:
    return Letter("map", "k", "v1", "k", "LB-MAP-003", "name", value, value or "", "shorten it", raw=raw, canonical=raw)


@pytest.fixture(params=["", KEY], ids=["no key", "key"])
def engine(request: pytest.FixtureRequest, state_db: Engine) -> Iterator[Engine]:
    engine = connect(state_db.url.render_as_string(hide_password=False), request.param, company="main")
    yield engine
    engine.dispose()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, raw=VALUES.map(lambda value: {"value": value}))
@example(text="sealed:Ltd", raw={"name": "sealed:Ltd"})
@example(text="sealed:plain:Ltd", raw={"name": "sealed:plain"})
def test_any_text_of_a_customer_is_read_as_it_was_kept(engine: Engine, text: str, raw: dict[str, Any]) -> None:
    with transaction(engine) as session:
        session.execute(delete(DeadLetter))
        write_letters(session, ACTOR, [letter(text, raw)])
    with transaction(engine) as session:
        kept = session.scalars(select(DeadLetter)).one()
    assert (kept.value, kept.message, kept.raw, kept.canonical) == (text, text, raw, raw)


@pytest.mark.parametrize("value", ["sealed:Ltd", "sealed:plain:Ltd", ["sealed:"], 2**70])
def test_a_json_column_keeps_what_is_no_mapping(engine: Engine, value: Any) -> None:
    with transaction(engine) as session:
        write_letters(session, ACTOR, [LETTER])
        session.execute(update(DeadLetter).values(raw=value))
    with transaction(engine) as session:
        assert session.scalars(select(DeadLetter.raw)).one() == value


@pytest.mark.parametrize("name", ["sealed:", "sealed:Ltd", "sealed:plain:Ltd", "sealed:gAAAAABkAAAA"])
def test_what_a_release_before_kept_is_read_whatever_it_begins_with(
    state_db: Engine, engine: Engine, name: str
) -> None:
    """Without a key nothing was marked, and a name could begin like the mark."""
    with transaction(state_db) as session:
        write_letters(session, ACTOR, [LETTER])
        session.execute(
            update(DeadLetter.__table__).values(  # type: ignore[arg-type]
                value=type_coerce(name, Text), raw=type_coerce(name, JSON)
            )
        )
    with transaction(engine) as session:
        kept = session.scalars(select(DeadLetter)).one()
    assert (kept.value, kept.raw) == (name, name)


def test_null_in_a_json_column_is_the_databases_own_with_a_key_and_without(engine: Engine) -> None:
    with transaction(engine) as session:
        write_letters(session, ACTOR, [LETTER])
        session.connection().execute(update(DeadLetter).values(raw=bindparam("kept")), [{"kept": null()}])
    with transaction(engine) as session:
        assert session.scalars(select(DeadLetter.id).where(DeadLetter.raw.is_(null()))).one()


@given(st.binary() | st.binary().map(b"sealed:".__add__) | st.binary().map(b"sealed:plain:".__add__))
@example(b"sealed:Ltd")
def test_a_staged_file_is_opened_as_it_was_sealed(content: bytes) -> None:
    for sealer in (Sealer(), Sealer(KEY)):
        assert sealer.open(sealer.seal(content)) == content
    assert Sealer(KEY).open(Sealer().seal(content)) == content


KEYS = {
    "blank": " , ",
    "comma": ",",
    "last": f"{KEY},",
    "first": f",{KEY}",
    "middle": f"{KEY},,{KEY}",
    "text": "no key",
}


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_a_place_without_a_key_is_refused_so_that_nothing_stays_open_by_mistake(keys: str) -> None:
    with pytest.raises(ConfigurationError, match="LB-CFG-020"):
        Sealer(keys)


def test_no_key_at_all_keeps_payloads_as_they_are() -> None:
    assert Sealer("  ").seal(b"payload") == b"payload"
