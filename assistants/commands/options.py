"""Defines what several commands share: their options, and nouns with a usual verb."""

from datetime import date

import click

from assistant_engine.domain.project import DEFAULT_PROJECT


class Day(click.ParamType[str]):
    """A day as `YYYY-MM-DD`."""

    name = "YYYY-MM-DD"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the day in its one spelling."""
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            self.fail(f"{value!r} is not a day, YYYY-MM-DD", param, ctx)


class UsualVerb(click.Group):
    """A noun whose usual verb, `show`, may be left out: `usage --user ada` is `usage show --user ada`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the usual verb in front of options that have none."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


environment = click.option(
    "--env",
    "environment",
    default="",
    metavar="NAME",
    help="An environment in your AWS account: dev, staging or prod. The local stack unless given.",
)
project = click.option(
    "--project",
    default=DEFAULT_PROJECT,
    show_default=True,
    metavar="NAME",
    help="The project; its keys reach nothing of another one.",
)
