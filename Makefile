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
FUZZER_NEEDS := $(BUILD_NEEDS) clang-14 libclang-rt-14-dev

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
$(BUILD)/obj/fuzz/subjects/%.o: private HOSTED = \
    $(filter-out -fno-sanitize=fuzzer-no-link,$(HOSTED_CFLAGS)) # engines, too

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call quietly,compile,$<)$(COMPILE) -MMD -MP -c $< -o $@

# C tests. Those of the engines are linked with engines alone: a user lifts the folder.
$(ENGINE_TESTS): $(BUILD)/test/%: $(BUILD)/obj/%.o $(ENGINE_OBJ)
	@mkdir -p $(@D)
	$(call quietly,link,$@)$(CC) $(CFLAGS) $(filter %.o,$^) -o $@

$(HARNESS_TESTS): $(BUILD)/test/%: $(BUILD)/obj/%.o $(BUILD)/harness.a
	@mkdir -p $(@D)
	$(call quietly,link,$@)$(CC) $(CFLAGS) $^ -o $@ $(LIBS)

# An archive, so that a test gets the objects that it uses and no others.
$(BUILD)/harness.a: $(LIB_OBJ)
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
# (gcc warns of conversions that are none under UBSan; the lint has them checked without it.)
SANITIZE := -O1 -g -fno-omit-frame-pointer -Wno-conversion -fsanitize=address,undefined \
    -fno-sanitize-recover=all -DBO_CHECKS
# gcc's UBSan is a library that loads with ours; clang's would have to be part of Python, so there
# a finding is a trap without a message.
SANITIZE_LIBSIM := -O1 -g -Wno-conversion -fsanitize=undefined -fno-sanitize-recover=all \
    -DBO_CHECKS \
    $(if $(findstring clang,$(CC)),-fsanitize-undefined-trap-on-error)

# Runs the tests on the build in the folder that is given.
pytest = python=$$(BUILD='$(BUILD)' tools/python) && \
    export BROWNOUT_BUILD='$(1)' PYTHONPYCACHEPREFIX='$(abspath $(BUILD))/pycache' && \
    "$$python" -m pytest $$("$$python" -c 'import xdist' 2>/dev/null && echo '-n$(JOBS)') $(TESTS)

check-build: $(BUILD)/brownout $(BUILD)/libsim.so $(ENGINE_TESTS) $(HARNESS_TESTS)

# Tests run without what makes them parallel, so that is asked for once in a build folder.
$(BUILD)/parallel-tried:
	@$(NEED) $(PARALLEL_NEEDS) || echo 'make: without it the tests run one after the other'
	@mkdir -p $(@D) && touch $@

test: ## installs what is missing, builds with sanitizers, runs every test; TESTS=sim runs some
	@$(NEED) $(TEST_NEEDS)
	@$(MAKE) --no-print-directory $(BUILD)/parallel-tried
	$(AGAIN) BUILD='$(BUILD)/asan' CC='$(CC)' CFLAGS='$(SANITIZE)' \
	    LIBSIM_CFLAGS='$(SANITIZE_LIBSIM)' check-build
	$(AGAIN) all
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
# What explores for long is for `make test`, not for an emulated machine, which also has words of
# its own for a worker that crashes.
NOT_EMULATED := %_cut_test %_bound_test %/canary_list_test %/worker_test
run-c-tests: $(filter-out $(if $(RUN),$(NOT_EMULATED)),$(ENGINE_TESTS) $(HARNESS_TESTS))
	@[ $(words $^) -gt 0 ] || { echo 'make: no *_test.c to run' >&2; exit 2; }
	@for test in $^; do echo "$(RUN) $$test"; $(RUN) "$$test" || exit 1; done
	@echo "$(words $^) C tests passed"

# --- measures ---

campaign: ## installs what is missing, explores every scenario on every engine; build/results.db
	@$(NEED) $(BUILD_NEEDS) python3
	$(AGAIN) all
	@BROWNOUT_BUILD='$(BUILD)' python3 -B reports/campaign.py

# The single cuts of some engines are in make test too (tools/test_hard.py).
hard: all ## each engine with each option on the smallest chips, pairs of cuts everywhere; a canary
	@python3 -B tools/hard.py '$(BUILD)/brownout'

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
	    scenarios/bench-rlog.scn

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
$(FUZZERS): $(OUT)/%: $(BUILD)/obj/fuzz/fuzzers/%.o $(FUZZER_MAIN) $(BUILD)/harness.a
	@mkdir -p $(@D)
	$(call quietly,link,$@)$(CXX) $(CFLAGS) $(CXXFLAGS) $^ \
	    $(filter-out replay,$(LIB_FUZZING_ENGINE)) -o $@ $(LIBS)
else
fuzzers: replayers ## fuzz targets: libFuzzer, AFL++ where it is, and a replayer of their inputs
	@$(NEED) $(FUZZER_NEEDS)
	$(AGAIN) BUILD='$(BUILD)/libfuzzer' OUT='$(OUT)' CC=clang-14 CXX=clang++-14 \
	    CFLAGS='$(FUZZER_FLAGS) -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp' \
	    HOSTED_CFLAGS=-fno-sanitize=fuzzer-no-link LIB_FUZZING_ENGINE=-fsanitize=fuzzer \
	    fuzzers
	@if command -v afl-clang-fast >/dev/null; then \
	    AFL_QUIET=1 $(MAKE) --no-print-directory -j$(JOBS) BUILD='$(BUILD)/afl' OUT='$(OUT)/afl' \
	        CC=afl-clang-fast CXX=afl-clang-fast++ CFLAGS='$(FUZZER_FLAGS)' \
	        LIB_FUZZING_ENGINE=-fsanitize=fuzzer fuzzers; \
	else echo 'make: no AFL++ targets; for them type: apt-get install afl++'; fi

replayers:
	$(AGAIN) BUILD='$(BUILD)/replayers' OUT='$(OUT)/replay' CXX='$(CC)' CFLAGS='$(SANITIZE)' \
	    LIB_FUZZING_ENGINE=replay fuzzers
endif

# Without libFuzzer the replayers run alone.
SMOKE_SECONDS ?= 3
smoke: ## every fuzz target for some seconds, and each must catch a planted fault
	@$(NEED) $(BUILD_NEEDS) python3
	@if $(NEED) $(FUZZER_NEEDS); then made=fuzzers; \
	else echo 'make: no libFuzzer; the replayers run alone'; made=replayers; fi; \
	$(MAKE) --no-print-directory $$made
	@python3 -B tools/smoke.py '$(OUT)' --seconds $(SMOKE_SECONDS)

# --- the rest ---

clean: ## removes build/
	rm -rf $(BUILD)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' Makefile

FORCE:
.PHONY: all test coverage lint big-endian campaign hard planted mutants bench size fuzzers smoke
.PHONY: lift size-table firmware clean help
.PHONY: check-build run-c-tests replayers FORCE
.DELETE_ON_ERROR:
