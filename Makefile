# The commands of this repository; `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo portal test test-providers diff-by-solver check bench image deb sbom tools kubernetes-tools clients browser pictures samples

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

pictures: tools clients ## Build, then make the pictures of the portal in docs/images anew, with Chromium
	$(CARGO) build --locked --bin portcullis
	@scripts/pictures $(BINARY)

test: tools clients ## Run all tests
	$(CARGO) test --locked

# Without network after the first run. Ordinary tests run it as well once it is there, and skip it where it
# is not; with KEYCLOAK_HOME it fails there.
test-providers: tools ## Install Keycloak into .tools and test against it and the documented providers
	@home=$$(scripts/install-keycloak) && export KEYCLOAK_HOME="$$home" && set -x && \
	  $(CARGO) test --locked --test integration -- keycloak:: providers:: --nocapture

# Some minutes; ordinary tests compare a hundred pairs.
diff-by-solver: ## Compare `portcullis diff` with a solver, on 2,000 pairs of policies
	$(CARGO) build --locked --bin portcullis
	"$$(scripts/install-z3)" tests/second_opinion/diff.py $(BINARY) --pairs 2000

check: ## What CI runs: format, lints, tests, docs, dependencies, samples
	@scripts/check

# BINARY_OF_IMAGE: one that exists, such as a debug build, in place of a release build.
VARIANT ?= full
image: ## Assemble the image as an OCI archive, without a container engine (VARIANT=full|sidecar)
ifndef BINARY_OF_IMAGE
	@scripts/build-release $(if $(filter sidecar,$(VARIANT)),--no-default-features,--features traces)
endif
	@scripts/make-image --variant $(VARIANT) --binary $(or $(BINARY_OF_IMAGE),$(subst debug,release,$(BINARY))) \
	  --out $(or $(CARGO_TARGET_DIR),target)/portcullis$(if $(filter sidecar,$(VARIANT)),-sidecar).oci.tar

deb: ## Assemble a Debian package of a release build
	@scripts/build-release --features traces
	@scripts/make-deb $(subst debug,release,$(BINARY)) $(or $(CARGO_TARGET_DIR),target)

sbom: ## List the components of the binary (CycloneDX)
	@scripts/make-sbom $(or $(CARGO_TARGET_DIR),target)

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

samples: tools ## Check config/, k8s/, charts/, docs/ and packaging/ with a debug build
	@$(CARGO) build --locked --quiet --bin portcullis
	@scripts/check-samples $(BINARY)
