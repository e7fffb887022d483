#!/usr/bin/python3
"""The Debian packages: built twice alike, liked by lintian, and on a throw-away
machine installed, upgraded, removed and purged by dpkg, with real decisions by
the packaged module and helper. The profiles of pam-auth-update as shipped."""

import glob
import hashlib
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import jail

jail.enter()

import people
from doors import Sshd, su, sudo, sudoers
from gate import CACHE, CONF, DIRECTORY, Gate, decisions, guard, write
from journal import Journal
from sim import Simulator
from tap import diag, done_testing, failed, is_, like, ok, unlike

PACKAGES = ["openai-gate", "libpam-openai", "libnginx-mod-http-openai"]
MODULE_LINK = "/etc/nginx/modules-enabled/50-mod-http-openai.conf"
WEB_STORE = "/var/lib/nginx/openai_gate"
COMMON = "/etc/pam.d/common-account"
OURS = '# here are the per-package modules (the "Primary" block)\n'


def run(*command, **more):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "BUILD"))}
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="backslashreplace", check=False,
                          stdin=subprocess.DEVNULL, env=environment | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}, **more)


def does(name, *command):
    """Runs it; a test of its status."""
    done = run(*command)
    if not is_(done.returncode, 0, name):
        diag(done.stdout[-4000:])
    return done.stdout


def dpkg(name, *arguments):
    return does(name, "dpkg", "--no-pager", *arguments)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def files(*directories):
    """{path: content or target} of all that is there."""
    found = {}
    for directory in directories:
        for where, _, names in os.walk(directory):
            for path in (os.path.join(where, name) for name in names):
                found[path] = os.readlink(path) if os.path.islink(path) else read(path)
    return found


def differs(one, other):
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def programs():
    """What runs on this machine, we and what we wait for left out."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.add(os.readlink(f"/proc/{pid}/exe"))
        except OSError:
            pass
    return found


# ---- built

def build(where):
    does(f"make deb in {where}", "make", "-s", "-C", jail.REPOSITORY, "deb", f"BUILD={where}")
    return {os.path.basename(path): hashlib.sha256(read(path)).hexdigest() for path in glob.glob(f"{where}/deb/*.deb")}


built = build("/var/tmp/one")
is_(build("/var/tmp/another-place"), built, "built in two places, the packages are the same to the last bit")
paths = {}
for package in PACKAGES:
    path, = glob.glob(f"/var/tmp/one/deb/{package}_*.deb")
    paths[package] = path
changes, = glob.glob("/var/tmp/one/deb/*.changes")
said = does("lintian is content", "lintian", "--allow-root", "--display-info", "--fail-on", "error,warning,info", changes)
is_(said, "", "... and has nothing to say")


def field(package, name):
    return run("dpkg-deb", "-f", paths[package], name).stdout.strip()


VERSION = field("openai-gate", "Version")
abi, = re.findall(r"^nginx:abi=(\S+)$", read("/usr/share/nginx/src/debian/libnginx-mod.abisubstvars").decode(), re.MULTILINE)
ok(abi in field("libnginx-mod-http-openai", "Depends").split(", "), f"the nginx module depends on {abi}, as Debian's own do")
unlike(field("libpam-openai", "Depends"), "curl|jansson|cdb|libmd", "the PAM module needs no library of the network")


def older(package):
    """The same package, as if it were of a version before."""
    tree = f"/var/tmp/older/{package}"
    os.makedirs("/var/tmp/older", exist_ok=True)
    does(f"{package} unpacked", "dpkg-deb", "-R", paths[package], tree)
    control = read(f"{tree}/DEBIAN/control").decode()
    write(f"{tree}/DEBIAN/control", control.replace(VERSION, f"{VERSION}~before"))
    does(f"{package} packed as {VERSION}~before", "dpkg-deb", "-b", tree, f"{tree}.deb")
    return f"{tree}.deb"


# ---- installed

before = files("/etc/pam.d")
running = programs()
dpkg("installed: a version before this one", "-i", *[older(package) for package in PACKAGES])
is_(differs(before, files("/etc/pam.d")), [], "installed: no file of pam.d is changed")
ok(programs() <= running, "installed: nothing runs that did not run before") or diag(programs() - running)
is_(glob.glob("/etc/systemd/system/*/openai-gate*"), [], "installed: no unit is enabled")
shape = os.stat(CONF)
is_((oct(shape.st_mode & 0o7777), shape.st_uid), ("0o644", 0), "installed: gate.conf is there, root's")
is_(oct(os.stat(CACHE).st_mode & 0o7777), "0o700", "installed: the store is root's alone")
like(run("openai-gate", "check", "ann").stdout, r"misconfigured \(no-policy\)", "installed: nobody passes before there is a policy")
is_(sorted(os.listdir("/usr/share/doc/openai-gate/pam.d")), sorted(os.listdir(os.path.join(jail.REPOSITORY, "conf/pam.d"))),
    "installed: the lines for pam.d can be copied")
ok(os.path.exists("/usr/share/doc/openai-gate/gate.conf"), "installed: so can gate.conf")
like(does("installed: nginx -t", "nginx", "-t"), "successful", "installed: nginx loads the module")

# ---- a decision

journal = Journal()
people.add("olivia", "ann", "stranger", password="old-Secret-1")
sudoers("ALL ALL=(ALL:ALL) NOPASSWD: ALL\n")
simulator = Simulator("/var/tmp/sim")
gate = Gate(simulator, {"all": {"pam_services": "sshd sudo sudo-i", "role": "owner"}},
            {"olivia": "olivia.owner@example.com", "ann": "ann@example.com"}, cache={"ttl": "1h"})
write("/etc/nginx/conf.d/gate.conf", f"openai_gate_config {CONF};\n")
does("installed: nginx knows our directives", "nginx", "-t")
os.makedirs(WEB_STORE, exist_ok=True)
TRIES = {
    "sshd": lambda user: sshd.login(user, "true"),
    "sudo": lambda user: sudo(user, ["true"]),
    "su": lambda user: su("root", user, ["-c", "true"]),
}


def judge(name, service, wanted):
    """{user: decision, or None where nobody is asked and all pass}"""
    for user, words in wanted.items():
        mark = journal.mark()
        status = TRIES[service](user).status
        is_(status == 0, words is None or words.startswith(("allow", "exempt")), f"{name}: {service}: {user}: {words or 'passes unasked'}")
        is_([one.words for one in decisions(journal, mark)], [words] if words else [], f"{name}: ... says the log")


OPEN = {"olivia": None, "ann": None, "stranger": None, "root": None}
GATED = {"olivia": "allow ok", "ann": "deny role", "stranger": "deny no-identity", "root": "exempt exempt-user"}
sshd = Sshd()
judge("installed", "sshd", OPEN)
judge("installed", "sudo", OPEN)
guard("sudo")
judge("a line in sudo", "sudo", GATED)
judge("a line in sudo", "sshd", OPEN)
ok(simulator.requests() != [], "the packaged helper has asked the API")

# ---- upgraded

kept = files(DIRECTORY, CACHE, "/etc/pam.d", "/etc/nginx")
simulator.clear_requests()
dpkg("upgraded", "-i", *paths.values())
is_({run("dpkg-query", "-W", "-f", "${Version}", package).stdout for package in PACKAGES}, {VERSION}, "upgraded: all are of this version")
is_(differs(kept, files(DIRECTORY, CACHE, "/etc/pam.d", "/etc/nginx")), [], "upgraded: configuration, key, store and pam.d are as they were")
judge("upgraded", "sudo", GATED)
is_(simulator.requests(), [], "upgraded: known answers serve, the API is not asked")
os.rename(CONF, f"{CONF}.away")
dpkg("installed again", "-i", paths["openai-gate"])
ok(not os.path.exists(CONF), "a gate.conf that was taken away on purpose does not come back")
os.rename(f"{CONF}.away", CONF)

# ---- not removed while that would lock everybody out

done = run("dpkg", "--remove", "libpam-openai")
ok(done.returncode != 0, "a line is left in pam.d: the module is not removed")
like(done.stdout, r"sed -i '/pam_openai\\.so/d' /etc/pam\.d/sudo\n", "... and how to take it out is said")
judge("not removed", "sudo", GATED)
line, = re.findall(r"sed -i .*/etc/pam\.d/.*", done.stdout)
does("the line is taken out as said", "sh", "-c", line)
judge("the line taken out", "sudo", OPEN)

# ---- the profiles of pam-auth-update


def profiles(option, *names):
    does(f"pam-auth-update {option} {' '.join(names)}", "pam-auth-update", "--package", option, *names)


def expired(user, service, words):
    """Debian's common-account lets nobody be judged whose password has
    expired, by what stands below pam_unix."""
    subprocess.run(["chage", "-d", "0", user], check=True)
    mark = journal.mark()
    TRIES[service](user)
    is_([one.words for one in decisions(journal, mark)], [words], f"the profile, an expired password: {service}: {user}: {words}")
    subprocess.run(["chage", "-d", "-1", user], check=True)


unlike(read(COMMON).decode(), "openai", "as installed, no profile is on")
like(gate.cli("doctor").stdout, r"warn +service sshd +.*not protected", "... says doctor")
profiles("--enable", "openai-gate-ssh")
like(gate.cli("doctor").stdout, r"ok +service sshd +/etc/pam\.d/common-account\n", "doctor finds the profile for SSH")
like(gate.cli("doctor").stdout, r"warn +service sudo +.*not protected", "... and that for sudo missing")
judge("the profile for SSH", "sshd", GATED)
judge("the profile for SSH", "sudo", OPEN)
judge("the profile for SSH", "su", OPEN)
expired("ann", "sshd", "deny role")
profiles("--enable", "openai-gate-sudo")
for service in ("sshd", "sudo", "sudo-i"):
    like(gate.cli("doctor").stdout, rf"ok +service {service} +/etc/pam\.d/common-account\n", f"doctor finds the profile for {service}")
judge("both profiles", "sshd", GATED)
judge("both profiles", "sudo", GATED)
judge("both profiles", "su", OPEN)
expired("ann", "sudo", "deny role")
is_(sudo("ann", ["true"], ["-n", "-i"]).status == 0, False, "both profiles: sudo -i is closed, too")
good = gate.text()
write(CONF, good + "[no such section]\n")
judge("both profiles, a mistake in gate.conf", "sudo", dict.fromkeys(GATED, "misconfigured config"))
judge("both profiles, a mistake in gate.conf", "su", OPEN)
write(CONF, good)
profiles("--disable", "openai-gate-ssh")
judge("the profile for SSH off again", "sshd", OPEN)
judge("the profile for SSH off again", "sudo", GATED)

# ---- not removed where pam-auth-update cannot: somebody has changed common-account

profiles("--enable", "openai-gate-ssh")
for names in (["openai-gate-sudo"], ["openai-gate-ssh"], ["openai-gate-ssh", "openai-gate-sudo"]):
    profiles("--disable", "openai-gate-ssh", "openai-gate-sudo")
    profiles("--enable", *names)
    like(gate.cli("doctor").stdout, r"ok +service sudo +" if "openai-gate-sudo" in names else r"warn +service sudo +.*not protected",
         f"{' '.join(names)}: doctor finds the profile for sudo, where it is on")
    whole = read(COMMON).decode()
    write(COMMON, whole.replace(OURS, f"{OURS}account optional pam_permit.so\n"))
    done = run("dpkg", "--remove", "libpam-openai")
    ok(done.returncode != 0, f"{' '.join(names)}, common-account changed: the module is not removed")
    line, = re.findall(r"sed -i .*/etc/pam\.d/.*", done.stdout)
    does("the lines are taken out as said", "sh", "-c", line)
    judge("the lines taken out", "sshd", OPEN)
    judge("the lines taken out", "sudo", OPEN)
    judge("the lines taken out", "su", OPEN)
    write(COMMON, whole)
    dpkg("wanted again", "-i", paths["libpam-openai"])
profiles("--disable", "openai-gate-ssh")

# ---- removed

kept = files(DIRECTORY, CACHE)
dpkg("removed: the module, with a profile on", "--remove", "libpam-openai")
is_(differs(before, files("/etc/pam.d")), [], "removed: pam.d is as it was before")
judge("removed", "sudo", OPEN)
dpkg("removed: the rest", "--remove", "libnginx-mod-http-openai", "openai-gate")
os.unlink("/etc/nginx/conf.d/gate.conf")
does("removed: nginx does without", "nginx", "-t")
is_(differs(kept, files(DIRECTORY, CACHE)), [], "removed: configuration, key and store are kept")
ok(not os.path.exists("/usr/sbin/openai-gate"), "removed: the command is gone")
dpkg("installed once more", "-i", *paths.values())
is_(differs(kept, files(DIRECTORY, CACHE)), [], "installed once more: they are still as they were")
ok(os.path.islink(MODULE_LINK), "installed once more: nginx loads the module again")

# ---- purged

dpkg("purged", "--purge", *reversed(PACKAGES))
for path in (DIRECTORY, CACHE, WEB_STORE, MODULE_LINK, "/usr/share/openai-gate", "/usr/libexec/openai-gate"):
    ok(not os.path.lexists(path), f"purged: no {path}")
is_([path for path in files("/etc", "/usr/lib/systemd", "/var/lib/systemd") if "openai" in path], [], "purged: nothing of ours is left")
is_(differs(before, files("/etc/pam.d")), [], "purged: pam.d is as it was before")
is_(simulator.errors(), "", "the simulator had no trouble")
if failed():
    diag(journal.text()[-4000:])
done_testing()
