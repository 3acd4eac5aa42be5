"""Exports and erases the data of a person."""

import click


@click.group("users")
def group() -> None:
    """Export or erase what a stack holds of a person."""
