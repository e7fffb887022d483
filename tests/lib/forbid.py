"""A process to which the kernel refuses some system calls, as in a container or
under a service manager's filter: seccomp(2), from subprocess's preexec_fn.

    subprocess.run(command, preexec_fn=lambda: forbid("socket-inet"))
"""

import ctypes
import errno
import os

_NUMBERS = {
    "x86_64": {"clone": 56, "clone3": 435, "fork": 57, "vfork": 58, "execveat": 322, "socket": 41, "pipe2": 293, "poll": 7,
               "ppoll": 271, "epoll_create1": 291, "epoll_wait": 232, "epoll_pwait": 281, "wait4": 61, "flock": 73,
               "fsync": 74, "rename": 82, "renameat": 264, "renameat2": 316, "setgroups": 116, "setresuid": 117,
               "setsid": 112, "close_range": 436, "getrandom": 318, "prctl": 157, "setrlimit": 160, "prlimit64": 302,
               "mkdirat": 258, "fchmod": 91, "ftruncate": 77, "kill": 62, "timerfd_create": 283, "eventfd2": 290,
               "getdents64": 217, "unlinkat": 263, "rt_sigaction": 13, "pwrite64": 18},
    "aarch64": {"clone": 220, "clone3": 435, "execveat": 281, "socket": 198, "pipe2": 59, "ppoll": 73, "epoll_create1": 20,
                "epoll_pwait": 22, "wait4": 260, "flock": 32, "fsync": 82, "renameat": 38, "renameat2": 276, "setgroups": 159,
                "setresuid": 147, "setsid": 157, "close_range": 436, "getrandom": 278, "prctl": 167, "setrlimit": 164,
                "prlimit64": 261, "mkdirat": 34, "fchmod": 52, "ftruncate": 46, "kill": 129, "timerfd_create": 85,
                "eventfd2": 19, "getdents64": 61, "unlinkat": 35, "rt_sigaction": 134, "pwrite64": 68},
}
_AF_INET = (2, 10)

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # of a word; jump; end
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER = 22, 38, 2


class _Step(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("steps", ctypes.POINTER(_Step))]


def known(*names):
    """Those that this machine's architecture has."""
    return [name for name in names if name == "socket-inet" or name in _NUMBERS[os.uname().machine]]


def _steps(names):
    refuse = _Step(_RETURN, 0, 0, _ERRNO | errno.EPERM)
    steps = []
    for name in known(*names):
        number = _NUMBERS[os.uname().machine][name.removesuffix("-inet")]
        steps.append(_Step(_LOAD, 0, 0, 0))  # the call's number
        if name == "socket-inet":
            # seccomp_data.args[0], little-endian
            steps += [_Step(_EQUAL, 0, 4, number), _Step(_LOAD, 0, 0, 16), _Step(_EQUAL, 1, 0, _AF_INET[0]),
                      _Step(_EQUAL, 0, 1, _AF_INET[1]), refuse]
        else:
            steps += [_Step(_EQUAL, 0, 1, number), refuse]
    return [*steps, _Step(_RETURN, 0, 0, _ALLOW)]


def forbid(*names):
    """From here on these fail with EPERM, in whatever this process becomes or
    starts. "socket-inet": of the Internet only."""
    steps = _steps(names)
    program = _Program(len(steps), (_Step * len(steps))(*steps))
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            or libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) != 0):
        raise OSError(ctypes.get_errno(), "seccomp")
