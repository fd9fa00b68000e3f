# The tasks of a contributor, which .ci/run uses too. `just` is in the environment: .venv/bin/just --list

bin := justfile_directory() / ".venv/bin"
lock_options := "--quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command 'just lock'"

# List the tasks
default:
    @{{bin}}/just --list

# Create .venv with the locked development requirements
setup:
    python3 -m venv .venv
    {{bin}}/pip install -q --require-hashes -r requirements/dev.txt
    {{bin}}/pip install -q --no-deps -e .

# Write the locks again; `just lock --upgrade` takes the newest releases
lock *options:
    {{bin}}/uv pip compile {{lock_options}} {{options}} --extra dev -o requirements/dev.txt pyproject.toml
    {{bin}}/uv pip compile {{lock_options}} --constraint requirements/dev.txt --extra test -o requirements/test.txt pyproject.toml
