"""A run that streams, as the tests of its log and of its reader take it."""

from dataclasses import replace

from tests.support import examples

RUN = replace(examples.RUN, created_at=90, expires_at=600, execution="run_1", due_at=30, streams=True)
