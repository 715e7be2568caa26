# Two commands: `make demo` does the main job, `make test` checks everything. Both set up what they need first.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

.PHONY: demo test setup docs figures model experiments endurance formats browser bench-env clean

demo: setup
	$(VENV)/bin/avts demo --out runs/demo

test: setup browser
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" scripts/check

setup: $(STAMP)

# requirements.lock pins every version; pyproject.toml only says what is needed at least.
$(STAMP): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "avts needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	touch $(STAMP)

# The model in the box: trained on generated videos, then adapted to real speech of the GRID corpus mixed with others of
# them. GRID=FOLDER is that corpus as its authors give it (CC BY 4.0), or the folder of one speaker; without it the model
# has seen generated videos only. It replaces nothing by itself: look at what it reaches, then copy model.json and
# model.safetensors of runs/box/run to src/avts/weights.
GRID ?=
model: setup
	@test -z "$(GRID)" || test -d "$(GRID)" || { echo "make model: GRID=$(GRID): no such folder. Give the folder that holds s1 to s34, or one of these" >&2; exit 2; }
	@test -n "$(GRID)" || echo "make model: no GRID=FOLDER given: the model will be trained on generated videos only, not on real speech" >&2
	$(VENV)/bin/avts synth runs/box/world/rich --videos 1300 --seed 8001 --scenes rich
	$(VENV)/bin/avts synth runs/box/world/voices --videos 300 --seed 8002 --scenes rich --kinds talker,lips,mouth
	$(VENV)/bin/avts synth runs/box/world/plain --videos 300 --seed 8003
	$(VENV)/bin/avts ingest runs/box/world runs/box/corpus
ifeq ($(strip $(GRID)),)
	$(VENV)/bin/avts train recipes/box.toml --data runs/box/corpus --out runs/box/run
else
	$(VENV)/bin/avts train recipes/box.toml --data runs/box/corpus --out runs/box/generated
	$(VENV)/bin/avts synth runs/box/others/rich --videos 220 --seed 8101 --scenes rich
	$(VENV)/bin/avts synth runs/box/others/voices --videos 90 --seed 8102 --scenes rich --kinds talker,lips,mouth
	$(VENV)/bin/avts synth runs/box/others/plain --videos 60 --seed 8103
	$(VENV)/bin/avts ingest runs/box/others runs/box/mixed
	$(VENV)/bin/avts ingest "$(GRID)" runs/box/mixed --layout grid
	$(VENV)/bin/avts train recipes/adapt.toml --start runs/box/generated --data runs/box/mixed --out runs/box/run
endif

# Every regime of the paper's Table 1 on one generated corpus, then what the features are worth, three seeds each; hours on
# two cores. It goes on where it stopped: a cell that has a result file is not made again.
experiments: setup
	$(VENV)/bin/python experiments/table1.py runs/experiments
	$(VENV)/bin/python experiments/downstream.py runs/experiments

# 10,000 damaged files through ingest, sync and repair, and kills at random moments; hours on two cores. It goes on where it
# stopped, and ends with 3 if anything ended, hung, swelled or was half written.
endurance: setup
	$(VENV)/bin/python -m benchmarks.endurance --out runs/endurance

# docs/formats.md: every container, codec and structure, read, repaired and resampled; under 10 minutes on one core.
formats: setup
	$(VENV)/bin/python -m benchmarks.formats --out docs

# The documentation as a site, runs/site/index.html: strict, so a broken link or anchor fails. `make test` builds it too.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet

# The figures of the documentation that are drawn by code; the sync map asks the model in the box.
figures: setup
	$(VENV)/bin/python scripts/figures.py docs/figures

# The test of `avts app` drives Debian's Chromium; where it cannot be installed that test is skipped.
browser:
	@if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then :; \
	elif command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
		{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium chromium-driver; } \
			>/dev/null 2>&1 || echo "make: chromium could not be installed; the browser test is skipped" >&2; \
	else echo "make: no chromium and chromedriver, and no right to install them; the browser test is skipped" >&2; fi

# The peers of `python -m benchmarks loader`, apart from the program's own environment, whose torch and av they share. The
# ordinary wheel of torchcodec 0.12 needs no CUDA (that of 0.17 does); it decodes with the system's FFmpeg.
bench-env: setup
	$(PYTHON) -m venv .venv-bench
	$(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
		>"$$(.venv-bench/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/avts.pth"
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps decord==0.6.0 torchcodec==0.12.0
	@if command -v ffmpeg >/dev/null; then :; \
	elif command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
		{ apt-get update && apt-get install -y --no-install-recommends ffmpeg; } >/dev/null 2>&1 \
			|| echo "make: ffmpeg could not be installed; its rows will not be run" >&2; \
	else echo "make: no ffmpeg, and no right to install it; its rows will not be run" >&2; fi

clean:
	rm -rf $(VENV) .venv-bench runs/demo .mypy_cache .pytest_cache .ruff_cache
