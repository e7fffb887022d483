#!/usr/bin/python3
"""Every input that the fuzzers once learned or stumbled over, once more."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fuzz
from tap import diag, done_testing, is_, ok

BUILD = os.path.join(fuzz.ROOT, os.environ.get("BUILD") or "build")
CORPUS_MAX = 300_000
OUTPUT_MAX = 4000

size = 0
for name in fuzz.names():
    inputs = fuzz.known(name)
    size += sum(os.path.getsize(path) for path in inputs)
    found = fuzz.replay(BUILD, name)
    is_(found.status, 0, f"{name}: {len(inputs)} known inputs")
    is_(found.executions, len(inputs), f"{name}: each was read")
    if found.status != 0:
        diag(f"{found.output[-OUTPUT_MAX:]}\nagain with: {found.reproduce()}")
ok(size < CORPUS_MAX, f"the corpora have {size} bytes")
done_testing()
