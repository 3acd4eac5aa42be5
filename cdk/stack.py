"""Lists what the stack consists of, in the order in which one part needs the other."""

from pathlib import Path

from aws_cdk import Stack, Tags
from constructs import Construct

from cdk.api import Api
from cdk.configuration import Configuration
from cdk.events import Events
from cdk.export import Export
from cdk.fine_tuning import FineTuning
from cdk.foundation import Foundation
from cdk.functions import settle_versions
from cdk.layers import CACHE
from cdk.model import Model
from cdk.monitoring import Monitoring
from cdk.old_versions import OldVersions
from cdk.speech import Speech
from cdk.state_machine import RunStateMachine
from cdk.steps import Steps
from cdk.sweeper import Sweeper
from cdk.tools import Tools


class AssistantsStack(Stack):
    """One environment, for any account and region."""

    def __init__(self, scope: Construct, configuration: Configuration, *, layer_cache: Path = CACHE) -> None:
        super().__init__(
            scope,
            configuration.prefix,
            description=f"Assistants API ({configuration.environment})",
            termination_protection=configuration.retains_data,
        )
        Tags.of(self).add("environment", configuration.environment)

        foundation = Foundation(self, configuration, layer_cache)
        model = Model(self, "Model", foundation)
        tools = Tools(self, "Tools", foundation, model=model)
        speech = Speech(self, "Speech", foundation)
        steps = Steps(self, "Steps", foundation, model=model, tools=tools, speech=speech)
        runs = RunStateMachine(self, "Runs", foundation, steps=steps, tools=tools)
        Sweeper(self, "Sweeper", foundation, runs=runs, tools=tools)
        Export(self, "Export", foundation)
        fine_tuning = FineTuning(self, "FineTuning", foundation)
        api = Api(self, "Api", foundation, model=model, runs=runs, tools=tools, fine_tuning=fine_tuning, speech=speech)
        events = Events(self, "Events", foundation)
        OldVersions(self, "OldVersions", foundation)
        Monitoring(self, "Monitoring", foundation, api=api, runs=runs, events=events)
        settle_versions(self)
