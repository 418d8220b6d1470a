"""One session on each server: MySQL's answers, nothing reached outside, nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import psutil
import pytest

from agentbank.envs import make
from agentbank.envs.coding.sql.daemon import program
from agentbank.envs.coding.sql.embedded import Embedded
from agentbank.envs.coding.sql.schema import Column, Database, Table
from agentbank.trajectories import Fault, MissingPart

ROWS = [
    (1, "Ada", 3.5, "2020-01-05"),
    (2, "bob", None, "2021-12-31"),
    (3, "Ünal", 1.25, None),
    (4, "ada ", 2.0, "2020-02-29"),
]
COLUMNS = (
    Column("id", "int", False, None, "auto_increment"),
    Column("name", "text"),
    Column("amount", "double"),
    Column("day", "date"),
)
DATABASE = Database("books", {"person": Table("person", COLUMNS, ("id",), rows=ROWS)})


@pytest.fixture
def session():
    server = Embedded(lambda name: DATABASE if name == "books" else None, ["books"])
    opened = server.open("books")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("SELECT COUNT(*), SUM(id), AVG(id), AVG(amount) FROM person", [(4, Decimal("10"), Decimal("2.5000"), 2.25)]),
        ("SELECT id FROM person WHERE name = 'ADA'", [(1,), (4,)]),
        ("SELECT id FROM person WHERE name = 'unal'", [(3,)]),
        ("SELECT id FROM person WHERE name LIKE '%N_L'", [(3,)]),
        ("SELECT id FROM person WHERE id = '2abc'", [(2,)]),
        ('SELECT name FROM person WHERE name = "bob"', [("bob",)]),
        ("SELECT 7 / 2, 7 DIV 2, 7 % 2, 1 / 0", [(Decimal("3.5000"), 3, 1, None)]),
        ("SELECT YEAR(day), DATE_FORMAT(day, '%M %e') FROM person WHERE id = 1", [(2020, "January 5")]),
        ("SELECT CONCAT(name, NULL), IFNULL(amount, 0) FROM person WHERE id = 2", [(None, 0.0)]),
        ("SELECT DATEDIFF('2021-03-01', '2021-02-01'), LEFT('harbour', 3)", [(28, "har")]),
        ("SELECT GROUP_CONCAT(id ORDER BY id DESC SEPARATOR '-') FROM person", [("4-3-2-1",)]),
        ("SELECT 1 || 0, TRUE XOR TRUE, !1", [(1, 0, 0)]),
        ("SELECT id FROM person WHERE id > ALL (SELECT 3)", [(4,)]),
        ("SELECT UPPER(name) AS n, COUNT(*) FROM person GROUP BY n ORDER BY COUNT(*) DESC LIMIT 1", [("ADA", 2)]),
        ("SELECT DATABASE(), VERSION()", [("books", "8.0.32")]),
        ("SELECT column_name FROM information_schema.columns WHERE table_name = 'person' LIMIT 1", [("id",)]),
    ],
)
def test_mysqls_answers(session, statement, rows):
    answer = session.run(statement)
    assert answer.error is None and answer.rows == rows


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT x FROM person", "Unknown column 'x' in 'field list'"),
        ("SELECT id FROM person WHERE p.x = 1", "Unknown column 'p.x' in 'where clause'"),
        ("SELECT id FROM person ORDER BY x", "Unknown column 'x' in 'order clause'"),
        ("SELECT id FROM nowhere", "Table 'books.nowhere' doesn't exist"),
        ("SELECT id FROM person a, person b", "Column 'id' in field list is ambiguous"),
        ("SELECT id, COUNT(*) FROM person GROUP BY name", "Expression #1 of SELECT list is not in GROUP BY clause"),
        ("SELECT id FROM person WHERE COUNT(*) > 1", "Invalid use of group function"),
        ("SELECT id FROM person WHERE id = (SELECT id FROM person)", "Subquery returns more than 1 row"),
        ("SELECT * FROM (SELECT 1)", "Every derived table must have its own alias"),
        ("SELECT FROM person", "right syntax to use near 'FROM person' at line 1"),
        ("SELECT nope(1)", "FUNCTION books.nope does not exist"),
        ("SELECT 1; SELECT 2", "Use multi=True"),
        ("USE elsewhere", "Unknown database 'elsewhere'"),
    ],
)
def test_mysqls_errors(session, statement, error):
    assert error in (session.run(statement).error or "")


def test_changes_are_seen(session):
    assert session.run("ALTER TABLE person ADD COLUMN town TEXT").error is None
    assert session.run("DESCRIBE person").rows[-1] == ("town", b"text", "YES", "", None, "")
    assert session.run("UPDATE person SET town = 5.50 WHERE id = 1").rows is None
    assert session.run("SELECT town FROM person WHERE id = 1").rows == [("5.50",)]
    assert session.run("INSERT INTO person (name) VALUES ('new')").error is None
    assert session.run("SELECT MAX(id) FROM person").rows == [(5,)]


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH DATABASE '{file}' AS other",
        "PRAGMA database_list",
        "SELECT load_extension('{file}')",
        "SELECT readfile('{file}')",
        "SELECT LOAD_FILE('{file}')",
        "SELECT 1 INTO OUTFILE '{file}'",
        "VACUUM INTO '{file}'",
        "CREATE VIRTUAL TABLE x USING fts5(a)",
        "SELECT * FROM sqlite_master",
    ],
)
def test_nothing_outside_is_reached(session, tmp_path, statement):
    file = tmp_path / "out"
    assert session.run(statement.format(file=file)).error
    assert not file.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
        "SELECT COUNT(*) FROM " + ", ".join(f"person p{i}" for i in range(16)),
        "SELECT p0.id FROM " + ", ".join(f"person p{i}" for i in range(12)),
        "SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' REGEXP '(a+)+$'",
        "SELECT SUM(LENGTH(REPEAT('x', 1000000 - p0.id))) FROM " + ", ".join(f"person p{i}" for i in range(9)),
        "SELECT COUNT(*) FROM person a, person b, person c, person d WHERE REPEAT(a.name, 200) REGEXP 'b*c*$'",
        "SELECT " + "(" * 3000 + "1" + ")" * 3000,
        "SELECT REPEAT(REPEAT('x', 1000000), 1000000), LPAD('x', 1000000000, 'y')",
    ],
)
def test_what_would_never_end_is_answered(session, statement):
    answer = session.run(statement)
    assert answer.error or len(str(answer.rows)) < 5_000_000
    assert session.run("SELECT 1").rows == [(1,)]


# --- MariaDB ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hosted():
    try:
        program("mariadbd", "mysqld")
    except MissingPart as missing:
        pytest.skip(str(missing))
    env = make("intercode_sql", data="sample", server="mysql")
    env.reset(seed=0, options={"task": "intercode_sql/test/0"})
    yield env
    env.close()


def ask(env, statement):
    return env._session.run(statement)


def test_mariadb_answers_like_mysql(hosted):
    hosted.reset(seed=0, options={"task": "intercode_sql/test/0"})
    assert ask(hosted, "SELECT SUM(Age), AVG(Age) FROM keeper").rows == [(Decimal("321"), Decimal("45.8571"))]
    assert ask(hosted, "SELECT x FROM keeper").error == "Unknown column 'x' in 'field list'"
    assert ask(hosted, "DESCRIBE keeper").rows[0] == ("Keeper_ID", b"int", "NO", "PRI", None, "auto_increment")
    assert "FILE privilege" in ask(hosted, "SELECT 1 INTO OUTFILE '/tmp/agentbank-out'").error


def test_mariadb_episodes_do_not_meet(hosted):
    hosted.reset(seed=0, options={"task": "intercode_sql/test/0"})
    other = make("intercode_sql", data="sample", server="mysql")
    other.reset(seed=0, options={"task": "intercode_sql/test/0"})
    hosted.step("DROP TABLE watch")
    assert hosted.step("SHOW TABLES")[0] == "[('keeper',), ('lighthouse',)]"
    assert hosted.step("SELECT * FROM watch")[0] == "Error executing query: Table 'harbour_lights.watch' doesn't exist"
    assert other.step("SELECT COUNT(*) FROM watch")[0] == "[(13,)]"
    assert "harbour_lights__" not in other.step("SHOW DATABASES")[0]
    other.close()
    hosted.reset(seed=0, options={"task": "intercode_sql/test/0"})
    assert hosted.step("SELECT COUNT(*) FROM watch")[0] == "[(13,)]"


@pytest.mark.slow
def test_a_dead_mariadb_is_a_fault_and_leaves_nothing(hosted):
    alone = make("db", data="sample", server="mysql")
    alone.reset(seed=0)
    daemon = alone._server.host._daemon
    servers = [each for each in psutil.Process(daemon.process.pid).children() if "maria" in each.name()]
    for each in servers:
        each.kill()
    with pytest.raises(Fault):
        alone.step("SELECT 1")
    folder = daemon.folder
    alone._session = None  # its database went with the server
    alone.close()
    assert not folder.exists() and daemon.process.poll() is not None


@pytest.mark.slow
def test_a_killed_parent_leaves_no_mariadb(hosted):
    code = (
        "import time\nfrom agentbank.envs import make\n"
        "env = make('db', data='sample', server='mysql'); env.reset(seed=0)\n"
        "print(env._server.host._daemon.folder, flush=True); time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        folder = Path(parent.stdout.readline().strip())
        family = psutil.Process(parent.pid).children(recursive=True)
        assert folder.is_dir() and family
        os.kill(parent.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while folder.exists() or any(each.is_running() for each in family):
        assert time.monotonic() < deadline, f"left behind: {folder}, {family}"
        time.sleep(0.1)
