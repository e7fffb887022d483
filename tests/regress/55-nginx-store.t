#!/usr/bin/python3
"""The workers' store: damaged, read-only, full, unsafe while they run; facts
refreshed ahead of need and served stale; the counters."""

import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import prometheus
from gate import DIRECTORY as DIRECTORY_OF_GATE, Gate, write
from nginx import DIRECTORY, PORT, Nginx, fresh
from sim import Simulator
from tap import done_testing, is_, like, note, ok, unlike
from wait import until

POLICIES = {"any": {"role": "owner reader"}, "web": {"project": "proj_web"}}
USERS = {"ann": "ann@example.com", "ben": "ben@example.com", "zoe": "zoe@example.com"}
# A worker remembers whom it has just judged: others look into the file.
STRANGERS = {f"x{number}": "ann@example.com" for number in range(10)}
SERVER = f"""
    openai_gate_identity $http_x_user;
    server {{
        listen 127.0.0.1:{PORT};
        openai_gate any;
        location / {{ add_header X-Cache $openai_gate_cache always; add_header X-Reason $openai_gate_reason always; }}
        location /web/ {{ openai_gate web; alias {DIRECTORY}/html/; }}
        location /status {{ openai_gate off; openai_gate_status; }}
    }}
"""
GATE = f"{DIRECTORY}/gate"
WWW_DATA = 33


def lists():
    return [f"{GATE}/lists/{name}" for name in sorted(os.listdir(f"{GATE}/lists")) if not name.startswith(".")]


def start(**settings_now):
    """nginx on an empty store."""
    fresh()
    settings.configure(**settings_now)
    simulator.clear_requests()
    started = Nginx(SERVER)
    started.start()
    return started


def over(but=None):
    """The end of one part."""
    is_(nginx.quit(), 0, "ends")
    is_(nginx.complaints(but=but), [], "the log is clean")
    unlike(nginx.log(), re.escape(simulator.admin_key), "the key is not in it")


def get(user="ann", path="/"):
    answer = nginx.get(path, user=user)
    return answer.status, answer.header("X-Cache"), answer.header("X-Reason")


def traced(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return not re.search(r"^TracerPid:\s+0$", file.read(), re.M)


simulator = Simulator("/var/tmp/sim")
settings = Gate(simulator, POLICIES, USERS | STRANGERS, api={"requests_per_minute": 6000, "timeout": "3s"})

# Whose it is.

nginx = start()
is_(get()[0], 200, "a first answer")
for path in (GATE, *(f"{GATE}/{name}" for name in ("lists", "singles", "locks"))):
    info = os.stat(path)
    is_((info.st_uid, oct(info.st_mode & 0o777)), (WWW_DATA, "0o700"), f"{path}: the workers', and nobody else's")
is_({(os.stat(path).st_uid, oct(os.stat(path).st_mode & 0o777)) for path in lists()}, {(WWW_DATA, "0o600")}, "and so are the files")

# Damaged files are a miss, told, and mended by the next answer.


def cut(path):
    os.truncate(path, 1000)


def empty(path):
    os.truncate(path, 0)


def spoil(path):
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2)
        file.write(b"spoiled")


def open_to_all(path):
    os.chmod(path, 0o666)


def stranger(path):
    os.chown(path, 1000, 1000)


def swap(path):
    os.unlink(path)
    os.symlink("/etc/passwd", path)


for user, damage in zip(STRANGERS, (cut, empty, spoil, open_to_all, stranger, swap)):
    simulator.clear_requests()
    mark = nginx.mark()
    damage(lists()[0])
    nginx.next_second()
    is_(get(user)[0], 200, f"{damage.__name__}: answered")
    is_(len(simulator.requests(endpoint="users")), 1, f"{damage.__name__}: asked for again")
    like(nginx.log()[mark:], r"\[warn\] .*openai_gate: /srv/nginx/gate/lists/[0-9a-f]{64}", f"{damage.__name__}: told")
    nginx.next_second()
    is_(get(user)[0], 200, f"{damage.__name__}: and mended")
    is_(len(simulator.requests(endpoint="users")), 1, f"{damage.__name__}: for good")

# Read-only.

nginx.forget()
names = [GATE, *(f"{GATE}/{name}" for name in os.listdir(GATE))]
modes = {name: os.stat(name).st_mode & 0o777 for name in names}
for name in names:
    os.chmod(name, 0o500 if os.path.isdir(name) else 0o400)
simulator.clear_requests()
statuses = [get()[0] for _ in range(20)]
is_(statuses, [200] * 20, "read-only: all are answered")
asked = len(simulator.requests())
ok(asked <= 2, f"read-only: each worker asks once, not for each request: {asked}")
is_(get("zoe")[::2], (403, "not-a-member"), "read-only: and who may not pass does not")
for name, mode in modes.items():
    os.chmod(name, mode)
is_(get("x9")[0], 200, "writable again")
is_(len(lists()), 1, "and written")
over()

# A worker never waits for the disk: it renames, and flushes nothing.

nginx = start()
is_(get()[0], 200, "traced: before")
nginx.forget()
traces = [subprocess.Popen(["strace", "-f", "-qq", "-y", "-e", "trace=fsync,fdatasync,sync,syncfs,rename,renameat,renameat2",
                            "-o", f"/tmp/trace.{pid}", "-p", str(pid)]) for pid in nginx.worker_pids()]
ok(until(lambda: all(traced(pid) for pid in nginx.worker_pids())), "traced")
is_((get()[0], get(path="/web/")[0]), (200, 200), "traced: two lists are written")
for trace in traces:
    trace.send_signal(signal.SIGINT)
    trace.wait()
calls = []
for pid in nginx.worker_pids():
    with open(f"/tmp/trace.{pid}", encoding="utf-8") as file:
        # libcdb 0.80 flushes what it makes: in memory, nothing waits.
        calls += re.findall(r"(?m)^\d+ +([a-z0-9]+)\((?!\d+</memfd:)", file.read())
is_((len([call for call in calls if call.startswith("rename")]), [call for call in calls if "sync" in call]), (2, []),
    "traced: two renames, and no fsync")
over()

# Full.

nginx = start()
nginx.quit()
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=64k,mode=700,uid={WWW_DATA}", "tmpfs", GATE], check=True)
nginx.start()
with open(f"{GATE}/filler", "wb", buffering=0) as file:
    try:
        while file.write(b"x" * 4096):
            pass
    except OSError as error:
        note(str(error))
for _ in range(3):  # while it has just been made, workers trust it less
    nginx.next_second()
simulator.clear_requests()
is_([get()[0] for _ in range(10)], [200] * 10, "full: all are answered")
asked = len(simulator.requests())
ok(asked <= 2, f"full: each worker asks once: {asked}")
is_(get(path="/web/")[0], 200, "full: also by another policy")
over()
subprocess.run(["umount", GATE], check=True)

# Unsafe.

nginx = start()
nginx.quit()
os.chmod(GATE, 0o777)
nginx.start()
is_(get()[::2], (500, "unsafe-file"), "unsafe: 500")
like(nginx.log(), r"\[crit\] .*openai_gate: cannot use \"openai_gate_cache\": /srv/nginx/gate: mode 0777", "unsafe: told")
os.chmod(GATE, 0o700)
ok(until(lambda: get()[0] == 200), "unsafe: mended, it serves without a reload")
over(but="misconfigured unsafe-file:")

# Gone.

nginx = start()
subprocess.run(["rm", "-r", GATE], check=True)
is_(get()[0], 200, "gone: answered")
ok(nginx.reload(), "gone: a reload")
is_(get()[0], 200, "gone: answered")
is_(len(lists()), 1, "gone: made again by the reload")
over()

# Refreshed ahead of need: nobody waits when the time is over.

nginx = start(cache={"ttl": "4s", "negative_ttl": "4s", "stale_ttl": "0"})
get()
words = {get()}


def renewed():
    words.add(get())
    return len(simulator.requests()) >= 4


ok(until(renewed, timeout=60), "three refreshes ahead of need")
is_(words, {(200, "hit", "ok")}, "and all that time every request is a hit")
requests = [request["time"] for request in simulator.requests()]
over()

# A decision is remembered no longer than the first of its facts: who is in the organization may wait, who is not in the project
# must not.

nginx = start(cache={"ttl": "10m", "negative_ttl": "2s"})
is_({get("ben", "/web/")[0] for _ in range(4)}, {403}, "not in the project: denied")
simulator.add_member("proj_web", "ben@example.com")
ok(until(lambda: get("ben", "/web/")[0] == 200), "put into it: passes after negative_ttl")
simulator.remove_member("proj_web", "ben@example.com")
over()

# Stale while the API cannot be asked; never a denial.

nginx = start(cache={"ttl": "2s", "negative_ttl": "2s", "stale_ttl": "10m"}, api={"timeout": "3s"})
is_((get(), get("zoe")[0]), ((200, "miss", "ok"), 403), "known, and denied")
for fault in (503, "silence", 401):
    simulator.fault(fault)
    mark = nginx.mark()
    ok(until(lambda: get() == (200, "stale", "ok")), f"{fault}: served stale")
    like(nginx.log()[mark:], rf"\[{'alert' if fault == 401 else 'warn'}\] .*openai_gate: serving stale users", f"{fault}: told")
    is_(get("zoe")[0], 500 if fault == 401 else 503, f"{fault}: a denial does not serve stale")
    simulator.clear_faults()
    ok(until(lambda: get()[1] in ("refresh", "hit")), f"{fault}: over")
over(but=r"HTTP 401|serving stale|misconfigured credential:")

# Files that are root's alone, and workers that are not root.

nginx = start(cache={"ttl": "10m", "negative_ttl": "10m"})
with Simulator("/var/tmp/sim", clients="certificate") as strict:
    for name, source in (("client.pem", strict.client_cert), ("client.key", strict.client_key)):
        with open(source, encoding="ascii") as file:
            write(f"{DIRECTORY_OF_GATE}/{name}", file.read(), 0o600)
    os.chmod(f"{DIRECTORY_OF_GATE}/ca.pem", 0o600)
    settings.configure(api={"base_url": strict.url})
    nginx.reload()
    is_(get()[::2], (503, "network"), "an API that wants a certificate, and none")
    nginx.forget()
    settings.configure(api={"base_url": strict.url, "client_cert": f"{DIRECTORY_OF_GATE}/client.pem",
                            "client_key": f"{DIRECTORY_OF_GATE}/client.key"})
    nginx.reload()
    is_(get()[0], 200, "certificate, key and authority are root's alone")
    over()
settings.configure(api={"base_url": simulator.url, "client_cert": "", "client_key": ""})

# The directory is never asked.

nginx = start(cache={"ttl": "10m", "negative_ttl": "10m"})
get()
get(path="/web/")
settings.configure(api={"base_url": "none"})
nginx.reload()
simulator.clear_requests()
is_((get(), get("zoe")[::2]), ((200, "hit", "ok"), (403, "not-a-member")), "base_url = none: from the store")
subprocess.run(f"chown -R 0:{WWW_DATA} {GATE} && chmod -R u=rwX,g=rX,o= {GATE}", shell=True, check=True)
nginx.reload()
is_((get()[0], get("zoe")[0]), (200, 403), "base_url = none: from root's store, which workers may read")
nginx.forget()
is_(get()[::2], (503, "store"), "base_url = none: which knows nothing")
is_(simulator.requests(), [], "base_url = none: nobody is asked")
over()
settings.configure(api={"base_url": simulator.url})

# Emptied by hand, with nobody at the door meanwhile: what the one worker has
# just asked for goes with it.

fresh()
settings.configure(cache={"ttl": "10m", "negative_ttl": "10m"})
nginx = Nginx(SERVER, workers=1)
nginx.start()
is_(get(), (200, "miss", "ok"), "emptied: before")
nginx.next_second()
simulator.set_role("ann@example.com", "none")
for path in lists():
    os.unlink(path)
nginx.next_second()
is_(get(), (403, "miss", "role"), "emptied: asked again")
simulator.set_role("ann@example.com", "reader")
nginx.next_second()
subprocess.run(f"rm -r {GATE}/*", shell=True, check=True)  # as README says
nginx.next_second()
is_(get(), (200, "miss", "ok"), "emptied to the ground: asked again")
is_(get(), (200, "hit", "ok"), "... and kept")
ok(lists(), "... in a directory made anew")
over()

# Counters.

nginx = start()


# 58-nginx-status.t has the rest.

for _ in range(30):
    get()
get("zoe")
nginx.reload()
for _ in range(30):
    get()
answer = nginx.get("/status")
like(answer.header("Content-Type"), r"^text/plain; version=0\.0\.4", "counters: for Prometheus")
is_(nginx.get("/status", method="HEAD").status, 200, "counters: HEAD")
is_(nginx.get("/status", method="POST").status, 405, "counters: POST")
counters = prometheus.parse(answer.body)
is_(counters.value("openai_gate_decisions_total", reason="ok"), 60, "counters: of all workers, over a reload")
is_(counters.value("openai_gate_decisions_total", reason="not-a-member"), 1, "counters: a denial")
is_(counters.value("openai_gate_cache_total"), 61, "counters: each has its cache word")
is_(counters.value("openai_gate_api_requests_total"), len(simulator.requests()), "counters: requests to the API")
is_(counters.value("openai_gate_api_requests_total", status="200"), len(simulator.requests()), "counters: none failed")
over()

is_(simulator.errors(), "", "the simulator had no trouble")
done_testing()
