"""What nginx's worker keeps of the people whom it has judged."""

import re

import bench
import nginx_warm
from result import Table

SECONDS = 5

# A wrk script: another person each time.
_ASK = """\
local at = -1
function request()
    at = (at + 1) %% %d
    return wrk.format("GET", "/gate/index.html", { ["X-User"] = "person" .. at })
end
"""


def _own_kb(server):
    """Without what it maps of the store: on a tmpfs that looks like its own."""
    with open(f"/proc/{server.nginx.worker_pids()[0]}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Anonymous:\s+(\d+)", file.read(), re.MULTILINE)[1])


def _row(table, people, port):
    script = f"{bench.PLACE}/ask-memory-{people}.lua"
    bench.gate.write(script, _ASK % people)
    with nginx_warm.Server(people, port) as server:
        server.get("gate", {"X-User": "person7"})
        before = _own_kb(server)
        said = bench.run("wrk", "-t1", "-c1", f"-d{SECONDS}s", "-s", script, f"http://127.0.0.1:{port}/")
        after = _own_kb(server)
    asked = min(int(re.search(r"(\d+) requests in", said)[1]), people)
    table.alone(f"{asked:,} of {people:,} people have asked", [(after - before) * 1024 / asked])
    table.note(f"of {people:,}: the worker's own memory {before:,} kB after one person, {after:,} kB after {asked:,}")


def tables():
    table = Table("nginx_memory", "nginx: memory of a worker, beyond the store's file that all share", "bytes a person")
    for at, people in enumerate((10_000, 1_000_000)):
        _row(table, people, nginx_warm.nginx.PORT + at)
    table.note("it is the table of decisions, 32,768 places of 128 bytes: who finds no place is judged anew, by the store")
    yield table
