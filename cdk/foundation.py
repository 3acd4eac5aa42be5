"""Holds what every part of the stack builds on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
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

    def function(
        self,
        scope: Construct,
        name: str,
        description: str,
        *,
        layers: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        **others: Any,
    ) -> VersionedFunction:
        """Make a function that runs the engine on the records.

        Args:
            layers: the names of layers in addition to the engine's, in the order of import.
            environment: variables in addition to those that name the tables and the bucket.
            others: further arguments of `VersionedFunction`.
        """
        return VersionedFunction(
            scope,
            name,
            self.configuration,
            description,
            layers=self.layers.get("engine", *layers),
            environment={**self.records, **(environment or {})},
            **others,
        )
