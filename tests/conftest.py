"""Settings of all tests: property tests draw the same examples on every run, and have no deadline on a busy machine.

Small networks run on one thread: on a machine with other work, threads that wait for each other take ten times longer.
"""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("promptseg", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("promptseg")
