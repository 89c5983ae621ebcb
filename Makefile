# Ringwork: build, demo, tests, figures. `make` alone lists the targets.
#
# Needs a Rust toolchain, a JDK >= 22 and Maven; everything else comes from the
# package registries on the first build. tools/find-jdk looks for the JDK.

.DEFAULT_GOAL := help
SHELL := /bin/bash

RELEASE := target/release
BINARY := $(RELEASE)/ringwork
STATIC_BINARY := target/natives/linux-x86_64/ringwork
JAVA_STAMP := target/java.stamp
RUST_SOURCES := $(shell find ring codec client worker handlers supervisor cli tests benches fuzz examples/custom-worker -name '*.rs' -o -name Cargo.toml 2>/dev/null) Cargo.toml Cargo.lock
JAVA_SOURCES := $(shell find java-panama examples/http-server \( -name '*.java' -o -name pom.xml -o -path '*/src/*/resources/*' -type f \) -not -path '*/target/*')

# One JDK for Maven and for what we run.
JDK = $(shell tools/find-jdk 22)
MVN_RUN = JAVA_HOME="$(JDK)" mvn -B -ntp -q -f java-panama/pom.xml
MVN_PEERS = JAVA_HOME="$(JDK)" mvn -B -ntp -q -f benches/peers/java/pom.xml

.PHONY: help build demo example-server check test chaos matrix model fuzz fuzz-seed bench bench-quick deny lint lint-benches fmt layout clean need

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

need:
	@command -v cargo >/dev/null || { echo "ringwork: cargo is missing: install Rust >= 1.91 with rustup (rustup.rs) or your distribution's package" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "ringwork: a C compiler is missing (zstd, WebP and JPEG need it): install gcc or clang" >&2; exit 1; }
	@command -v mvn >/dev/null || { echo "ringwork: Maven is missing: install the package 'maven' (>= 3.8)" >&2; exit 1; }
	@tools/find-jdk 22 >/dev/null

build: need $(BINARY) $(STATIC_BINARY) $(JAVA_STAMP) ## build everything in release mode

$(BINARY): $(RUST_SOURCES)
	cargo build --locked --release --workspace
	@touch $@

$(STATIC_BINARY): $(BINARY) tools/static-binary
	tools/static-binary

$(JAVA_STAMP): $(JAVA_SOURCES) $(BINARY) $(STATIC_BINARY)
	$(MVN_RUN) package -DskipTests
	@touch $@

demo: build ## run the main job: hashes and photos beside a Java thread pool, then a kill
	@"$(JDK)/bin/java" -jar java-panama/ringwork-demo/target/ringwork-demo-*.jar

example-server: build ## run examples/http-server: thumbnails and hashes over HTTP (PORT=8080, VIRTUAL=1 for virtual threads, TRACE=1 for spans)
	@"$(JDK)/bin/java" -jar examples/http-server/target/http-server.jar $(if $(VIRTUAL),--virtual) $(if $(TRACE),--trace) $(or $(PORT),8080)

check: need ## the fast gate: formats, clippy, unit tests, the contract; at most 4 minutes
	@JAVA_HOME="$(JDK)" tools/check

test: need ## build everything and run every test, suites side by side
	@JAVA_HOME="$(JDK)" tools/test

matrix: build ## kill and stop every kind of process at every failpoint (SEED=, ONLY=part of a name, JOBS=)
	@JAVA_HOME="$(JDK)" RINGWORK_MATRIX_SEED="$(SEED)" RINGWORK_MATRIX_ONLY="$(ONLY)" RINGWORK_MATRIX_JOBS="$(JOBS)" \
	  cargo test --locked --release -p ringwork-matrix --features failpoints --test kill_matrix

chaos: build ## kill, stop and recycle everything under load (DURATION=60, SEED=, KILLS=), prove that nothing is lost
	@JAVA_HOME="$(JDK)" DURATION="$(DURATION)" SEED="$(SEED)" KILLS="$(KILLS)" tools/chaos

model: need ## check the models, the long ones too, stress the Java client, and see each mutant caught
	@tools/model
	@tools/jcstress

bench: build ## measure (SUITE=rtt for one, SUITE=structures for Criterion, SUITE=jmh, see benches/README.md); writes target/bench/index.html
	@JAVA_HOME="$(JDK)" tools/bench $(SUITE)

bench-quick: build ## the ratios that matter in at most 2 minutes, short rounds
	@JAVA_HOME="$(JDK)" tools/bench quick

fuzz: ## fuzz each target for FUZZ_SECONDS=60 (TARGET=slot for one); needs nightly Rust and cargo-fuzz
	@tools/fuzz $(TARGET)

fuzz-seed: ## write the seeds of the fuzz corpora anew
	cargo run --locked --release -q -p ringwork-fuzz --example seed

deny: ## hold the dependencies to deny.toml: licences, versions, sources, advisories
	@tools/deny

lint: need ## formatters and linters, warnings are errors
	tools/prose
	cargo fmt --all --check
	cargo fmt --all --check --manifest-path benches/peers/rust/Cargo.toml
	cargo fmt --all --check --manifest-path benches/structures/Cargo.toml
	cargo fmt --check --manifest-path examples/async-worker/Cargo.toml
	cargo fmt --check --manifest-path examples/traced-worker/Cargo.toml
	tools/mutants/run --apply
	cargo clippy --locked --release --workspace --all-targets -- -D warnings
	cargo clippy --locked --release -p ringwork-cli --no-default-features -- -D warnings
	for feature in "" compress digest image password; do \
	  cargo clippy --locked --release -p ringwork-handlers --no-default-features --features "$$feature" --all-targets -- -D warnings || exit; \
	done
	cargo clippy --locked --release -p ringwork-matrix --features failpoints --all-targets -- -D warnings
	cargo clippy --locked --release -p ringwork-worker --features opentelemetry --all-targets -- -D warnings
	tools/surface
	tools/containers
	tools/package --verify
	$(MVN_RUN) -Plint,jcstress,jmh spotless:check compile
	$(MVN_PEERS) -Plint spotless:check

lint-benches: need ## clippy on what is built by itself: the peers, the benches of the structures, two examples
	cargo clippy --locked --release --manifest-path benches/peers/rust/Cargo.toml --workspace --all-targets -- -D warnings
	cargo clippy --locked --release --manifest-path benches/structures/Cargo.toml --target-dir target/structures --all-targets -- -D warnings
	cargo clippy --locked --release --manifest-path examples/async-worker/Cargo.toml --target-dir target/async-worker --all-targets -- -D warnings
	cargo clippy --locked --release --manifest-path examples/traced-worker/Cargo.toml --target-dir target/traced-worker --all-targets -- -D warnings

fmt: need ## format all sources
	cargo fmt --all
	cargo fmt --all --manifest-path benches/peers/rust/Cargo.toml
	cargo fmt --all --manifest-path benches/structures/Cargo.toml
	cargo fmt --manifest-path examples/async-worker/Cargo.toml
	cargo fmt --manifest-path examples/traced-worker/Cargo.toml
	$(MVN_RUN) -Plint,jcstress,jmh spotless:apply
	$(MVN_PEERS) -Plint spotless:apply

layout: need ## generate from ring/src/format what Java has of it, and ring/layout.txt
	cargo run --locked -q -p ringwork-ring --example layout_java

clean: ## remove everything that was built
	cargo clean
	rm -rf target java-panama/target java-panama/*/target examples/*/target benches/peers/*/target
