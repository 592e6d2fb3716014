# The results database's schema goes into the command: reports/schema.sql as an array of bytes, for
# ISO C promises no string literal longer than 4095. Only fuzz/db/db.c sees it. Included by the
# Makefile.

$(BUILD)/obj/fuzz/db/db.o: $(BUILD)/schema.h
$(BUILD)/obj/fuzz/db/db.o: private INCLUDE += -include $(BUILD)/schema.h

$(BUILD)/schema.h: reports/schema.sql reports/rules.mk
	@mkdir -p $(@D)
	@{ echo 'extern const char db_schema[];'; echo 'const char db_schema[] = {'; \
	   od -An -v -tx1 $< | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '0x00};'; } >$@.part
	@mv $@.part $@
