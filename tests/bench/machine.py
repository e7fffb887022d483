"""What it was measured on."""

import os
import re
import subprocess
import time

# What is asked for its version, and where that stands in its answer.
_VERSIONS = {
    "nginx": (["/usr/sbin/nginx", "-v"], r"nginx/(\S+)"),
    "libcurl": (["curl", "--version"], r"libcurl/(\S+)"),
    "OpenSSL": (["openssl", "version"], r"OpenSSL (\S+)"),
    "OpenSSH": (["ssh", "-V"], r"OpenSSH_([\w.]+)"),
    "sudo": (["sudo", "--version"], r"Sudo version (\S+)"),
}


def _first(path, pattern):
    with open(path, encoding="utf-8") as file:
        found = re.search(pattern, file.read(), re.MULTILINE)
    return found[1].strip() if found else "unknown"


def _version(command, pattern):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except FileNotFoundError:
        return "none"
    found = re.search(pattern, done.stdout)
    return found[1] if found else "unknown"


def facts():
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": _first("/proc/cpuinfo", r"^model name\s*:(.*)"),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "memory": _first("/proc/meminfo", r"^MemTotal:(.*)"),
        "system": _first("/etc/os-release", r'^PRETTY_NAME="(.*)"'),
        "kernel": os.uname().release,
    } | {name: _version(*how) for name, how in _VERSIONS.items()}
