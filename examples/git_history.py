"""The history of a git repository as event-sourced contributors in a SQLite file.

Run it with ``python examples/git_history.py [REPOSITORY] [--database FILE]``. Run again, it adds
what is new; stopped at any moment, it goes on where it was. What is known is read back from the
events, so it makes no difference which contributors were saved before it was stopped.

Contributors have a hash chain, so their snapshots need a key that is not in the database:
``--snapshot-key FILE`` names a file with 32 secret bytes. Without one, no snapshots are taken.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias
from uuid import UUID, uuid5

from attrs import define, frozen

from esmodel import (
    ConcurrencyError,
    EsmodelError,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    RepositoryKeyError,
    applies,
    retry,
)
from esmodel.stores.sqlite import SQLiteStore

NAMESPACE = UUID("5f0c3a52-64b5-4d0f-9a43-2c1e6d0b7f11")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = (datetime(1, 1, 2, tzinfo=UTC) - EPOCH) // timedelta(seconds=1)
LATEST = (datetime(9999, 12, 30, tzinfo=UTC) - EPOCH) // timedelta(seconds=1)
CHUNK = 2000  # commits; also what makes a history a long one


@frozen
class Joined(HashchainedEvent, name="git.joined"):
    """Somebody wrote a commit for the first time."""

    name: str
    email: str


@frozen
class Committed(HashchainedEvent, name="git.committed"):
    """One commit, without who wrote it."""

    commit: str
    authored_on: datetime
    added: int
    removed: int
    files: int
    subject: str


ContributorEvent: TypeAlias = Joined | Committed


class Commit(NamedTuple):
    """One commit, as git prints it."""

    hash: str
    authored_on: datetime
    name: str
    email: str
    subject: str
    added: int
    removed: int
    files: int

    @property
    def contributor_id(self) -> UUID:
        """Who wrote it, by e-mail; those without one are told apart by their names."""
        return uuid5(NAMESPACE, self.email or f"<{self.name}>")


@define
class Contributor(HashchainedAggregateRoot[ContributorEvent]):
    """Somebody who wrote commits; ``first`` and ``last`` are of those."""

    name: str
    email: str
    commits: int = 0
    added: int = 0
    removed: int = 0
    files: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def commit(self, commit: Commit) -> None:
        self.trigger(
            Committed,
            commit=commit.hash,
            authored_on=commit.authored_on,
            added=commit.added,
            removed=commit.removed,
            files=commit.files,
            subject=commit.subject,
        )

    @applies
    def joined(self, event: Joined) -> None:
        self.name = event.name
        self.email = event.email

    @applies
    def committed(self, event: Committed) -> None:
        self.commits += 1
        self.added += event.added
        self.removed += event.removed
        self.files += event.files
        when = event.authored_on
        self.first = when if self.first is None else min(self.first, when)
        self.last = when if self.last is None else max(self.last, when)

    apply = (joined | committed).exhaustive


class GitError(Exception):
    """Git is missing, or did not do what it was asked for."""


class Git:
    """The history of one repository, as git tells it; settings that change its words put aside."""

    def __init__(self, folder: Path) -> None:
        self.command = ["git", "-C", str(folder), "-c", "log.showRoot=true"]
        self.command += ["-c", "log.showSignature=false", "-c", "diff.relative=false"]
        # inside a git hook, these would lead to another repository
        elsewhere = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"}
        self.environment = {k: v for k, v in os.environ.items() if k not in elsewhere}
        done = self.run("rev-parse", "--git-dir")
        if done.returncode:
            raise GitError(f"{folder} is no git repository: {_sentence(done.stderr)}")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Call git, and wait for it."""
        command = [*self.command, *arguments]
        try:
            return subprocess.run(command, env=self.environment, capture_output=True, check=False)
        except OSError as error:
            raise GitError(f"git cannot be run ({error}); install it, or see to PATH") from error

    def hashes(self) -> list[str]:
        """Return the commits behind HEAD, parents first; none if there is no commit yet."""
        if self.run("rev-parse", "--verify", "--quiet", "HEAD").returncode:
            return []
        done = self.run("rev-list", "--reverse", "--topo-order", "HEAD", "--")
        if done.returncode:
            raise GitError(f"git cannot list the commits: {_sentence(done.stderr)}")
        return _text(done.stdout).split()

    def commits(self, hashes: Sequence[str]) -> Iterator[Commit]:
        """Stream these commits, each as soon as git has gone on behind it."""
        command = [*self.command, "log", "--stdin", "--no-walk=unsorted", "-z", "--numstat", "-M"]
        command += ["--diff-merges=off", "--no-ext-diff", "--no-color", "--encoding=UTF-8"]
        command += ["--format=tformat:%H%x00%at%x00%an%x00%ae%x00%s"]
        last: Commit | None = None
        with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as errors:
            wanted.write("".join(f"{each}\n" for each in hashes).encode())
            wanted.seek(0)
            with subprocess.Popen(
                command, env=self.environment, stdin=wanted, stdout=subprocess.PIPE, stderr=errors
            ) as process:
                assert process.stdout is not None
                try:
                    for commit in _parsed(_tokens(process.stdout)):
                        if last is not None:
                            yield last
                        last = commit
                except BaseException:
                    process.kill()  # nobody reads on
                    raise
            if process.returncode:  # and of the last commit, files may be missing
                errors.seek(0)
                raise GitError(f"git log stopped early: {_sentence(errors.read())}")
        if last is not None:
            yield last


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _sentence(data: bytes) -> str:
    return " ".join(_text(data).split())


def _tokens(stream: IO[bytes]) -> Iterator[str]:
    rest = b""
    while data := stream.read(65536):
        *tokens, rest = (rest + data).split(b"\0")
        yield from map(_text, tokens)


def _parsed(tokens: Iterator[str]) -> Iterator[Commit]:
    """Read commits: five fields, then ``added TAB removed TAB path`` for each file, if any.

    The path of a file that was renamed is empty, and two tokens follow: the old path, the new one.
    """
    token = next(tokens, None)
    while token is not None:
        header = (token.strip(), *islice(tokens, 4))
        if len(header) < 5:
            return  # git was stopped
        commit, seconds, name, email, subject = header
        added = removed = files = 0
        while (token := next(tokens, None)) is not None and token.count("\t") >= 2:
            plus, minus, path = token.removeprefix("\n").split("\t", 2)
            added += int(plus) if plus.isdecimal() else 0  # of a binary file: "-"
            removed += int(minus) if minus.isdecimal() else 0
            files += 1
            if not path:
                list(islice(tokens, 2))
        yield Commit(commit, _moment(seconds), name, email, subject, added, removed, files)


def _moment(seconds: str) -> datetime:
    """Return a time of git, which knows years that Python does not: these become the nearest."""
    try:
        number = int(seconds)
    except ValueError:
        number = 0
    return EPOCH + timedelta(seconds=min(max(number, EARLIEST), LATEST))


class Contributors:
    """The contributors in a store, and which commits of theirs are in."""

    def __init__(self, store: SQLiteStore, key: bytes | None) -> None:
        self.repository = EventSourcedRepository(Contributor, store)
        if key is not None:
            self.repository = EventSourcedRepository(Contributor, store, snapshot_every=50, snapshot_key=key)
        self.versions: dict[UUID, int] = {}
        self.known: set[str] = set()
        self.commits = self.events = 0  # that were saved here
        for each in dict.fromkeys(record.originator_id for _, record in store.read_all()):
            self.catch_up(each)

    def catch_up(self, contributor_id: UUID) -> None:
        """Learn from the events that were not seen yet."""
        after = self.versions.get(contributor_id, -1)
        for event in self.repository.events(contributor_id, after=after):
            if isinstance(event, Committed):
                self.known.add(event.commit)
            self.versions[contributor_id] = event.originator_version

    def add(self, commits: Iterable[Commit]) -> None:
        """Save the commits that are not in, and each contributor once."""
        by_contributor: dict[UUID, list[Commit]] = {}
        for commit in commits:
            by_contributor.setdefault(commit.contributor_id, []).append(commit)
        for each, theirs in by_contributor.items():
            self.add_to(each, theirs)

    @retry(ConcurrencyError, attempts=20)
    def add_to(self, contributor_id: UUID, commits: Sequence[Commit]) -> None:
        try:
            contributor = self.repository[contributor_id]
        except RepositoryKeyError:
            name, email = commits[0].name, commits[0].email
            contributor = Contributor.create_with_id(contributor_id, Joined, name=name, email=email)
        # Another run may be at work. What it saved before is known now; if it saves after this,
        # our own save raises ConcurrencyError, and we begin again.
        self.catch_up(contributor_id)
        new = [commit for commit in commits if commit.hash not in self.known]
        for commit in new:
            contributor.commit(commit)
        events = len(contributor.pending_events)
        self.repository.save(contributor)
        self.versions[contributor_id] = contributor.version
        self.known.update(commit.hash for commit in new)
        self.commits += len(new)
        self.events += events


def watched(commits: Iterable[Commit], total: int) -> Iterator[Commit]:
    """Pass commits on; with a progress bar if there are many, a terminal, and rich."""
    if total >= CHUNK and sys.stderr.isatty():
        try:
            from rich.console import Console  # noqa: PLC0415  # because it is an extra
            from rich.progress import track  # noqa: PLC0415
        except ImportError:
            print(f"importing {total:,} commits ...", file=sys.stderr)
        else:
            commits = track(commits, "importing", total, console=Console(stderr=True))
    yield from commits


def import_history(git: Git, hashes: Sequence[str], contributors: Contributors) -> None:
    start = time.perf_counter()
    new = [each for each in hashes if each not in contributors.known]
    commits = watched(git.commits(new) if new else (), len(new))
    while chunk := list(islice(commits, CHUNK)):
        contributors.add(chunk)
    seconds, events = time.perf_counter() - start, contributors.events
    rate = f"{seconds:.1f} s: {events / seconds:,.0f} events/s"
    print(f"imported {contributors.commits:,} commits as {events:,} events in {rate}")


def report(contributors: Contributors) -> None:
    """Print what is in the store; an ``IntegrityError`` names the first row that is not whole."""
    repository = contributors.repository
    everybody = [repository[each] for each in contributors.versions]
    everybody.sort(key=lambda each: (-each.commits, each.email, each.name))
    print(f"{'contributor':40}{'commits':>9}{'+lines':>12}{'-lines':>12}{'files':>9}  first - last")
    for each in everybody:
        print(
            f"{shown(each)[:39]:40}{each.commits:>9,}{each.added:>12,}{each.removed:>12,}"
            f"{each.files:>9,}  {day(each.first)} - {day(each.last)}"
        )
    most = everybody[0]
    earlier = repository.get_entity(most.id, at=most.version // 2)
    print(
        f"{shown(most)} at version {earlier.version} of {most.version}: {earlier.commits:,}"
        f" commits, +{earlier.added:,} -{earlier.removed:,} lines, last on {day(earlier.last)}"
    )
    verified = [repository.verify(each.id) for each in everybody]
    events, snapshots = sum(each.events for each in verified), sum(each.snapshots for each in verified)
    chains = f"{len(everybody):,} chain{'' if len(everybody) == 1 else 's'}"
    print(f"{chains} verified, {events:,} events and {snapshots:,} snapshots: all are whole")


def shown(contributor: Contributor) -> str:
    """Return a name and e-mail that cannot steer the terminal."""
    text = f"{contributor.name or '(no name)'} <{contributor.email}>"
    text = "".join(each if each.isprintable() else "?" for each in text)
    return text.encode(sys.stdout.encoding, "replace").decode(sys.stdout.encoding)


def day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment.date()}"


class Options(argparse.Namespace):
    repository: Path | None
    database: Path
    snapshot_key: Path | None


def opened(repository: Path | None) -> Git:
    try:
        return Git(repository or Path(__file__).absolute().parent)
    except GitError:
        return Git(repository or Path.cwd())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Turn the history of a git repository into events.")
    parser.add_argument("repository", nargs="?", type=Path, help="default: the one of this script")
    parser.add_argument("--database", type=Path, default=Path("git_history.db"), metavar="FILE")
    parser.add_argument("--snapshot-key", type=Path, metavar="FILE", help="a file with 32 secret bytes")
    options = parser.parse_args(arguments, namespace=Options())
    try:
        git = opened(options.repository)
        hashes = git.hashes()
        if not hashes:
            print("the repository has no commits yet")
            return 0
        with SQLiteStore(options.database, synchronous="NORMAL") as store:
            key = options.snapshot_key
            contributors = Contributors(store, None if key is None else key.read_bytes())
            import_history(git, hashes, contributors)
            report(contributors)
            sys.stdout.flush()
    except GitError as error:
        print(f"git_history: {error}", file=sys.stderr)
        return 2
    except EsmodelError as error:
        print(f"git_history: {options.database}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("git_history: interrupted; run it again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as of ``| head``
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
