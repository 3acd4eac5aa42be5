"""The operators' command line: `python -m assistants --help`.

`commands/` holds the commands, a module for each noun. The modules here do their work; the local stack, the tests and
the deployment's scripts use them, too.
"""

import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("assistant_engine") is None:
    # In a checkout, the engine is where its layer is made from. Where the project is installed, it is a package.
    sys.path.append(str(Path(__file__).resolve().parent.parent / "layers" / "engine"))
