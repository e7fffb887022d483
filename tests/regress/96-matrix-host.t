#!/usr/bin/python3
"""The fault matrix, its hosts: signals, limits, system calls that the kernel
refuses, a helper that is not what it should be, and a clock that is set.
"""

import contextlib
import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import jail

jail.enter()

import matrix
from forbid import forbid
from gate import HELPER, install, write
from journal import Journal
from matrix import Lane, Row
from tap import diag, done_testing, failed

HARMLESS, STORE, NETWORK = "allow ok", "unavailable store", "unavailable network"
TIMEOUT, PROTOCOL = "unavailable timeout", "unavailable protocol"
UNSAFE, CONFIG = "misconfigured unsafe-file", "misconfigured config"
SHIFT = "/run/clock-shift"


def only(**doors):
    """How each of these doors' processes are started; the others have none."""
    return lambda site: doors.get(site.door)


# Signals.

STORM_MAX = 100000


def storm_from_outside(*numbers):
    """For preexec_fn: somebody signals this process until it is gone."""
    def start():
        victim = os.getpid()
        if os.fork() != 0:
            os.wait()
            return
        if os.fork() != 0:
            os._exit(0)
        os.closerange(0, 1024)
        with contextlib.suppress(OSError):
            for turn in range(STORM_MAX):
                os.kill(victim, numbers[turn % len(numbers)])
        with contextlib.suppress(OSError):
            os.kill(victim, signal.SIGCONT)
        os._exit(0)
    return {"preexec_fn": start}


def storm_at_nginx(*numbers):
    @contextlib.contextmanager
    def storm(site):
        if not site.nginx:
            yield
            return
        over = threading.Event()
        pids = site.nginx.worker_pids()

        def send():
            while not over.is_set():
                for number in numbers:
                    for pid in pids:
                        os.kill(pid, number)
                over.wait(0.0005)

        thread = threading.Thread(target=send)
        thread.start()
        yield
        over.set()
        thread.join()
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    return storm


def ignoring(*numbers):
    return {"preexec_fn": lambda: [signal.signal(number, signal.SIG_IGN) for number in numbers], "restore_signals": False}


def block_all():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def signals():
    quiet = (signal.SIGCHLD, signal.SIGALRM, signal.SIGIO, signal.SIGPIPE)
    yield Row("signals: a storm", HARMLESS, how=only(pam={"options": ["--storm"]}, nginx={}), site=storm_at_nginx(*quiet))
    stops = storm_from_outside(signal.SIGSTOP, signal.SIGCONT)
    yield Row("signals: stopped and continued", HARMLESS, how=only(pam=stops, cli=stops, nginx={}),
              site=storm_at_nginx(signal.SIGSTOP, signal.SIGCONT))
    children = ignoring(signal.SIGCHLD)
    yield Row("signals: SIGCHLD ignored", HARMLESS, how=only(pam={"options": ["--ignore-children"]}, cli=children))
    yield Row("signals: SIGCHLD caught", HARMLESS, how=only(pam={"options": ["--catch-children"]}))
    deaf = ignoring(signal.SIGPIPE, signal.SIGALRM, signal.SIGTERM, signal.SIGCHLD, signal.SIGXFSZ)
    yield Row("signals: all of them ignored", HARMLESS, how=only(pam=deaf, cli=deaf))
    blocked = {"preexec_fn": block_all}
    yield Row("signals: all of them blocked", HARMLESS, how=only(pam=blocked, cli=blocked))
    pipe = {"preexec_fn": lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL)}
    yield Row("signals: SIGPIPE kills", HARMLESS, how=only(pam=pipe, cli=pipe))


# Limits.

def soft_limit(pid, number):
    """Of a worker's descriptors. Root may lack the power; the worker's user does not."""
    subprocess.run(["prlimit", "--pid", str(pid), f"--nofile={number}:"], user="www-data", group="www-data", extra_groups=[],
                   check=True)


@contextlib.contextmanager
def worker_without_descriptors(site):
    """One is left, for the client."""
    if not site.nginx:
        yield
        return
    site.nginx.reload()  # no connection to the API is open
    pid = site.nginx.worker_pids()[0]
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        before = next(line.split()[3] for line in file if line.startswith("Max open files"))
    taken = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
    soft_limit(pid, min(set(range(max(taken) + 2)) - taken) + 1)
    yield
    soft_limit(pid, before)


def limits():
    closed = ["--close", "0", "--close", "1", "--close", "2"]
    yield Row("descriptors: 0, 1 and 2 closed", HARMLESS, how=only(pam={"options": closed}))
    yield Row("descriptors: a thousand open", HARMLESS, how=only(pam={"options": ["--descriptors", "800"]}))
    for number in range(6, 9):
        yield Row(f"descriptors: a limit of {number}", STORE, how=only(pam={"options": ["--limit", f"nofile={number}"]}))
    yield Row("descriptors: none is left to ask with", NETWORK, how=only(nginx={}), site=worker_without_descriptors,
              states=("cold",))
    for name, limit in (("files of no size", "fsize=0"), ("no more processes", "nproc=0"), ("a second of time", "cpu=1"),
                        ("a small stack", "stack=262144")):
        yield Row(f"limit: {name}", HARMLESS, how=only(pam={"options": ["--limit", limit]}))


# What the kernel refuses. The helper inherits it.

def refused(names, pam, cli):
    """Words for a cold store; a warm one needs none of this."""
    how = {"preexec_fn": lambda: forbid(*names)}
    return Row(f"refused by the kernel: {' '.join(names)}", pam, how=only(pam=how, cli=how), doors={"cli": cli})


def kernel():
    processes = ("clone", "clone3", "fork", "vfork")
    yield refused(processes, STORE, HARMLESS)
    yield refused(("execveat",), STORE, HARMLESS)
    yield refused((*processes, "execveat", "socket-inet"), STORE, NETWORK)
    yield refused(("socket-inet",), NETWORK, NETWORK)
    yield refused(("pipe2",), STORE, HARMLESS)
    yield refused(("poll", "ppoll"), STORE, NETWORK)
    yield refused(("epoll_create1",), NETWORK, NETWORK)
    for names in (("setgroups",), ("setresuid",), ("setsid",), ("close_range",)):
        yield refused(names, STORE, HARMLESS)
    for names in (("flock",), ("fsync",), ("rename", "renameat", "renameat2"), ("getrandom",), ("prctl",),
                  ("setrlimit", "prlimit64"), ("mkdirat",), ("fchmod",), ("ftruncate",), ("kill",), ("eventfd2",),
                  ("getdents64",), ("unlinkat",), ("pwrite64",)):
        yield refused(names, HARMLESS, HARMLESS)


# The helper.

SOURCE = r"""
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static char bytes[70000];
static void say(size_t n) { while (n > 0) { ssize_t w = write(1, bytes, n); if (w <= 0) _exit(9); n -= (size_t)w; } }
static void replay(const char *path) {
	int fd = open(path, O_RDONLY); ssize_t n = read(fd, bytes, sizeof(bytes)); if (n > 0) say((size_t)n);
}
int main(void) { (void)replay; (void)say; BODY; return 0; }
"""
HELPERS = {
    "says nothing": ("", PROTOCOL),
    "fails": ("return 1", PROTOCOL),
    "dies": ("raise(SIGSEGV)", PROTOCOL),
    "hangs": ("for (;;) pause()", TIMEOUT),
    "closes its output and hangs": ("close(1); for (;;) pause()", TIMEOUT),
    "leaves somebody with its output": ("if (fork() == 0) for (;;) if (getppid() == 1) _exit(0)", PROTOCOL),
    "ignores everything and hangs": ("int i; for (i = 1; i < 65; i++) signal(i, SIG_IGN); for (;;) pause()", TIMEOUT),
    "says garbage": ("memset(bytes, 'x', 500); say(500)", PROTOCOL),
    "says zeros": ("say(500)", PROTOCOL),
    "says too much": ("say(65537)", PROTOCOL),
    "never stops": ("for (;;) say(sizeof(bytes))", PROTOCOL),
    "speaks of somebody else": ("replay(\"/run/reply\")", PROTOCOL),
    "speaks twice": ("replay(\"/run/reply\"); replay(\"/run/reply\")", PROTOCOL),
    "speaks another version": ("replay(\"/run/reply\"); bytes[4] = 2; say(100)", PROTOCOL),
}


def with_helper(name, words, make):
    """The doors that have a helper are one; the others never miss it."""
    def begin(lane):
        os.rename(HELPER, f"{HELPER}.kept")
        make(lane)

    def end(_):
        if os.path.isdir(HELPER) and not os.path.islink(HELPER):
            os.rmdir(HELPER)
        elif os.path.lexists(HELPER):
            os.unlink(HELPER)
        os.rename(f"{HELPER}.kept", HELPER)

    return Row(f"the helper: {name}", words, begin, end, doors={"cli": HARMLESS, "nginx": HARMLESS})


def built(body):
    def make(lane):
        reply = subprocess.run([f"{HELPER}.kept", "1", lane.sites[2].conf, "3000", "users?email=olivia.owner@example.com"],
                               capture_output=True, check=True).stdout
        with open("/run/reply", "wb") as file:
            file.write(reply)
        subprocess.run(["cc", "-x", "c", "-w", "-o", HELPER, "-"], input=SOURCE.replace("BODY", body), text=True, check=True)
    return make


def copy(change):
    def make(_):
        shutil.copy(f"{HELPER}.kept", HELPER)
        change(HELPER)
    return make


def helper():
    for name, (body, words) in HELPERS.items():
        yield with_helper(name, words, built(body))
    yield with_helper("missing", CONFIG, lambda _: None)
    yield with_helper("a directory", UNSAFE, lambda _: os.mkdir(HELPER))
    yield with_helper("a symbolic link", UNSAFE, lambda _: os.symlink(f"{HELPER}.kept", HELPER))
    yield with_helper("a FIFO", UNSAFE, lambda _: os.mkfifo(HELPER))
    yield with_helper("another's", UNSAFE, copy(lambda path: os.chown(path, 1234, 1234)))
    yield with_helper("all may write", UNSAFE, copy(lambda path: os.chmod(path, 0o777)))
    yield with_helper("not executable", UNSAFE, copy(lambda path: os.chmod(path, 0o644)))
    yield with_helper("empty", STORE, lambda _: write(HELPER, "", 0o755))
    yield with_helper("no program", STORE, lambda _: write(HELPER, "nonsense\n", 0o755))
    yield with_helper("a script", STORE, lambda _: write(HELPER, "#!/bin/sh\ncat /run/reply\n", 0o755))
    yield with_helper("cut short", STORE, copy(lambda path: os.truncate(path, 100)))


# The clock.

CLOCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static const volatile int64_t none, *shift = &none;
static void __attribute__((constructor)) start(void) {
	int fd = open(PATH, O_RDONLY | O_CLOEXEC);
	void *p = fd == -1 ? MAP_FAILED : mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED) shift = p;
	if (fd != -1) close(fd);
}
int clock_gettime(clockid_t id, struct timespec *ts) {
	int r = (int)syscall(SYS_clock_gettime, id, ts);
	if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) ts->tv_sec += *shift;
	return r;
}
time_t time(time_t *p) {
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	if (p) *p = ts.tv_sec;
	return ts.tv_sec;
}
int gettimeofday(struct timeval *tv, void *zone) {
	struct timespec ts;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
"""


class Clock:
    """That of all programs which start from now on."""

    def __init__(self):
        with open(SHIFT, "wb") as file:
            file.write(bytes(4096))
        os.chmod(SHIFT, 0o644)
        subprocess.run(["cc", "-shared", "-fPIC", f'-DPATH="{SHIFT}"', "-x", "c", "-o", "/run/clock.so", "-"], input=CLOCK,
                       text=True, check=True)
        write("/etc/ld.so.preload", "/run/clock.so\n")
        with open(SHIFT, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 4096)

    def set(self, seconds):
        self._map[:8] = struct.pack("=q", seconds)


MINUTE, HOUR, DAY = 60, 3600, 86400


def steps(clock):
    """With the API, and then with what is known alone."""
    def row(name, shift, words, warm, down):
        def begin(lane):
            if down:
                lane.simulator.stop()
            clock.set(shift)

        def end(lane):
            clock.set(0)
            if down:
                lane.another_simulator()

        return Row(f"the clock: {name}{', the API is down' if down else ''}", words, begin, end, warm=warm,
                   states=("warm",) if down else ("cold", "warm"))

    for name, shift in (("a second back", -1), ("an hour back", -HOUR), ("20 years back", -20 * 365 * DAY),
                        ("20 minutes ahead", 20 * MINUTE), ("2 hours ahead", 2 * HOUR), ("20 years ahead", 20 * 365 * DAY),
                        ("to 1970", -1790000000)):
        yield row(name, shift, HARMLESS, HARMLESS, False)
    yield row("a second back", -1, HARMLESS, HARMLESS, True)
    for name, shift in (("an hour back", -HOUR), ("2 hours ahead", 2 * HOUR), ("20 years ahead", 20 * 365 * DAY)):
        yield row(name, shift, NETWORK, NETWORK, True)


journal = Journal()
install()
clock = Clock()
lanes = [Lane(0, journal, fresh=True, scheme="http")]
matrix.run([*signals(), *limits(), *kernel(), *helper(), *steps(clock)], lanes)
if failed():
    diag(journal.text(pattern=" (alert|crit|emerg) "))
done_testing()
