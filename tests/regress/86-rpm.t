#!/usr/bin/python3
"""The RPM spec: understood by rpmspec, and built by rpmbuild from a copy of the
sources, without the web door, since Debian has no nginx-mod-devel."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from tap import diag, done_testing, is_, like, ok

TOP = "/var/tmp/rpm"
SPEC = os.path.join(jail.REPOSITORY, "conf/rpm/openai-gate.spec")
SOURCES = ["LICENSE", "Makefile", "README.md", "common", "conf", "ngx_openai", "pam_openai"]


def run(*command):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "BUILD"))}
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="backslashreplace", check=False,
                          stdin=subprocess.DEVNULL, env=environment | {"HOME": TOP})


os.mkdir(TOP)
done = run("rpmspec", "-P", SPEC)
is_(done.returncode, 0, "rpmspec -P understands it") or diag(done.stdout)
done = run("rpmspec", "-q", "--qf", "%{name}-%{version}\n", SPEC)
names = [line.rpartition("-") for line in done.stdout.splitlines()]
is_(sorted(name for name, _, _ in names), ["nginx-mod-http-openai", "openai-gate", "pam_openai"], "its packages")
with open(os.path.join(jail.REPOSITORY, "conf/debian/changelog"), encoding="utf-8") as file:
    version = file.readline().partition("(")[2].partition(")")[0]
is_({number for _, _, number in names}, {version}, "of the version that Debian's have")

run("tar", "-czf", f"{TOP}/openai-gate-{version}.tar.gz", "-C", jail.REPOSITORY, f"--transform=s,^,openai-gate-{version}/,", *SOURCES)
done = run("rpmbuild", "-bb", "--nodeps", "--without", "nginx", "--define", f"_topdir {TOP}", "--define", f"_sourcedir {TOP}",
           "--define", "debug_package %{nil}", SPEC)
# rpmbuild fails for a file that make install brings and no package has.
is_(done.returncode, 0, "rpmbuild builds it, and each installed file is in a package") or diag(done.stdout[-3000:])
made = {}
for directory, _, files in os.walk(f"{TOP}/RPMS"):
    for name in files:
        listed = run("rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}\n]", os.path.join(directory, name))
        made[name.split(f"-{version}")[0]] = listed.stdout
is_(sorted(made), ["openai-gate", "pam_openai"], "two packages without the web door")
like(made.get("pam_openai"), r"(?m)^/usr/lib(64)?/security/pam_openai\.so -rw-r--r-- root$", "the module")
for wanted in (r"/usr/sbin/openai-gate -rwxr-xr-x", r"/usr/libexec/openai-gate/openai-gate-fetch -rwxr-xr-x",
               r"/var/cache/openai-gate drwx------", r"/etc/openai-gate/gate\.conf -rw-r--r--",
               r"/usr/lib/systemd/system/openai-gate-sync\.timer -rw-r--r--"):
    like(made.get("openai-gate"), rf"(?m)^{wanted} root$", wanted)
ok("/etc/pam.d" not in "".join(made.values()), "no line of pam.d")
done_testing()
