"""The role that tasks work as does all that tasks do, and can't change what the audit says, nor lift its rules."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import make_url, select, text

from demo.postgres_cluster import PostgresCluster, postgres_binaries
from ledgerbridge.audit import verify
from ledgerbridge.errors import ConfigurationError
from ledgerbridge.state import connect, migrate, transaction
from ledgerbridge.state.dead_letters import close_letters
from ledgerbridge.state.models import Base, DeadLetter
from ledgerbridge.state.rights import grant_use
from tests.unit.test_privacy import ACTOR, KEY, keep

pytestmark = pytest.mark.skipif(postgres_binaries() is None, reason="no PostgreSQL in /usr/lib/postgresql")

ATTACKS = [
    "UPDATE audit_entry SET hash = 'x'",
    "DELETE FROM audit_entry",
    "TRUNCATE audit_entry",
    "DROP TABLE audit_entry",
    "DROP TRIGGER audit_entry_is_append_only ON audit_entry",
    "DROP TRIGGER audit_entry_follows ON audit_entry",
    "DROP FUNCTION ledgerbridge_refuse_audit_gap() CASCADE",
    "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
    "CREATE RULE lift AS ON INSERT TO audit_entry DO INSTEAD NOTHING",
    "CREATE TRIGGER lift BEFORE INSERT ON audit_entry EXECUTE FUNCTION ledgerbridge_refuse_audit_gap()",
    "SET session_replication_role = replica",
    "CREATE TABLE spare (id int)",
    # hides the table that the rule counts in
    "CREATE TEMPORARY TABLE audit_entry (id int)",
    "CREATE SCHEMA spare",
    # the next migration would begin there
    "UPDATE ledgerbridge_version SET version_num = '0001'",
]


class Roles:
    """A database of an owner, migrated, with a role for tasks that may connect and nothing else."""

    def __init__(self, cluster: PostgresCluster) -> None:
        word = uuid4().hex[:8]
        self.owner_name, self.tasks_name = f"owner_{word}", f"Tasks of {word}"
        self._cluster = cluster
        url = make_url(cluster.new_database())
        for name in (self.owner_name, self.tasks_name):
            cluster.execute(f'CREATE ROLE "{name}" LOGIN')
        cluster.execute(f"ALTER DATABASE {url.database} OWNER TO {self.owner_name}")
        cluster.execute(f"REVOKE ALL ON DATABASE {url.database} FROM PUBLIC")
        cluster.execute(f'GRANT CONNECT ON DATABASE {url.database} TO "{self.tasks_name}"')
        self.owner, self.tasks = (
            connect(url.set(username=name).render_as_string(hide_password=False), company="main")
            for name in (self.owner_name, self.tasks_name)
        )
        migrate(self.owner)

    def alter(self, statement: str) -> None:
        """As the superuser."""
        self._cluster.execute(statement.format(tasks=f'"{self.tasks_name}"', owner=self.owner_name))


@pytest.fixture
def roles(postgres_cluster: PostgresCluster) -> Roles:
    return Roles(postgres_cluster)


def test_tasks_read_and_write_what_they_work_with(roles: Roles) -> None:
    grant_use(roles.owner, roles.tasks_name)
    keep(roles.tasks)
    with transaction(roles.tasks) as session:
        close_letters(session, ACTOR, [KEY])
        assert session.scalars(select(DeadLetter.state)).all() == ["closed"]
        assert verify(session).broken is None
        for table in Base.metadata.sorted_tables:
            session.execute(select(table))


@pytest.mark.parametrize("attack", ATTACKS)
def test_tasks_can_not_lift_a_rule_of_the_audit(roles: Roles, attack: str) -> None:
    grant_use(roles.owner, roles.tasks_name)
    keep(roles.tasks)
    with (
        pytest.raises(ConfigurationError, match=r"permission denied|must be owner"),
        roles.tasks.begin() as connection,
    ):
        connection.execute(text(attack))
    with transaction(roles.tasks) as session:
        assert verify(session).broken is None


@pytest.mark.parametrize(
    "right",
    [
        "ALTER ROLE {tasks} SUPERUSER",
        "ALTER ROLE {tasks} CREATEROLE",
        "GRANT {owner} TO {tasks}",
        "GRANT pg_write_all_data TO {tasks}",
    ],
)
def test_a_role_that_could_undo_the_audit_is_refused_for_tasks(roles: Roles, right: str) -> None:
    roles.alter(right)
    with pytest.raises(ConfigurationError, match="could undo the audit") as refusal:
        grant_use(roles.owner, roles.tasks_name)
    assert refusal.value.code == "LB-CFG-026"


def test_the_owner_of_the_tables_is_refused_for_tasks_and_keeps_its_rights(roles: Roles) -> None:
    with pytest.raises(ConfigurationError, match="could undo the audit"):
        grant_use(roles.owner, roles.owner_name)
    keep(roles.owner)


def test_a_database_without_roles_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="LB-CFG-025"):
        grant_use(connect("sqlite://"), "tasks")


def test_a_right_given_by_hand_is_taken_back_at_the_next_migration(roles: Roles) -> None:
    with roles.owner.begin() as connection:
        connection.execute(text(f'GRANT UPDATE, DELETE, TRIGGER ON audit_entry TO "{roles.tasks_name}"'))
    grant_use(roles.owner, roles.tasks_name)
    with pytest.raises(ConfigurationError, match="permission denied"), roles.tasks.begin() as connection:
        connection.execute(text("UPDATE audit_entry SET hash = 'x'"))
