#!/usr/bin/python3
"""What pam_openai.so is as a shared object: what it brings into sshd and sudo,
and what it lets them see."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from gate import BUILD
from tap import done_testing, is_, like, ok, skip_all, unlike

MODULE = os.path.join(BUILD, "pam_openai.so")
EXPORTED = {"pam_sm_acct_mgmt", "pam_sm_authenticate", "pam_sm_setcred", "pam_sm_open_session", "pam_sm_close_session"}

# What a process that its caller may own must not do: write, lock, make or
# remove files, speak to the network, start threads, load objects, change what the
# host has set.
FORBIDDEN = {"write", "pwrite", "writev", "connect", "socket", "rename", "unlink", "mkdir", "flock", "fsync",
             "ftruncate", "pthread_create", "dlopen", "getenv", "secure_getenv", "setenv", "system", "popen", "fork",
             "vfork", "atexit", "openlog", "closelog", "setlocale", "chroot", "signal", "alarm", "setuid",
             "setresuid", "curl_easy_init", "json_loadb"}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


dynamic = run("readelf", "-dW", MODULE)
needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
if any("asan" in name for name in needed):
    skip_all("the sanitizers add objects and symbols of their own")
ok(needed <= {"libc.so.6", "libpam.so.0"}, f"it needs libc and libpam, no more: {sorted(needed)}")
ok("libpam.so.0" in needed, "... and says so")
like(dynamic, r"BIND_NOW|\bNOW\b", "its symbols are bound when it is loaded: a missing one is found then")
like(run("readelf", "-lW", MODULE), r"GNU_RELRO", "its tables are read-only afterwards")
unlike(dynamic, r"RPATH|RUNPATH|TEXTREL", "it looks for nothing in paths of its own")
unlike(run("readelf", "-lW", MODULE), r"GNU_STACK\s.*RWE", "its stack is not executable")

symbols = run("nm", "-D", "--defined-only", MODULE).splitlines()
exported = {line.split()[-1].split("@")[0] for line in symbols}
is_(exported, EXPORTED, "it exports pam_sm_* and nothing else")
undefined = {line.split()[-1].split("@")[0].removeprefix("__").removesuffix("_chk")
             for line in run("nm", "-D", "--undefined-only", MODULE).splitlines()}
is_(sorted(undefined & FORBIDDEN), [], "nothing that writes, locks, connects, reads the environment, starts threads")
ok("_Fork" in undefined, "it executes its helper by _Fork")
done_testing()
