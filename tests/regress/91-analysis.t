#!/usr/bin/python3
"""gcc's -fanalyzer, clang-tidy and cppcheck find nothing new: tests/analysis."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import jail
from tap import diag, done_testing, is_, note

done = subprocess.run([os.path.join(jail.REPOSITORY, "tests", "analysis", "analyse.py")], stdin=subprocess.DEVNULL, capture_output=True,
                      text=True, check=False)
is_(done.returncode, 0, "the analysers find nothing that is not known")
if done.returncode != 0:
    diag(done.stdout + done.stderr)
else:
    note(done.stdout)
done_testing()
