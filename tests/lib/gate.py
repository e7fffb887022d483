"""The product, installed and configured on the throw-away machine.

    install()
    gate = Gate(simulator, policies={"ssh": {"pam_services": "sshd", "role": "owner reader"}},
                users={"ann": "ann@example.com"})
    gate.guard("sshd")                  # as conf/pam.d ships it
"""

import dataclasses
import os
import re
import shutil
import subprocess

import jail
import logline

DIRECTORY = "/etc/openai-gate"
CONF = f"{DIRECTORY}/gate.conf"
CACHE = "/var/cache/openai-gate"
HELPER = "/usr/libexec/openai-gate/openai-gate-fetch"
HTTP = "/usr/libexec/openai-gate/openai-gate-http.so"
CLI = "/usr/sbin/openai-gate"

# Debian's own files of the services that guard() has changed.
STOCK = "/var/tmp/pam.d"

BUILD = os.path.join(jail.REPOSITORY, os.environ.get("BUILD") or "build")


def install():
    """`make install` of what has been built, as it is."""
    if not jail.inside():
        raise RuntimeError("installed in a jail only")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    # --old-file: a test builds nothing.
    subprocess.run(["make", "--silent", "--old-file=all", "-C", jail.REPOSITORY, "install", f"BUILD={BUILD}", "DESTDIR=",
                    "PREFIX=/usr"], env=environment, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def write(path, text, mode=0o644):
    """A file as an administrator would leave it: whole, and never seen with
    another mode."""
    new = f"{path}.new"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    os.rename(new, path)


def shipped(service):
    """The lines that conf/pam.d ships for a service, without its comments."""
    path = os.path.join(jail.REPOSITORY, "conf", "pam.d", f"{service}.example")
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    return [line for line in lines if line.strip() and not line.startswith("#")]


def guard(service, lines=None):
    """Puts the gate's lines into Debian's own file of that service, above the
    line that includes common-account; all else stays. Without `lines`: as
    shipped."""
    path = f"/etc/pam.d/{service}"
    kept = f"{STOCK}/{service}"
    if not os.path.exists(kept):
        os.makedirs(STOCK, exist_ok=True)
        shutil.copy(path, kept)
    with open(kept, encoding="utf-8") as file:
        stock = file.read().splitlines()
    account = [at for at, line in enumerate(stock) if re.match(r"@include\s+common-account", line)]
    if lines is None:
        lines = shipped(service)
    stock[account[0] : account[0]] = lines
    write(path, "\n".join(stock) + "\n")


class Gate:
    """gate.conf, users.map and the key of one simulated organization.

    Each section is a dict; a list of values becomes one line each. What is
    not given has the simulator's values, or no line at all, which is the
    product's default.
    """

    def __init__(self, simulator, policies, users=None, **sections):
        self.simulator = simulator
        self.users = dict(users or {})
        self.sections = {"api": {}, "identity": {}, "cache": {}, "pam": {}}
        self.policies = policies
        os.makedirs(DIRECTORY, mode=0o755, exist_ok=True)
        os.makedirs(CACHE, mode=0o755, exist_ok=True)
        write(f"{DIRECTORY}/admin.key", simulator.admin_key + "\n", 0o600)
        with open(simulator.ca_file, encoding="ascii") as file:
            write(f"{DIRECTORY}/ca.pem", file.read())
        self.configure(**sections)

    def configure(self, policies=None, users=None, **sections):
        """Changes what is given, keeps the rest, and writes all."""
        for section, keys in sections.items():
            self.sections[section].update(keys)
        if policies is not None:
            self.policies = policies
        if users is not None:
            self.users = dict(users)
        write(f"{DIRECTORY}/users.map", "".join(f"{name}  {address}\n" for name, address in self.users.items()))
        write(CONF, self.text())

    def text(self):
        """gate.conf."""
        simulated = {
            "api": {"key_file": f"{DIRECTORY}/admin.key", "base_url": self.simulator.url, "ca_file": f"{DIRECTORY}/ca.pem"},
            "identity": {"map_file": f"{DIRECTORY}/users.map"},
            "cache": {"directory": CACHE},
            "pam": {},
        }
        lines = []
        for section, keys in simulated.items():
            lines += _section(section, keys | self.sections[section])
        for name, keys in self.policies.items():
            lines += _section(f"policy {name}", keys)
        return "\n".join(lines)

    def forget(self):
        """A cold store, as after `rm -r`; also the pace and the failures in it."""
        for name in os.listdir(CACHE):
            path = os.path.join(CACHE, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def cli(self, *arguments):
        return subprocess.run([CLI, *arguments], capture_output=True, text=True, check=False)


def _section(name, keys):
    lines = [f"[{name}]"]
    for key, value in keys.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        lines += [f"{key} = {one}" for one in values]
    return [*lines, ""]


def helpers():
    """The pids of the helpers that run, whoever started them."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)") == HELPER:
                found.append(int(pid))
        except OSError:
            pass
    return found


@dataclasses.dataclass(frozen=True)
class Decision:
    """One decision, as the module logged it."""

    verdict: str
    reason: str
    user: str
    service: str
    policy: str
    level: str
    text: str
    said: dict  # all of it, by logline.parse

    @property
    def words(self):
        return f"{self.verdict} {self.reason}"


_LINE = re.compile(r"pam_openai\([^)]*\): (.*)", re.DOTALL)


def decisions(journal, since=0):
    """All decisions since that place in the log, oldest first. Each line is
    read strictly: one that breaks its grammar is an exception."""
    found = []
    for line in journal.lines(r"pam_openai\(", since):
        match = _LINE.search(line.text)
        if match and logline.starts(match[1]):
            said = logline.parse(match[1], logline.PAM)
            words = re.search(r" user=([^ ]+) service=([^ ]+) policy=([^ ]+) ", match[1])
            found.append(Decision(said["verdict"], said["reason"], *words.groups(), line.level, match[0], said))
    return found
