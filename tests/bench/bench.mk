# make bench: the tables of tests/bench, ratios side by side in one run.
#
#	make bench [TABLES="pam_account pam_sudo"] [ROUNDS=60] [JSON=FILE] [PLOT=FILE.svg]
#
# Part of the Makefile, after tests/tests.mk.

TABLES ?=
ROUNDS ?= 60
JSON ?=
PLOT ?=

BENCH_LIBS_account = -lpam
BENCH_LIBS_get = $(CURL_LIBS)
BENCH_LIBS_fill = $(FULL_LIB) $(STORE_LIBS) $(JANSSON_LIBS) $(CURL_LIBS)

BENCH_MODULES = $(patsubst %,$(BUILD)/bench/%.so,empty spawn)
BENCH_PROGRAMS = $(patsubst %,$(BUILD)/bench/%,account fill get rounds storm)

$(BENCH_MODULES): $(BUILD)/bench/%.so: $(BUILD)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -shared $(LDFLAGS) $(LINK_HARDENING) -o $@ $<

$(BENCH_PROGRAMS): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(LDFLAGS) $(LINK_HARDENING) -o $@ $< \
	    $(BENCH_LIBS_$*)

$(BUILD)/bench/fill: $(FULL_LIB)

bench-programs: $(BENCH_MODULES) $(BENCH_PROGRAMS)

# A test runs it; with sanitizers it would measure them.
ifeq ($(SAN),)
unit: bench-programs
endif

# What it is compared with, to be unpacked where it is measured.
bench: packages
	$(AGAIN) all bench-programs
	$(Q)tests/bench/packages $(BUILD)/bench/debs
	$(Q)ROUNDS=$(ROUNDS) tests/bench/bench.py $(if $(JSON),--json '$(JSON)') \
	    $(if $(PLOT),--plot '$(PLOT)') $(TABLES)

.PHONY: bench bench-programs
