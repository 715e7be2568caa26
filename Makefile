# Two commands: `make demo` does the main job, `make test` checks everything. Both set up what they need first.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

.PHONY: demo test setup clean

demo: setup
	$(VENV)/bin/avts demo --out runs/demo

test: setup
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" scripts/check

setup: $(STAMP)

# requirements.lock pins every version; pyproject.toml only says what is needed at least.
$(STAMP): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "avts needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) runs/demo .mypy_cache .pytest_cache .ruff_cache
