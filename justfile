# The commands of everyday work; `just` without a name lists them. CONTRIBUTING.md explains them.

python := ".venv/bin/python"

_default:
    @just --list

# create .venv with everything for development
setup:
    python3 -m venv .venv
    .venv/bin/pip install -e '.[dev]'

# run the tests, or those that you name
test *args:
    {{python}} -m pytest -n auto --dist worksteal {{args}}

# run the long tests
slow *args:
    {{python}} -m pytest -m slow {{args}}

# run the tests that need CUDA
gpu *args:
    {{python}} -m pytest -m gpu {{args}}

# run the static checks, as .ci/run does
check:
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .
    .venv/bin/mypy
    .venv/bin/lint-imports

# let ruff and the formatter repair what they can
fix:
    .venv/bin/ruff check --fix .
    .venv/bin/ruff format .

# write the generated pages of docs/ again
docs:
    {{python}} docs/parts.py
    {{python}} docs/zoo.py

# draw the README's pictures again
pictures:
    {{python}} -m tools.pictures

# measure speed: `just bench train --quick`
bench *args:
    {{python}} -m bench {{args}}

# run everything that continuous integration runs; needs a clean clone
ci:
    bash .ci/run
