"""The real nginx with our module, in the throw-away machine.

    with Nginx('''
        server {
            listen 127.0.0.1:8080;
            location / { openai_gate any; openai_gate_identity $http_x_user; }
        }''') as nginx:
        nginx.get("/", user="ann").status
        nginx.reload()
    is_(nginx.complaints(), [], "…")

Two workers of www-data, unless said. The error log is read whole, at level
info; the access log has a line of the module's variables for each request.
"""

import dataclasses
import glob
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import jail
import logline
from wait import until

BUILD = os.path.join(jail.REPOSITORY, os.environ.get("BUILD") or "build")
MODULE = os.path.join(BUILD, "ngx_http_openai_module.so")
# Another nginx, with the module linked in: make NGINX_SRC=DIR build/nginx
LINKED_IN = os.environ.get("NGINX_BINARY")
NGINX = LINKED_IN or "/usr/sbin/nginx"
DIRECTORY = "/srv/nginx"
REPORTS = f"{DIRECTORY}/reports"  # of sanitizers, written by workers
PORT = 8080

_START_SECONDS = 20
_END_SECONDS = 30

# What an administrator is woken for, and what a sanitizer says.
_BAD = re.compile(r"\[(alert|emerg)\]|Sanitizer|runtime error|exited on signal|core dumped")

_FORMAT = "$request_method $uri $status $openai_gate_verdict $openai_gate_reason $openai_gate_cache " \
          "$openai_gate_email $openai_gate_user_id $openai_gate_role"


@dataclasses.dataclass
class Answer:
    status: int
    headers: object
    body: str

    def header(self, name):
        return self.headers.get(name)


class Nginx:
    """
    http      what stands in the http block
    main      … outside of it
    events    … in the events block
    workers   their number; 0: master_process off
    module    False: the module is not loaded
    level     of the error log
    directory where all of it stands: more than one may run
    environment  variables beside the usual
    """

    def __init__(self, http, main="", events="worker_connections 1024;", workers=2, module=True, user="www-data",
                 level="info", directory=DIRECTORY, environment=None):
        if not jail.inside():
            raise RuntimeError("nginx runs in a jail only")
        self.http, self.main, self.events, self.workers = http, main, events, workers
        self.module, self.user, self.level = module, user, level
        self.directory = directory
        self.environment = environment or {}
        self.process = None
        self._from = None
        self.error_log = f"{self.directory}/error.log"
        self.access_log = f"{self.directory}/access.log"
        self.cache = f"{self.directory}/gate"
        os.makedirs(f"{self.directory}/html", mode=0o755, exist_ok=True)
        os.makedirs(REPORTS, exist_ok=True)
        os.chmod(REPORTS, 0o1777)
        for path in (self.error_log, self.access_log):
            if os.path.exists(path):
                os.unlink(path)
        self.page("index.html", "inside\n")
        self.write()

    def page(self, name, text):
        path = f"{self.directory}/html/{name}"
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)

    def write(self, http=None):
        """nginx.conf, anew."""
        if http is not None:
            self.http = http
        load = f"load_module {MODULE};" if self.module and not LINKED_IN else ""
        cache = f"openai_gate_cache {self.cache};" if self.module and not re.search(r"(?<!\$)openai_gate_cache", self.http) else ""
        log = f"log_format gate '{_FORMAT}'; access_log {self.access_log} gate;" if self.module else "access_log off;"
        with open(f"{self.directory}/nginx.conf", "w", encoding="utf-8") as file:
            file.write(f"""{load}
user {self.user};
{f"worker_processes {self.workers}" if self.workers else "master_process off"};
pid {self.directory}/nginx.pid;
error_log {self.error_log} {self.level};
{self.main}
events {{ {self.events} }}
http {{
    {cache}
    {log}
    root {self.directory}/html;
    {self.http}
}}
""")

    def command(self, *more):
        return [NGINX, "-p", self.directory, "-c", f"{self.directory}/nginx.conf", "-e", self.error_log, *more]

    def test(self):
        """`nginx -t`: (status, what it said)."""
        return run(self.command("-t"))

    def start(self):
        if self._from is None:  # what nginx -t has said before is not the server's
            self._from = self.mark()
        self.process = subprocess.Popen(self.command("-g", "daemon off;"), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env=_environment() | self.environment)
        if not until(self._running, _START_SECONDS):
            said = self.log()
            self.kill()
            raise RuntimeError(f"nginx did not start: {said}")
        return self

    def _running(self):
        if self.process.poll() is not None:
            return False
        if self.workers == 0:
            return os.path.exists(f"{self.directory}/nginx.pid")
        return len(self.worker_pids()) == self.workers

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.quit()

    # Its processes.

    def worker_pids(self, ending=False):
        """Those that serve; with `ending` those that shall quit, too."""
        pids = []
        for pid in self._children():
            title = _title(pid)
            if title == "nginx: worker process" or (ending and title.startswith("nginx: worker")):
                pids.append(int(pid))
        return pids

    def _children(self):
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def reload(self, wait_old=True):
        """SIGHUP, until new workers are there and the old ones gone."""
        before = set(self.worker_pids())
        self.process.send_signal(signal.SIGHUP)

        def done():
            now = set(self.worker_pids())
            left = set(self.worker_pids(ending=True)) & before
            return len(now - before) == self.workers and not (wait_old and left)

        return until(done, _END_SECONDS)

    def quit(self):
        """A graceful end; the exit status, None when it had to be killed."""
        return self._end(signal.SIGQUIT)

    def stop(self):
        return self._end(signal.SIGTERM)

    def _end(self, number):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self):
        """All at once: a master that runs would replace a worker that dies,
        and the new one, left alone, would go on to serve."""
        self.process.send_signal(signal.SIGSTOP)
        for pid in self._children():
            os.kill(int(pid), signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def descriptors(self):
        """How many each worker has open, sorted."""
        return sorted(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.worker_pids())

    @staticmethod
    def connections(port=PORT):
        """How many clients nginx has accepted: what has come in on the port
        and is held by a process (one in the backlog has no inode)."""
        with open("/proc/net/tcp", encoding="ascii") as file:
            lines = [line.split() for line in file]
        return sum(line[1].endswith(f":{port:04X}") and line[3] == "01" and line[9] != "0" for line in lines[1:])

    def memory(self):
        """Kilobytes of each worker's own (not shared) memory."""
        sizes = []
        for pid in self.worker_pids():
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                sizes += [int(number) for number in re.findall(r"^Private_Dirty:\s+(\d+)", file.read(), re.M)]
        return sorted(sizes)

    # What it does and says.

    def get(self, path="/", user=None, method="GET", headers=None, body=None, port=PORT, timeout=60):
        """One request on a connection of its own. `user` goes into X-User."""
        sent = dict(headers or {})
        if user is not None:
            sent["X-User"] = user
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode(errors="replace"))
        finally:
            connection.close()

    def log(self):
        try:
            with open(self.error_log, encoding="utf-8", errors="backslashreplace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def decisions(self, since=0):
        """The lines about decisions since then, each read strictly: (level, what it says)."""
        found = []
        for line in self.log()[since:].splitlines():
            match = re.search(r" \[(\w+)\] \d+#\d+: \*\d+ openai_gate: (.*)", line)
            if match and logline.starts(match[2]):
                text, client, _ = match[2].partition(", client: ")
                if not client:
                    raise ValueError(f"not of a request: {line}")
                found.append((match[1], logline.parse(text, logline.NGINX)))
        return found

    def mark(self):
        """A place in the error log, for log_since and wait_log."""
        return len(self.log())

    def since_now(self):
        """What the log has said so far is no complaint any more."""
        self._from = self.mark()

    def wait_log(self, pattern, since=0, seconds=20):
        return until(lambda: re.search(pattern, self.log()[since:]), seconds)

    def accesses(self):
        """The access log as lists of words."""
        with open(self.access_log, encoding="utf-8") as file:
            return [line.split() for line in file]

    def complaints(self, but=None):
        """Lines that must not be there, except those that match `but`."""
        lines = self.log()[self._from or 0:].splitlines()
        for path in glob.glob(f"{REPORTS}/*"):
            with open(path, encoding="utf-8", errors="replace") as file:
                lines += [line for line in file if line.strip()]
        return [line for line in lines if _BAD.search(line) and not (but and re.search(but, line))]

    def exchange(self, data, port=PORT, timeout=30):
        """Sends bytes, and returns all that comes until nginx closes."""
        text = b""
        with socket.create_connection(("127.0.0.1", port), timeout) as sock:
            sock.sendall(data)
            while piece := sock.recv(65536):
                text += piece
        return text.decode(errors="replace")

    def forget(self):
        """A cold store, while nginx runs: as after `rm -r`, and as seen by
        workers, who look once a second."""
        for name in os.listdir(self.cache):
            path = f"{self.cache}/{name}"
            if not os.path.isdir(path):
                os.unlink(path)
                continue
            for entry in os.listdir(path):
                os.unlink(f"{path}/{entry}")
        self.next_second()

    @staticmethod
    def next_second():
        """Workers look at the store again when the second is another one,
        also by the coarse clock of time(3)."""
        second = int(time.time())
        until(lambda: time.time() > second + 1.05)


def _title(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def sanitized():
    """The module was built with SAN=1."""
    with open(MODULE, "rb") as file:
        return b"__asan_init" in file.read()


def _environment():
    """nginx itself has not been built with sanitizers."""
    plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    if not sanitized():
        return plain
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    return plain | {"LD_PRELOAD": library.stdout.strip(),
                    "ASAN_OPTIONS": f"detect_leaks=0:abort_on_error=1:log_path={REPORTS}/report",
                    "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={REPORTS}/report"}


def run(command):
    """A command of nginx's that ends by itself: (status, all that it said)."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=_environment(), check=False)
    return done.returncode, done.stdout + done.stderr


def fresh():
    """Removes what an earlier nginx of the same test left."""
    for path in glob.glob(f"{DIRECTORY}/*"):
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
