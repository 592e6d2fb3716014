# Brownout. `make help` lists what can be made; everything made goes under build/.

BUILD ?= build
CC ?= gcc
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
STD := -std=c11
INCLUDE := -I.

ENGINE_SRC := $(sort $(filter-out %_test.c,$(wildcard engines/*/*.c)))
SIM_SRC := $(sort $(filter-out %_test.c,$(wildcard sim/*.c)))
FUZZ_SRC := $(sort $(filter-out %_test.c fuzz/main.c,$(wildcard fuzz/*.c fuzz/*/*.c)))

LIB_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(ENGINE_SRC) $(SIM_SRC) $(FUZZ_SRC))
LIBS := -lsqlite3 -ldl

all: $(BUILD)/brownout ## the brownout command

$(BUILD)/brownout: $(LIB_OBJ) $(BUILD)/obj/fuzz/main.o
	$(CC) $(CFLAGS) -rdynamic $^ -o $@ $(LIBS)

# The chip alone as a shared library, for the Python tests.
$(BUILD)/libsim.so: $(SIM_SRC) $(wildcard sim/*.h engines/*.h)
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) $(CFLAGS) $(INCLUDE) -shared -fPIC $(SIM_SRC) -o $@

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) $(CFLAGS) $(INCLUDE) -MMD -MP -c $< -o $@

-include $(LIB_OBJ:.o=.d) $(BUILD)/obj/fuzz/main.d

clean: ## removes build/
	rm -rf $(BUILD)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all clean help
