#!/bin/bash -eu
# Builds the fuzz targets for ClusterFuzzLite, which sets CC, CXX, CFLAGS, CXXFLAGS, OUT, WORK, SRC
# and LIB_FUZZING_ENGINE; the Makefile takes them as they are.
#
# The machine that runs a target has no packages, so nothing is linked that needs one (no database).
# Warnings are for our own compilers: that of the image is another one. Coverage is that of engines
# alone, as in `make fuzzers`.
cd "$SRC/brownout"
make -j"$(nproc)" fuzzers BUILD="$WORK/brownout" DATABASE=no BUILD_NEEDS= WARN= \
    HOSTED_CFLAGS=-fno-sanitize=fuzzer-no-link

# Seeds of libFuzzer grow from nothing up to this size; a longer input is a longer history, which
# finds nothing more and takes more time.
for target in "$OUT"/*_fuzzer; do
    printf '[libfuzzer]\nmax_len = 512\n' >"$target.options"
done
