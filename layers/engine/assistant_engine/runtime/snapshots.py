"""Renews what a snapshot of the function (Lambda SnapStart) would repeat in each environment that starts from it.

A snapshot is taken after the handler's module was imported. There is no connection or key in it: those are made when
they are first needed, and botocore renews the credentials that a client got before. What is in it is the state of
Python's random generator, from which the SDKs and the engine take their jitter: without a new seed, all environments
would try again at the same moments.

https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html and snapstart-runtime-hooks-python.html.
"""

import os
import random


def renew_after_restore() -> None:
    """Register what is renewed; without effect in a function that does not start from a snapshot."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from snapshot_restore_py import register_after_restore  # The runtime brings it.

        register_after_restore(random.seed)
