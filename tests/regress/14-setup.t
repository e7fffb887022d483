#!/usr/bin/python3
"""openai-gate setup: by options and at a terminal, from nothing to a gate.conf
that is proven; what is in force stays until then, and when anything is wrong."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import jail

jail.enter()

import people
from gate import CACHE, CLI, CONF, DIRECTORY, install, write
from pamdrive import Pam
from sim import Simulator
from tap import done_testing, is_, like, ok, unlike
from wait import until

KEY = f"{DIRECTORY}/admin.key"
PASSWD = """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
ann:x:2002:2002::/:/bin/sh
zoe:x:2004:2004::/:/bin/sh
"""


def setup(*options, key=None, status=0, conf=None):
    """Without a terminal. The API is the simulator's, unless the options say otherwise."""
    usual = ["--base-url", simulator.url, "--ca-file", f"{DIRECTORY}/ca.pem"]
    command = [CLI, *(["--conf", conf] if conf else []), "setup", *usual, *options]
    done = subprocess.run(command, input=key or "", capture_output=True, text=True, check=False, timeout=60)
    is_(done.returncode, status, f"{' '.join(options)}: exit status {status}")
    unlike(done.stdout + done.stderr, re.escape(simulator.admin_key), "no key is shown")
    return done


def pristine(*keep):
    """As after installation, before anything."""
    for name in os.listdir(DIRECTORY):
        if name not in ("ca.pem", *keep):
            os.unlink(f"{DIRECTORY}/{name}")
    shutil.rmtree(CACHE, ignore_errors=True)
    if "gate.conf" not in keep:
        shutil.copy(f"{jail.REPOSITORY}/conf/gate.conf", CONF)


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def tree():
    """Every file with owner, mode and what is in it."""
    found = {}
    for name in sorted(os.listdir(DIRECTORY)):
        info = os.stat(f"{DIRECTORY}/{name}")
        found[name] = (info.st_uid, info.st_gid, oct(stat.S_IMODE(info.st_mode)), text(f"{DIRECTORY}/{name}"))
    return found


def in_the_way(path):
    """setup with a directory at that place, which it can neither keep nor replace."""
    if os.path.exists(path):
        os.unlink(path)
    before = tree()
    os.mkdir(path)
    done = setup(*good, "--force", "--role", "reader", key=other, status=3)
    like(done.stderr, rf"{path}: Is a directory\n(.*\n)*.*nothing was changed", f"{path} cannot be made: told so")
    unlike(done.stdout, "account    required|is written", f"{path} cannot be made: no line to add is shown")
    os.rmdir(path)
    is_(tree(), before, f"{path} cannot be made: neither key nor gate.conf is another, and nothing is left behind")


def refused(name, *options, says, **more):
    """Nothing is written, and what was there is as it was."""
    before = tree()
    done = setup(*options, **{"status": 3} | more)
    like(done.stderr, says, f"{name}: told why")
    unlike(done.stdout, "account    required|is written", f"{name}: no line to add is shown")
    is_(tree(), before, f"{name}: nothing was changed, and nothing left behind")


install()
shutil.rmtree("/etc/openai-gate", ignore_errors=True)
os.makedirs(DIRECTORY, mode=0o755)
write("/etc/passwd", PASSWD)
before_pamd = {name: text(f"/etc/pam.d/{name}") for name in os.listdir("/etc/pam.d")}
simulator = Simulator("/run/sim")
with open(simulator.ca_file, encoding="ascii") as file:
    write(f"{DIRECTORY}/ca.pem", file.read())
good = ["--yes", "--key-file", "-", "--email", "%u@example.com"]
key = simulator.admin_key + "\n"

# By options, over the file as it is shipped.

pristine()
os.umask(0o000)
done = setup(*good, "--user", "zoe", key=key)
os.umask(0o022)
is_({name: row[:3] for name, row in tree().items() if name != "ca.pem"},
    {"admin.key": (0, 0, "0o600"), "gate.conf": (0, 0, "0o644"), "gate.conf.bak": (0, 0, "0o644")}, "owners and modes")
is_((text(KEY), text(f"{CONF}.bak")), (key, text(f"{jail.REPOSITORY}/conf/gate.conf")), "the key, and the shipped file as .bak")
like(text(CONF), r"(?s)\[policy sshd\]\npam_services = sshd\nrole = owner reader\n$", "the usual policy")
like(done.stdout, r"(?s)ok +key.*All is well.*\nann +allow.*\nzoe +deny +not-a-member.*\n1 would pass.*\nzoe: deny \(not-a-member\)",
     "the doctor, everybody, and the one who was named")
like(done.stdout, r"(?s)\n  above \"@include common-account\"[^\n]*/etc/pam\.d/sshd:\n\taccount    required    pam_openai\.so\n.*openai_gate +sshd;.*way back.*sed -i '/pam_openai.so/d' /etc/pam.d/sshd\n",
     "what to add, and the way back")
is_({name: text(f"/etc/pam.d/{name}") for name in os.listdir("/etc/pam.d")}, before_pamd, "nothing in /etc/pam.d was touched")
is_(subprocess.run([CLI, "config", "--test"], capture_output=True, check=False).returncode, 0, "config --test likes it")
lines = re.findall(r"^\t(account .*)$", done.stdout, re.M)
pam = Pam()
pam.write("sshd", *lines)
is_([pam.ask("sshd", user).code for user in ("ann", "zoe")], ["PAM_SUCCESS", "PAM_PERM_DENIED"], "the line that it prints works")

# What is there stays there.

refused("a gate.conf of somebody's", *good, key=key, says=rf"{CONF} is there already: --force")
os.unlink(CONF)
refused("a key of somebody's", *good, key="sk-admin-other\n", says=rf"{KEY} is there already: --force")
setup("--yes", "--email", "%u@example.com")
is_(text(KEY), key, "without --key-file the key that is there is used")
for path in (CONF, KEY):
    os.rename(path, f"{path}.away")
    if path == KEY:
        os.rename(CONF, "/etc/gate.kept")
    os.symlink("/nonexistent/file", path)
    done = setup(*good, key=key, status=3)
    like(done.stderr, rf"{path} is there already: --force", f"{path} is a link that leads nowhere: refused")
    is_(os.readlink(path), "/nonexistent/file", "... and stays")
    os.rename(f"{path}.away", path)
os.rename("/etc/gate.kept", CONF)
own = text(CONF)
done = setup(*good, "--force", "--service", "sudo sudo-i", "--role", "owner", "--project", "proj_web", "--enforce", "no",
             "--exempt", "root daemon", key=key)
like(text(CONF), r"(?s)\[pam\]\nexempt_users = root daemon\n\n\[policy sudo\]\npam_services = sudo sudo-i\nrole = owner\nproject = proj_web\nenforce = no\n$",
     "--force: another one, with all that was given")
is_((text(f"{CONF}.bak"), text(f"{KEY}.bak")), (own, key), "--force: what was there is kept")
is_(os.stat(f"{KEY}.bak").st_mode & 0o777, 0o600, "--force: the old key as secret as before")
like(done.stdout, r"(?s)not in force: .*enforce = no", "a dry run is noted")
setup(*good, "--force", "--project", "proj_web", key=key)
unlike(text(CONF), r"role =", "a project alone asks for no role")

# Anything wrong: all stays as it is. First what would lock out everybody.

refused("locks out everybody", *good, "--force", "--role", "nobody-has-it", "--exempt", "", key=key, says="lock out everybody")
setup(*good, "--force", "--role", "nobody-has-it", key=key)
setup(*good, "--force", "--role", "nobody-has-it", "--exempt", "", "--enforce", "no", key=key)
refused("a refused key", *good, "--force", key="sk-admin-wrong\n", says="nothing was changed")
refused("a project's key", *good, "--force", key="sk-proj-abc\n", says="nothing was changed")
refused("no key", *good, "--force", says="no key; nothing was written")
refused("a project that is not there", *good, "--force", "--project", "proj_none", key=key, says="nothing was changed")
refused("a bad value", *good, "--force", "--enforce", "perhaps", key=key, says=r"gate\.conf\.new:\d+: enforce: ")
refused("a value of two lines", *good, "--force", "--role", "owner\n[pam]", key=key, status=64, says="--role is not a line")
refused("a value twice", *good, "--force", "--role", "owner", "--role", "reader", key=key, status=64, says="given twice")
refused("no identity", "--yes", "--force", "--key-file", "-", key=key, says="nobody would have an identity")
refused("no terminal", "--force", "--email", "%u@example.com", status=64, says="no terminal to ask at")
refused("an option without a value", *good, "--role", status=64, says="no option, or has no value")
before = tree()
simulator.fault("silence")
with subprocess.Popen([CLI, "setup", "--base-url", simulator.url, "--ca-file", f"{DIRECTORY}/ca.pem", *good, "--force"],
                      stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True) as proving:
    proving.stdin.write(key)
    proving.stdin.close()
    ok(until(lambda: os.path.exists(f"{CONF}.new")), "while it proves, the key stands under another name")
    proving.send_signal(signal.SIGQUIT)
is_((proving.returncode, tree()), (-signal.SIGQUIT, before), "quit meanwhile: nothing was changed, and no key is left behind")
simulator.clear_faults()
simulator.fault(503)
refused("an API that fails", *good, "--force", key=key, status=2, says="nothing was changed")
simulator.clear_faults()
os.chmod(DIRECTORY, 0o777)
refused("a directory that all may write", *good, "--force", key=key, says=f"{DIRECTORY}: mode 0777")
os.chmod(DIRECTORY, 0o755)
done = subprocess.run([CLI, "setup", "--yes"], capture_output=True, text=True, check=False, user=65534, group=65534)
is_(done.returncode, 3, "an ordinary user is refused")
like(done.stderr, "run it as root", "and told why")

# Key and gate.conf go together: where one cannot be replaced, neither is.

other = "sk-admin-OtherKeyForTheSimulatorOnly000000000000000000000\n"
simulator.change(admin_key=other.strip())
setup(*good, "--force", key=other)
simulator.change(admin_key=key.strip())
setup(*good, "--force", key=key)
simulator.change(admin_key=other.strip())
in_the_way(f"{CONF}.bak")
in_the_way(f"{KEY}.bak")
before = {name: row for name, row in tree().items() if not name.endswith(".bak")}
# Both .bak, the key, then gate.conf.
done = subprocess.run(["strace", "-qq", "-o", "/dev/null", "-e", "inject=/^rename:error=EIO:when=4", CLI, "setup", "--base-url",
                       simulator.url, "--ca-file", f"{DIRECTORY}/ca.pem", *good, "--force", "--role", "reader"], input=other,
                      capture_output=True, text=True, check=False, timeout=60,
                      env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"})  # which cannot look under strace
is_(done.returncode, 3, "gate.conf cannot be replaced, the key was: refused")
like(done.stderr, rf"{CONF}: Input/output error\n(.*\n)*.*nothing was changed", "... told so")
is_({name: row for name, row in tree().items() if not name.endswith(".bak")}, before, "... and the key is put back")
simulator.change(admin_key=key.strip())

# Elsewhere, in a directory that is not there yet, with the key from a file.

done = setup("--yes", "--key-file", KEY, "--email", "%u@example.com", conf="/etc/gate-two/gate.conf")
is_((oct(os.stat("/etc/gate-two").st_mode & 0o777), oct(os.stat("/etc/gate-two/admin.key").st_mode & 0o777)), ("0o755", "0o600"),
    "--conf: the directory is made, the key beside the file")
like(done.stdout, r"pam_openai\.so conf=/etc/gate-two/gate\.conf\n", "--conf: the line names it")

# At a terminal.

USUAL = [("gate first [sshd]: ", ""), ("policy [sshd]: ", ""), ("where a map tells all): ", "%u@example.com"), ("(- for any) [owner reader]: ", "owner"),
         ("projects, to be in one of them: ", ""), ("groups, to be in one of them: ", ""), ("refuses nobody) [yes]: ", ""),
         ("to try it with: ", "ann"), ("Write /etc/openai-gate/gate.conf? [yes] ", "")]


def talk(answers):
    return people.run("root", [CLI, "setup", "--base-url", simulator.url, "--ca-file", f"{DIRECTORY}/ca.pem"], terminal=True,
                      answers=answers)


pristine()
done = talk([("Key (not shown): ", simulator.admin_key), *USUAL])
is_(done.status, 0, "at a terminal: done")
unlike(done.out, re.escape(simulator.admin_key), "at a terminal: the key is not echoed")
like(done.out, r"tells all\): %u@example\.com\n", "at a terminal: all else is")
like(text(CONF), r"(?s)email = %u@example\.com\n.*\[policy sshd\]\npam_services = sshd\nrole = owner\nenforce = yes\n$", "at a terminal: what was answered")
is_(text(KEY), key, "at a terminal: the key is right")
like(done.out, r"ann: deny \(role\)", "at a terminal: the named user is tried")
like(done.out, r"NOBODY here would pass", "at a terminal: it warns that only the exempt would pass")

before = tree()
like(talk([]).out, "is there already: --force", "again: refused before a word is asked")
is_(tree(), before, "again: nothing was changed")
pristine("admin.key")
before = tree()
done = talk([*USUAL[:-1], (USUAL[-1][0], "no")])
is_((done.status, tree()), (3, before), "a no at the end: nothing was changed, and the key that is there is not asked for")
done = talk([*USUAL[:-1], (USUAL[-1][0], "\x03")])
is_((done.status, tree()), (-2, before), "an interrupt at the end: nothing was changed, and no key is left behind")
done = talk([*USUAL[:3], (USUAL[3][0], "\x04")])
is_((done.status, tree()), (3, before), "the end of input amid the questions: nothing was changed")
pristine()
os.symlink("/nonexistent/file", KEY)
like(talk([]).out, rf"{KEY} is there already: --force", "a key that is a link that leads nowhere: refused before a word is asked")
is_(os.readlink(KEY), "/nonexistent/file", "... and stays")
is_(simulator.errors(), "", "the simulator had no trouble")
done_testing()
