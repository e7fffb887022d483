"""The account phase through libpam alone: a process that starts libpam, loads
the stack, asks and ends."""

import statistics

import bench
import pam_rows
from result import Table


def tables():
    had = pam_rows.lines()
    table = Table("pam_account", "PAM: account phase through libpam alone", "ms", "CPU ms")
    commands = {name: bench.account(f"row-{number}", line) for number, (name, line) in enumerate(had.lines.items())}
    had.simulator.clear_requests()
    pam_rows.fill(table, commands, had, had.forget, 0.5, 1.12)
    asked = len(had.simulator.requests())
    if pam_rows.SCRIPT in table:
        cold, script = table[pam_rows.COLD], table[pam_rows.SCRIPT]
        share = statistics.median(cold.cpu) / statistics.median(script.cpu)
        cold.at_most("0.5 of pam_exec with curl", cold.ratio(script).median, 0.5,
                     f"curl and jq run at once, each on a core of its own; by processor time it is {share:.2f}")
    table.note(f"pam_openai, cold and pam_exec ask a server on loopback by HTTPS, with one CA file: {asked} requests; "
               f"{pam_rows.open_files()}")
    table.note(f"slapd with {pam_rows.PEOPLE:,} people answers pam_ldap (nslcd) each time; sssd answers pam_sss from its cache")
    yield table
