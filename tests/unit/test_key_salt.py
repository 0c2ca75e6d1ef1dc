"""Keys made of an e-mail address: nobody can make the key of a guess, and nobody's key ever changes."""

from __future__ import annotations

from base64 import b32encode
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, text

from ledgerbridge.errors import ConfigurationError
from ledgerbridge.mapping import load_mapping, nested_records
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.installation import key_salt
from ledgerbridge.state.models import Installation
from operators import settings
from tests.unit.mapping_runs import NOW, lookups

EMAIL = "kira.dunn@example.com"
MAPPING = "from: shop.order\nto: erp.order\nheader:\n  TARGET: {hash: {of: [email], length: 30, salted: true}}\n"


def salt_of(engine: Engine) -> bytes:
    with transaction(engine) as session:
        return key_salt(session)


def key_of(folder: Path, salt: bytes, email: str = EMAIL) -> str:
    path = folder / "mapping.yaml"
    path.write_text(MAPPING)
    mapped = load_mapping(path).run(nested_records([{"email": email}], ["k"], [NOW]), lookups(folder, key_salt=salt))
    return str(mapped.frames["header"]["TARGET"].iloc[0])


def guessed(email: str) -> str:
    """What somebody who has read our code makes of a guess."""
    return b32encode(blake2b(email.encode(), digest_size=20).digest()).decode()[:30]


def test_a_new_installation_draws_a_salt_of_its_own_and_keeps_it(empty_state_db: Engine, tmp_path: Path) -> None:
    other = connect(f"sqlite:///{tmp_path / 'other.db'}")
    for engine in (empty_state_db, other):
        migrate(engine)
    salt = salt_of(empty_state_db)
    assert len(salt) == 32
    assert salt != salt_of(other)
    migrate(empty_state_db)
    assert salt_of(connect(empty_state_db.url.render_as_string(hide_password=False))) == salt


@pytest.mark.parametrize(
    "kept",
    [
        "INSERT INTO source_record (flow, leg, entity, source_key, version, outcome, batch_uri, run_id, updated_at)"
        " VALUES ('f', 'l', 'e', 'k', '1', 'read', 'u', 'r', '2026-03-02 12:00:00')",
        "INSERT INTO cross_reference (entity, target_id, record_key, created_at)"
        " VALUES ('gp.customer', 'LB1', 'customer:1', '2026-03-02 12:00:00')",
    ],
)
def test_an_installation_with_records_keeps_the_keys_they_have(
    empty_state_db: Engine, tmp_path: Path, kept: str
) -> None:
    migrate(empty_state_db, "0011")
    with empty_state_db.begin() as connection:
        connection.execute(text(kept))
    migrate(empty_state_db)
    assert salt_of(empty_state_db) == b""
    assert key_of(tmp_path, b"") == guessed(EMAIL)


@given(email=st.emails(), salts=st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=2, unique=True))
def test_a_salted_key_is_the_same_here_another_elsewhere_and_not_to_be_guessed(
    tmp_path_factory: pytest.TempPathFactory, email: str, salts: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("mapping")
    here, elsewhere = (key_of(folder, salt, email) for salt in salts)
    assert here == key_of(folder, salts[0], email)
    assert len({here, elsewhere, guessed(email)}) == 3


def test_a_salt_that_is_gone_stops_the_flow_before_any_key_changes(state_db: Engine) -> None:
    with transaction(state_db) as session:
        session.execute(delete(Installation))
    with pytest.raises(ConfigurationError, match="LB-STA-008"):
        salt_of(state_db)


def test_every_shipped_key_made_of_an_e_mail_is_salted_and_the_same_whatever_its_case() -> None:
    lines = [
        line
        for path in sorted((settings.include_folder() / "mappings").glob("*.yaml"))
        for line in path.read_text().splitlines()
        if "hash:" in line and "mail" in line.partition("hash:")[2]
    ]
    assert len(lines) == 19
    assert [line for line in lines if "salted: true, case_aside: true}" not in line] == []
