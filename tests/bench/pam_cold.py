"""The store is empty: one HTTPS request to a server on loopback."""

import shutil
import subprocess

import bench
import sim

AUTHORITIES = "/etc/ssl/certs"

# What people write first: a shell script for pam_exec(8).
SCRIPT = """\
#!/bin/sh
set -e
key=$(cat {key})
curl -sf --cacert {ca} -H "Authorization: Bearer $key" "{url}" |
    jq -e --arg who "$PAM_USER@example.com" \\
    '.data[] | select(.email == $who and (.role == "owner" or .role == "reader"))' >/dev/null
"""


def organization(people):
    """One that fits a page, or does not."""
    return {
        "admin_key": "sk-admin-bench",
        "users": [{"id": f"user-{i:024d}", "name": f"Person {i}", "email": f"person{i}@example.com", "role": "reader",
                   "added_at": 1700000000 + i} for i in range(people)],
    }


def forget(*names):
    """A program that empties these stores."""
    path = f"{bench.PLACE}/forget"
    stores = " ".join(bench.store(name) for name in names)
    bench.gate.write(path, f"#!/bin/sh\nexec rm -rf {stores}\n", 0o755)
    return path


def _trust(ca):
    """An authority of the system's, as update-ca-certificates(8) makes it."""
    shutil.copy(ca, f"{AUTHORITIES}/bench.pem")
    name = bench.run("openssl", "x509", "-noout", "-hash", "-in", ca).strip()
    shutil.copy(ca, f"{AUTHORITIES}/{name}.0")
    with open(ca, encoding="ascii") as one, open(f"{AUTHORITIES}/ca-certificates.crt", "a", encoding="ascii") as bundle:
        bundle.write(one.read())


def _rows(simulator, url, key, trusted):
    """What asks the server, with one CA file or with the system's."""
    name = "one CA file" if trusted else "system's CAs"
    api = f"base_url = {simulator.url}\n" + (f"ca_file = {trusted}\n" if trusted else "")
    store = "cold-file" if trusted else "cold-system"
    path = bench.conf(store, api=api)
    get = " ".join([bench.program("spawn.so"), bench.program("get"), url, key, *([trusted] if trusted else [])])
    goal = "1.15 of the bare GET" if trusted else ""
    return store, [
        (f"bare exec and GET, {name}", bench.account(f"get-{store}", get), ""),
        (f"pam_openai, {name}", bench.account(store, f"{bench.MODULE} conf={path}"), goal),
    ]


def table():
    directory = f"{bench.PLACE}/simulator"
    with sim.Simulator(directory, organization(50)) as simulator:
        key = f"{bench.gate.DIRECTORY}/admin.key"
        url = f"{simulator.url}/organization/users?limit=100"
        ca = f"{bench.gate.DIRECTORY}/ca.pem"
        shutil.copy(simulator.ca_file, ca)
        _trust(ca)
        script = f"{bench.PLACE}/script"
        bench.gate.write(script, SCRIPT.format(key=key, ca=ca, url=url), 0o755)
        store, one = _rows(simulator, url, key, ca)
        other, system = _rows(simulator, url, key, None)
        rows = [("pam_permit", bench.account("permit", "pam_permit.so"), ""), *one, *system]
        if shutil.which("jq"):
            rows.append(("pam_exec: sh, curl, jq, one CA file",
                         bench.account("script", f"pam_exec.so quiet {script}"), "ours at most 0.5 of it"))
        else:
            print("\npam_exec with curl and jq is NOT measured: there is no jq here")
        limit = subprocess.run(["sh", "-c", "ulimit -Hn"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        bench.title("PAM: account phase through libpam, cold: one HTTPS request to a server on loopback",
                    f"store on tmpfs (a disk adds its fsync); hard limit of open files {limit}, which pam_exec closes one by one")
        medians = bench.compare(rows, before=forget(store, other))
    print()
    for name in ("one CA file", "system's CAs"):
        print(bench.against(medians, f"pam_openai, {name}", f"bare exec and GET, {name}"))
