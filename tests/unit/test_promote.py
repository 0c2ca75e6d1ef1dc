"""A bundle is taken whole, as it was signed, by another person, when its checks hold where it goes; or not at all."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from commands.main import main
from ledgerbridge.drafts.bundle import files_in, open_bundle, pack
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import transaction
from ledgerbridge.state.models import AuditEntry
from ledgerbridge.state.signing import Signer, new_key

ROOT = Path(__file__).parents[2]
MAPPING = "mappings/customer_to_gp_customer.yaml"
KEY = new_key()
AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of where a bundle is packed; one mapping is another than in `prod`."""
    for place in ("dev", "prod"):
        shutil.copytree(ROOT / "include", tmp_path / place)
    changed = (tmp_path / "dev" / MAPPING).read_text().replace("{max: 35, cut: word", "{max: 30, cut: word")
    (tmp_path / "dev" / MAPPING).write_text(changed)
    (tmp_path / "prod" / "lookups" / "old.csv").write_text("key\n")
    monkeypatch.setenv("LEDGERBRIDGE_SIGNING_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "dev"


def promote(*words: str, state: Engine | None = None) -> int:
    url = [] if state is None else ["--state", state.url.render_as_string(hide_password=False)]
    return main([*url, "promote", *words])


def test_a_bundle_is_checked_applied_by_another_and_taken_back(
    dev: Path, state_db: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    prod = dev.parent / "prod"
    before, company = files_in(prod), (prod / "companies" / "main.yaml").read_text()
    assert promote("pack", "--include", str(dev), "--by", "ada") == 0
    assert promote("check", "bundle.zip", "--include", str(prod)) == 0
    assert f"changed  {MAPPING}\n" in (told := capsys.readouterr().out)
    assert "gone     lookups/old.csv" in told
    assert promote("apply", "bundle.zip", "--include", str(prod), "--by", "ada", state=state_db) == 2
    assert "LB-PRO-003 ada packed this bundle" in capsys.readouterr().err
    assert files_in(prod) == before
    assert promote("apply", "bundle.zip", "--include", str(prod), "--by", "olga", state=state_db) == 0
    assert files_in(prod) == files_in(dev)
    assert (prod / "companies" / "main.yaml").read_text() == company
    back = ("apply", "before.zip", "--include", str(prod), "--by", "olga")
    assert promote(*back, state=state_db) == 2
    assert "LB-PRO-004 before.zip is there already" in capsys.readouterr().err
    assert promote(*back, "--before", "again.zip", state=state_db) == 0
    assert files_in(prod) == before
    with transaction(state_db) as session:
        told_of = session.scalars(select(AuditEntry).where(AuditEntry.action == "promoted")).all()
        assert [(each.details["by"], each.details["packed_by"]) for each in told_of] == [
            ("olga", "ada"),
            ("olga", "olga (before)"),
        ]


def test_a_bundle_whose_check_fails_changes_nothing(
    dev: Path, state_db: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    (dev / MAPPING).write_text((dev / MAPPING).read_text().replace("from: city", "from: nam"))
    prod = dev.parent / "prod"
    before = files_in(prod)
    assert promote("pack", "--include", str(dev), "--by", "ada") == 0
    assert promote("apply", "bundle.zip", "--include", str(prod), "--by", "olga", state=state_db) == 1
    assert '"nam" is no field' in capsys.readouterr().out
    assert files_in(prod) == before


def test_a_bundle_of_another_key_or_with_a_file_from_elsewhere_is_refused(dev: Path) -> None:
    content = pack(files_in(dev), Signer(KEY), "ada", AT)
    with pytest.raises(ConfigurationError, match=r"LB-PRO-002 .*signed by none of the keys"):
        open_bundle(content, Signer(new_key()).public)
    stray = pack({"../dags/evil.py": b"x"}, Signer(KEY), "ada", AT)
    with pytest.raises(ConfigurationError, match=r"LB-PRO-002 .*evil\.py is no flow"):
        open_bundle(stray, Signer(KEY).public)


def test_nothing_is_packed_without_a_key(
    dev: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEDGERBRIDGE_SIGNING_KEY", "")
    assert promote("pack", "--include", str(dev)) == 2
    assert "LB-PRO-001" in capsys.readouterr().err


BUNDLE = pack({MAPPING: (ROOT / "include" / MAPPING).read_bytes()}, Signer(KEY), "ada", AT)


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(BUNDLE) - 1), by=st.integers(1, 255))
def test_a_bundle_of_which_one_byte_is_another_is_refused(at: int, by: int) -> None:
    content = bytearray(BUNDLE)
    content[at] ^= by
    with pytest.raises(ConfigurationError, match="LB-PRO-002"):
        open_bundle(bytes(content), Signer(KEY).public)


def test_a_bundle_that_is_cut_or_has_more_is_refused() -> None:
    for content in (BUNDLE[:-1], BUNDLE + b"x", b"", b"PK"):
        with pytest.raises(ConfigurationError, match="LB-PRO-002"):
            open_bundle(content, Signer(KEY).public)
    assert list(open_bundle(BUNDLE, Signer(KEY).public).files) == [MAPPING]
