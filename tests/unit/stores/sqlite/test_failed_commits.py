"""A commit that the disk refuses: its rows never come back, or the error says that nobody knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from esmodel.stores.sqlite import SQLiteStore

# fails as many syncs of the write-ahead log as the file `failures` has bytes
SHIM: Final = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static int refuses(int fd) {
  char link[64], name[512] = {0};
  struct stat found;
  snprintf(link, 64, "/proc/self/fd/%d", fd);
  if (readlink(link, name, 511) <= 0 || !strstr(name, "-wal")) return 0;
  if (stat("failures", &found) || found.st_size == 0) return 0;
  truncate("failures", found.st_size - 1);
  errno = EIO;
  return 1;
}
int fdatasync(int fd) { return refuses(fd) ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
int fsync(int fd) { return refuses(fd) ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
"""
PROGRAM: Final = """
import os, signal, sys
from uuid import UUID
from esmodel.exceptions import EsmodelError
from esmodel.rows import Append, Record
from esmodel.stores.sqlite import SQLiteStore

def append(position):
    rows = [Record(UUID(int=1), position, "Happened", 0, 0, b"{}")]
    try:
        store.append(Append(rows, position - 1 if position else None))
    except EsmodelError as error:
        return type(error).__name__
    return "stored"

store = SQLiteStore("events.db")
said = [append(0)]
with open("failures", "w") as file:
    file.write(sys.argv[1])
said.append(append(1))
os.truncate("failures", 0)
if sys.argv[2] == "go on":
    said += [append(1), append(2)]
print(*said, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or shutil.which("gcc") is None, reason="needs Linux and gcc"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shim") / "shim.so"
    command = ["gcc", "-shared", "-fPIC", "-xc", "-", "-o", str(path)]
    subprocess.run(command, input=SHIM, text=True, check=True, capture_output=True)
    return path


def run(shim: Path, folder: Path, failures: int, then: str) -> list[str]:
    """Run the program, which is killed at its end; return what it said of each append."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "x" * failures, then],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LD_PRELOAD": str(shim)},
    )
    assert done.stdout, done.stderr
    return done.stdout.split()


def stored(folder: Path) -> list[int]:
    with SQLiteStore(folder / "events.db") as store:
        return [record.position for record in store.read(UUID(int=1))]


def test_a_commit_whose_sync_fails_once_never_comes_back(shim: Path, tmp_path: Path) -> None:
    assert run(shim, tmp_path, 1, "die") == ["stored", "StoreError"]
    assert stored(tmp_path) == [0]


def test_a_store_goes_on_after_a_sync_that_failed(shim: Path, tmp_path: Path) -> None:
    assert run(shim, tmp_path, 1, "go on") == ["stored", "StoreError", "stored", "stored"]
    assert stored(tmp_path) == [0, 1, 2]


def test_where_no_sync_succeeds_the_outcome_is_unknown(shim: Path, tmp_path: Path) -> None:
    assert run(shim, tmp_path, 50, "die") == ["stored", "OutcomeUnknownError"]
    assert stored(tmp_path) in ([0], [0, 1])
