"""The store is empty: one HTTPS request to a server on loopback, next to the
least that anybody who asks from outside of the host can do."""

import shutil

import bench
import pam_rows
from result import Table

AUTHORITIES = "/etc/ssl/certs"
FILE, SYSTEM = "one CA file", "system's CAs"

_WHY = ("by strace(1) no call waits longer than in the bare GET; the helper makes 250 more: for libjansson, its confinement, "
        "the lock, the store; and is waited for until it has ended")


def _trust(ca):
    """An authority of the system's, as update-ca-certificates(8) makes it."""
    shutil.copy(ca, f"{AUTHORITIES}/bench.pem")
    name = bench.run("openssl", "x509", "-noout", "-hash", "-in", ca).strip()
    shutil.copy(ca, f"{AUTHORITIES}/{name}.0")
    with open(ca, encoding="ascii") as one, open(f"{AUTHORITIES}/ca-certificates.crt", "a", encoding="ascii") as bundle:
        bundle.write(one.read())


def _commands(simulator, name, trusted):
    """What asks the server, with one CA file or with the system's."""
    api = f"base_url = {simulator.url}\n" + (f"ca_file = {trusted}\n" if trusted else "")
    store = "cold-file" if trusted else "cold-system"
    path = bench.conf(store, api=api)
    get = " ".join([bench.program("spawn.so"), bench.program("get"), pam_rows.url(simulator), bench.KEY,
                    *([trusted] if trusted else [])])
    return store, {
        f"bare exec and GET, {name}": bench.account(f"get-{store}", get),
        f"pam_openai, {name}": bench.account(store, f"{bench.MODULE} conf={path}"),
    }


def tables():
    simulator = pam_rows.lines().simulator
    ca = pam_rows.authority(simulator)
    _trust(ca)
    one, with_file = _commands(simulator, FILE, ca)
    other, with_system = _commands(simulator, SYSTEM, None)
    commands = {"pam_permit": bench.account("permit", "pam_permit.so")} | with_file | with_system
    table = Table("pam_cold", "PAM: account phase through libpam alone, cold: one HTTPS request", "ms", "CPU ms")
    bench.measure(table, commands, before=pam_rows.forget(one, other))
    for name in (FILE, SYSTEM):
        bare, ours = table[f"bare exec and GET, {name}"], table[f"pam_openai, {name}"]
        ours.at_most("1.15 of the bare GET", ours.ratio(bare).median, 1.15, _WHY)
    table.note("to a server on loopback; the store is on tmpfs: a disk adds its fsync")
    yield table
