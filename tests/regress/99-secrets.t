#!/usr/bin/python3
"""The admin key and a proxy's password, of random letters, go through every
door and every command, with everything that can go wrong; then all that anybody
could read is searched for eight letters in a row of either: logs, answers,
what programs say, environments, command lines, the store, cores."""

import glob
import os
import random
import re
import resource
import signal
import string
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import jail

jail.enter()

import people
from doors import Sshd, su, sudo, sudoers
from gate import CACHE, CLI, CONF, DIRECTORY, HELPER, Gate, guard, install, write
from journal import Journal
from nginx import DIRECTORY as WEB
from nginx import Nginx
from sim import Simulator
from tap import diag, done_testing, is_, note, ok
from wait import until

PART = 8
POLICIES = {"ssh": {"pam_services": "sshd", "role": "owner reader"}, "web": {"role": "owner reader"},
            "admin": {"pam_services": "sudo su su-l", "role": "owner reader"}}
CORES = "/var/tmp/cores"

seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
note(f"SEED={seed}")
chance = random.Random(seed)


def letters(count):
    return "".join(chance.choices(string.ascii_letters + string.digits, k=count))


BODY, PASSWORD = letters(60), letters(24)
KEY = f"sk-admin-{BODY}"
PARTS = {secret[at:at + PART].encode() for secret in (BODY, PASSWORD) for at in range(len(secret) - PART + 1)}
ANY = re.compile(b"|".join(sorted(PARTS)))
gathered = {}


def take(where, text):
    """Something that somebody can read."""
    gathered.setdefault(where, bytearray()).extend(text if isinstance(text, bytes) else text.encode(errors="surrogateescape"))


def take_file(where, path):
    try:
        with open(path, "rb") as file:
            take(where, file.read())
    except OSError:
        pass


def take_processes():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ", "comm"):
            take_file(f"/proc/*/{name}", f"/proc/{pid}/{name}")


def run(where, *command, **how):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False, **how)
    take(where, done.stdout + done.stderr)
    return done


def take_web(path="/"):
    answer = web.get(path, user="ann")
    take("nginx's answers", f"{answer.headers}\n{answer.body}")
    return answer.status


def everything(why):
    """Each door and each command, from a cold store."""
    settings.forget()
    result = sshd.login("ann", "true")
    take("ssh", result.said)
    settings.forget()
    take("sudo", sudo("ann", ["true"]).said)
    take("su", su("ann", "carol", ["-c", "true"], password="carol's").said)
    web.forget()
    statuses.add(take_web())
    take_web("/nothing")
    for command in (["check", "--service", "sshd", "ann"], ["check", "--json", "--policy", "web", "ann"], ["config"],
                    ["config", "--print"], ["cache", "list"], ["cache", "show", "ann"], ["doctor"], ["--verbose", "check", "--policy", "web", "olivia"]):
        settings.forget()
        run("openai-gate", CLI, *command)
    run("the helper", HELPER, "1", CONF, "500", "users?email=ann@example.com")
    take_processes()
    note(f"{why}: ssh {result.status}")


install()
os.makedirs(CORES)
people.add("ann", "carol")
people.set_password("carol", "carol's")
sudoers("ann ALL=(ALL) NOPASSWD: ALL\n")
journal = Journal()
simulator = Simulator("/var/tmp/sim")
simulator.change(admin_key=KEY)
settings = Gate(simulator, POLICIES, {"ann": "ann@example.com", "carol": "carol@example.com", "olivia": "olivia.owner@example.com"},
                api={"timeout": "5s", "requests_per_minute": 6000})
simulator.add_user("carol@example.com")
for service in ("sshd", "sudo", "su"):
    guard(service)
web = Nginx(f"""
    openai_gate_config {CONF};
    openai_gate_identity $http_x_user;
    server {{
        listen 127.0.0.1:8080;
        openai_gate web;
        location / {{ }}
        location /status {{ openai_gate off; openai_gate_status; }}
    }}
""", level="debug")
web.start()
sshd = Sshd(LogLevel="DEBUG3")
statuses = set()

everything("all is well")
is_(statuses, {200}, "people pass")
settings.configure(api={"timeout": "500ms"})  # what fails does so at the end of it
web.reload()
echo = '{"error": {"message": "Incorrect API key provided: %s. Authorization: Bearer %s", "code": "invalid_api_key"}}' % (KEY, KEY)
FAULTS = [("401", {"body": echo}), ("403", {"body": echo}), ("500", {"body": f"<html>Bearer {KEY}</html>"}), ("200", {"body": f"{KEY}"}),
          ("429", {}), ("silence", {}), ("reset", {}), ("garbage", {}), ("tls-garbage", {}), ("truncated", {})]
for kind, params in FAULTS:
    simulator.fault(kind, **params)
    everything(f"{kind} {'with the key in it' if params else ''}")
    simulator.clear_faults()
simulator.change(admin_key="sk-admin-another")
everything("the key is refused")
simulator.change(admin_key=KEY)

# A proxy with a password: nobody there, and as libcurl does not like it.

for user in (f"gate:{PASSWORD}", f"gate:{PASSWORD}%0a", f"gate:{PASSWORD}%zz", PASSWORD[:4] + f":{PASSWORD}"):
    settings.configure(api={"proxy": f"http://{user}@127.0.0.1:9"})
    web.reload()
    everything(f"a proxy, {user.replace(PASSWORD, '(password)')}")
settings.configure(api={"proxy": ""})

# What an administrator may mistake for the right place.

good = settings.text()
for broken in (good.replace("[api]", f"[api]\nkey_file = {KEY}", 1), good.replace("[api]", f"[api]\n{KEY}", 1),
               good.replace("[api]", f"[api]\n{KEY} = x", 1), good.replace("[api]", f"[{KEY}]", 1), good.replace("base_url = ", f"base_url = {KEY}", 1),
               good.replace("[api]", f"[api]\norganization = {KEY} {KEY}", 1), good.replace("[api]", f"[api]\ntimeout = {KEY}", 1),
               good.replace("[api]", f"[api]\nproxy = {PASSWORD}\nx = gate:{PASSWORD}", 1)):
    broken = re.sub(r"(?m)^(key_file = /.*|timeout = 5.*)\n", "", broken) if f"key_file = {KEY}" in broken or f"timeout = {KEY}" in broken else broken
    write(CONF, broken)
    web.process.send_signal(signal.SIGHUP)
    everything("a key in the wrong place of gate.conf")
settings.configure()
for text, mode in ((f"{KEY}\n{KEY}\n", 0o600), (f"{KEY} \n", 0o600), (f"{KEY}\n", 0o644), (f"sk-proj-{BODY}\n", 0o600), (f"{KEY}{KEY * 20}\n", 0o600)):
    write(f"{DIRECTORY}/admin.key", text, mode)
    web.process.send_signal(signal.SIGHUP)
    everything("a key file that is not right")
write(f"{DIRECTORY}/admin.key", f"{KEY}\n", 0o600)
write(f"{DIRECTORY}/users.map", f"ann {KEY}\n{KEY} ann@example.com x\n")
everything("a key in the map")
settings.configure()
ok(web.reload(), "nginx is itself again")

# Cores: everybody may write one, and what asks the API writes none.

limit = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (limit[1], limit[1]))
with open("/proc/sys/kernel/core_pattern", encoding="ascii") as file:
    pattern = file.read()


def cores():
    return glob.glob(f"{CORES}/core*")


simulator.fault("silence")
settings.forget()
simulator.clear_requests()
# Where core_pattern is "core", it goes into the directory of the process.
victim = subprocess.Popen(["/usr/bin/sleep", "60"], cwd=CORES, stdin=subprocess.DEVNULL)
victim.send_signal(signal.SIGSEGV)
victim.wait()
dumps_here = bool(cores())
note(f"core_pattern {pattern.strip()}: {'cores are seen' if dumps_here else 'cores go elsewhere'}")
for path in cores():
    os.unlink(path)
helper = subprocess.Popen([HELPER, "1", CONF, "20000", "users?email=ann@example.com"], cwd=CORES, env={}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
simulator.wait_requests(1)
take_processes()
helper.send_signal(signal.SIGSEGV)
helper.wait()
is_(helper.returncode, -signal.SIGSEGV, "the helper dies while it waits")
ok(not cores(), "and leaves no core")
checking = subprocess.Popen([CLI, "check", "--policy", "web", "ann"], cwd=CORES, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
ok(until(lambda: len(simulator.requests()) > 1), "openai-gate asks")
checking.send_signal(signal.SIGSEGV)
checking.wait()
ok(not cores(), "dies, and leaves no core either")
simulator.clear_faults()

# The web door: -T, the master's and the workers' open files, the status.

run("nginx -T", *web.command("-T"))
run("nginx -t", *web.command("-t"))
take_web("/status")
take_processes()
is_(web.quit(), 0, "nginx ends")
sshd.stop()
take("sshd's log", sshd.log())
take("syslog", journal.text("."))
for path in (web.error_log, web.access_log, f"{WEB}/nginx.conf"):
    take_file(path, path)
for top in (CACHE, web.cache):
    for directory, _, names in os.walk(top):
        for name in names:
            take(f"{top}: names", name)
            take_file(f"{top}: files", os.path.join(directory, name))

for where in ("ssh", "sudo", "su", "openai-gate", "nginx's answers", "syslog", "nginx -T", "/proc/*/cmdline", "/proc/*/environ",
              f"{CACHE}: files", f"{web.cache}: files", web.error_log, "sshd's log"):
    ok(gathered.get(where), f"there is something of {where}")
ok(b"sk-" in gathered["syslog"] and b"gate.conf:" in gathered["syslog"], "the log speaks of keys and of gate.conf")
for where, text in sorted(gathered.items()):
    found = ANY.search(text)
    ok(found is None, f"no part of a secret in {where} ({len(text)} bytes)")
    if found:
        line = bytes(text[max(found.start() - 150, 0):found.end() + 60])
        diag(f"{where}: {line!r}")
done_testing()
