"""Starts the command line."""

import sys

try:
    from assistants.commands import main

    main()
except ModuleNotFoundError as error:
    package = str(error.name).partition(".")[0]
    sys.exit(f"The package {package} is not installed: run `make setup`, then `.venv/bin/python -m assistants`.")
