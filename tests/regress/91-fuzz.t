#!/usr/bin/python3
"""Each fuzzer runs for a minute (FUZZ_SECONDS), two at a time, from its corpus
on, and finds nothing."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fuzz
from tap import diag, done_testing, note, ok

BUILD = os.path.join(fuzz.ROOT, os.environ.get("BUILD") or "build")
SECONDS = int(os.environ.get("FUZZ_SECONDS") or 60)
OUTPUT_MAX = 6000

for found in fuzz.run_all(BUILD, fuzz.names(), SECONDS):
    passed = ok(found.status == 0 and found.executions > 0, f"{found.name}: nothing found")
    note(f"{found.name}: {found.executions} inputs in {SECONDS} seconds")
    if not passed:
        diag(f"{found.output[-OUTPUT_MAX:]}\nagain with: {found.reproduce()}")
done_testing()
