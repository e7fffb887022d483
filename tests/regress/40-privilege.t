#!/usr/bin/python3
"""What the helper still may do while it asks, where the key stands in its
memory, and who else can get at the key and at the store. What each of its
belts holds: tests/unit/confine.c."""

import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import jail

jail.enter()

from gate import CACHE, CONF, DIRECTORY, HELPER, Gate, helpers, install
from journal import Journal
from memory import places
from nginx import Nginx
from sim import Simulator
from tap import done_testing, is_, note, ok
from wait import until

QUERY = "users?email=ann@example.com"
TRACE = "/run/trace"
EXIT_GROUP = {"x86_64": "231", "aarch64": "94"}[os.uname().machine]
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}


def start(*before):
    """The helper, cold; a caller has emptied its environment."""
    settings.forget()
    simulator.clear_requests()
    return subprocess.Popen([*before, HELPER, "1", CONF, "20000", QUERY], env={}, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def traced(*options):
    return start("/usr/bin/strace", "-f", "-y", "-o", TRACE, *options)


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def limit_of(pid, name):
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        return re.search(rf"^Max {name}\s+(\S+)\s+(\S+)", file.read(), re.M).groups()


def current_call(pid):
    try:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            return file.read().split()[0]
    except (OSError, IndexError):
        return None


def try_as(path, flags=os.O_RDONLY, **who):
    """errno's name, or None: what an open by somebody else comes to."""
    code = f"import os\ntry:\n os.open({path!r}, {flags})\nexcept OSError as error:\n print(error.errno)"
    return subprocess.run(["/usr/bin/python3", "-c", code], capture_output=True, text=True, check=True, **who).stdout.strip()


install()
journal = Journal()
simulator = Simulator("/var/tmp/sim")
settings = Gate(simulator, {"ssh": {"pam_services": "sshd", "role": "owner reader"}, "web": {"role": "owner reader"}},
                users={"ann": "ann@example.com"})
key = simulator.admin_key.encode()

# While it waits for the API.

simulator.fault("silence")
helper = start()
simulator.wait_requests(1)
now = status_of(helper.pid)
is_([now[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")], ["0" * 16] * 5, "no capability is left")
is_((now["NoNewPrivs"], now["Seccomp"], now["Seccomp_filters"]), ("1", "2", "1"), "no new privileges, and the filter")
is_([limit_of(helper.pid, name) for name in ("core file size", "locked memory", "msgqueue size")], [("0", "0")] * 3, "limits")
is_(try_as(f"/proc/{helper.pid}/environ", **NOBODY), "13", "nobody else reads its environment")
with open(f"/proc/{helper.pid}/environ", "rb") as file:
    is_(file.read(), b"", "which is empty")
with open(f"/proc/{helper.pid}/cmdline", "rb") as file:
    is_(file.read().split(b"\0")[2:], [CONF.encode(), b"20000", QUERY.encode(), b""], "its arguments")
ok(os.stat(f"/proc/{helper.pid}/fd").st_uid == 0, "it is not dumpable")

found = places(helper.pid, key)
header = [around for _, around in found if re.search(rb"\0Authorization: Bearer " + re.escape(key) + rb"\0", around)]
request = [around for _, around in found if re.search(rb"Authorization: Bearer " + re.escape(key) + rb"\r\n", around)]
requests = len(simulator.requests())
is_(len(header), 1, "the key stands in its memory once, as a header")
# libcurl 8 gives the request back once it is sent.
ok(len(request) <= requests, f"and at most in each of the {requests} requests under way")
is_(len(found), len(header) + len(request), "and nowhere else")
for at, around in found:
    note(f"{at:x}: {around.replace(key, b'(key)')!r}")

# Half a key is a secret too.
ok(len(places(helper.pid, key[9:25])) == len(found), "no part of it stands alone")
helper.kill()
helper.wait()

# At its end.

simulator.clear_faults()
helper = traced("-e", "trace=exit_group", "-e", "inject=exit_group:delay_enter=60000000")
pid = until(lambda: next((pid for pid in helpers() if current_call(pid) == EXIT_GROUP), None))
ok(pid, "it ends")
is_(places(pid, key[9:]) if pid else None, [], "the key is nowhere in its memory when it ends")
for victim in helpers():
    os.kill(victim, signal.SIGKILL)
helper.wait()

# In what order.

helper = traced()
out, _ = helper.communicate(timeout=60)
is_((helper.returncode, out[:4]), (0, b"OGFR"), "it answers all the same")
with open(TRACE, encoding="utf-8", errors="replace") as file:
    trace = file.read().splitlines()


def first(pattern):
    return next((number for number, line in enumerate(trace) if re.search(pattern, line)), None)


order = [first(pattern) for pattern in (rf'openat\(.*{DIRECTORY}.*admin\.key|"admin\.key"', r"capset\(.*permitted=0", r"NO_NEW_PRIVS, 1",
                                        r"seccomp\(SECCOMP_SET_MODE_FILTER", r"socket\(AF_INET|clone3?\(.*CLONE_THREAD", r"sendto|write\(.*socket")]
note(f"{order}")
ok(None not in order and order == sorted(order), "first the key, then the belts, then the network")
refused = [line for line in trace if re.search(r"= -1 (EPERM|EACCES|EAFNOSUPPORT)", line)]
is_(refused, [], "it attempts nothing of what it may not")
ok(os.listdir(f"{CACHE}/lists"), "and has written the store")
is_(journal.text("not confined"), "", "nothing was refused to it")

# A host name, which libcurl looks up in a thread.

settings.configure(api={"base_url": simulator.url.replace("127.0.0.1", "jail")})
mark = journal.mark()
traced().communicate(timeout=60)
ok(journal.wait(r"certificate|SSL", since=mark, timeout=5), "a name is looked up, and is not the certificate's")
with open(TRACE, encoding="utf-8", errors="replace") as file:
    lines = file.read().splitlines()
ok([line for line in lines if re.search(r"clone\(.*CLONE_THREAD.*(= \d+|unfinished)", line)], "in a thread")
ok(len({line.split()[0] for line in lines}) > 1, "which lives under the filter")
settings.configure(api={"base_url": simulator.url})

# Others, and the files.

is_(try_as(f"{DIRECTORY}/admin.key", **NOBODY), "13", "another user cannot read the key")
is_((os.stat(CACHE).st_mode & 0o077, os.stat(CACHE).st_uid), (0, 0), "the store is root's alone")
for path in (CACHE, f"{CACHE}/lists", f"{CACHE}/pace", f"{CACHE}/locks"):
    is_(try_as(path, **NOBODY), "13", f"another user cannot open {path}")

web = Nginx("""
    openai_gate_config /etc/openai-gate/gate.conf;
    openai_gate_identity $http_x_user;
    server { listen 127.0.0.1:8080; location / { openai_gate web; } }
""")
web.start()
for turn in ("first", "after a reload"):
    is_(web.get(user="ann").status, 200, f"nginx, {turn}: the gate works")
    for pid in web.worker_pids():
        ids = status_of(pid)["Uid"].split()
        who = {"user": int(ids[0]), "group": int(status_of(pid)["Gid"].split()[0]), "extra_groups": []}
        ok(ids[0] != "0", f"nginx, {turn}: the worker is not root")
        is_([try_as(path, **who) for path in (f"{DIRECTORY}/admin.key", CACHE)], ["13", "13"],
            f"nginx, {turn}: and as its user neither key nor root's store can be opened")
        is_([try_as(f"/proc/{pid}/{name}", **who) for name in ("mem", "environ")], ["13", "13"],
            f"nginx, {turn}: nor the worker's memory, where the key is")
        with open(f"/proc/{pid}/maps", encoding="ascii") as file:
            ok("admin.key" not in file.read(), f"nginx, {turn}: nor does it hold the file")
        held = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
        is_([name for name in held if name.startswith((DIRECTORY, CACHE))], [], f"nginx, {turn}: nor has a descriptor of them")
    if turn == "first":
        ok(web.reload(), "nginx reloads")
        web.forget()
ok(places(web.worker_pids()[0], key), "where it is, indeed")
is_(web.quit(), 0, "nginx ends")
is_(web.complaints(), [], "its log is clean")
done_testing()
