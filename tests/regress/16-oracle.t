#!/usr/bin/python3
"""The decision against an oracle in another language: all combinations of
small directories, policies, ages and failures: verdict, reason, and how often the
API is asked."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import cases
from tap import diag, done_testing, is_, note, ok

PROGRAM = os.path.join(os.environ.get("BUILD", "build"), "decide")
SHOWN = 5


def judge(name, batch):
    wrong = batch.run(PROGRAM)
    for conf, case, got, want in wrong[:SHOWN]:
        diag(f"{case}\n  {conf}\n  got {got}, want {want}")
    is_(len(wrong), 0, f"{name}: {len(batch.want)} cases")
    return len(batch.want), set(batch.want)


total, outcomes = 0, set()
for name, family in cases.FAMILIES:
    count, seen = judge(name, cases.batch(family))
    total += count
    outcomes |= seen
count, seen = judge("local names", cases.identities())
outcomes |= seen
note(f"{total + count} cases, {len(outcomes)} outcomes")
ok(total > 300000, "some hundred thousand cases")
# A family that asks for nothing proves nothing: every reason of a decision occurs.
missing = {"ok", "not-a-member", "role", "project", "project-role", "group", "account-disabled", "service-account",
           "invite-pending", "no-identity", "bad-name", "timeout", "network", "rate-limited", "server-error",
           "protocol", "store", "unsafe-file", "credential", "config", "out-of-memory"} - \
    {outcome.split()[1] for outcome in outcomes}
is_(missing, set(), "every reason occurs")
done_testing()
