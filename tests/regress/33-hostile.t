#!/usr/bin/python3
"""An ordinary user prepares the environment and runs su and sudo, in every way
that hands it through. Nothing of his is opened, loaded, asked or believed: no
file appears, no proxy is contacted, and the decision is what it would be.

That the traps work is shown first, by a program that does fall into them.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import certificates
import people
from doors import su, sudo, sudoers
from gate import CACHE, HELPER, Gate, decisions, guard, install, write
from journal import Journal
from sim import Simulator
from tap import diag, done_testing, failed, is_, isnt, ok

PASSWORD = "known to all"
EVIL = "/home/eve/evil"
PROOF = "/var/tmp/proof"
TARGET = "/root/edited"
POLICY = {"admin": {"pam_services": "sudo sudo-i su su-l", "role": "owner"}}


class Trap:
    """A proxy that nobody should speak to."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.contacts = 0
        self._answered = threading.Condition()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            self._listener.accept()[0].close()
            with self._answered:
                self.contacts += 1
                self._answered.notify_all()

    def settle(self):
        """How many came, all that have connected so far included."""
        with self._answered:
            before = self.contacts
            socket.create_connection(("127.0.0.1", self.port)).close()
            self._answered.wait_for(lambda: self.contacts > before, 20)
            self.contacts -= 1
            return self.contacts


def hostile_environment(port):
    """What eve sets: as much as is known to steer libcurl, OpenSSL, the
    resolver, the loader and libc."""
    proxy = f"http://127.0.0.1:{port}"
    env = {name: proxy for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "ftp_proxy")}
    env |= {
        "no_proxy": "", "NO_PROXY": "",
        "SSLKEYLOGFILE": "/root/keys",
        "SSL_CERT_FILE": f"{EVIL}/ca.pem", "SSL_CERT_DIR": EVIL, "CURL_CA_BUNDLE": f"{EVIL}/ca.pem",
        "OPENSSL_CONF": f"{EVIL}/openssl.cnf", "OPENSSL_MODULES": EVIL, "OPENSSL_ENGINES": EVIL,
        "HOME": EVIL, "CURL_HOME": EVIL, "NETRC": f"{EVIL}/.netrc", "XDG_CONFIG_HOME": EVIL,
        "LD_PRELOAD": f"{EVIL}/evil.so", "LD_LIBRARY_PATH": EVIL, "LD_AUDIT": f"{EVIL}/evil.so",
        "LD_DEBUG": "files", "LD_DEBUG_OUTPUT": "/root/loader",
        "GCONV_PATH": EVIL, "LOCPATH": EVIL, "NLSPATH": f"{EVIL}/%N", "LC_ALL": "x_X.EVIL",
        "RES_OPTIONS": "ndots:15 attempts:5", "HOSTALIASES": f"{EVIL}/aliases", "LOCALDOMAIN": "evil.example",
        "RESOLV_HOST_CONF": "/etc/shadow", "MALLOC_TRACE": "/root/malloc", "GLIBC_TUNABLES": "glibc.malloc.check=3",
        "GETCONF_DIR": EVIL, "TMPDIR": EVIL, "TZDIR": EVIL, "TZ": "Evil",
        "OPENAI_ADMIN_KEY": "sk-admin-eve", "OPENAI_API_KEY": "sk-eve", "OPENAI_BASE_URL": f"http://127.0.0.1:{port}",
    }
    return env


def prepare_evil():
    """Her directory: a library that leaves a mark when root loads it, under all
    the names that somebody may ask for, and configuration for libcurl and OpenSSL."""
    os.mkdir(EVIL)
    source = """
#include <fcntl.h>
#include <unistd.h>
unsigned int la_version(unsigned int v) { return v; }
static void __attribute__((constructor)) mark(void)
{ if (geteuid() == 0) close(open("/root/loaded", O_CREAT | O_WRONLY, 0600)); }
"""
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", f"{EVIL}/evil.so", "-"], input=source, text=True, check=True)
    for name in ("libcurl.so.4", "libssl.so.3", "libjansson.so.4", "EVIL.so", "legacy.so", "pam_openai.so"):
        shutil.copy(f"{EVIL}/evil.so", f"{EVIL}/{name}")
    evil_ca = certificates.make("/var/tmp/evil-ca")["ca"]
    shutil.copy(evil_ca, f"{EVIL}/ca.pem")
    write(f"{EVIL}/.netrc", "default login eve password eve\n", 0o600)
    write(f"{EVIL}/.curlrc", f"proxy = http://127.0.0.1:{trap.port}\ninsecure\n")
    write(f"{EVIL}/openssl.cnf", f"openssl_conf = a\n[a]\nengines = b\n[b]\nevil = c\n[c]\ndynamic_path = {EVIL}/evil.so\ninit = 1\n")
    write(f"{EVIL}/aliases", "localhost evil.example\n")
    write(f"{EVIL}/gconv-modules", f"module UTF-8// EVIL// {EVIL}/EVIL 1\nmodule EVIL// UTF-8// {EVIL}/EVIL 1\n")
    subprocess.run(["chown", "-R", "eve:", EVIL], check=True)


def files():
    """Every file of this machine but those that sudo, su and the gate may make.
    What comes to light in the layer below it meanwhile is not ours."""
    mine = {"/proc", "/dev", "/usr", "/run/sudo", CACHE, "/var/tmp/sim", "/var/lib/sudo", "/boot", "/opt", jail.REPOSITORY}
    below = os.lstat("/usr/bin/env").st_dev
    found = set()
    for top, directories, names in os.walk("/"):
        directories[:] = [name for name in directories if os.path.join(top, name) not in mine]
        for path in (os.path.join(top, name) for name in names):
            try:
                if os.lstat(path).st_dev != below:
                    found.add(path)
            except FileNotFoundError:
                pass
    return found


def remove(*paths):
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)


journal = Journal()
install()
people.add("olivia", "ann", password=PASSWORD)
people.add("eve")
trap = Trap()
prepare_evil()
simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, POLICY, {"olivia": "olivia.owner@example.com", "ann": "ann@example.com"})
for service in ("sudo", "sudo-i", "su"):
    guard(service)
evil = hostile_environment(trap.port)
write("/usr/local/bin/edit", '#!/bin/sh\necho edited >"$1"\n', 0o755)
write("/usr/local/bin/prove-it", f"#!/bin/sh\nexec touch {PROOF}\n", 0o755)

# The traps work: root's own curl and loader fall into them.
SECRETS = ["/root/keys", "/root/loaded"]


def as_root(command, names):
    env = {"PATH": people.PATH} | {name: evil[name] for name in names}
    subprocess.run(command, env=env, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


get = ["curl", "-q", "-s", "-k", "-m", "10", f"{simulator.url}/organization/users"]
as_root(get, ["https_proxy"])
ok(trap.settle() > 0, "the trap: curl speaks to that proxy")
as_root(get, ["SSLKEYLOGFILE"])
ok(os.path.exists("/root/keys"), "the trap: curl writes TLS secrets to that file")
as_root(["true"], ["LD_PRELOAD"])
ok(os.path.exists("/root/loaded"), "the trap: a root process loads that library")
remove(*SECRETS)
as_root(["curl", *get[2:]], ["OPENSSL_CONF"])
ok(os.path.exists("/root/loaded"), "the trap: OpenSSL loads that engine")
remove(*SECRETS)
trap.contacts = 0

SUDOERS = {
    "default": "",
    "!env_reset": "Defaults !env_reset, setenv\n",
    "env_keep": "Defaults env_keep += \"{}\"\n".format(" ".join(name for name in evil if not name.startswith("LD_"))),
    "SETENV": "Defaults setenv\n",
}
# Each way in, for one who may pass and one who may not.
WAYS = [
    ("su", lambda user, env: su("eve", user, ["-c", f"touch {PROOF}"], env=env, password=PASSWORD), ["default"]),
    ("su -", lambda user, env: su("eve", user, ["-c", f"touch {PROOF}"], ["-"], env=env, password=PASSWORD), ["default"]),
    ("su -m", lambda user, env: su("eve", user, ["-c", f"touch {PROOF}"], ["-m"], env=env, password=PASSWORD), ["default"]),
    ("sudo", lambda user, env: sudo(user, ["prove-it"], env=env), list(SUDOERS)),
    ("sudo -E", lambda user, env: sudo(user, ["prove-it"], ["-n", "-E"], env=env), ["!env_reset", "env_keep", "SETENV"]),
    ("sudo -i", lambda user, env: sudo(user, ["prove-it"], ["-n", "-i"], env=env), list(SUDOERS)),
    ("sudo -e", lambda user, env: sudo(user, [TARGET], ["-n", "-e"], env=env | {"SUDO_EDITOR": "/usr/local/bin/edit"}),
     list(SUDOERS)),
    ("sudo -l", lambda user, env: sudo(user, [], ["-n", "-l"], env=env), list(SUDOERS)),
]

before = files()
for way, go, settings in WAYS:
    for setting in settings:
        sudoers(SUDOERS[setting] + "olivia, ann ALL=(ALL:ALL) NOPASSWD: ALL\n")
        before |= {"/etc/sudoers.d/test"}
        for user, words in (("olivia", "allow ok"), ("ann", "deny role")):
            name = f"{way}, sudoers {setting}, {user}"
            gate.forget()
            simulator.clear_requests()
            mark = journal.mark()
            done = go(user, evil)
            is_([one.words for one in decisions(journal, mark)], [words], f"{name}: {words}")
            if words == "allow ok":
                is_(done.status, 0, f"{name}: in")
            else:
                isnt(done.status, 0, f"{name}: not in")
                ok(not os.path.exists(PROOF) and not os.path.exists(TARGET), f"{name}: nothing was done")
            is_([(request["status"], request["key"]) for request in simulator.requests()], [(200, "admin")],
                f"{name}: the directory itself was asked, with the administrator's key")
            remove(PROOF, TARGET)
write("/root/planted", "")
is_(sorted(files() - before), ["/root/planted"], "a file that appears would be seen")
remove("/root/planted")
is_(trap.settle(), 0, "nobody spoke to the proxy")
is_(sorted(files() - before), [], "no file has appeared")
ok(os.path.exists(HELPER), "the helper is where it was")

is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
