# openai-gate: see README.md. GNU make.
#
#	make		everything below build/
#	make check	all tests, from nothing, on a fresh Debian machine
#	make demo	who passes which door, and why
#
# V=1 shows the commands.

# What a packager sets.
CC ?= cc
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
PREFIX ?= /usr
SYSCONFDIR ?= /etc
LIBEXECDIR ?= $(PREFIX)/libexec
MANDIR ?= $(PREFIX)/share/man
SBINDIR ?= $(PREFIX)/sbin
DOCDIR ?= $(PREFIX)/share/doc/openai-gate
PAMDIR ?= $(PREFIX)/lib/$(shell $(CC) -print-multiarch 2>/dev/null)/security
NGINX_MODULES ?= $(PREFIX)/lib/nginx/modules
CACHEDIR ?= /var/cache/openai-gate
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/vendor-completions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
INSTALL ?= install
BUILD ?= build

HELPER_PATH = $(LIBEXECDIR)/openai-gate/openai-gate-fetch
HTTP_PATH = $(LIBEXECDIR)/openai-gate/openai-gate-http.so

# What is ours.
WARNINGS = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wformat=2 -Wundef -Wvla
HARDENING = -fPIC -fstack-protector-strong -fvisibility=hidden \
	-ffunction-sections -fdata-sections
ifeq ($(SAN),)
HARDENING += -D_FORTIFY_SOURCE=2
LINK_STRICT = -Wl,-z,defs
else
WITH_SAN = -DOG_LEAK_TRACER -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
endif
LINK_HARDENING = -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections
OURS = -std=c11 -D_GNU_SOURCE -Icommon $(WARNINGS) $(HARDENING) $(WITH_SAN) \
	-DOG_HELPER_PATH='"$(HELPER_PATH)"' -DOG_HTTP_PATH='"$(HTTP_PATH)"' \
	-DOG_HEADERS='"$(HEADERS)"' -MMD -MP
ifdef CI
OURS += -Werror
endif

# Two files that call each other across dlopen(3) must agree on these.
HEADERS := $(firstword $(shell cat $(sort $(wildcard common/*/*.h)) | sha256sum))

CURL_CFLAGS := $(shell $(PKG_CONFIG) --cflags libcurl 2>/dev/null)
CURL_LIBS := $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null)
JANSSON_LIBS := $(shell $(PKG_CONFIG) --libs jansson 2>/dev/null)
# Static, so that what loads into sshd needs no shared object of ours. Where
# libcdb.a is not made for shared objects, libcdb_pic.a is there beside it.
CDB_LIB := $(firstword $(foreach lib,libcdb_pic.a libcdb.a,$(if $(filter \
	/%,$(shell $(CC) -print-file-name=$(lib) 2>/dev/null)),-l:$(lib))) -lcdb)
STORE_LIBS = $(CDB_LIB) -l:libmd.a

ifeq ($(V),)
Q = @
say = @echo "  $(1)	$(2)";
endif

# The layers, lowest first. What a PAM process loads must not parse JSON, write
# the store or speak to the network: all that is listed here and kept out of
# libgate-core.a.
VALUE := $(wildcard common/value/*.c)
OUTSIDE_PAM := $(wildcard common/meaning/api*.c common/meaning/budget.c \
	common/io/http*.c common/io/store_write*.c common/io/list_write*.c \
	common/io/list_walk.c common/io/snapshot.c common/io/journal*.c \
	common/io/lock.c common/io/wants.c common/io/pace.c common/io/sweep.c \
	common/io/tally_write.c common/client/metrics*.c common/client/key_expiry.c \
	common/client/fetch.c common/client/ask.c common/client/flight*.c \
	common/client/sync*.c)
CORE := $(VALUE) $(filter-out $(OUTSIDE_PAM),$(wildcard common/meaning/*.c \
	common/io/*.c common/client/*.c))
CLI := $(wildcard common/cli/*.c)
# What the helper loads when there is something to ask.
HTTP := common/helper/http_part.c
HELPER := $(filter-out $(HTTP),$(wildcard common/helper/*.c))
PAM := $(wildcard pam_openai/*.c)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

CORE_LIB = $(BUILD)/libgate-core.a
FULL_LIB = $(BUILD)/libgate.a

PROGRAMS = $(BUILD)/pam_openai.so $(BUILD)/openai-gate $(BUILD)/openai-gate-fetch \
	$(BUILD)/openai-gate-http.so

all: $(PROGRAMS)

# -MT: the same directory may be spelled otherwise the next time.
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(OURS) -MT '$$(BUILD)/obj/$*.o' $(CPPFLAGS) \
	    $(CFLAGS) -c -o $@ $<

# Where the helper is to be stands in what executes it: built for one PREFIX and
# installed for another, it would not be found.
$(BUILD)/helper-path: always
	@mkdir -p $(@D)
	@echo '$(HELPER_PATH)' | cmp -s - $@ || echo '$(HELPER_PATH)' >$@

$(BUILD)/headers: always
	@mkdir -p $(@D)
	@echo '$(HEADERS)' | cmp -s - $@ || echo '$(HEADERS)' >$@

$(call obj,pam_openai/gate.c common/cli/doctor_host.c common/helper/main.c \
    common/helper/http_late.c): $(BUILD)/helper-path
$(call obj,common/helper/http_late.c $(HTTP)): $(BUILD)/headers

$(CORE_LIB): $(call obj,$(CORE))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(FULL_LIB): $(call obj,$(CORE) $(OUTSIDE_PAM)) | $(FULL_LIB).libs
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

# What it has to be linked with, for nginx's configure.
$(FULL_LIB).libs: always
	@mkdir -p $(@D)
	@echo '$(STORE_LIBS) $(JANSSON_LIBS) $(CURL_LIBS)' | cmp -s - $@ || \
	    echo '$(STORE_LIBS) $(JANSSON_LIBS) $(CURL_LIBS)' >$@

$(BUILD)/pam_openai.so: $(call obj,$(PAM)) $(CORE_LIB) pam_openai/pam_openai.map
	$(call say,LD,$@)$(CC) -shared $(CFLAGS) $(WITH_SAN) $(LDFLAGS) \
	    $(LINK_HARDENING) $(LINK_STRICT) \
	    -Wl,--version-script=pam_openai/pam_openai.map -Wl,--as-needed \
	    -o $@ $(call obj,$(PAM)) $(CORE_LIB) $(STORE_LIBS) -lpam

$(BUILD)/openai-gate: $(call obj,$(CLI)) $(FULL_LIB)
	$(call say,LD,$@)$(CC) -pie $(CFLAGS) $(WITH_SAN) $(LDFLAGS) \
	    $(LINK_HARDENING) -o $@ $^ $(STORE_LIBS) $(JANSSON_LIBS) $(CURL_LIBS)

$(BUILD)/openai-gate-fetch: $(call obj,$(HELPER)) $(FULL_LIB)
	$(call say,LD,$@)$(CC) -pie $(CFLAGS) $(WITH_SAN) $(LDFLAGS) \
	    $(LINK_HARDENING) -Wl,--as-needed -o $@ $^ $(STORE_LIBS) $(JANSSON_LIBS)

$(BUILD)/openai-gate-http.so: $(call obj,$(HTTP)) $(FULL_LIB)
	$(call say,LD,$@)$(CC) -shared $(CFLAGS) $(WITH_SAN) $(LDFLAGS) \
	    $(LINK_HARDENING) $(LINK_STRICT) -Wl,--as-needed -o $@ $^ $(CURL_LIBS)

# Unit tests: tests/unit/NAME.c becomes build/unit/NAME.t, a TAP program.
UNIT := $(wildcard tests/unit/*.c)
UNIT_PROGRAMS = $(patsubst tests/unit/%.c,$(BUILD)/unit/%.t,$(UNIT))

$(BUILD)/unit/%.t: $(BUILD)/obj/tests/unit/%.o $(FULL_LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -pie $(CFLAGS) $(WITH_SAN) $(LDFLAGS) \
	    $(UNIT_FLAGS) -o $@ $(filter %.o,$^) $(FULL_LIB) -lcmocka $(STORE_LIBS) $(JANSSON_LIBS) \
	    $(CURL_LIBS)

# Every allocation of ours can be made to fail; the PAM door's decision knows
# nothing of libpam, so it is tested there as well.
$(BUILD)/unit/oom.t: $(call obj,pam_openai/gate.c)
$(BUILD)/unit/oom.t: UNIT_FLAGS = -Wl,--wrap=malloc,--wrap=calloc \
	-Wl,--wrap=realloc,--wrap=reallocarray,--wrap=strdup

$(BUILD)/unit/pace.t: UNIT_FLAGS = -Wl,--wrap=clock_gettime

$(BUILD)/unit/journal.t: UNIT_FLAGS = -Wl,--wrap=fstat

$(BUILD)/unit/store_flush.t: UNIT_FLAGS = -Wl,--wrap=renameat,--wrap=readdir,--wrap=fstatat

# What the helper gives up is the helper's own.
$(BUILD)/unit/confine.t: $(call obj,common/helper/confine.c \
	common/helper/filter.c)

unit: $(UNIT_PROGRAMS)

lint:
	$(Q)tests/lint.py

# The web door, the tests and the packages have fragments of their own.
-include ngx_openai/module.mk
-include tests/tests.mk
-include tests/bench/bench.mk
-include tests/fuzz/fuzz.mk
-include conf/debian/deb.mk

MAN8 = common/cli/openai-gate.8 pam_openai/pam_openai.8
MAN5 = conf/gate.conf.5
MAN7 = ngx_openai/ngx_http_openai_module.7

UNITS = conf/openai-gate-sync.service conf/openai-gate-sync.timer

# As dpkg does: whole beside its name, then renamed over it. A login meanwhile
# finds the old file or the new one, never none, or half of one.
beside = $(INSTALL) -m $(1) $(2) $(DESTDIR)$(3).new
rename = mv -fT $(DESTDIR)$(1).new $(DESTDIR)$(1)
put_as = $(beside) && $(call rename,$(3))
put = $(foreach file,$(2),$(call put_as,$(1),$(file),$(3)/$(notdir $(file))) &&) :

install: all
	$(INSTALL) -d $(DESTDIR)$(PAMDIR) $(DESTDIR)$(SBINDIR) \
	    $(DESTDIR)$(LIBEXECDIR)/openai-gate $(DESTDIR)$(SYSCONFDIR)/openai-gate \
	    $(DESTDIR)$(DOCDIR) $(DESTDIR)$(UNITDIR) $(DESTDIR)$(MANDIR)/man5 \
	    $(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(MANDIR)/man8
	$(INSTALL) -d -m 700 $(DESTDIR)$(CACHEDIR)
	# What works together: all of it is there before the first is renamed.
	$(call beside,644,$(BUILD)/pam_openai.so,$(PAMDIR)/pam_openai.so)
	$(call beside,755,$(BUILD)/openai-gate,$(SBINDIR)/openai-gate)
	$(call beside,755,$(BUILD)/openai-gate-fetch,$(HELPER_PATH))
	$(call beside,644,$(BUILD)/openai-gate-http.so,$(HTTP_PATH))
	$(call rename,$(HTTP_PATH))
	$(call rename,$(HELPER_PATH))
	$(call rename,$(SBINDIR)/openai-gate)
	$(call rename,$(PAMDIR)/pam_openai.so)
	if [ -f $(BUILD)/ngx_http_openai_module.so ]; then \
	    $(INSTALL) -d $(DESTDIR)$(NGINX_MODULES) && \
	    $(call put,644,$(BUILD)/ngx_http_openai_module.so,$(NGINX_MODULES)); fi
	$(call put,644,$(UNITS),$(UNITDIR))
	$(call put,644,$(MAN8),$(MANDIR)/man8)
	$(call put,644,$(MAN7),$(MANDIR)/man7)
	$(call put,644,$(MAN5),$(MANDIR)/man5)
	$(call put,644,README.md LICENSE $(wildcard conf/*.example) conf/gate.conf \
	    conf/fleet-gateway.conf conf/prometheus-alerts.yml \
	    conf/grafana-dashboard.json,$(DOCDIR))
	$(INSTALL) -d $(DESTDIR)$(DOCDIR)/pam.d
	$(call put,644,$(wildcard conf/pam.d/*.example),$(DOCDIR)/pam.d)
	$(INSTALL) -d $(DESTDIR)$(DOCDIR)/apparmor $(DESTDIR)$(DOCDIR)/selinux
	$(call put,644,$(wildcard conf/apparmor/*),$(DOCDIR)/apparmor)
	$(call put,644,$(wildcard conf/selinux/*),$(DOCDIR)/selinux)
	$(INSTALL) -d $(DESTDIR)$(BASHCOMPDIR) $(DESTDIR)$(ZSHCOMPDIR) \
	    $(DESTDIR)$(FISHCOMPDIR)
	$(call put_as,644,conf/completion/openai-gate.bash,$(BASHCOMPDIR)/openai-gate)
	$(call put,644,conf/completion/_openai-gate,$(ZSHCOMPDIR))
	$(call put,644,conf/completion/openai-gate.fish,$(FISHCOMPDIR))
	# What an administrator has written is never overwritten.
	[ -e $(DESTDIR)$(SYSCONFDIR)/openai-gate/gate.conf ] || \
	    { $(call put,644,conf/gate.conf,$(SYSCONFDIR)/openai-gate); }

# Leaves gate.conf, the map, the key and the store: they are not ours.
uninstall:
	rm -f $(DESTDIR)$(PAMDIR)/pam_openai.so $(DESTDIR)$(SBINDIR)/openai-gate \
	    $(DESTDIR)$(LIBEXECDIR)/openai-gate/openai-gate-fetch \
	    $(DESTDIR)$(LIBEXECDIR)/openai-gate/openai-gate-http.so \
	    $(DESTDIR)$(NGINX_MODULES)/ngx_http_openai_module.so \
	    $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(UNITS))) \
	    $(DESTDIR)$(BASHCOMPDIR)/openai-gate \
	    $(DESTDIR)$(ZSHCOMPDIR)/_openai-gate \
	    $(DESTDIR)$(FISHCOMPDIR)/openai-gate.fish \
	    $(addprefix $(DESTDIR)$(MANDIR)/man8/,$(notdir $(MAN8))) \
	    $(addprefix $(DESTDIR)$(MANDIR)/man7/,$(notdir $(MAN7))) \
	    $(addprefix $(DESTDIR)$(MANDIR)/man5/,$(notdir $(MAN5)))
	rm -rf $(DESTDIR)$(DOCDIR)
	rmdir $(DESTDIR)$(LIBEXECDIR)/openai-gate 2>/dev/null || true

clean:
	rm -rf $(BUILD)

.PHONY: all always unit lint install uninstall clean
.SECONDARY:
.DELETE_ON_ERROR:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
