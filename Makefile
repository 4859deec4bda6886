# The commands of this repository; `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo portal test test-providers check bench image deb tools kubernetes-tools clients browser samples

CARGO ?= cargo
BINARY := $(or $(CARGO_TARGET_DIR),target)/debug/portcullis

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Build, then show it at work behind a real Envoy
	@echo "make demo: installs Envoy into .tools, makes a debug build (several minutes the first time), and"
	@echo "then sends requests through a real Envoy for some ten seconds."
	@$(MAKE) --no-print-directory tools
	$(CARGO) build --locked --bin portcullis
	scripts/demo $(BINARY)

portal: ## Build, then keep one with its portal and panel running, behind a real Envoy
	@$(MAKE) --no-print-directory tools
	$(CARGO) build --locked --bin portcullis
	@scripts/portal $(BINARY)

test: tools clients ## Run all tests
	$(CARGO) test --locked

# Without network after the first run. Ordinary tests run it as well once it is there, and skip it where it
# is not; with KEYCLOAK_HOME it fails there.
test-providers: tools ## Install Keycloak into .tools and test against it and the documented providers
	@home=$$(scripts/install-keycloak) && export KEYCLOAK_HOME="$$home" && set -x && \
	  $(CARGO) test --locked --test integration -- keycloak:: providers:: --nocapture

check: tools clients ## What CI runs: format, lints, tests, docs, dependencies, samples
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
	  echo "$(CARGO) deny check"; $(CARGO) deny check; \
	else echo "cargo-deny is not installed: dependencies were not checked"; fi
	@scripts/check-vendored-h2
	@scripts/check-schema
	$(CARGO) test --locked --manifest-path models/Cargo.toml
	$(CARGO) test --locked
	@$(MAKE) --no-print-directory samples
	@scripts/check-image $(BINARY)
	@scripts/check-deb $(BINARY)
	@if command -v apt-get >/dev/null; then scripts/check-monitoring $(BINARY); \
	else echo "apt-get is not installed: monitoring/ was not checked against Prometheus"; fi

# BINARY_OF_IMAGE: one that exists, such as a debug build, in place of a release build.
VARIANT ?= full
image: ## Assemble the image as an OCI archive, without a container engine (VARIANT=full|sidecar)
ifndef BINARY_OF_IMAGE
	$(CARGO) build --locked --release --bin portcullis $(if $(filter sidecar,$(VARIANT)),--no-default-features)
endif
	@scripts/make-image --variant $(VARIANT) --binary $(or $(BINARY_OF_IMAGE),$(subst debug,release,$(BINARY))) \
	  --out $(or $(CARGO_TARGET_DIR),target)/portcullis$(if $(filter sidecar,$(VARIANT)),-sidecar).oci.tar

deb: ## Assemble a Debian package of a release build
	$(CARGO) build --locked --release --bin portcullis
	@scripts/make-deb $(subst debug,release,$(BINARY)) $(or $(CARGO_TARGET_DIR),target)

bench: ## Measure the budgets of the design
	$(CARGO) bench --locked --bench report

tools: ## Install the Envoys that tests and demo run, into .tools
	@scripts/install-tools >/dev/null

kubernetes-tools: ## Install what validates k8s/ and charts/ (kubeconform, Helm, schemas), into .tools
	@scripts/install-kubernetes-tools >/dev/null

clients: ## Install the OAuth2 libraries that tests run, into .tools
	@scripts/install-clients
	@scripts/install-schemathesis >/dev/null

browser: ## Install Chromium into the system (as root), for the tests that are skipped without it
	@scripts/install-clients --browser

# After the build. One by one: several files given at once are one policy.
samples: tools
	@$(CARGO) build --locked --quiet --bin portcullis
	@set -e; for policy in config/policy.yaml k8s/*/policy.yaml; do \
	  echo "portcullis check $$policy"; $(BINARY) check $$policy; done
	$(BINARY) test config/policy.test.yaml --fail-under 100
	@scripts/install-tools | { set -e; while IFS= read -r envoy; do \
	  for config in config/envoy.yaml k8s/example/envoy.yaml; do \
	    "$$envoy" --mode validate -l error -c $$config; done; done; }
	@scripts/check-systemd $(BINARY)
	@scripts/check-platform $(BINARY)
	@if command -v kubectl >/dev/null && command -v go >/dev/null; then \
	  scripts/check-docs && scripts/check-kubernetes $(BINARY); \
	else echo "kubectl or go is not installed: k8s/, charts/ and docs/ were neither rendered nor validated"; fi
