# Brownout. `make help` lists what can be made; everything made goes under build/.
#
# CC, CFLAGS, CXX, CXXFLAGS, LIB_FUZZING_ENGINE and OUT are honoured; BUILD=DIR builds elsewhere.
# What a target uses and does not find is installed where that is possible, else named in one
# sentence (tools/need).

BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := clang++-14
endif
CFLAGS ?= -O2 -g
JOBS ?= $(shell nproc 2>/dev/null || echo 1)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
STD := -std=c11
INCLUDE := -I.
# V=1 shows whole commands, else what is made is told in a word.
quietly = $(if $(V),,@echo '$(1) $(2)';)
# Assertions stay on in every build, whatever CFLAGS say.
# The harness has the memory and the processor for a fast CRC; firmware chooses (engines/crc32c.h).
FAST := -DBO_CRC32C_FAST -DBO_CRC32C_NATIVE
COMPILE = $(CC) $(STD) $(WARN) $(CFLAGS) $(HOSTED) -UNDEBUG $(FAST) $(INCLUDE)

# --- what there is to build ---

# DATABASE=no leaves out the files that need SQLite, for machines without it; C tests alone can be
# built then.
DATABASE ?= yes
DATABASE_SRC := $(if $(filter no,$(DATABASE)),$(wildcard fuzz/db/*.c))
APART := %_test.c %_fuzzer.c fuzz/fuzzers/input_main.c $(DATABASE_SRC)
ENGINE_SRC := $(sort $(filter-out $(APART),$(wildcard engines/*.c engines/*/*.c)))
SIM_SRC := $(sort $(filter-out $(APART),$(wildcard sim/*.c)))
FUZZ_SRC := $(sort $(filter-out $(APART) fuzz/command/main.c,$(wildcard fuzz/*/*.c)))
ENGINE_TEST_SRC := $(sort $(wildcard engines/*_test.c engines/*/*_test.c))
HARNESS_TEST_SRC := $(sort $(filter-out $(DATABASE_SRC), \
    $(wildcard sim/*_test.c fuzz/*/*_test.c)))
FUZZER_SRC := $(sort $(wildcard fuzz/*/*_fuzzer.c))

object = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
program = $(patsubst %.c,$(BUILD)/test/%,$(1))
ENGINE_OBJ := $(call object,$(ENGINE_SRC))
LIB_OBJ := $(ENGINE_OBJ) $(call object,$(SIM_SRC) $(FUZZ_SRC))
ENGINE_TESTS := $(call program,$(ENGINE_TEST_SRC))
SIM_TESTS := $(call program,$(filter sim/%,$(HARNESS_TEST_SRC)))
HARNESS_TESTS := $(call program,$(HARNESS_TEST_SRC))
LIBS := $(if $(DATABASE_SRC),,-lsqlite3) -ldl $(MORE_LIBS)

# --- what each target uses: Debian packages, each known to tools/need ---

BUILD_NEEDS := gcc libc6-dev libsqlite3-dev
LINT_NEEDS := gcc libc6-dev libsqlite3-dev clang-14 clang-format-14 python3
TEST_NEEDS := $(BUILD_NEEDS) $(LINT_NEEDS) python3-pytest python3-hypothesis
PARALLEL_NEEDS := python3-pytest-xdist
BIG_ENDIAN_NEEDS := gcc-powerpc-linux-gnu libc6-dev-powerpc-cross qemu-user
SIZE_NEEDS := gcc-arm-none-eabi libnewlib-arm-none-eabi python3
FIRMWARE_NEEDS := $(SIZE_NEEDS) qemu-system-arm
DEB_NEEDS := dpkg python3
FUZZER_NEEDS := $(BUILD_NEEDS) clang-14 libclang-rt-14-dev
AFL_NEEDS := $(FUZZER_NEEDS) afl++

NEED := CC='$(CC)' BUILD='$(BUILD)' tools/need
AGAIN = @$(MAKE) --no-print-directory -j$(JOBS)

# --- the command ---

all: $(BUILD)/brownout ## the brownout command, optimised, in build/

$(BUILD)/brownout: $(LIB_OBJ) $(BUILD)/obj/fuzz/command/main.o
	$(call quietly,link,$@)$(CC) $(CFLAGS) -rdynamic $(filter %.o,$^) -o $@ $(LIBS)

# The chip alone as a shared library, for the Python tests. A sanitizer that must be loaded before
# Python itself (ASan) is of no use here, so its flags are a variable of their own.
LIBSIM_CFLAGS ?= $(CFLAGS)
$(BUILD)/libsim.so: $(SIM_SRC) $(wildcard sim/*.h engines/*.h) $(BUILD)/flags
	$(call quietly,link,$@)$(CC) $(STD) $(WARN) $(LIBSIM_CFLAGS) -UNDEBUG $(INCLUDE) \
	    -shared -fPIC $(SIM_SRC) -o $@

# HOSTED_CFLAGS are for what never goes into firmware.
$(BUILD)/obj/sim/%.o $(BUILD)/obj/fuzz/%.o: private HOSTED = $(HOSTED_CFLAGS)
# What fuzz targets are about has coverage: engines, also those that must be caught, and the parser.
COVERED := $(BUILD)/obj/fuzz/subjects/%.o $(BUILD)/obj/fuzz/script/scenario%.o
$(COVERED): private HOSTED = $(filter-out -fno-sanitize=fuzzer-no-link,$(HOSTED_CFLAGS))

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quietly,compile,$<)$(COMPILE) -MMD -MP -c $< -o $@

# C tests. Those of the engines are linked with engines alone, as a user lifts the folder; those of
# the chip with these two.
$(ENGINE_TESTS): $(BUILD)/test/%: $(BUILD)/obj/%.o $(ENGINE_OBJ)
	@mkdir -p $(@D)
	$(call quietly,link,$@)$(CC) $(CFLAGS) $(filter %.o,$^) -o $@

$(SIM_TESTS): $(BUILD)/test/%: $(BUILD)/obj/%.o $(ENGINE_OBJ) $(call object,$(SIM_SRC))
	@mkdir -p $(@D)
	$(call quietly,link,$@)$(CC) $(CFLAGS) $(filter %.o,$^) -o $@

$(filter-out $(SIM_TESTS),$(HARNESS_TESTS)): $(BUILD)/test/%: $(BUILD)/obj/%.o $(BUILD)/harness.a
	@mkdir -p $(@D)
	$(call quietly,link,$@)$(CC) $(CFLAGS) $^ -o $@ $(LIBS)

# Archives, so that a test gets the objects that it uses and no others. Fuzz targets use none of the
# upper layers, which are then not compiled for them.
$(BUILD)/harness.a: $(LIB_OBJ)
$(BUILD)/fuzzed.a: $(filter-out $(foreach it,command db wear,$(BUILD)/obj/fuzz/$(it)/%),$(LIB_OBJ))
$(BUILD)/harness.a $(BUILD)/fuzzed.a:
	@rm -f $@
	$(call quietly,link,$@)$(AR) rcs $@ $^

# Changes when the compiler, the flags or the list of sources do, so that objects of two kinds are
# never linked together and a removed source is noticed.
BUILT_WITH := $(COMPILE) $(HOSTED_CFLAGS) $(LIBSIM_CFLAGS) $(ENGINE_SRC) $(SIM_SRC) $(FUZZ_SRC)
$(BUILD)/flags: FORCE | $(BUILD)/tools-found
	@echo '$(BUILT_WITH)' | cmp -s - $@ || echo '$(BUILT_WITH)' >$@

$(BUILD)/tools-found:
	@$(NEED) --say $(BUILD_NEEDS)
	@mkdir -p $(@D) && touch $@

# What the database's schema needs to get into the command.
include $(wildcard reports/rules.mk)

DEPENDENCIES := $(patsubst %.o,%.d,$(LIB_OBJ) \
    $(call object,fuzz/command/main.c $(ENGINE_TEST_SRC) $(HARNESS_TEST_SRC)))
-include $(wildcard $(DEPENDENCIES))

# --- tests ---

# What the tests run; `make test` builds it with sanitizers under build/asan/.
TESTS ?=
# BO_CHECKS has engines, models, rig and chip walk their invariants after each call.
# (gcc warns of conversions that are none under UBSan; the lint has them checked without it. A use
# of NULL ends a program anyway, and asking at each pointer costs a fifth of the time.)
SANITIZE := -O1 -g -fno-omit-frame-pointer -Wno-conversion -fsanitize=address,undefined \
    -fno-sanitize=null -fno-sanitize-recover=all -DBO_CHECKS
# gcc's UBSan is a library that loads with ours; clang's would have to be part of Python, so there
# a finding is a trap without a message.
SANITIZE_LIBSIM := -O1 -g -Wno-conversion -fsanitize=undefined -fno-sanitize-recover=all \
    -DBO_CHECKS \
    $(if $(findstring clang,$(CC)),-fsanitize-undefined-trap-on-error)
SANITIZED = BUILD='$(BUILD)/asan' CC='$(CC)' CFLAGS='$(SANITIZE)' LIBSIM_CFLAGS='$(SANITIZE_LIBSIM)'

# Runs the tests on the build in the folder that is given. Some wait for a time to pass, so there is
# one worker more than processors.
SIDE_BY_SIDE = -n$$(($(JOBS) + 1))
pytest = python=$$(BUILD='$(BUILD)' tools/python) && \
    export BROWNOUT_BUILD='$(1)' PYTHONPYCACHEPREFIX='$(abspath $(BUILD))/pycache' && \
    "$$python" -m pytest $$("$$python" -c 'import xdist' 2>/dev/null && echo $(SIDE_BY_SIDE)) \
    $(TESTS)

check-build: $(BUILD)/brownout $(BUILD)/libsim.so $(ENGINE_TESTS) $(HARNESS_TESTS)

# What the tests ask of the ordinary build; conftest.py names the same C tests.
PLAIN_TESTS := $(call program,$(filter %/canary_test.c %/canary_list_test.c,$(HARNESS_TEST_SRC)) \
    $(filter %_cut_test.c,$(ENGINE_TEST_SRC)))
plain-build: $(BUILD)/brownout $(PLAIN_TESTS)

# Tests run without what makes them parallel, so that is asked for once in a build folder.
$(BUILD)/parallel-tried:
	@$(NEED) $(PARALLEL_NEEDS) || echo 'make: without it the tests run one after the other'
	@mkdir -p $(@D) && touch $@

test: ## installs what is missing, builds with sanitizers, runs every test; TESTS=sim runs some
	@$(NEED) $(TEST_NEEDS)
	@$(MAKE) --no-print-directory $(BUILD)/parallel-tried
	$(AGAIN) $(SANITIZED) check-build
	$(AGAIN) plain-build
	@$(call pytest,$(BUILD)/asan)

# All is built again, so that no count of an earlier run is among them. The figures are printed also
# where a test has failed, which is a failure all the same.
GCOV := -O0 -g --coverage
coverage: ## lines and branches that the tests reach, of each file (gcov); TESTS=sim runs some
	@$(NEED) $(TEST_NEEDS)
	@rm -rf '$(BUILD)/coverage' && mkdir -p '$(BUILD)/coverage'
	@gcc $(STD) $(WARN) -c tools/gcov_exit.c -o '$(BUILD)/coverage/gcov_exit.o'
	$(AGAIN) BUILD='$(BUILD)/coverage' CC=gcc CFLAGS='$(GCOV)' LIBSIM_CFLAGS='$(GCOV)' \
	    MORE_LIBS='$(BUILD)/coverage/gcov_exit.o -Wl,--wrap=_exit' check-build
	@failed=0; { $(call pytest,$(BUILD)/coverage); } || failed=1; \
	    python3 -B tools/coverage.py '$(BUILD)/coverage' $(if $(TESTS),--part) && exit $$failed

lint: ## sizes, include direction, formatting, both compilers, no heap or globals in engines
	@$(NEED) $(LINT_NEEDS)
	@python3 -B tools/lint.py

# This machine has 32 bits too: engines get its view of conversions, the harness is for 64.
big-endian: ## the C tests on a big-endian machine, under qemu
	@$(NEED) $(BIG_ENDIAN_NEEDS)
	$(AGAIN) BUILD='$(BUILD)/big-endian' CC=powerpc-linux-gnu-gcc AR=powerpc-linux-gnu-ar \
	    CFLAGS='-O2 -g -static' HOSTED_CFLAGS=-Wno-conversion RUN=qemu-ppc \
	    BUILD_NEEDS= DATABASE=no run-c-tests

# A C test runs from here without an argument and exits with 0 when it passes.
RUN ?=
# An emulated machine gets the engines and the chip; what takes long to try everything is for
# `make test`.
NOT_EMULATED := %_cut_test %_bound_test %_glitch_test
EMULATED := $(filter-out $(NOT_EMULATED),$(ENGINE_TESTS) $(SIM_TESTS))
run-c-tests: $(if $(RUN),$(EMULATED),$(ENGINE_TESTS) $(HARNESS_TESTS))
	@[ $(words $^) -gt 0 ] || { echo 'make: no *_test.c to run' >&2; exit 2; }
	@printf '%s\n' $^ | xargs -P '$(JOBS)' -I{} \
	    sh -c 'echo "$(RUN) {}"; $(RUN) {} || { echo "{} failed" >&2; exit 1; }'
	@echo "$(words $^) C tests passed"

# --- measures ---

campaign: ## installs what is missing, explores every scenario on every engine; build/results.db
	@$(NEED) $(BUILD_NEEDS) python3
	$(AGAIN) all
	@'$(BUILD)/brownout' campaign --engines house --db '$(BUILD)/results.db' \
	    --again --long

# The database is what a night is compared with: keep it where `make clean` leaves it alone.
TIME ?= 8h
NIGHTLY ?= --engines house --name nightly --db nightly/results.db
nightly: ## a campaign that knows yesterday's, TIME=8h; NIGHTLY=FILE.toml says what it runs
	@$(NEED) $(BUILD_NEEDS) python3
	$(AGAIN) all
	@'$(BUILD)/brownout' campaign $(NIGHTLY) --time '$(TIME)'

# The single cuts of some engines are in make test too (tools/test_hard.py).
hard: all ## each engine with each option on the smallest chips, pairs of cuts everywhere; a canary
	@python3 -B tools/hard.py '$(BUILD)/brownout'

# Needs cargo and, the first time, the Rust registry; what was built is not built again. At the end
# our engines and the libraries open each other's images.
PEERS_TIME = $(if $(filter file undefined,$(origin TIME)),10m,$(TIME))
peers: all ## real libraries of the Rust registry under the same judge, TIME=10m; peers/README.md
	@command -v cargo >/dev/null || { echo 'make: cargo is missing; install Rust 1.87'; exit 2; }
	@$(NEED) libclang1-14
	@python3 -B peers/scoreboard.py '$(BUILD)/brownout' --time '$(PEERS_TIME)'
	@$(NEED) python3 python3-pytest python3-hypothesis
	@BROWNOUT_BUILD='$(BUILD)' $$(BUILD='$(BUILD)' tools/python) -m pytest -q peers/cross

# A sample is in make test.
planted: all ## what every planted fault of the canaries shrinks to: nine of ten to 5 operations
	@$(NEED) $(TEST_NEEDS)
	@BROWNOUT_PLANTED=all BROWNOUT_BUILD='$(BUILD)' $$(BUILD='$(BUILD)' tools/python) -m pytest -qs \
	    -k planted fuzz/explore/test_shrink.py

# The tests run a handful of them (tools/test_mutants.py).
PART ?= 1/1
mutants: all ## small bugs are put into the engines: which are noticed; PART=3/20 a part of them
	@$(NEED) $(BUILD_NEEDS) python3
	@python3 -B tools/mutants.py '$(BUILD)/brownout' --part '$(PART)'

bench: all ## speeds, each beside a yardstick run at the same moment
	@$(BUILD)/brownout bench scenarios/long-run.scn scenarios/pairs-20.scn \
	    scenarios/bench-rlog.scn $(addprefix scenarios/bench/,rlog-full.scn lsm.scn tickv.scn)
	@python3 -B tools/bench_fuzzers.py '$(BUILD)/fast/fuzzers' '$(BUILD)/brownout' || \
	    echo 'make: the fuzz targets are not measured; type: make bench-fuzzers'

# Built without sanitizers, in a folder of its own.
bench-fuzzers: all ## crash states that fuzz targets judge, beside explore's; builds for minutes
	$(AGAIN) BUILD='$(BUILD)/fast' FUZZER_FLAGS='-O2 -g' driven
	@python3 -B tools/bench_fuzzers.py '$(BUILD)/fast/fuzzers' '$(BUILD)/brownout'

size: ## code, RAM and deepest stack of each engine on a Cortex-M4
	@$(NEED) --say $(SIZE_NEEDS)
	@python3 -B tools/size.py '$(BUILD)/size'

size-table: ## writes the table of sizes of the README anew
	@$(NEED) --say $(FIRMWARE_NEEDS)
	@python3 -B tools/size_table.py '$(BUILD)/size'

# --- firmware ---

firmware: ## each engine on a Cortex-M4 and a Cortex-M0+ under qemu: results, image, stack
	@$(NEED) --say $(FIRMWARE_NEEDS)
	@python3 -B tools/firmware.py '$(BUILD)/firmware'

ENGINE ?=
DIR ?=
lift: ## copies what firmware needs of an engine, ENGINE=seqmap, to a new folder, DIR=...
	@python3 -B tools/engines.py lift '$(ENGINE)' '$(DIR)'

# --- fuzz targets: one file each, fuzz/fuzzers/NAME_fuzzer.c ---

OUT ?= $(BUILD)/fuzzers
FUZZERS := $(patsubst %.c,$(OUT)/%,$(notdir $(FUZZER_SRC)))
# Sanitizers cost three quarters of the speed: make fuzzers FUZZER_FLAGS='-O2 -g'. Coverage is that
# of the engines; comparisons are not traced, as the inputs have no magic numbers to be guessed.
FUZZER_FLAGS ?= $(SANITIZE)
vpath %_fuzzer.c $(sort $(dir $(FUZZER_SRC)))

# LIB_FUZZING_ENGINE=replay: no fuzzer, but a main that runs the inputs given.
ifdef LIB_FUZZING_ENGINE
FUZZER_MAIN := $(if $(filter replay,$(LIB_FUZZING_ENGINE)),$(BUILD)/obj/fuzz/fuzzers/input_main.o)
fuzzers: $(FUZZERS)
	@[ $(words $^) -gt 0 ] || { echo 'make: no fuzz/fuzzers/NAME_fuzzer.c to build' >&2; exit 2; }
$(FUZZERS): $(OUT)/%: $(BUILD)/obj/fuzz/fuzzers/%.o $(FUZZER_MAIN) $(BUILD)/fuzzed.a
	@mkdir -p $(@D)
	$(call quietly,link,$@)$(CXX) $(CFLAGS) $(CXXFLAGS) -rdynamic $^ \
	    $(filter-out replay,$(LIB_FUZZING_ENGINE)) -o $@ $(LIBS)
else
fuzzers: replayers driven ## fuzz targets: libFuzzer, AFL++ where it is, replayers of their inputs

driven:
	@$(NEED) $(FUZZER_NEEDS)
	$(AGAIN) BUILD='$(BUILD)/libfuzzer' OUT='$(OUT)' CC=clang-14 CXX=clang++-14 \
	    CFLAGS='$(FUZZER_FLAGS) -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp' \
	    HOSTED_CFLAGS=-fno-sanitize=fuzzer-no-link LIB_FUZZING_ENGINE=-fsanitize=fuzzer \
	    fuzzers
	@if command -v afl-clang-fast >/dev/null; then $(AFL); \
	else echo 'make: no AFL++ targets; for them type: make afl'; fi

# It covers what libFuzzer covers: that is a list of files here.
AFL = AFL_QUIET=1 AFL_LLVM_ALLOWLIST='$(CURDIR)/tools/afl.covered' $(MAKE) \
    --no-print-directory -j$(JOBS) BUILD='$(BUILD)/afl' OUT='$(OUT)/afl' CC=afl-clang-fast \
    CXX=afl-clang-fast++ CFLAGS='$(FUZZER_FLAGS)' LIB_FUZZING_ENGINE=-fsanitize=fuzzer fuzzers

afl: ## the fuzz targets for AFL++ alone, in build/fuzzers/afl; installs what is missing
	@$(NEED) $(AFL_NEEDS)
	@$(AFL)

# Linked from the objects of the sanitized command, which the tests use.
replayers:
	$(AGAIN) $(SANITIZED) OUT='$(OUT)/replay' CXX='$(CC)' LIB_FUZZING_ENGINE=replay fuzzers
endif

# Without libFuzzer the replayers run alone.
SMOKE_SECONDS ?= 3
smoke: ## every fuzz target for some seconds, and each must catch a planted fault
	@$(NEED) $(BUILD_NEEDS) python3
	@if $(NEED) $(FUZZER_NEEDS); then made=fuzzers; \
	else echo 'make: no libFuzzer; the replayers run alone'; made=replayers; fi; \
	$(MAKE) --no-print-directory $$made
	@python3 -B tools/smoke.py '$(OUT)' --seconds $(SMOKE_SECONDS)

# The tests do it on a small tree (ci/test_clusterfuzzlite.py), .ci/run --night on this one.
cflite: ## what ClusterFuzzLite does with .clusterfuzzlite/build.sh, every sanitizer; minutes
	@$(NEED) $(FUZZER_NEEDS) python3
	@python3 -B tools/cflite.py '$(BUILD)/cflite'

# --- installing ---

# DESTDIR stands before every path when a package is made.
PREFIX ?= /usr/local
DESTDIR ?=
INSTALL ?= install
SHARE = $(DESTDIR)$(PREFIX)/share
INCLUDED = $(DESTDIR)$(PREFIX)/include/brownout
VERSION = $(shell sed -n 's/.*"version": "\(.*\)".*/\1/p' library.json)
# What a plug-in includes, and what campaigns and reports are made of.
PLUGIN_HEADERS := fuzz/adapter.h engines/flash.h $(sort $(wildcard peers/c/*_door.h))
SHARED_FILES := $(filter-out reports/test_%,$(wildcard reports/*.py reports/*.sql)) \
    $(wildcard scenarios/*.md scenarios/*.scn scenarios/*/*.scn scenarios/*/*.case) \
    $(wildcard ci/*.md ci/*.yml ci/*/*.yml)
SHARED_COMMANDS := $(wildcard ci/shard ci/report ci/slurm)
# install_files: folder above, mode, files; they keep their folders.
install_files = $(foreach folder,$(sort $(dir $(3))),$(INSTALL) -d $(1)/$(folder) && \
    $(INSTALL) -m $(2) -t $(1)/$(folder) \
        $(foreach file,$(3),$(if $(filter $(folder),$(dir $(file))),$(file))) &&) :
INSTALLED = $(DESTDIR)$(PREFIX)/bin/brownout $(SHARE)/man/man1/brownout.1 \
    $(SHARE)/pkgconfig/brownout.pc $(INCLUDED) $(SHARE)/brownout

install: $(BUILD)/brownout ## the command, headers, man page; PREFIX=/usr/local, DESTDIR=
	@$(NEED) --say python3
	@$(INSTALL) -d $(dir $(INSTALLED)) $(SHARE)/brownout $(INCLUDED)
	@$(INSTALL) $(BUILD)/brownout $(DESTDIR)$(PREFIX)/bin/brownout
	@$(call install_files,$(INCLUDED),644,$(PLUGIN_HEADERS))
	@$(call install_files,$(SHARE)/brownout,644,$(SHARED_FILES))
	@$(call install_files,$(SHARE)/brownout,755,$(SHARED_COMMANDS))
	@python3 -B tools/man.py $(BUILD)/brownout >$(SHARE)/man/man1/brownout.1
	@printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include/brownout' '' 'Name: brownout' \
	    'Description: headers for engines that Brownout drives as plug-ins' \
	    'Version: $(VERSION)' 'Cflags: -I$${includedir}' >$(SHARE)/pkgconfig/brownout.pc
	@echo 'installed $(DESTDIR)$(PREFIX)/bin/brownout'

uninstall: ## removes what make install put there; with the same PREFIX and DESTDIR
	rm -rf $(INSTALLED)

# Who is asked about the package: whoever builds it.
MAINTAINER ?= Brownout authors <brownout@example.com>
DEB ?= $(BUILD)/deb
deb: $(BUILD)/brownout ## a Debian package, in build/deb/
	@$(NEED) --say $(DEB_NEEDS)
	@rm -rf '$(DEB)'
	@$(MAKE) -s --no-print-directory -o '$<' install DESTDIR='$(DEB)/root' PREFIX=/usr >/dev/null
	@VERSION='$(VERSION)' MAINTAINER='$(MAINTAINER)' tools/deb '$(DEB)'

# --- the rest ---

clean: ## removes build/
	rm -rf $(BUILD)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' Makefile

FORCE:
.PHONY: all test coverage lint big-endian campaign nightly hard planted mutants bench size fuzzers
.PHONY: smoke afl bench-fuzzers cflite lift size-table firmware install uninstall deb clean help
.PHONY: peers check-build plain-build run-c-tests driven replayers FORCE
.DELETE_ON_ERROR:
