"""Takes the layers from the cache that `python -m layers.build` fills. Nothing is built or fetched here."""

from pathlib import Path

from aws_cdk.aws_lambda import Code, ILayerVersion, LayerVersion
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import ARCHITECTURE, RUNTIME
from cdk.sources import ROOT

CACHE = ROOT / ".build" / "layers"


class EmptyLayerCache(Exception):
    """A layer is not in the cache; the message says which command puts it there."""


class Layers(Construct):
    """Every layer once, made when a function first asks for it.

    Args:
        cache: the folder that holds `<target>/<layer>.zip`.
    """

    def __init__(self, scope: Construct, id: str, configuration: Configuration, cache: Path = CACHE) -> None:
        super().__init__(scope, id)
        self._prefix = configuration.prefix
        self._target = configuration.layer_target
        self._folder = cache / configuration.layer_target

    def get(self, *names: str) -> list[ILayerVersion]:
        """Return the layers of these names.

        Raises:
            EmptyLayerCache: one of them is not in the cache.
        """
        return [self._layer(name) for name in names]

    def _layer(self, name: str) -> ILayerVersion:
        made = self.node.try_find_child(name)
        if isinstance(made, LayerVersion):
            return made
        archive = self._folder / f"{name}.zip"
        if not archive.is_file():
            raise EmptyLayerCache(f"layer {name!r} is not built: run `python -m layers.build --target {self._target}`")
        return LayerVersion(
            self,
            name,
            layer_version_name=f"{self._prefix}-{name}",
            code=Code.from_asset(str(archive)),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
        )
