"""The account phase through libpam alone, warm: how the store's size and what a
policy asks for count."""

import bench
import pam_rows
from result import Table

PEOPLE = (10, 1_000, 10_000, 1_000_000)


def _map(people):
    path = f"{bench.PLACE}/users.map"
    bench.gate.write(path, "".join(f"person{i}  person{i}@example.com\n" for i in range(people)))
    return path


def tables():
    table = Table("pam_sizes", "PAM: account phase through libpam alone, warm", "ms", "CPU ms")
    commands = {"pam_permit": bench.account("permit", "pam_permit.so")}
    sizes = Table("store", "The store's file", "bytes a person")
    for people in PEOPLE:
        path = bench.conf(f"warm-{people}")
        size, memory = bench.run(bench.program("fill"), path, str(people)).split()
        sizes.row(f"{people:,} people", [int(size) / people])
        sizes.note(f"{people:>9,} people: {int(size):>11,} bytes, written with {int(memory):>6,} kB of memory")
        commands[f"pam_openai, {people:,} people"] = bench.account(f"warm-{people}", f"{bench.MODULE} conf={path}")
    path = bench.conf("warm-project", policy="role = owner reader\nproject = proj_a proj_b\nproject_role = member")
    bench.run(bench.program("fill"), path, "10000")
    for project in ("proj_a", "proj_b"):
        bench.run(bench.program("fill"), path, "10000", project)
    commands["pam_openai, 10,000, role and project"] = bench.account("warm-project", f"{bench.MODULE} conf={path}")
    path = bench.conf("warm-map", identity=f"map_file = {_map(1000)}")
    bench.run(bench.program("fill"), path, "10000")
    commands["pam_openai, 10,000, map of 1,000 lines"] = bench.account("warm-map", f"{bench.MODULE} conf={path}")
    bench.measure(table, commands)
    for people in PEOPLE:
        pam_rows.judge(table[f"pam_openai, {people:,} people"], 0.5, 1.12)
    million = table["pam_openai, 1,000,000 people"]
    million.at_most("1.1 of 1,000 people", million.ratio(table["pam_openai, 1,000 people"]).median, 1.1)
    yield table
    yield sizes
