# How the results database's schema gets into the command: reports/schema.sql as a C array, because
# a string literal may not be as long under -Wpedantic. Included by the Makefile.

$(BUILD)/schema.h: reports/schema.sql
	@mkdir -p $(@D)
	@{ echo 'static const char schema_sql[] = {'; \
	   od -An -v -tx1 $< | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '0x00};'; } > $@.part
	@mv $@.part $@

$(BUILD)/obj/fuzz/db.o: $(BUILD)/schema.h
$(BUILD)/obj/fuzz/db.o: INCLUDE += -I$(BUILD)

# Drives fuzz/db.c from the Python tests.
$(BUILD)/db_test: $(LIB_OBJ) $(BUILD)/obj/fuzz/db_test.o
	$(CC) $(CFLAGS) $^ -o $@ $(LIBS)
