"""Defines the command line: a module for each noun, listed here. Turns every error into a sentence and an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from assistant_engine.domain.errors import ApiError
from assistants.errors import CommandError
from assistants.terminal import say, stop

PROGRAM = "python -m assistants"
USAGE_ERROR = 2
INTERRUPTED = 130

NOUNS = {
    "budget": "budget.group",
    "chat": "chat.command",
    "dump": "dump.command",
    "events": "events.group",
    "export": "export.command",
    "fine-tuning": "fine_tuning.group",
    "import": "import_.group",
    "keys": "keys.group",
    "logs": "logs.command",
    "projects": "projects.group",
    "runs": "runs.group",
    "silvaengine": "silvaengine.group",
    "usage": "usage.group",
    "users": "users.group",
}
"""The command or group of each noun: its module in this package, and its name there."""


class Nouns(click.Group):
    """Imports the module of a noun when somebody asks for the noun: each needs libraries that the others don't."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the nouns."""
        return list(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a noun's command or group; None if there is no such noun."""
        if cmd_name not in NOUNS:
            return None
        module, name = NOUNS[cmd_name].split(".")
        found = getattr(import_module(f"{__name__}.{module}"), name)
        assert isinstance(found, click.Command)
        return found


@click.group(
    cls=Nouns,
    help="""Operate the Assistants API: its keys, projects, runs, logs, usage, budgets, users, events and data.

    Every command means the local stack that `make up` keeps. With --env it means an environment in your AWS account;
    region and credentials are those of the AWS CLI.
    """,
    epilog=f"`{PROGRAM} NOUN --help` lists the verbs of a noun, `{PROGRAM} NOUN VERB --help` explains one.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    subcommand_metavar="NOUN [VERB] [ARGS]...",
)
def commands() -> None:
    """Group the commands by what they are about: `keys`, `runs`, `usage`, ..."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name, those of the process unless they are given.

    Exits with 1 if the command can't be done, with 2 if the arguments are wrong, with 130 if it is interrupted. What is
    wrong is one sentence on standard error.

    Raises:
        ModuleNotFoundError: a package is not installed.
    """
    try:
        commands.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        sys.exit(USAGE_ERROR)
    except click.UsageError as error:
        hint = f" See `{error.ctx.command_path} --help`." if error.ctx else ""
        stop(f"{error.format_message().rstrip('.')}.{hint}", USAGE_ERROR)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except (ApiError, ClientError, CommandError) as error:
        stop(str(error))
    except EndpointConnectionError as error:
        # The process was pointed at the local stack, or it is AWS that can't be reached.
        hint = " Is the local stack up? `make up` starts it." if "AWS_ENDPOINT_URL" in os.environ else ""
        stop(f"{error}.{hint}")
    except BotoCoreError as error:
        stop(str(error))
    except BrokenPipeError:
        # The reader closed the pipe. The interpreter flushes the output once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        stop(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
    except ModuleNotFoundError:
        raise
    except Exception as error:
        # A fault of this program. The error's own text may hold what a person said.
        place = traceback.extract_tb(error.__traceback__)[-1]
        stop(
            f"Unexpected {type(error).__name__} in {Path(place.filename).name}, line {place.lineno}: please report it."
        )
