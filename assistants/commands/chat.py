"""Talks to an assistant in the terminal."""

import os

import click
from openai import APIConnectionError, APIStatusError, OpenAI

from assistants import chat, stack
from assistants.commands import options
from assistants.errors import CommandError
from assistants.terminal import Terminal


@click.command("chat", short_help="Talk to an assistant.")
@click.option(
    "--assistant", "assistant_id", default="", metavar="ID", help="The assistant; one is chosen unless given."
)
@click.option("--instructions", default="", metavar="TEXT", help="Make a new assistant with these instructions.")
@options.environment
def command(assistant_id: str, instructions: str, environment: str) -> None:
    """Talk to an assistant: a line is a message, an empty line or the end of the input ends the conversation.

    If a run needs the output of a function, the command asks for it. Without a terminal, each line of the input is a
    message or an output. With --env, the variable ASSISTANTS_API_KEY holds a key of that environment.
    """
    variables = stack.find(environment).variables
    key = os.environ.get("ASSISTANTS_API_KEY", "") if environment else variables["ASSISTANTS_API_KEY"]
    if not key:
        raise CommandError("ASSISTANTS_API_KEY holds no key: `python -m assistants keys issue` makes one.")
    address = variables["API_URL"] if environment else variables["ASSISTANTS_BASE_URL"]
    talk = chat.Chat(OpenAI(base_url=address, api_key=key), Terminal(highlight=False, soft_wrap=True))
    try:
        talk.with_assistant(assistant_id, instructions)
    except APIStatusError as error:
        raise CommandError(error.message) from None
    except APIConnectionError:
        hint = "" if environment else " Is the local stack up? `make up` starts it."
        raise CommandError(f"{address} does not answer.{hint}") from None
