"""Decisions about people of whom nothing is known, and the requests to the API
that they cost."""

import asyncio
import collections
import time

import bench
import nginx
import pam_rows
import sim
from nginx_waiting import HTTP
from result import Table

CONNECTIONS = 64
TRIALS = 5
PAGE = 100
CONNECT_SECONDS = 60

# People of the organization, how many of them ask, how many times each.
CASES = ((250, 250, 1), (1_000, 1_000, 10), (10_000, 2_000, 1))

# As README.md says, "Few requests".
_WHY = "by design an organization of more than 300 is asked by person, as many in a request as wait; openai-gate sync reads its list"


async def _client(path, users, ended):
    """One connection: the next of the users, until there are no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", nginx.PORT)
    while users:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-User: {users.pop()}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        ended[head.split()[1].decode()] += 1
    writer.close()


async def _clients(path, users):
    ended = collections.Counter()
    begin = time.monotonic()
    await asyncio.wait_for(asyncio.gather(*(_client(path, users, ended) for _ in range(CONNECTIONS))), CONNECT_SECONDS)
    return sum(ended.values()) / (time.monotonic() - begin), ended


def ask(path, users):
    """Answers a second; all of them must be yes."""
    rate, ended = asyncio.run(_clients(path, list(users)))
    if set(ended) != {"200"}:
        raise RuntimeError(f"{path}: {dict(ended)}")
    return rate


def _organization(people):
    return {"admin_key": "sk-admin-bench",
            "generate": [{"users": people, "first": 0, "pattern": "person%d@example.com", "role": "reader"}]}


def _case(table, people, new, times):
    name = f"{new:,} new of {people:,} people" + (f", {times} times" if times > 1 else "")
    none, cold, requests = [], [], []
    with sim.Simulator(f"{bench.PLACE}/simulator", _organization(people)) as simulator:
        api = f"base_url = {simulator.url}\nca_file = {pam_rows.authority(simulator)}\nkey_file = {bench.KEY}\ntimeout = 60s"
        server = nginx.Nginx(f"openai_gate_config {bench.conf('nginx-cold', api=api)}; {HTTP}", workers=1, level="error")
        users = [f"person{number * (people // new)}" for number in range(new)] * times
        with server:
            for _ in range(min(TRIALS, bench.ROUNDS)):
                server.forget()
                simulator.clear_requests()
                none.append(ask("/none", users))
                cold.append(ask("/gate", users))
                requests.append(len(simulator.requests()))
    base = table.alone(f"no gate, {name}", none)
    row = table.against(base, name, cold)
    if new == people:
        pages = -(-people // PAGE)
        row.at_most(f"{pages} requests, one for each page", max(requests), pages, _WHY)
    table.note(f"{name}: requests to the API in each trial {requests}, a person {sum(requests) / len(requests) / new:.3f}")


def tables():
    table = Table("nginx_cold", "nginx: decisions about people of whom nothing is known", "decisions/s")
    for case in CASES:
        _case(table, *case)
    table.note(f"one worker, {CONNECTIONS} connections; client and API are programs in Python beside it, and slower than nginx")
    yield table
