"""The demo's organization, people and machine. A door (door_*.py) plays on it.

A door is a class with

    name        as a person would call it
    policies    what it adds to gate.conf, as tests/lib/gate.py takes it
    cases       [(who, what is expected: "deny role")], in the order of the table
    label(who)  how the attempt is called: "ssh ann@localhost"
    open(stage), close()
    attempt(who) -> Outcome
    forget(who)         makes the door's store forget; the command that does it

and an entry in the list of doors in `demo`.
"""

import dataclasses

import people
from gate import Gate, decisions, install
from journal import Journal
from sim import Simulator

# The local user, the person in tests/sim/organization.json, and what is said
# of that person there.
CAST = {
    "olivia": ("olivia.owner@example.com", "owner"),
    "ann": ("ann@example.com", "reader, project proj_web"),
    "ben": ("ben@example.com", "reader, other projects"),
    "norah": ("norah.norole@example.com", "member without a role"),
    "bob": ("bob.banned@example.com", "reader, banned"),
    "robot": ("robot@example.com", "service account"),
    "ivan": ("ivan.invited@example.com", "invited, not yet in"),
    "zoe": ("zoe@example.com", "not in it"),
    "nils": (None, "no identity in users.map"),
    "wendy": ("wendy.web@example.com", "reader, project proj_web"),
    "carla": ("olivia.owner@example.com", "owner, by certificate"),
    "mallory": ("olivia.owner@example.com", "owner's name, guessing"),
    "root": (None, "exempt: exempt_users"),
}
PASSWORD = "the same for all"


@dataclasses.dataclass(frozen=True)
class Outcome:
    passed: bool
    words: str  # "deny role", as the log or the door itself says it
    told: str = ""  # what the person saw
    logged: str = ""  # what the administrator finds


class Stage:
    """Everything that the doors share."""

    def __init__(self, policies):
        self.journal = Journal()
        install()
        people.add(*(who for who in CAST if who != "root"), password=PASSWORD)
        self.simulator = Simulator("/var/tmp/demo")
        users = {who: email for who, (email, _) in CAST.items() if email}
        self.gate = Gate(self.simulator, policies, users)

    def watch(self, run):
        """The outcome of an attempt at a door of PAM: run() gives a
        people.Result, the log what was decided."""
        mark = self.journal.mark()
        done = run()
        logged = decisions(self.journal, mark)
        words = logged[-1].words if logged else "nothing in the log"
        return Outcome(done.status == 0, words, done.said.strip(), logged[-1].text if logged else "")

    def close(self):
        self.simulator.stop()
