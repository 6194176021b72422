# Everything here is a short name for a command that works without make; see the README.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
READY := $(VENV)/.ready
CONTENT ?=
STYLE ?=
COMMIT ?= 2f6707f

.PHONY: demo sandbox test check format bench lock clean

demo: $(READY)
	$(BIN)/python -m sandbox demo $(if $(CONTENT),--content "$(CONTENT)") $(if $(STYLE),--style "$(STYLE)")

sandbox: $(READY)
	$(BIN)/python -m sandbox

# As many processes as tests/conftest.py says; the next test goes to whichever is free. They start
# hundreds of processes, each of which would compile what it imports where none of it may be kept.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto --maxschedchunk 1

# What Python's own modules lack on Windows; they lack less on macOS. To be quick it does without
# the libraries, so that nothing else that it says means anything.
ON_WINDOWS := $(BIN)/mypy --config-file= --platform win32 --python-version 3.11 --follow-imports skip \
	--ignore-missing-imports --cache-dir .mypy_cache/win32

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	! $(ON_WINDOWS) bot common engine jobs sandbox tools | grep "Module has no attribute"
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m bench against $(COMMIT)

# requirements.lock: what runs Atelier; requirements-dev.lock: that, and what checks and tests it.
# The two with -cpu: the same without CUDA.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" --all-extras pyproject.toml

lock: $(READY)
	$(LOCK) --group dev -o requirements-dev.lock
	$(LOCK) -c requirements-dev.lock -o requirements.lock
	$(BIN)/python -m tools.requirements cpu

clean:
	rm -rf $(VENV) demo

# Asked first: a folder that an older one made is not made anew by another.
RIGHT_PYTHON := import sys; sys.version_info >= (3, 11) or sys.exit('Atelier needs Python 3.11 or newer; this is \
	{}.{}. Name another: make $(MAKECMDGOALS) PYTHON=python3.12'.format(*sys.version_info))

$(READY): requirements-dev.lock requirements-cpu-dev.lock
	@$(PYTHON) -c "$(RIGHT_PYTHON)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python \
		$$($(BIN)/python -m tools.requirements choose dev)
	$(BIN)/python -m pip --version >$(READY)
