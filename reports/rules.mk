# What goes into the command for its results database. Included by the Makefile.

# The schema: reports/schema.sql as an array of bytes, for ISO C promises no string literal longer
# than 4095. Only fuzz/db/db.c sees it.
$(BUILD)/obj/fuzz/db/db.o: $(BUILD)/schema.h
$(BUILD)/obj/fuzz/db/db.o: private INCLUDE += -include $(BUILD)/schema.h

$(BUILD)/schema.h: reports/schema.sql reports/rules.mk
	@mkdir -p $(@D)
	@{ echo 'extern const char db_schema[];'; echo 'const char db_schema[] = {'; \
	   od -An -v -tx1 $< | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '0x00};'; } >$@.part
	@mv $@.part $@

# Which code this is: a digest of the engines and their adapters, and the commit. Only
# fuzz/db/build.c sees it; written anew only when it differs.
$(BUILD)/obj/fuzz/db/build.o: $(BUILD)/identity.h
$(BUILD)/obj/fuzz/db/build.o: private INCLUDE += -include $(BUILD)/identity.h

IDENTITY_SRC := $(sort $(wildcard $(foreach folder,engines engines/* fuzz/adapters fuzz/subjects, \
    $(folder)/*.c $(folder)/*.h)))
$(BUILD)/identity.h: FORCE
	@mkdir -p $(@D)
	@engines=$$(cat $(IDENTITY_SRC) | sha256sum 2>/dev/null | cut -c1-64); \
	 commit=$$(git rev-parse --short=12 HEAD 2>/dev/null); \
	 dirty=$$(git diff --quiet HEAD -- 2>/dev/null || echo -dirty); \
	 printf '#define BUILD_ENGINES "%s"\n#define BUILD_REVISION "%s"\n' \
	     "$$engines" "$$commit$${commit:+$$dirty}" >$@.part
	@cmp -s $@.part $@ && rm $@.part || mv $@.part $@
