"""The operators' command line: `python -m assistants --help`.

`commands/` holds the commands, a module for each noun. The modules here do their work; the local stack, the tests and
the deployment's scripts use them, too.
"""

import importlib.util
import sys
from pathlib import Path

# In a checkout, these are where they are made from. Where the project is installed, they are packages.
for package, folder in {
    "assistant_engine": "layers/engine",
    "openai_assistant_engine": "integrations/silvaengine",
}.items():
    if importlib.util.find_spec(package) is None:
        sys.path.append(str(Path(__file__).resolve().parent.parent / folder))
