# The web door. Included by the Makefile above.
#
#	make build/ngx_http_openai_module.so	for the nginx installed here
#	make NGINX_SRC=DIR ...			for that source tree, 1.22 or later
#	make NGINX_SRC=DIR build/nginx		nginx with the module linked in

# Debian's nginx-dev: headers and configure, and the flags that nginx was
# configured with.
NGINX_DEV = /usr/share/nginx/src
NGINX_SRC ?= $(NGINX_DEV)

# A module loads only into an nginx configured alike, or with --with-compat.
ifeq ($(NGINX_SRC),$(NGINX_DEV))
NGINX_CONFIGURE ?= $(shell sed -n 's/^NGX_CONF_FLAGS=(\(.*\))$$/\1/p' \
	$(NGINX_DEV)/conf_flags 2>/dev/null)
else
NGINX_CONFIGURE ?= --with-compat --with-threads --with-http_ssl_module \
	--with-http_v2_module --with-http_auth_request_module
endif

NGX_SOURCES := $(wildcard ngx_openai/*.c ngx_openai/*.h)
NGX_FILES = ngx_openai/config ngx_openai/ngx_http_openai_module.map $(NGX_SOURCES)

# Part of "make" where there is a tree to build for.
ifneq ($(wildcard $(NGINX_SRC)/auto/options),)
all: $(BUILD)/ngx_http_openai_module.so
else
all: without-nginx
endif

without-nginx:
	@echo "make: no nginx sources in $(NGINX_SRC) (package nginx-dev):" \
	    "the web door is NOT built" >&2

.PHONY: without-nginx

# What belongs to one tree and one set of flags is built in one place, whose
# name gets into debug information: so it does not depend on where we build.
NGX_ID := $(shell echo '$(subst ','\'',$(NGINX_SRC) $(NGINX_CONFIGURE) $(CC) \
	$(filter-out -ffile-prefix-map=%,$(CFLAGS)) $(LDFLAGS) $(SAN))' | cksum | cut -d ' ' -f 1)
NGX_DYNAMIC = $(BUILD)/nginx-dynamic-$(NGX_ID)
NGX_STATIC = $(BUILD)/nginx-static-$(NGX_ID)

# What was built last may be another's.
$(BUILD)/nginx-id: always
	@mkdir -p $(@D) && echo $(NGX_ID) | cmp -s - $@ || echo $(NGX_ID) >$@

.PHONY: always

NGX_CC_OPT = $(CPPFLAGS) $(CFLAGS) -fPIC -fstack-protector-strong \
	$(if $(SAN),,-D_FORTIFY_SOURCE=2) -Wextra \
	-Wno-unused-parameter -Wno-missing-field-initializers $(WITH_SAN)
NGX_LD_OPT = $(LDFLAGS) $(LINK_HARDENING) $(WITH_SAN)

# configure writes where it stands, so it stands in a copy made of links; it
# takes some 20 seconds, and so is run again only for another tree or other
# sources. $(1): the copy, $(2): how to add the module.
define ngx-configure
	$(call say,CONF,nginx in $(NGINX_SRC))rm -rf $(1) && mkdir -p $(1) && \
	    cd $(1) && ln -s $(abspath $(NGINX_SRC))/* . && rm -f Makefile objs && \
	    if [ -x configure ]; then configure=./configure; \
	    else configure=auto/configure; fi && \
	    OPENAI_GATE_BUILD=$(abspath $(BUILD)) $$configure $(NGINX_CONFIGURE) \
	    --with-cc='$(CC)' --with-cc-opt='$(NGX_CC_OPT)' \
	    --with-ld-opt='$(NGX_LD_OPT)' \
	    --$(2)=$(abspath ngx_openai) >configure.log 2>&1 || \
	    { cat configure.log; exit 1; }
endef

$(NGX_DYNAMIC)/objs/Makefile: ngx_openai/config $(FULL_LIB).libs | $(FULL_LIB)
	$(call ngx-configure,$(NGX_DYNAMIC),add-dynamic-module)

$(NGX_STATIC)/objs/Makefile: ngx_openai/config $(FULL_LIB).libs | $(FULL_LIB)
	$(call ngx-configure,$(NGX_STATIC),add-module)

$(BUILD)/ngx_http_openai_module.so: $(NGX_DYNAMIC)/objs/Makefile $(NGX_FILES) \
    $(FULL_LIB) $(BUILD)/nginx-id
	$(call say,LD,$@)$(MAKE) -s -C $(NGX_DYNAMIC) -f objs/Makefile modules
	$(Q)cp $(NGX_DYNAMIC)/objs/ngx_http_openai_module.so $@

$(BUILD)/nginx: $(NGX_STATIC)/objs/Makefile $(NGX_FILES) $(FULL_LIB) \
    $(BUILD)/nginx-id
	$(call say,LD,$@)$(MAKE) -s -C $(NGX_STATIC) -f objs/Makefile binary
	$(Q)cp $(NGX_STATIC)/objs/nginx $@
