"""200 people log in at once and nothing is known of any."""

import subprocess

import bench
import pam_rows
import pam_sudo
import sim
from result import Table

COUNT = 200
STORMS = 5
PEOPLE = 100


def _storm(command, wrap):
    """Milliseconds, and how many ended with which status."""
    time, *statuses = bench.run(*wrap, bench.program("storm"), str(COUNT), *command).split()
    return int(time) / 1000, " ".join(statuses)


def _compare(simulator, name, permit, ours, forget, wrap=()):
    table = Table(f"pam_storm_{name.split()[0]}", f"PAM: {COUNT} cold logins at once, {name}", "ms")
    times = ([], [])
    requests, ended = [], set()
    for _ in range(min(STORMS, bench.ROUNDS)):
        times[0].append(_storm(permit, wrap)[0])
        subprocess.run([forget], check=True)
        simulator.clear_requests()
        time, statuses = _storm(ours, wrap)
        times[1].append(time)
        requests.append(len(simulator.requests()))
        ended.add(statuses)
    table.row("pam_permit", times[0])
    ours = table.row("pam_openai", times[1])
    ours.at_most("1.5 of pam_permit", ours.ratio().median, 1.5,
                 "each login that finds no answer starts a helper, to ask or to wait for the one who asks: some 3 ms of a core, "
                 "where the whole process with pam_permit takes 1; of sudo, which starts slowly, only the first need it")
    table.note(f"requests in each storm: {requests}; exit status:copies in each: {', '.join(sorted(ended))}")
    return table


def tables():
    with sim.Simulator(f"{bench.PLACE}/simulator", pam_rows.organization(PEOPLE)) as simulator:
        ca = pam_rows.authority(simulator)
        path = bench.conf("storm", api=f"base_url = {simulator.url}\nca_file = {ca}\ntimeout = 30s\n")
        line = f"{bench.MODULE} quiet conf={path} policy=bench"
        forget = pam_rows.forget("storm")
        table = _compare(simulator, "libpam alone", bench.account("permit", "pam_permit.so", user="person{}"),
                         bench.account("storm", line, user="person{}"), forget)
        table.note(f"{COUNT - PEOPLE} of them are no members (PAM code 6), so that invitations are asked for too")
        yield table
        permit, ours = pam_sudo.commands({"pam_permit": "pam_permit.so", "pam_openai": line}).values()
        yield _compare(simulator, "sudo, one member", permit, ours, forget, pam_sudo.AS_USER)
