#!/usr/bin/python3
"""Odd hosts and bad days through the real libpam: what a caller can do to the
process, what must not be left in it, and the deadline."""

import os
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

from gate import CACHE, HELPER, Gate, decisions, install, write
from journal import Journal
from pamdrive import DIRECTORY, DRIVER, Pam
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, ok, skip

POLICIES = {"member": {"pam_services": "door", "role": "owner reader"},
            "both": {"pam_services": "both", "role": "owner reader", "project": "proj_web"}}
DEADLINE_MS = 1000
SLACK_MS = 1000  # for a busy machine

HOSTS = {
    "plain": (),
    "ignores SIGCHLD": ("--ignore-children",),
    "catches SIGCHLD": ("--catch-children",),
    "has 1,000 open descriptors": ("--descriptors", "1000"),
    "without descriptor 0": ("--close", "0"),
    "without descriptor 1": ("--close", "1"),
    "without descriptors 0, 1, 2": ("--close", "0", "--close", "1", "--close", "2"),
    "run by an ordinary user": ("--caller", "1000"),
    "with umask 0": ("--umask", "0"),
    "with umask 777": ("--umask", "777"),
    "in another's directory": ("--cwd", "/var/tmp/eve"),
    "in a directory that is gone for its caller": ("--cwd", "/root", "--caller", "1000"),
    "with ulimit -f 0": ("--limit", "fsize=0"),
    "with ulimit -v": ("--limit", "as=134217728"),
    "with ulimit -d": ("--limit", "data=33554432"),
    "with ulimit -s": ("--limit", "stack=262144"),
    "with ulimit -t 5": ("--limit", "cpu=5"),
    "with ulimit -u 0": ("--limit", "nproc=0", "--caller", "1000"),
    "silent": ("--silent",),
}

journal = Journal()
install()
simulator = Simulator("/run/sim")
gate = Gate(simulator, POLICIES, {"ann": "ann@example.com", "ben": "ben@example.com", "eve": "eve@example.org",
                                  "olivia": "olivia.owner@example.com", "wendy": "wendy.web@example.com"})
pam = Pam()
for service in ("door", "both", "elsewhere"):
    pam.door(service)
os.makedirs("/var/tmp/eve", mode=0o700)
os.chown("/var/tmp/eve", 1000, 1000)


def helpers():
    """Processes that execute the helper: their state and number."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{number}/exe") == HELPER:
                found.append(int(number))
        except OSError:
            pass
    return found


def writable():
    """What is in the store, and not root's alone to write."""
    found = []
    for top, directories, files in os.walk(CACHE):
        for path in (os.path.join(top, name) for name in (*directories, *files)):
            status = os.stat(path)
            if status.st_uid or status.st_gid or status.st_mode & 0o022:
                found.append(f"{path} {status.st_mode:o} {status.st_uid}:{status.st_gid}")
    return found


def hosts():
    for name, options in HOSTS.items():
        if pam.sanitized() and any(option.startswith(("as=", "data=", "stack=")) for option in options):
            skip(name, "the sanitizers need more memory")
            continue
        for cold in (True, False):
            temperature = "cold" if cold else "warm"
            if cold:
                gate.forget()
            for user, words, code in (("ann", "allow ok", "PAM_SUCCESS"), ("eve", "deny not-a-member", "PAM_PERM_DENIED")):
                mark = journal.mark()
                answer = pam.ask("door", user, options=options)
                is_((answer.code, answer.left, answer.trouble), (code, (), ""), f"{name}, {temperature}, {user}: {code}")
                is_([one.words for one in decisions(journal, mark)], [words], f"{name}, {temperature}, {user}: {words}")
        is_(writable(), [], f"{name}: no file of the store may be written by others")
    is_(helpers(), [], "no helper is left")


def few_descriptors():
    """From none that is free to enough: no crash, no wrong answer. Below that,
    libpam cannot read its own files and never asks us."""
    seen = set()
    for count in range(5, 30):
        for user, usual in (("ann", "PAM_SUCCESS"), ("eve", "PAM_PERM_DENIED")):
            gate.forget()
            mark = journal.mark()
            answer = pam.ask("door", user, options=("--limit", f"nofile={count}"))
            name = f"ulimit -n {count}, {user}"
            is_((answer.left, answer.trouble), ((), ""), f"{name}: nothing is left")
            if decisions(journal, mark):
                ok(answer.code in (usual, "PAM_AUTHINFO_UNAVAIL", "PAM_SERVICE_ERR"), f"{name}: decided: {answer.code}")
                seen.add(answer.code)
            else:
                ok(answer.code not in ("PAM_SUCCESS", "PAM_TRY_AGAIN"), f"{name}: not asked: {answer.code}")
    ok({"PAM_SUCCESS", "PAM_PERM_DENIED"} < seen, f"ulimit -n: from too few to enough: {sorted(seen)}")


def not_root():
    gate.configure(pam={"exempt_users": "root adm"})
    for cold in (True, False):
        if cold:
            gate.forget()
        else:
            pam.ask("door", "ann")
        simulator.clear_requests()
        mark = journal.mark()
        answer = pam.ask("door", "ann", options=("--uid", "1000"))
        is_((answer.code, answer.left), ("PAM_AUTHINFO_UNAVAIL", ()), "a program that is not root: PAM_AUTHINFO_UNAVAIL")
        like("\n".join(one.text for one in decisions(journal, mark)), "unavailable store: user=ann.*not run as root",
             "... and the log says why")
        is_(simulator.requests(), [], "... and nobody is asked")
    is_(pam.ask("door", "adm", options=("--uid", "1000")).code, "PAM_TRY_AGAIN", "... and who is exempt is exempt there too")
    os.chmod("/etc/openai-gate/gate.conf", 0o600)
    is_(pam.ask("door", "ann", options=("--uid", "1000")).code, "PAM_AUTHINFO_UNAVAIL", "... nor may it read gate.conf")
    gate.configure(pam={"exempt_users": "root"})


class BlackHole:
    """A resolver that swallows every question."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        self.asked = threading.Event()
        threading.Thread(target=self._swallow, daemon=True).start()

    def _swallow(self):
        while True:
            self._socket.recv(65536)
            self.asked.set()


def in_time(name, options=()):
    """Decided as `timeout` or `network`, within the deadline, helper gone."""
    gate.forget()
    mark = journal.mark()
    answer = pam.ask("door", "ann", options=options)
    is_((answer.code, answer.left, answer.trouble), ("PAM_AUTHINFO_UNAVAIL", (), ""), f"{name}: PAM_AUTHINFO_UNAVAIL")
    like([one.words for one in decisions(journal, mark)][0], "^unavailable (timeout|network)$", f"{name}: timeout or network")
    ok(answer.ms < DEADLINE_MS * 1.1 + SLACK_MS, f"{name}: within the deadline ({answer.ms} ms)")
    is_(helpers(), [], f"{name}: the helper is gone")


def deadline():
    gate.configure(api={"timeout": f"{DEADLINE_MS // 1000}s"})
    for fault, params in (("silence", {}), ("tls-silence", {}), ("drip", {"ms": 100}), ("stall", {})):
        simulator.fault(fault, **params)
        in_time(fault)
        simulator.clear_faults()
    simulator.fault("silence")
    for host in ("ignores SIGCHLD", "catches SIGCHLD", "has 1,000 open descriptors", "run by an ordinary user"):
        in_time(f"silence, host {host}", HOSTS[host])
    simulator.clear_faults()
    # A helper that is stopped cannot keep its own deadline: it is killed.
    simulator.fault("silence")
    for host in ("plain", "ignores SIGCHLD"):
        simulator.clear_requests()
        stopper = threading.Thread(target=stop_helper)
        stopper.start()
        in_time(f"a stopped helper, host {host}", HOSTS[host])
        stopper.join()
    like(decisions(journal)[-1].text, rf"timeout: .*{HELPER}: killed at the deadline", "... and the log says so")
    simulator.clear_faults()


def stop_helper():
    simulator.wait_requests(1)
    for number in helpers():
        os.kill(number, signal.SIGSTOP)


def dead_dns():
    hole = BlackHole()
    write("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
    gate.configure(api={"base_url": f"https://api.example.com:{simulator.port}/v1"})
    for host in ("plain", "ignores SIGCHLD", "has 1,000 open descriptors"):
        in_time(f"a DNS server that never answers, host {host}", HOSTS[host])
    ok(hole.asked.is_set(), "... and was asked")
    gate.configure(api={"base_url": simulator.url})


def unroutable():
    """A TCP connection that is never accepted: a full backlog."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        full = [socket.socket() for _ in range(4)]
        for one in full:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        gate.configure(api={"base_url": f"https://127.0.0.1:{port}/v1"})
        in_time("a server that never accepts")
        for one in full:
            one.close()
    in_time("a port that nobody listens on")
    gate.configure(api={"base_url": simulator.url, "timeout": "5s"})


def reset_host():
    """The host is killed: the helper ends by itself, and others pass."""
    gate.forget()
    simulator.clear_requests()
    simulator.fault("silence", times=1)
    command = [DRIVER, "--confdir", DIRECTORY, "--user", "ann", "door", "acct_mgmt"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as host:
        simulator.wait_requests(1)
        host.kill()
    is_(pam.ask("door", "ben").code, "PAM_SUCCESS", "a host killed while its helper asks: the next one passes")
    for _ in range(600):
        if not helpers():
            break
        threading.Event().wait(0.01)
    is_(helpers(), [], "... and the helper ends on its own")


def hostile_environment():
    before = set(os.listdir("/root")) | set(os.listdir("/run"))
    environment = {
        "SSLKEYLOGFILE": "/root/keys", "https_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9",
        "SSL_CERT_FILE": "/etc/passwd", "OPENSSL_CONF": "/etc/passwd", "HOME": "/var/tmp/eve", "CURL_CA_BUNDLE": "/etc/passwd",
        "OPENAI_ADMIN_KEY": "sk-admin-other", "OPENAI_GATE_CONF": "/etc/passwd", "RES_OPTIONS": "ndots:15", "TZ": "/etc/passwd",
    }
    for user, code in (("ann", "PAM_SUCCESS"), ("eve", "PAM_PERM_DENIED")):
        gate.forget()
        is_(pam.ask("door", user, env=environment).code, code, f"a hostile environment, {user}: {code}")
    is_(set(os.listdir("/root")) | set(os.listdir("/run")), before, "... and no file appears")


def few_requests():
    gate.forget()
    simulator.clear_requests()
    for user, code in (("ann", "PAM_SUCCESS"), ("wendy", "PAM_SUCCESS"), ("ben", "PAM_PERM_DENIED"), ("olivia", "PAM_PERM_DENIED"),
                       ("ann", "PAM_SUCCESS")):
        for call in ("authenticate", "acct_mgmt", "open_session"):
            is_(pam.ask("both", user, call).code, code, f"{user}: {call}: {code}")
    is_(sorted(one["endpoint"] for one in simulator.requests()), ["project-users", "users"],
        "fifteen decisions, one request for each list")
    answer = pam.ask("both", "ann", "authenticate", "setcred", "acct_mgmt", "open_session", "close_session")
    is_(answer.codes, ("PAM_SUCCESS",) * 5, "a whole login in one process")
    is_(answer.left, (), "... leaves nothing behind")
    is_(len(simulator.requests()), 2, "... and asks nobody")


def mirror():
    """A door that never asks: what somebody else stored is all that is known."""
    gate.forget()
    pam.ask("door", "ann")
    pam.ask("door", "eve")
    gate.configure(api={"base_url": "none"})
    os.rename(HELPER, f"{HELPER}.away")
    is_(pam.ask("door", "ben").code, "PAM_SUCCESS", "base_url none: who is stored passes")
    is_(pam.ask("door", "eve").code, "PAM_PERM_DENIED", "... who is known not to be there is denied")
    gate.forget()
    mark = journal.mark()
    is_(pam.ask("door", "ben").code, "PAM_AUTHINFO_UNAVAIL", "... and without a store nobody passes")
    like(decisions(journal, mark)[0].text, "unavailable store:.*base_url is none", "... nor is the helper run")
    os.rename(f"{HELPER}.away", HELPER)
    gate.configure(api={"base_url": simulator.url})


hosts()
few_descriptors()
not_root()
deadline()
dead_dns()
unroutable()
reset_host()
hostile_environment()
few_requests()
mirror()
is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text())
done_testing()
