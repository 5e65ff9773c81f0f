"""Settings of all tests: property tests draw the same examples on every run, and have no deadline on a busy machine."""

from hypothesis import settings

settings.register_profile("promptseg", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("promptseg")
