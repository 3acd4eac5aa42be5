"""Imported by every Python that the code starts: /mnt/data is there too."""

import os

from interpreter import mapping

if "SANDBOX_DATA" in os.environ:
    mapping.install(os.environ["SANDBOX_DATA"])
