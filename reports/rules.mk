# The results database's schema goes into the command: reports/schema.sql as an array of bytes, for
# ISO C promises no string literal longer than 4095. Included by the Makefile, whose LIB_OBJ grows.

LIB_OBJ += $(BUILD)/obj/schema.o

$(BUILD)/obj/schema.o: $(BUILD)/schema.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(COMPILE) -c $< -o $@

$(BUILD)/schema.c: reports/schema.sql
	@mkdir -p $(@D)
	@{ echo 'extern const char db_schema[];'; echo 'const char db_schema[] = {'; \
	   od -An -v -tx1 $< | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '0x00};'; } >$@.part
	@mv $@.part $@

.DEFAULT_GOAL := all
