# Everything that tests. Part of the Makefile.
#
#	make check	all, from nothing
#	make check-fast	unit tests and the quick regress tests: two minutes
#	make check-san	what can be under the sanitizers; so does make SAN=1 check
#	make analyse	gcc -fanalyzer, clang-tidy, cppcheck
#	make demo	who passes which door, and why
#	make packages	what all of them need of Debian
#
# Packages come first, and pkg-config(1) is asked as the Makefile is read: so
# those that begin from nothing call make again.

# Three at a time: much of it waits. Each test has a machine of its own.
PROVE ?= prove -j3
AGAIN = +$(Q)$(MAKE) --no-print-directory

REGRESS := $(sort $(wildcard tests/regress/*.t))

# What takes longer than ten seconds, and is left out of check-fast.
SLOW := $(wildcard $(addprefix tests/regress/,10-requests.t 22-libpam-host.t \
	23-libpam-faults.t 35-demo.t 36-limits.t 38-stopped.t 4?-*.t 51-*.t \
	52-*.t 53-*.t 54-*.t 55-*.t 60-*.t 8?-*.t 9?-*.t))

# Tests find what has been built here.
export BUILD

# The host of the tests through libpam.
$(BUILD)/pamdrive: $(call obj,tests/lib/pamdrive.c tests/lib/left.c)
	$(call say,LD,$@)$(CC) -pie $(CFLAGS) $(WITH_SAN) $(LDFLAGS) -o $@ $^ -lpam

# The decision without a directory, for the oracle.
$(BUILD)/decide: $(call obj,tests/lib/decide.c) $(FULL_LIB)
	$(call say,LD,$@)$(CC) -pie $(CFLAGS) $(WITH_SAN) $(LDFLAGS) -o $@ $^

# Preloaded, so without what a program of ours is built with.
$(BUILD)/failalloc.so: tests/lib/failalloc.c
	$(call say,LD,$@)$(CC) -std=c11 -D_GNU_SOURCE $(CFLAGS) -fPIC -shared -o $@ $<

unit: $(BUILD)/pamdrive $(BUILD)/decide $(BUILD)/failalloc.so

packages:
	$(Q)tests/packages

# Tests whose hosts are ours: sshd, sudo, su and nginx do not load what is
# built with sanitizers.
SANITIZED := $(wildcard tests/regress/1?-*.t tests/regress/2[0-4]-*.t)

ifeq ($(SAN),)
check: packages
	$(AGAIN) CI=1 all unit fuzzers
	$(AGAIN) prove TESTS="$(REGRESS)"
else
check: check-san
endif

check-fast: packages
	$(AGAIN) CI=1 all unit fuzzers
	$(AGAIN) prove TESTS="$(filter-out $(SLOW),$(REGRESS))"

# All of it ends in this one prove. Sorted, and so in the order of the numbers.
# What tests say beside their results comes at the end, where it is found, and
# what failed at its end.
prove:
	$(Q)if [ "$$(id -u)" -ne 0 ]; then \
	    echo "tests: not root: sshd, sudo, su and nginx are NOT tested" >&2; \
	elif ! tests/lib/jail true; then \
	    echo "tests: no throw-away machine: sshd, sudo and su are NOT tested" >&2; \
	fi
	$(Q)$(PROVE) $(UNIT_PROGRAMS) $(TESTS) 2>$(BUILD)/said; status=$$?; \
	    tail -n 500 $(BUILD)/said >&2; \
	    grep -A4 '^# failed: ' $(BUILD)/said | cut -c1-400 | tail -n 60 >&2; exit $$status

check-san: packages
	$(AGAIN) BUILD=$(BUILD)/san SAN=1 sanitized
	$(AGAIN) BUILD=$(BUILD)/san SAN=1 prove TESTS="$(SANITIZED)"

# Also a part of check.
analyse: packages
	$(AGAIN) CI=1 all
	$(Q)tests/analysis/analyse.py

sanitized: $(filter-out %/ngx_http_openai_module.so,$(PROGRAMS)) unit

# With make dies the demo, and with the demo all that it has started.
demo: packages
	$(AGAIN) demo-programs
	$(Q)setpriv --pdeathsig KILL tests/demo/demo

demo-programs: all $(BUILD)/pamdrive
	@:

.PHONY: packages check check-fast prove check-san sanitized analyse demo demo-programs
