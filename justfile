# The tasks of a contributor; .ci/run uses some of them too. `just` is in the environment of development:
# .venv/bin/just --list

bin := justfile_directory() / ".venv/bin"
build := justfile_directory() / "build"

# List the tasks
default:
    @{{ just_executable() }} --list

# Create .venv from the locked requirements
setup:
    python3 -m venv .venv
    {{ bin }}/python -m pip install -q --require-hashes -r requirements/dev.txt
    {{ bin }}/python -m pip install -q --no-deps --no-build-isolation -e .

# Check style, spelling and the import contract
lint:
    {{ bin }}/ruff check
    {{ bin }}/ruff format --check
    {{ bin }}/codespell
    PYTHONPATH=src {{ bin }}/lint-imports

# Check types: mypy and pyright must pass
types:
    #!/usr/bin/env bash
    set -uo pipefail
    {{ bin }}/mypy &
    mypy=$!
    # By name, because pyright would take a configuration that lies in a folder above.
    {{ bin }}/pyright --project pyproject.toml --pythonpath {{ bin }}/python
    pyright=$?
    wait "$mypy" && [ "$pyright" -eq 0 ]

# Report what pyrefly and ty find; they do not fail a change
types-others:
    -{{ bin }}/pyrefly check --python-interpreter-path {{ bin }}/python tests/typing
    -{{ bin }}/ty check --python {{ bin }}/python tests/typing

# Run the tests of a desk, or those that the arguments name
test *arguments:
    {{ bin }}/python -m pytest {{ arguments }}

# Run all tests with all examples, as CI does
test-all *arguments:
    CI=true {{ bin }}/python -m pytest {{ arguments }}

# Draw many random types and values: refused, or back indistinguishable, on each store; a seed repeats a run
storm count="2000" seed=`date +%s`:
    @echo "seed {{ seed }}"
    ESMODEL_STORM={{ count }} {{ bin }}/python -m pytest -q -n 0 --hypothesis-seed={{ seed }} tests/unit/codec/test_random_types.py

# Make many random sequences of calls by two threads and two processes on each store; a seed repeats a run
storm-calls count="10000" seed=`date +%s`:
    @echo "seed {{ seed }}"
    ESMODEL_STORM={{ count }} ESMODEL_STORM_SEED={{ seed }} {{ bin }}/python -m pytest -q -n 0 --slow tests/stateful/test_call_sequences.py

# Damage many SQLite files at random: what is wrong is an error, or `check` finds it; a seed repeats a run
storm-damage count="5000" seed=`date +%s`:
    ESMODEL_STORM={{ count }} ESMODEL_STORM_SEED={{ seed }} {{ bin }}/python -m pytest -q -s -n 0 --slow tests/unit/stores/sqlite/test_damaged_files.py

# Interrupt many appends of each store by a signal handler that raises; a seed repeats a run
storm-interrupts count="10000" seed=`date +%s`:
    @echo "seed {{ seed }}"
    ESMODEL_STORM={{ count }} ESMODEL_TEST_SEED={{ seed }} {{ bin }}/python -m pytest -q -n 0 --durations=4 tests/contract -k interrupted_appends

# Let a storm of kills, failovers, restores, forks and signals rage over each engine for some seconds
storm-stores seconds="900" seed=`date +%s`:
    ESMODEL_STORM={{ seconds }} ESMODEL_STORM_SEED={{ seed }} {{ bin }}/python -m pytest -q -s -n 0 --slow tests/stateful/test_store_storm.py

# Build the manual; a warning is an error
docs:
    {{ bin }}/python -m sphinx -q -W --keep-going -n -d {{ build }}/doctrees docs {{ build }}/manual

# Compare the quick benchmarks with their bounds
bench *arguments="--quick":
    {{ bin }}/python -m benchmarks {{ arguments }}

# Send 10,000 commands from 16 threads to one aggregate, in each store; it takes minutes
contention *arguments:
    PYTHONPATH=tests/support {{ bin }}/python tests/support/contention.py {{ arguments }}

lock_command := "uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command 'just lock'"

# Write the locked requirements anew; `just lock --upgrade` moves to the newest releases
lock *options:
    {{ bin }}/{{ lock_command }} {{ options }} --extra dev -o requirements/dev.txt pyproject.toml
    {{ bin }}/{{ lock_command }} -c requirements/dev.txt --extra test -o requirements/test.txt pyproject.toml

# Run what CI runs
ci:
    .ci/run
