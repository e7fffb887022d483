"""The account phase through libpam, everything known: a process that starts
libpam, loads the stack, asks and ends."""

import bench

PEOPLE = (10, 1_000, 10_000, 1_000_000)


def _map(people):
    path = f"{bench.PLACE}/users.map"
    bench.gate.write(path, "".join(f"person{i}  person{i}@example.com\n" for i in range(people)))
    return path


def table():
    rows = [
        ("pam_permit", bench.account("permit", "pam_permit.so"), ""),
        ("empty module", bench.account("empty", bench.program("empty.so")), ""),
    ]
    sizes = []
    for people in PEOPLE:
        path = bench.conf(f"warm-{people}")
        size, memory = bench.run(bench.program("fill"), path, str(people)).split()
        sizes.append(f"store of {people:>9,} people: {int(size):>11,} bytes, written with {int(memory):>6,} kB of memory")
        rows.append((f"pam_openai, {people:,} people",
                     bench.account(f"warm-{people}", f"{bench.MODULE} conf={path}"), "+0.5 ms, 1.12"))
    path = bench.conf("warm-project", policy="role = owner reader\nproject = proj_a proj_b\nproject_role = member")
    bench.run(bench.program("fill"), path, "10000")
    for project in ("proj_a", "proj_b"):
        bench.run(bench.program("fill"), path, "10000", project)
    rows.append(("pam_openai, 10,000, role and project",
                 bench.account("warm-project", f"{bench.MODULE} conf={path}"), ""))
    path = bench.conf("warm-map", identity=f"map_file = {_map(1000)}")
    bench.run(bench.program("fill"), path, "10000")
    rows.append(("pam_openai, 10,000, map of 1,000 lines",
                 bench.account("warm-map", f"{bench.MODULE} conf={path}"), ""))
    bench.title("PAM: account phase through libpam, warm", *sizes)
    medians = bench.compare(rows)
    print(f"\n{bench.against(medians, 'pam_openai, 1,000,000 people', 'pam_openai, 1,000 people')} (goal: 1.1)")
