"""200 people log in at once and nothing is known of any."""

import shutil
import statistics
import subprocess

import bench
import pam_cold
import pam_sudo
import sim

COUNT = 200
STORMS = 5
PEOPLE = 100


def _storm(command, wrap):
    """Milliseconds, and how many ended with which status."""
    time, *statuses = bench.run(*wrap, bench.program("storm"), str(COUNT), *command).split()
    return int(time) / 1000, " ".join(statuses)


def _compare(simulator, label, permit, ours, forget, wrap=()):
    times = ([], [])
    requests, ended = [], set()
    for _ in range(STORMS):
        times[0].append(_storm(permit, wrap)[0])
        subprocess.run([forget], check=True)
        simulator.clear_requests()
        time, statuses = _storm(ours, wrap)
        times[1].append(time)
        requests.append(len(simulator.requests()))
        ended.add(statuses)
    print(f"\n{label}")
    for name, values in zip(("pam_permit", "pam_openai"), times):
        print(f"  {name:12}{statistics.median(values):9.0f} ms  [{min(values):.0f} … {max(values):.0f}]")
    print(f"  ratio {statistics.median(times[1]) / statistics.median(times[0]):.2f} (goal: 1.5)")
    print(f"  requests in each storm: {requests}; exit status:copies in each: {', '.join(sorted(ended))}")


def table():
    with sim.Simulator(f"{bench.PLACE}/simulator", pam_cold.organization(PEOPLE)) as simulator:
        ca = f"{bench.gate.DIRECTORY}/ca.pem"
        shutil.copy(simulator.ca_file, ca)
        path = bench.conf("storm", api=f"base_url = {simulator.url}\nca_file = {ca}\ntimeout = 30s\n")
        line = f"{bench.MODULE} quiet conf={path} policy=bench"
        forget = pam_cold.forget("storm")
        bench.title(f"PAM: {COUNT} cold logins at once ({STORMS} storms each, in turn: median [least … most])")
        _compare(simulator, f"libpam alone; {COUNT - PEOPLE} of them are no members (PAM code 6), so that invitations are asked for too",
                 bench.account("permit", "pam_permit.so", user="person{}"), bench.account("storm", line, user="person{}"), forget)
        permit, ours = pam_sudo.commands(["pam_permit.so", line])
        _compare(simulator, "real sudo -n true, one member", permit, ours, forget, pam_sudo.AS_USER)
