"""All probes, in the order in which they are run."""

from types import ModuleType

from verify.probe import Probe
from verify.probes import (
    deployment,
    events,
    functions,
    machine,
    observability,
    permissions,
    sandbox,
    storage,
    streaming,
    voice,
)

MODULES: tuple[ModuleType, ...] = (
    *(sandbox, permissions, storage, functions, machine, events),
    *(deployment, observability, streaming, voice),
)

PROBES: tuple[Probe, ...] = tuple(
    value for module in MODULES for value in vars(module).values() if isinstance(value, Probe)
)
