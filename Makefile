# Everything a contributor runs. `make help` lists the targets; `make test` and `make check` are what CI runs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
export PIP_NO_INPUT := 1
# pip builds the extension with the environment's own maturin, wherever else one may be or not be installed.
export PATH := $(abspath $(BIN)):$(PATH)

# What the environment was built from. It is rebuilt when the contents change, not when a checkout touches the files.
SOURCES := pyproject.toml Cargo.toml Cargo.lock $(sort $(shell find rust -name '*.rs' -o -name Cargo.toml))
STAMP := $(shell cat $(SOURCES) | cksum | cut -d' ' -f1)
PACKAGES := $(shell cksum < pyproject.toml | cut -d' ' -f1)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-rust test-python test-slow check format bench wheel docs docs-digits docs-orders develop clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/demo-$(STAMP) ## Set up, sample 64 digits with the embedded model into digits.png
	$(BIN)/stepladder sample --model digits --count 64 --sampler dpmpp_2m --schedule karras --steps 10 --seed 7 -o digits.png

test: test-rust test-python ## Set up, then pass all Rust and Python tests

test-rust:
	cargo test --quiet --locked

test-python: $(VENV)/dev-$(STAMP)
	$(BIN)/python -m pytest --quiet

test-slow: $(VENV)/dev-$(STAMP) ## The property tests with many more examples
	HYPOTHESIS_PROFILE=slow $(BIN)/python -m pytest
	PROPTEST_CASES=5000 cargo test --quiet --locked --release

check: $(VENV)/dev-$(STAMP) ## Formatters, linters, types, stubs, generated docs
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy plugins/stepladder-minimal/stepladder_minimal.py
	$(BIN)/python -m mypy.stubtest stepladder._core --allowlist tests/stubtest_allowlist.txt
	$(BIN)/python docs/generate.py --check

format: $(VENV)/dev-$(STAMP) ## Rewrite sources and generated docs as `check` wants them
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python docs/generate.py

docs: $(VENV)/dev-$(STAMP) ## Regenerate tables and pictures of the docs
	$(BIN)/python docs/generate.py

docs-digits: $(VENV)/dev-$(STAMP) ## Measure samplers on the digits model anew, for docs/digits-samplers.md
	$(BIN)/python docs/generate.py --digits

docs-orders: $(VENV)/dev-$(STAMP) ## Measure the errors of all samplers anew, for docs/orders.md
	$(BIN)/python docs/generate.py --measure

bench: $(VENV)/bench-$(PACKAGES) ## Ratios against the incumbents and times of compiling, each answer asserted
	$(BIN)/python -m benches.python
	$(BIN)/python -m benches.python.compilation
	cargo bench --locked --quiet -p stepladder-benches

wheel: $(VENV)/dev-$(STAMP) ## Build wheel and sdist into dist/, and try both in clean environments
	$(BIN)/python tools/wheel.py

develop: $(VENV)/dev-$(STAMP) ## Only set up the environment

clean: ## Remove what the targets made
	rm -rf $(VENV) dist target

# One environment; each kind of use adds its packages. Packages follow pyproject.toml; the extension follows every source,
# and building it needs no index.
$(VENV)/created:
	$(PYTHON) -m venv $(VENV) || { echo "cannot make a virtual environment: on Debian, apt install python3-venv" >&2; exit 1; }
	$(PIP) install --upgrade 'pip>=24' 'maturin>=1.9.4,<2'
	touch $@

$(VENV)/packages-%-$(PACKAGES): | $(VENV)/created
	@command -v cargo >/dev/null || { echo "cargo not found: install a Rust toolchain, see README.md" >&2; exit 1; }
	@echo "installing the packages of stepladder[$*]; the first time this fetches torch"
	$(PIP) install --no-build-isolation --editable '.[$*]'
	touch $@

$(VENV)/demo-$(STAMP): | $(VENV)/packages-torch,plot-$(PACKAGES)
	$(PIP) install --no-deps --no-build-isolation --editable .
	rm -f $(VENV)/demo-* $(VENV)/dev-*
	touch $@

$(VENV)/dev-$(STAMP): $(VENV)/demo-$(STAMP) | $(VENV)/packages-dev-$(PACKAGES) $(VENV)/k-diffusion-$(PACKAGES)
	touch $@

# k-diffusion's own requirements pull a training stack; tests and benches import two of its modules.
$(VENV)/k-diffusion-$(PACKAGES): | $(VENV)/packages-dev-$(PACKAGES)
	$(PIP) install --no-deps k-diffusion torchdiffeq
	touch $@

$(VENV)/bench-$(PACKAGES): $(VENV)/dev-$(STAMP) | $(VENV)/packages-bench-$(PACKAGES)
	touch $@
