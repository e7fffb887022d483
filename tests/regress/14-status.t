#!/usr/bin/python3
"""openai-gate status, and what is counted on the way: decisions of the real
libpam and of sudo, also by who may write no file, on a full disk, in a store
that cannot be written; fetches; the key's expiry."""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

import people
import prometheus
from doors import sudo, sudoers
from gate import CACHE, CONF, Gate, guard, install, write
from pamdrive import IGNORED, Pam
from sim import Simulator
from tap import done_testing, is_, like, ok, skip, unlike

COUNTERS = f"{CACHE}/counters"
DAY = 86400
# What may stand in a policy's name.
ODD = "Ssh_2.x-" + "n" * 56
POLICIES = {
    ODD: {"pam_services": "sshd", "role": "owner reader"},
    "admin": {"pam_services": "sudo", "role": "owner"},
    "unused": {"role": "owner"},
}
USERS = {"ann": "ann@example.com", "olivia": "olivia.owner@example.com", "zoe": "zoe@example.com"}


def metrics(gate):
    done = gate.cli("status", "--prometheus")
    is_((done.returncode, done.stderr), (0, ""), "status --prometheus")
    return prometheus.parse(done.stdout)


def decisions(found, **labels):
    return found.value("openai_gate_decisions_total", **labels) or 0


def counted(gate, before, count, name, **labels):
    """So many more decisions with these labels than before; what is now."""
    now = metrics(gate)
    is_(decisions(now, **labels) - decisions(before, **labels), count, name)
    return now


def libpam(sim, gate, pam):
    gate.forget()
    sim.clear_requests()
    pam.door("sshd")
    pam.door("nobody-names-it")
    is_(pam.ask("sshd", "ann").code, "PAM_SUCCESS", "a first decision, which makes the store")
    now = metrics(gate)
    is_(decisions(now, door="pam"), 1, "it is counted")
    is_(decisions(now, door="pam", policy=ODD, verdict="allow", reason="ok"), 1, "... by policy, verdict and reason")
    is_(now.value("openai_gate_cache_total", policy=ODD, cache="miss"), 1, "... as a miss")
    is_(now.value("openai_gate_api_requests_total", endpoint="users", status="200"), 1, "... and its request")
    is_(now.value("openai_gate_api_requests_total"), len(sim.requests()), "... the only one")
    for _ in range(20):
        pam.ask("sshd", "ann")
    now = counted(gate, now, 20, "warm decisions", door="pam", policy=ODD, reason="ok")
    is_(now.value("openai_gate_cache_total", policy=ODD, cache="hit"), 20, "... are hits")
    pam.ask("sshd", "zoe")
    now = counted(gate, now, 1, "a denial", door="pam", policy=ODD, verdict="deny", reason="not-a-member")
    is_(pam.ask("sshd", "root").code, IGNORED, "root is exempt")
    now = counted(gate, now, 1, "... and counted, without a policy", door="pam", policy="", verdict="exempt", reason="exempt-user")
    pam.ask("nobody-names-it", "ann")
    now = counted(gate, now, 1, "a service that no policy names", policy="", verdict="misconfigured", reason="no-policy")
    pam.ask("sshd", "a b")
    now = counted(gate, now, 0, "a name that is refused before the configuration is read is not counted", reason="bad-name")
    gate.forget()
    sim.fault(503)
    pam.ask("sshd", "ann")
    sim.clear_faults()
    now = metrics(gate)
    is_(decisions(now, verdict="unavailable", reason="server-error"), 1, "an outage")
    ok(now.value("openai_gate_api_requests_total", status="5xx") >= 1, "... and its requests")
    ok(now.value("openai_gate_api_wait_seconds_total", endpoint="users") > 0, "... and the time that they waited")
    is_(now.value("openai_gate_api_failures", endpoint="users") >= 1, True, "... failures in a row")
    is_(sorted({one["policy"] for one in now.series("openai_gate_decisions_total")}), sorted(["", *POLICIES]),
        "every policy is there before anybody asks")


def command_line(gate):
    gate.forget()
    gate.cli("check", "--policy", "admin", "ann")
    now = metrics(gate)
    is_(decisions(now, door="cli", policy="admin", verdict="deny", reason="role"), 1, "a check is counted apart")
    is_(decisions(now, door="pam"), 0, "... from decisions at a door")
    is_(now.value("openai_gate_api_requests_total"), 1, "... with its request")
    gate.cli("check", "--policy", "admin", "ann")
    is_(now.value("openai_gate_cache_total", door="cli", policy="admin", cache="miss"), 1, "... as a miss, then")
    is_(metrics(gate).value("openai_gate_cache_total", door="cli", policy="admin", cache="hit"), 1, "... as a hit")


def limits(gate, pam):
    """Whoever calls sudo sets its limits: one write to a file would kill it."""
    gate.forget()
    gate.cli("check", "--policy", "admin", "olivia")
    pam.door("sudo")
    answer = pam.ask("sudo", "olivia")
    is_((answer.code, answer.left), ("PAM_SUCCESS", ()), "nothing is left in the host")
    if pam.sanitized():
        skip("sudo with ulimit -f 0", "sudo does not load what has a sanitizer in it")
        return
    guard("sudo")
    sudoers("olivia, ann ALL=(ALL:ALL) NOPASSWD: ALL\n")
    now = metrics(gate)
    done = people.run("olivia", ["bash", "-c", "ulimit -f 0; exec sudo -n id -un"])
    is_((done.status, done.out), (0, "root\n"), "sudo with ulimit -f 0 works")
    now = counted(gate, now, 1, "... and is counted", door="pam", policy="admin", reason="ok")
    is_(sudo("ann", ["true"]).status == 0, False, "another is refused")
    counted(gate, now, 1, "... and counted", door="pam", policy="admin", verdict="deny", reason="role")


def not_ours(gate, pam):
    """The counters changed or gone: nobody notices at the door."""
    for name, spoil in (
            ("not there", lambda: os.unlink(COUNTERS)),
            ("cut", lambda: os.truncate(COUNTERS, 4096)),
            ("of another version", lambda: os.pwrite(os.open(COUNTERS, os.O_WRONLY), b"x", 0)),
            ("writable by others", lambda: os.chmod(COUNTERS, 0o666)),
            ("somebody else's", lambda: os.chown(COUNTERS, 1000, 1000)),
            ("a symbolic link", lambda: (os.rename(COUNTERS, f"{COUNTERS}.x"), os.symlink(f"{COUNTERS}.x", COUNTERS))),
            ("a FIFO", lambda: (os.unlink(COUNTERS), os.mkfifo(COUNTERS)))):
        gate.cli("status")
        spoil()
        answer = pam.ask("sudo", "olivia")
        is_((answer.code, answer.trouble), ("PAM_SUCCESS", ""), f"counters {name}: the decision stands")
        done = gate.cli("status", "--prometheus")
        is_(done.returncode, 0, f"counters {name}: status")
        is_(decisions(prometheus.parse(done.stdout), door="pam"), 0, f"counters {name}: counted anew")
        pam.ask("sudo", "olivia")
        is_(decisions(metrics(gate), door="pam"), 1, f"counters {name}: and again")


def disks(gate, pam):
    """A store on a disk of its own: full, then read-only."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", CACHE], check=True)
    gate.cli("check", "--policy", "admin", "olivia")
    now = counted(gate, metrics(gate), 0, "a store on a small disk", door="pam")
    # Its blocks taken away, and no others to be had: as where each write wants new ones.
    size = os.path.getsize(COUNTERS)
    subprocess.run(["fallocate", "--punch-hole", "--offset", "4096", "--length", str(size - 4096), COUNTERS], check=True)
    with open(f"{CACHE}/filling", "wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096) == 4096:
                pass
        except OSError:
            pass
    answer = pam.ask("sudo", "olivia")
    is_((answer.code, answer.trouble), ("PAM_SUCCESS", ""), "a full disk that copies on write: the host lives")
    done = gate.cli("check", "--policy", "admin", "olivia")
    is_(done.returncode, 0, "... the command line, too")
    done = gate.cli("status")
    is_(done.returncode, 0, "... and status")
    os.unlink(f"{CACHE}/filling")
    pam.ask("sudo", "olivia")
    now = counted(gate, now, 1, "... and then they count again", door="pam", reason="ok")
    subprocess.run(["mount", "-o", "remount,ro", CACHE], check=True)
    is_(pam.ask("sudo", "olivia").code, "PAM_SUCCESS", "a read-only store")
    done = gate.cli("status", "--prometheus")
    is_((done.returncode, done.stderr), (0, ""), "... has a status")
    is_(decisions(prometheus.parse(done.stdout), door="pam"), decisions(now, door="pam"), "... in which nothing more is counted")
    subprocess.run(["umount", CACHE], check=True)


def forms(sim, gate):
    gate.forget()
    gate.cli("check", "--policy", ODD, "ann")
    gate.cli("check", "--policy", "admin", "ann")
    done = gate.cli("status")
    is_((done.returncode, done.stderr), (0, ""), "status")
    like(done.stdout, r"(?m)^  cli  admin +deny 1 \(role 1\); hit 1$", "... tells decisions")
    like(done.stdout, r"(?m)^  pam  unused +none yet$", "... also that there were none")
    like(done.stdout, r"(?m)^  users +8 rows, \d+ s, fresh$", "... tells lists")
    like(done.stdout, r"(?m)^  users +200: 1; 1 in the last minute$", "... tells requests")
    like(done.stdout, r"(?m)^last complete sync  never$", "... tells that there was no sync")
    like(done.stdout, r"(?m)^oldest fact in use  \d+ s of the 4200 s", "... tells the oldest fact")
    done = gate.cli("status", "--json")
    is_((done.returncode, done.stdout.count("\n")), (0, 1), "status --json: one line")
    found = json.loads(done.stdout)
    is_(sorted(found), ["api", "bytes", "cache", "decisions", "fact_limit", "key_expires_at", "last_sync", "last_sync_seconds",
                        "lists", "not_enforced", "oldest_fact_age", "shared", "singles", "useless"], "... with these keys")
    is_([one for one in found["decisions"] if one["policy"] == "admin"],
        [{"door": "cli", "policy": "admin", "verdict": "deny", "reason": "role", "count": 1}], "... decisions")
    is_([(one["query"], one["complete"], one["rows"], one["state"]) for one in found["lists"]], [("users", True, 8, "fresh")],
        "... lists")
    is_([one["requests"] for one in found["api"] if one["endpoint"] == "users"], [{"200": 1}], "... requests")
    is_((found["last_sync"], found["key_expires_at"], found["fact_limit"]), (None, None, 4200), "... and what is not known")
    is_(gate.cli("status", "--frob").returncode, 64, "status --frob")
    is_(gate.cli("status", "--json", "--prometheus").returncode, 64, "status --json --prometheus")
    is_(gate.cli("sync", "--quiet").returncode, 0, "a sync")
    found = metrics(gate)
    ok(abs(time.time() - found.value("openai_gate_last_sync_timestamp_seconds")) < 60, "... is remembered")
    ok(found.value("openai_gate_oldest_fact_age_seconds") < 60, "the oldest fact has an age")
    is_(found.value("openai_gate_fact_limit_seconds"), 4200, "... and a limit")
    is_(found.types["openai_gate_key_expiry_timestamp_seconds"], "gauge", "a metric without a value has its type")


def expiry(sim, gate):
    gate.forget()

    def doctor(pattern, name):
        done = gate.cli("doctor")
        is_(done.returncode, 0, f"{name}: nothing to mend")
        like(done.stdout, pattern, name)
        unlike(done.stdout + done.stderr, sim.admin_key, f"{name}: no key is shown")
        return metrics(gate).value("openai_gate_key_expiry_timestamp_seconds")

    is_(doctor(r"ok +key's expiry +never", "a key that never expires"), None, "... has no time")
    at = int(time.time()) + 5 * DAY + 3600
    other = {"name": "another", "redacted_value": "sk-admin...xyz", "expires_at": 1}
    sim.change(admin_keys=[other, {"name": "ours", "key": sim.admin_key, "expires_at": at}])
    is_(doctor(r"warn +key's expiry +in 5 days: make a new one", "a key that expires soon"), at, "... is remembered")
    like(gate.cli("status").stdout, r"(?m)^key expires +in 5 days$", "... for status")
    is_(json.loads(gate.cli("status", "--json").stdout)["key_expires_at"], at, "... and --json")
    sim.fault(500, path="admin-keys")
    is_(doctor(r"ok +key's expiry +not known: .*500", "an API that fails"), at, "... changes nothing")
    sim.clear_faults()
    sim.fault(403, path="admin-keys")
    is_(doctor(r"ok +key's expiry +not known: .*403", "a key that may not be asked about"), None, "... has no time any more")
    sim.clear_faults()
    sim.change(admin_keys=[{"key": sim.admin_key, "expires_at": at + 30 * DAY}])
    is_(doctor(r"ok +key's expiry +in 35 days", "a key that lives long"), at + 30 * DAY, "... is remembered, too")
    sim.change(admin_keys=[other])
    is_(doctor(r"ok +key's expiry +not known", "a key that is not among them"), None, "... has no time")
    sim.fault(404, path="admin-keys")
    is_(doctor(r"ok +key's expiry +not known: .*404", "an API without that list"), None, "... has no time")
    sim.clear_faults()


def mirror(gate):
    gate.forget()
    gate.cli("check", "--policy", ODD, "ann")
    base_url = gate.simulator.url
    gate.configure(api={"base_url": "none"})
    is_(gate.cli("status").returncode, 0, "mirror mode: status")
    like(gate.cli("status").stdout, r"(?m)^API none: never asked$", "... says so")
    metrics(gate)
    gate.configure(api={"base_url": base_url})
    write(CONF, gate.text() + "nonsense\n")
    done = gate.cli("status", "--prometheus")
    is_((done.returncode, done.stdout), (3, ""), "a broken gate.conf")
    gate.configure()


def main():
    install()
    people.add("olivia", "ann")
    with Simulator("/run/sim") as sim:
        gate = Gate(sim, POLICIES, USERS, api={"requests_per_minute": "600", "timeout": "3s"})
        pam = Pam()
        libpam(sim, gate, pam)
        command_line(gate)
        limits(gate, pam)
        not_ours(gate, pam)
        disks(gate, pam)
        forms(sim, gate)
        expiry(sim, gate)
        mirror(gate)
        is_(sim.errors(), "", "the simulator had no trouble")
    done_testing()


main()
