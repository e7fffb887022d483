#!/usr/bin/python3
"""The fault matrix, its files: each file and directory that decides, in every
state in which it must not be believed, at each door. nginx has read its part as
it started: there, nginx -t refuses, and what runs stays as it is.
"""

import contextlib
import os
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import matrix
from gate import install
from journal import Journal
from matrix import Lane, Row
from tap import diag, done_testing, failed, is_

LANES = 3
STRANGER = 12345

UNSAFE, CONFIG, HARMLESS = "misconfigured unsafe-file", "misconfigured config", "allow ok"
NO_POLICY = "misconfigured no-policy"
UNHEARD = "unavailable network"


# What can be wrong with a path: contexts, that put all back.

@contextlib.contextmanager
def owner(path):
    entry = os.lstat(path)
    os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    yield
    os.chown(path, entry.st_uid, entry.st_gid, follow_symlinks=False)


def mode(bits):
    @contextlib.contextmanager
    def change(path):
        before = stat.S_IMODE(os.stat(path).st_mode)
        os.chmod(path, before | bits)
        yield
        os.chmod(path, before)
    return change


def instead(make):
    """Something else under that name."""
    @contextlib.contextmanager
    def change(path):
        os.rename(path, f"{path}.kept")
        make(path)
        yield
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
        os.rename(f"{path}.kept", path)
    return change


def written(path, text):
    with open(path, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)


def content(text):
    return instead(lambda path: written(path, text))


def huge(path):
    with open(path, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.truncate(1 << 40)


def link(path):
    os.symlink(f"{path}.kept", path)


def strangers_link(path):
    link(path)
    os.chown(path, STRANGER, STRANGER, follow_symlinks=False)


missing = instead(lambda path: None)
linked = instead(link)
linked_by_a_stranger = instead(strangers_link)
dangling = instead(lambda path: os.symlink("/nowhere/at/all", path))
looping = instead(lambda path: os.symlink(path, path))
fifo = instead(os.mkfifo)
directory = instead(os.mkdir)
device = instead(lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3)))
endless = instead(lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5)))

UNSAFE_PATH = {
    "another's": owner, "the group may write": mode(0o020), "all may write": mode(0o002), "a symbolic link": linked,
    "a symbolic link to nowhere": dangling, "a symbolic link to itself": looping, "a FIFO": fifo, "a directory": directory,
    "a device": device, "an endless device": endless,
}
WRONG_FILE = {"missing": missing, "of a terabyte": instead(huge), "with a NUL": content(b"a\0b\n"),
              "not text": content(bytes(range(128, 256)))}
UNSAFE_DIRECTORY = {"another's": owner, "the group may write": mode(0o020), "all may write": mode(0o002),
                    "sticky, and all may write": mode(0o1002), "another's symbolic link": linked_by_a_stranger}


def decided_by(name, path, words, change, warm=None, refuses="."):
    """A file that nginx has read already."""
    return Row(name, words, site=lambda site: change(path(site)), doors={"nginx": HARMLESS}, warm=warm, refuses=refuses)


def files():
    """gate.conf and the map are read each time, key and CA when somebody is asked."""
    for name, path, known in (("gate.conf", lambda site: site.conf, False), ("the map", lambda site: site.map, False),
                              ("the key", lambda site: site.key, True), ("the CA", lambda site: site.ca, True)):
        for what, change in UNSAFE_PATH.items():
            yield decided_by(f"{name}: {what}", path, UNSAFE, change, None if known else UNSAFE)
        for what, change in WRONG_FILE.items():
            if name == "the CA" and what in ("with a NUL", "not text"):
                continue  # libcurl's affair, below
            yield decided_by(f"{name}: {what}", path, CONFIG, change, None if known else CONFIG)
    for what, bits in (("the group may read", 0o040), ("all may read", 0o004), ("all may execute", 0o001)):
        yield decided_by(f"the key: {what}", lambda site: site.key, UNSAFE, mode(bits))
    for name, path in (("the parent", lambda site: f"{site.directory}/etc"), ("the parent's parent", lambda site: site.directory)):
        for what, change in UNSAFE_DIRECTORY.items():
            yield decided_by(f"{name}: {what}", path, UNSAFE, change, UNSAFE)
    yield Row("the parent: a symbolic link of root's", HARMLESS, site=lambda site: linked(f"{site.directory}/etc"))
    yield Row("gate.conf: empty", NO_POLICY, site=lambda site: content(b"")(site.conf), doors={"nginx": HARMLESS}, warm=NO_POLICY)
    yield decided_by("gate.conf: an unknown key", lambda site: site.conf, CONFIG, content(b"[api]\nkey = x\n"), CONFIG)
    yield decided_by("the key: empty", lambda site: site.key, CONFIG, content(b""))
    yield decided_by("the key: two lines", lambda site: site.key, CONFIG, content(b"sk-admin-a\nsk-admin-b\n"))
    yield decided_by("the CA: empty", lambda site: site.ca, CONFIG, content(b""))
    yield Row("the CA: no certificate", UNHEARD, site=lambda site: content(b"nonsense\n")(site.ca), doors={"nginx": HARMLESS})


@contextlib.contextmanager
def nothing():
    yield


def store_rows():
    for name, path in (("the store", lambda site: site.store), ("its parent", lambda site: f"{site.directory}/var")):
        for what, change in UNSAFE_DIRECTORY.items():
            yield Row(f"{name}: {what}", UNSAFE, site=lambda site, path=path, change=change: change(path(site)), warm=UNSAFE,
                      renew=True)
    for what, change in (("missing", missing), ("a symbolic link of root's", linked)):
        yield Row(f"the store: {what}", HARMLESS, site=lambda site, change=change: change(site.store), renew=True)
    for what, change in (("a file", content(b"")), ("a FIFO", fifo), ("a device", device)):
        yield Row(f"the store: {what}", UNSAFE, site=lambda site, change=change: change(site.store), warm=UNSAFE, renew=True)
    for inner in ("lists", "singles", "locks"):
        for what, change in {**UNSAFE_DIRECTORY, "missing": missing, "a symbolic link": linked, "a FIFO": fifo,
                             "a file": content(b"")}.items():
            yield Row(f"{inner}: {what}", HARMLESS, site=lambda site, inner=inner, change=change:
                      change(f"{site.store}/{inner}") if os.path.isdir(f"{site.store}/{inner}") else nothing(), renew=True)


def each_file(change):
    """The same with all answers of a store, which is a copy of the right one."""
    @contextlib.contextmanager
    def changed(site):
        kept = f"{site.directory}/kept"
        shutil.copytree(site.store, kept)
        for path in site.files("lists", "singles"):
            change(path)
        yield
        for path in site.files("lists", "singles"):
            os.unlink(path)
        shutil.rmtree(kept)
    return changed


def replaced(make):
    def change(path):
        os.unlink(path)
        make(path)
    return change


def cut(size):
    return lambda path: os.truncate(path, min(size, os.path.getsize(path) - 1))


def patch(at, text):
    def change(path):
        with open(path, "r+b") as file:
            file.seek(at)
            file.write(text)
    return change


def append(path):
    with open(path, "ab") as file:
        file.write(b"\0" * 64)


def to_link(path):
    os.rename(path, f"{path}.moved")
    os.symlink(f"{path}.moved", path)


def to_other_name(path):
    head, name = os.path.split(path)
    os.rename(path, f"{head}/{name[::-1]}")


def reconfigured(**changes):
    @contextlib.contextmanager
    def changed(site):
        site.configure(**{key: value(site) for key, value in changes.items()})
        yield
        site.configure()
    return changed


def unbelievable(name, site):
    """While nobody can be asked: nothing of the store is believed, and nobody is
    called a stranger."""
    return Row(f"all answers: {name}", UNHEARD, lambda lane: lane.simulator.stop(), lambda lane: lane.another_simulator(),
               site=site, warm=UNHEARD, states=("warm",), renew=True)


def damaged():
    changes = {
        "empty": cut(0), "a byte": cut(1), "64 bytes": cut(64), "1,000 bytes": cut(1000), "the last byte missing": cut(1 << 40),
        "longer": append, "another schema": patch(0, b"OGXX"), "zeros in front": patch(0, b"\0" * 64),
        "another's": lambda path: os.chown(path, STRANGER, STRANGER), "all may write": lambda path: os.chmod(path, 0o666),
        "a symbolic link": to_link, "a FIFO": replaced(os.mkfifo),
        "a device": replaced(lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))),
        "under other names": to_other_name,
        "noise": replaced(lambda path: written(path, os.urandom(4096))),
    }
    for name, change in changes.items():
        yield unbelievable(name, each_file(change))
    yield unbelievable("of another organization", reconfigured(organization=lambda site: "org-other"))
    yield unbelievable("of another endpoint", reconfigured(url=lambda site: site.lane.url.replace("/v1", "/v2")))


def mounted(*options):
    """A file system of its own, new or over what is there, where options say so."""
    @contextlib.contextmanager
    def change(site):
        entry = os.stat(site.store)
        what = ["-t", "tmpfs", "-o", f"mode=700,uid={entry.st_uid},gid={entry.st_gid},{options[0]}", "tmpfs"]
        if options[0] == "ro":
            what = ["--bind", site.store]
        subprocess.run(["mount", *what, site.store], check=True)
        if options[0] == "ro":
            subprocess.run(["mount", "-o", "remount,bind,ro", site.store], check=True)
        yield
        subprocess.run(["umount", "-l", site.store], check=True)
    return change


def disks():
    yield Row("the disk is read-only", HARMLESS, site=mounted("ro"), renew=True)
    for name, option in (("full", "size=4k"), ("nearly full", "size=8k"), ("without a file left", "nr_inodes=1"),
                         ("with one file left", "nr_inodes=2"), ("with four files left", "nr_inodes=5")):
        yield Row(f"the disk is {name}", HARMLESS, site=mounted(option), renew=True, states=("cold",))


ROWS = [*files(), *store_rows(), *damaged(), *disks()]

journal = Journal()
install()
lanes = [Lane(number, journal, fresh=True) for number in range(LANES)]
matrix.run(ROWS, lanes)
if failed():
    diag(journal.text(pattern=" (alert|crit|emerg) "))
done_testing()
