"""The example examples/git_history.py, run on repositories made for it."""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from uncovered import without_coverage

import git_history

GIT = shutil.which("git") or "git"
SCRIPT = Path(str(git_history.__file__))


def git(folder: Path, *arguments: str, data: bytes = b"", **variables: str) -> str:
    who = {
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_AUTHOR_DATE": "2020-02-03T04:05:06+02:00",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }
    done = subprocess.run(
        [GIT, "-C", str(folder), *arguments],
        input=data,
        env=os.environ | who | variables,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode(errors="replace").strip()


class Done(NamedTuple):
    """A run of the example that has ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str | Path) -> Done:
    """Run the example in this process, which spares most tests the start of another one."""
    out, errors = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        status = git_history.main([str(each) for each in arguments])
    for each in (out, errors):
        each.seek(0)
    return Done(status, out.read(), errors.read())


def run_alone(*arguments: str | Path, **variables: str) -> Done:
    """Run the example as a script, with some variables of the environment."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        env=os.environ | {"PYTHONIOENCODING": "utf-8"} | variables,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def imported(repository: Path, database: Path, *options: str | Path) -> int:
    """Import, see that it went well, and return the number of commits."""
    done = run(repository, "--database", database, *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert "all are whole" in done.stdout
    found = re.search(r"imported ([\d,]+) commits", done.stdout)
    assert found is not None
    return int(found[1].replace(",", ""))


def count(database: Path, table: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        number: object = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
    assert isinstance(number, int)
    return number


def payloads(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        rows: list[tuple[bytes]] = connection.execute("SELECT data FROM record").fetchall()
    return "\n".join(bytes(data).decode() for (data,) in rows)


def rows_and_streams(database: Path) -> tuple[int, int]:
    return count(database, "record"), count(database, "stream")


def table_row(text: str, name: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.startswith(name))


def stream(count: int, authors: int) -> bytes:
    """What ``git fast-import`` makes a history of."""
    return b"".join(
        b"commit refs/heads/main\n"
        b"committer A%d <a%d@example.org> %d +0000\n"
        b"data 1\nx\n"
        b"M 644 inline f%d\ndata 2\n%d\n\n" % (i % authors, i % authors, 1_600_000_000 + i, i % 50, i % 10)
        for i in range(count)
    )


def generated(folder: Path, count: int, authors: int = 40) -> Path:
    subprocess.run([GIT, "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    git(folder, "fast-import", "--quiet", data=stream(count, authors))
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def commit(folder: Path, message: str | bytes, **variables: str) -> None:
    data = message if isinstance(message, bytes) else message.encode()
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "--allow-empty", "-F", "-", data=data, **variables)


def raw_commit(folder: Path, author: bytes, subject: bytes = b"raw") -> None:
    """Put a commit on top that ``git commit`` would not make."""
    head = git(folder, "rev-parse", "HEAD")
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    data = b"tree %s\nparent %s\nauthor %s\ncommitter C <c@example.org> 1600000000 +0000\n\n%s\n" % (
        tree.encode(),
        head.encode(),
        author,
        subject,
    )
    new = git(folder, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", data=data)
    git(folder, "update-ref", "refs/heads/main", new)


def test_lines_files_and_dates_are_those_of_git(repository: Path, database: Path) -> None:
    (repository / "a").write_text("1\n2\n3\n")
    commit(repository, "first")
    (repository / "a").write_text("1\n")
    (repository / "b").write_text("1\n")
    commit(repository, "second", GIT_AUTHOR_DATE="2021-01-01T00:00:00Z")
    done = run_alone(repository, "--database", database)
    assert (done.returncode, done.stderr) == (0, "")
    row = table_row(done.stdout, "Ada")
    assert row == ["Ada", "<ada@example.org>", "2", "4", "2", "3", "2020-02-03", "-", "2021-01-01"]
    assert "at version 1 of 2: 1 commits, +3 -0 lines" in done.stdout
    assert "2020-02-03T02:05:06Z" in payloads(database)


def test_a_second_run_imports_nothing_and_a_third_what_is_new(repository: Path, database: Path) -> None:
    for number in range(5):
        commit(repository, f"{number}", GIT_AUTHOR_EMAIL=f"{number % 2}@example.org")
    assert imported(repository, database) == 5
    assert rows_and_streams(database) == (7, 2)
    assert imported(repository, database) == 0
    assert rows_and_streams(database) == (7, 2)
    commit(repository, "new", GIT_AUTHOR_EMAIL="1@example.org")
    assert imported(repository, database) == 1
    assert rows_and_streams(database) == (8, 2)


def test_merges_binary_files_renames_and_odd_names_of_files_are_understood(
    repository: Path, database: Path
) -> None:
    (repository / "text").write_text("".join(f"{n}\n" for n in range(50)))
    (repository / "binary").write_bytes(bytes(range(256)))
    (repository / "\n").write_text("1\n")
    (repository / "tab\tin it").write_text("1\n")
    (repository / os.fsdecode(b"\xff")).write_text("1\n")
    commit(repository, "first")
    git(repository, "switch", "-q", "-c", "side")
    git(repository, "mv", "text", "renamed")
    git(repository, "mv", "binary", "moved")
    (repository / "last").write_text("1\n")
    commit(repository, "rename", GIT_AUTHOR_NAME="Bob", GIT_AUTHOR_EMAIL="bob@example.org")
    git(repository, "switch", "-q", "main")
    commit(repository, "empty")
    merge = ("merge", "-q", "--no-ff", "-m", "merge", "side")
    git(repository, *merge, GIT_AUTHOR_NAME="Eve", GIT_AUTHOR_EMAIL="eve@example.org")
    assert imported(repository, database) == 4
    text = run(repository, "--database", database).stdout
    assert table_row(text, "Ada")[2:6] == ["2", "53", "0", "5"]
    assert table_row(text, "Bob")[2:6] == ["1", "1", "0", "3"]
    assert table_row(text, "Eve")[2:6] == ["1", "0", "0", "0"]


def test_authors_without_a_name_or_an_email_are_told_apart(repository: Path, database: Path) -> None:
    commit(repository, "first")
    raw_commit(repository, b" <nameless@example.org> 1600000000 +0000")
    raw_commit(repository, b"Nomail <> 1600000000 +0000")
    raw_commit(repository, b"Other <> 1600000000 +0000", subject=b"")
    raw_commit(repository, b" <> 1600000000 +0000")
    assert imported(repository, database) == 5
    assert rows_and_streams(database) == (10, 5)
    text = run(repository, "--database", database).stdout
    assert table_row(text, "(no name) <nameless@example.org>")[3] == "1"
    assert table_row(text, "Nomail <>")[2] == "1"


def test_names_and_subjects_that_are_no_utf8_are_replaced(repository: Path, database: Path) -> None:
    commit(repository, "first")
    raw_commit(repository, b"N\xff\xed\xa0\x80m <n@x> 1600000000 +0000", subject=b"s\xfe\x1b[31m")
    assert imported(repository, database) == 2
    assert "s\N{REPLACEMENT CHARACTER}" in payloads(database)
    done = run_alone(repository, "--database", database, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert table_row(done.stdout, "N???")[2] == "1"


@pytest.mark.parametrize(
    ("stamp", "day"),
    [
        (b"99999999999999 +0000", "9999-12-30"),
        (b"-62000000000 +0000", ""),
        (b"0 +0000", "1970-01-01"),
        (b"99999999999999999999999999 +0000", ""),
        (b"yesterday", "1970-01-01"),
        (b"1600000000 +9999", "2020-09-13"),
    ],
)
def test_a_date_that_python_does_not_know_stops_nothing(
    repository: Path, database: Path, stamp: bytes, day: str
) -> None:
    commit(repository, "first")
    raw_commit(repository, b"Marty <m@example.org> " + stamp)
    assert imported(repository, database) == 2
    assert day in run(repository, "--database", database).stdout
    assert imported(repository, database) == 0


def test_an_empty_repository_says_so_and_leaves_no_file(repository: Path, database: Path) -> None:
    done = run(repository, "--database", database)
    assert (done.returncode, done.stderr) == (0, "")
    assert "has no commits yet" in done.stdout
    assert not database.exists()


@pytest.mark.parametrize("name", ["", "missing"])
def test_a_folder_that_is_no_repository_is_refused_in_a_sentence(
    tmp_path: Path, database: Path, name: str
) -> None:
    done = run_alone(tmp_path / name, "--database", database, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no git repository" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not database.exists()


def test_without_git_it_says_what_to_install(repository: Path, database: Path) -> None:
    done = run_alone(repository, "--database", database, PATH=str(repository))
    assert (done.returncode, done.stdout) == (2, "")
    assert "git cannot be run" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_history_that_git_cannot_read_is_refused_and_goes_on_when_mended(
    repository: Path, database: Path
) -> None:
    (repository / "a").write_text("1\n")
    commit(repository, "first")
    commit(repository, "second")
    (repository / "a").write_text("2\n")
    commit(repository, "third")
    tree = git(repository, "rev-parse", "HEAD^{tree}")
    path = repository / ".git" / "objects" / tree[:2] / tree[2:]
    path.rename(repository / "aside")
    done = run(repository, "--database", database)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    (repository / "aside").rename(path)
    imported(repository, database)
    assert rows_and_streams(database) == (4, 1)
    text = run(repository, "--database", database).stdout
    assert table_row(text, "Ada")[2:6] == ["3", "2", "1", "2"]


def test_a_file_that_is_no_database_is_refused_in_a_sentence(repository: Path, database: Path) -> None:
    commit(repository, "first")
    database.write_text("this is no database at all" * 50)
    done = run(repository, "--database", database)
    assert done.returncode == 1
    assert str(database) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_row_that_was_changed_is_found(repository: Path, database: Path) -> None:
    commit(repository, "honest")
    imported(repository, database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "UPDATE record SET data = CAST(replace(CAST(data AS TEXT), 'honest', 'forged') AS BLOB)"
        )
        connection.commit()
    done = run(repository, "--database", database)
    assert done.returncode == 1
    assert "is not the one that was signed" in done.stderr


def test_settings_of_the_user_change_nothing(repository: Path, database: Path) -> None:
    (repository / "a").write_text("1\n")
    commit(repository, "first")
    for name in ("log.showRoot=false", "diff.noprefix=true", "color.ui=always", "log.diffMerges=on"):
        git(repository, "config", *name.split("="))
    text = run_alone(repository, "--database", database, GIT_DIR=os.devnull).stdout
    assert table_row(text, "Ada")[2:6] == ["1", "1", "0", "1"]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return a file with a key."""
    file = tmp_path / "key"
    file.write_bytes(b"k" * 32)
    return file


def test_a_bare_repository_of_two_thousand_commits_is_imported(
    tmp_path: Path, database: Path, key: Path
) -> None:
    assert imported(generated(tmp_path / "bare", 2000), database, "--snapshot-key", key) == 2000
    assert rows_and_streams(database) == (2040, 40)
    assert count(database, "snapshot") == 40  # each of them has 51 events
    assert imported(tmp_path / "bare", database) == 0


def test_a_busy_contributor_has_snapshots(tmp_path: Path, database: Path, key: Path) -> None:
    bare = generated(tmp_path / "bare", 500, authors=1)
    assert imported(bare, database, "--snapshot-key", key) == 500
    assert count(database, "snapshot") > 0
    git(bare, "fast-import", "--quiet", "--force", data=stream(700, 1))
    assert imported(bare, database, "--snapshot-key", key) == 200
    assert rows_and_streams(database) == (701, 1)
    key.write_bytes(b"another key" * 3)
    done = run(bare, "--database", database, "--snapshot-key", key)
    assert done.returncode == 1
    assert "expected a signature by a key of snapshot_key" in done.stderr


def test_without_a_key_there_are_no_snapshots(tmp_path: Path, database: Path) -> None:
    assert imported(generated(tmp_path / "bare", 200, authors=1), database) == 200
    assert count(database, "snapshot") == 0


@pytest.mark.slow
def test_a_run_that_is_killed_is_completed_by_the_next(tmp_path: Path, database: Path) -> None:
    bare = generated(tmp_path / "bare", 5000, authors=200)
    rng, partial = random.Random(7), 0
    for _ in range(12):
        before = count(database, "record") if database.exists() else 0
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(bare), "--database", str(database)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with process:
            deadline = time.monotonic() + 30
            while process.poll() is None and time.monotonic() < deadline:
                if database.exists() and _rows(database) > before:
                    break
                time.sleep(0.005)
            time.sleep(rng.uniform(0, 0.05))
            process.kill()
        partial += 0 < _rows(database) < 5200
    assert partial > 0
    imported(bare, database)
    assert rows_and_streams(database) == (5200, 200)
    assert imported(bare, database) == 0


@pytest.mark.slow
def test_a_run_that_is_interrupted_says_how_to_go_on(tmp_path: Path, database: Path) -> None:
    bare = generated(tmp_path / "bare", 20_000, authors=200)  # some seconds of work
    command = [sys.executable, str(SCRIPT), str(bare), "--database", str(database)]
    env = without_coverage()  # an interrupt may leave the lock of coverage taken
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not (database.exists() and _rows(database)):
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert errors == b"git_history: interrupted; run it again to go on\n"
    imported(bare, database)
    assert rows_and_streams(database) == (20_200, 200)


def _rows(database: Path) -> int:
    try:
        return count(database, "record")
    except sqlite3.OperationalError:  # it is being made
        return 0


def test_runs_at_the_same_time_duplicate_nothing(tmp_path: Path, database: Path) -> None:
    bare = generated(tmp_path / "bare", 1000, authors=10)
    command = [sys.executable, str(SCRIPT), str(bare), "--database", str(database)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    total = 0
    for process in processes:
        out, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, b"")
        assert b"all are whole" in out
        total += int(out.split()[1].replace(b",", b""))
    assert total == 1000
    assert rows_and_streams(database) == (1010, 10)
