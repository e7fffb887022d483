# Debian packages. Part of the Makefile.
#
#	make deb	packages for the Debian and the nginx that are here, in
#			build/deb
#
# dpkg-buildpackage wants debian/ at the top of the sources: it has a copy, and
# an environment that says nothing of ours.

DEB = $(BUILD)/deb

deb:
	$(Q)rm -rf $(DEB) && mkdir -p $(DEB)/openai-gate
	$(Q)cp -r LICENSE Makefile README.md common conf ngx_openai pam_openai \
	    $(DEB)/openai-gate/
	$(Q)mv $(DEB)/openai-gate/conf/debian $(DEB)/openai-gate/debian
	$(Q)cd $(DEB)/openai-gate && env -i PATH="$$PATH" LC_ALL=C.UTF-8 \
	    DEB_BUILD_OPTIONS='$(DEB_BUILD_OPTIONS)' dpkg-buildpackage -us -uc -b
	@ls $(DEB)/*.deb

.PHONY: deb
