#!/usr/bin/python3
"""make install and uninstall: what lands where, with which modes, and that
nothing of an administrator's is overwritten or taken away."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

from tap import done_testing, is_, like, ok

ROOT = "/srv/root"
CONF = f"{ROOT}/etc/openai-gate/gate.conf"


def make(*words):
    done = subprocess.run(["make", "-s", "-C", jail.REPOSITORY, *words], capture_output=True, text=True, check=False)
    is_((done.returncode, done.stderr), (0, ""), f"make {' '.join(words)}")


def files(root=ROOT):
    """{path below the root: mode}"""
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            found[os.path.relpath(path, root)] = f"{status.st_mode & 0o7777:o} {status.st_uid}:{status.st_gid}"
    return found


os.umask(0o077)
make("install", f"DESTDIR={ROOT}")
there = files()
multiarch = subprocess.run(["cc", "-print-multiarch"], capture_output=True, text=True, check=True).stdout.strip()
for path, mode in ((f"usr/lib/{multiarch}/security/pam_openai.so", "644"), ("usr/sbin/openai-gate", "755"),
                   ("usr/libexec/openai-gate/openai-gate-fetch", "755"),
                   ("usr/libexec/openai-gate/openai-gate-http.so", "644"), ("usr/lib/nginx/modules/ngx_http_openai_module.so", "644"),
                   ("usr/share/man/man8/pam_openai.8", "644"), ("usr/share/man/man8/openai-gate.8", "644"),
                   ("usr/share/man/man5/gate.conf.5", "644"), ("usr/share/man/man7/ngx_http_openai_module.7", "644"),
                   ("etc/openai-gate/gate.conf", "644"), ("usr/share/doc/openai-gate/pam.d/sshd.example", "644"),
                   ("usr/share/doc/openai-gate/fleet-gateway.conf", "644"),
                   ("usr/share/bash-completion/completions/openai-gate", "644"),
                   ("usr/share/zsh/vendor-completions/_openai-gate", "644"),
                   ("usr/share/fish/vendor_completions.d/openai-gate.fish", "644"),
                   ("usr/share/doc/openai-gate/prometheus-alerts.yml", "644"),
                   ("usr/share/doc/openai-gate/grafana-dashboard.json", "644")):
    is_(there.get(path), f"{mode} 0:0", path)
is_([path for path, mode in there.items() if int(mode.split()[0], 8) & 0o6022], [], "nothing is setuid, or for others to write")
is_(os.stat(f"{ROOT}/var/cache/openai-gate").st_mode & 0o777, 0o700, "the store's directory is root's alone")
ok(not any(path.startswith("etc/pam.d") for path in there), "no line of /etc/pam.d is touched")

with open(CONF, "a", encoding="utf-8") as file:
    file.write("# mine\n")
make("install", f"DESTDIR={ROOT}")
with open(CONF, encoding="utf-8") as file:
    like(file.read(), r"# mine\n$", "an administrator's gate.conf is not overwritten")
make("uninstall", f"DESTDIR={ROOT}")
is_(sorted(files()), ["etc/openai-gate/gate.conf"], "uninstall leaves that alone, and nothing else")

make("install", "DESTDIR=/srv/other", "PREFIX=/usr/local", "SYSCONFDIR=/usr/local/etc")
ok("usr/local/sbin/openai-gate" in files("/srv/other"), "PREFIX is obeyed")
ok("usr/local/etc/openai-gate/gate.conf" in files("/srv/other"), "so is SYSCONFDIR")
with open(f"/srv/other/usr/local/lib/{multiarch}/security/pam_openai.so", "rb") as file:
    ok(b"/usr/local/libexec/openai-gate/openai-gate-fetch\0" in file.read(), "and the module executes the helper from there")

# Over a gate in use: at no time is a file not there, or half of itself.

PROGRAMS = [f"usr/lib/{multiarch}/security/pam_openai.so", "usr/sbin/openai-gate", "usr/libexec/openai-gate/openai-gate-fetch",
            "usr/libexec/openai-gate/openai-gate-http.so", "usr/lib/nginx/modules/ngx_http_openai_module.so"]


def inodes():
    return [os.stat(f"{ROOT}/{path}").st_ino for path in PROGRAMS]


make("install", f"DESTDIR={ROOT}")
before, there = inodes(), files()
names = "|".join(re.escape(os.path.basename(path)) for path in there)
subprocess.run(["strace", "-f", "-qq", "-s", "500", "-o", "/srv/calls", "-e", "trace=/^(open|unlink)", "make", "-s", "-C", jail.REPOSITORY,
                "install", f"DESTDIR={ROOT}"], check=True)
with open("/srv/calls", encoding="utf-8") as file:
    touched = [line for line in file if re.search("unlink|O_WRONLY|O_RDWR|O_TRUNC", line) and re.search(f'[/"]({names})"', line)]
is_(touched, [], "no file is removed or written to that was there")
ok(not set(before) & set(inodes()), "... all the same each program is another")
is_(files(), there, "... with the modes of the first, and nothing is beside it")

with open("/srv/full", "w", encoding="utf-8") as file:
    file.write('''#!/bin/sh
# install(1) on a disk that is full.
case "$*" in
*-http.so*) install "$@"; for to; do :; done; [ ! -d "$to" ] || to=$to/openai-gate-http.so; truncate -s 100 "$to"; exit 1 ;;
esac
exec install "$@"
''')
os.chmod("/srv/full", 0o755)
before = inodes()
size = os.stat(f"{ROOT}/{PROGRAMS[3]}").st_size
done = subprocess.run(["make", "-s", "-C", jail.REPOSITORY, "install", f"DESTDIR={ROOT}", "INSTALL=/srv/full"], capture_output=True,
                      text=True, check=False)
is_(done.returncode, 2, "a disk that gets full amid the programs")
is_((inodes(), os.stat(f"{ROOT}/{PROGRAMS[3]}").st_size), (before, size), "... leaves all of them as they were")
make("install", f"DESTDIR={ROOT}")
is_(files(), there, "... and the next one leaves nothing of it")

# Where it is really to be: it works from there.
make("install")
done = subprocess.run(["/usr/sbin/openai-gate", "config", "--print"], capture_output=True, text=True, check=False)
is_(done.returncode, 0, "installed as it is, gate.conf is read")
done = subprocess.run(["/usr/sbin/openai-gate", "check", "ann"], capture_output=True, text=True, check=False)
like(done.stdout, r"misconfigured \(no-policy\)", "and lets nobody pass before there is a policy")
done_testing()
