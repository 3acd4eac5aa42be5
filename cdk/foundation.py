"""Holds what every part of the stack builds on."""

from pathlib import Path

from aws_cdk import Stack

from cdk.configuration import Configuration
from cdk.layers import CACHE, Layers
from cdk.storage import Storage
from cdk.tables import Tables


class Foundation:
    """The configuration, the layers, the tables and the bucket, passed to each part of the stack as one argument.

    Args:
        stack: the constructs are made in it.
        layer_cache: the folder that holds `<target>/<layer>.zip`.
    """

    def __init__(self, stack: Stack, configuration: Configuration, layer_cache: Path = CACHE) -> None:
        self.configuration = configuration
        self.layers = Layers(stack, "Layers", configuration, layer_cache)
        self.tables = Tables(stack, "Tables", configuration)
        self.storage = Storage(stack, "Storage", configuration)

    @property
    def records(self) -> dict[str, str]:
        """The environment variables that name the tables and the bucket."""
        return {**self.tables.environment, **self.storage.environment}
