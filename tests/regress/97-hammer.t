#!/usr/bin/python3
"""build/unit/store_hammer.t again, for longer and by three seeds."""

import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import jail
from tap import diag, done_testing, ok

PROGRAM = os.path.join(jail.REPOSITORY, os.environ.get("BUILD") or "build", "unit", "store_hammer.t")
STEPS = 20000

for turn in range(3):
    seed = os.environ.get("SEED") or str(random.SystemRandom().randrange(2**32))
    done = subprocess.run([PROGRAM], env=os.environ | {"SEED": seed, "STEPS": str(STEPS)}, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=600, check=False)
    ok(done.returncode == 0 and re.search(r"^ok 1", done.stdout, re.M), f"{STEPS} blows, SEED={seed}")
    if done.returncode != 0:
        diag(f"SEED={seed}\n{done.stdout}{done.stderr}")
done_testing()
