# Fuzzers: tests/fuzz/NAME.c becomes build/fuzz/NAME, clang's libFuzzer with
# AddressSanitizer and UBSan. Part of the Makefile.
#
#	make fuzz SECONDS=60			all of them, two at a time
#	make fuzz SECONDS=60 FUZZERS="pam wire"	these
#	build/fuzz/pam build/fuzz/pam-crash-...	a find, once more
#
# What a fuzzer must never see go, and how its input is read, stands at the head
# of its source. Known inputs are in tests/fuzz/corpus/NAME; a find belongs
# there too, once its cause is mended: tests/fuzz/run --merge NAME FILE...

SECONDS ?= 60
FUZZ = $(BUILD)/fuzz
FUZZERS ?= $(ALL_FUZZERS)
ALL_FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
FUZZ_KIT := $(wildcard tests/fuzz/kit/*.c)

FUZZ_FLAGS = -std=c11 -D_GNU_SOURCE -Icommon -Itests/fuzz -g -O1 $(WARNINGS) \
	-fno-omit-frame-pointer -fno-sanitize-recover=undefined \
	-DOG_HELPER_PATH='"/usr/libexec/openai-gate/openai-gate-fetch"' \
	-MMD -MP $(if $(CI),-Werror)

fuzz_obj = $(patsubst %.c,$(FUZZ)/obj/%.o,$(1))

# Compiled once, linked into each: an archive, so that a fuzzer may bring its
# own of what it plays (a store, a clock, HTTP).
$(FUZZ)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CLANG,$<)clang $(FUZZ_FLAGS) \
	    -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<

$(FUZZ)/libgate.a: $(call fuzz_obj,$(CORE) $(OUTSIDE_PAM) $(PAM) $(FUZZ_KIT))
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(FUZZ)/%: $(FUZZ)/obj/tests/fuzz/%.o $(FUZZ)/libgate.a
	$(call say,FUZZ,$@)clang -g -fsanitize=fuzzer,address,undefined \
	    $(FUZZ_WRAP) -o $@ $^ $(STORE_LIBS) $(JANSSON_LIBS) $(CURL_LIBS)

comma = ,

# What each plays instead of the library and of libc.
$(FUZZ)/remote: FUZZ_WRAP = -Wl,--wrap=og_helper_run
$(FUZZ)/single: FUZZ_WRAP = -Wl,--wrap=og_store_open_file
$(FUZZ)/pam: FUZZ_WRAP = $(addprefix -Wl$(comma)--wrap=,og_helper_run \
	malloc calloc realloc reallocarray strdup open openat close fstat \
	lstat fstatat readlink read pread fcntl pipe2 _Fork waitpid kill poll \
	pthread_sigmask sigaction time clock_gettime geteuid getpwnam_r \
	getgrnam_r getgrouplist)

fuzzers: $(addprefix $(FUZZ)/,$(ALL_FUZZERS))

fuzz: $(addprefix $(FUZZ)/,$(FUZZERS))
	$(Q)tests/fuzz/run --build $(BUILD) --seconds $(SECONDS) $(FUZZERS)

.PHONY: fuzz fuzzers

-include $(shell find $(FUZZ)/obj -name '*.d' 2>/dev/null)
