"""The stack: what there is, in the order in which one part needs the other."""

from pathlib import Path

from aws_cdk import CfnOutput, Stack, Tags
from constructs import Construct

from cdk.api import Api
from cdk.code_interpreter import CodeInterpreter
from cdk.configuration import Configuration
from cdk.embedding import Embedding
from cdk.events import Events
from cdk.export import Export
from cdk.file_search import FileSearch
from cdk.layers import CACHE, Layers
from cdk.model import Model
from cdk.monitoring import Monitoring
from cdk.state_machine import RunStateMachine
from cdk.steps import Steps
from cdk.storage import Storage
from cdk.sweeper import Sweeper
from cdk.tables import Tables
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

        layers = Layers(self, "Layers", configuration, layer_cache)
        tables = Tables(self, "Tables", configuration)
        storage = Storage(self, "Storage", configuration)
        model = Model(self, "Model", configuration)
        served = Tools(self, "Tools", configuration, layers=layers, tables=tables, storage=storage).functions
        if configuration.code_interpreter == "own":
            code_interpreter = CodeInterpreter(
                self, "CodeInterpreter", configuration, layers=layers, tables=tables, storage=storage
            )
            served["code_interpreter"] = code_interpreter.broker
        file_search = None
        if configuration.file_search == "own":
            file_search = FileSearch(
                self,
                "FileSearch",
                configuration,
                layers=layers,
                tables=tables,
                storage=storage,
                embedding=Embedding(self, "Embedding", configuration, model=model),
            )
            served["file_search"] = file_search.search
        steps = Steps(
            self,
            "Steps",
            configuration,
            layers=layers,
            tables=tables,
            storage=storage,
            model=model,
            tools=served,
        )
        runs = RunStateMachine(self, "Runs", configuration, steps=steps, tools=list(served.values()))
        sweeper = Sweeper(
            self,
            "Sweeper",
            configuration,
            layers=layers,
            tables=tables,
            storage=storage,
            runs=runs,
        )
        Export(self, "Export", configuration, layers=layers, tables=tables, storage=storage)
        api = Api(self, "Api", configuration, layers=layers, tables=tables, storage=storage, model=model, runs=runs)
        if file_search:
            file_search.let_attach(steps.queued)
            file_search.let_sweep(sweeper.function)
            file_search.let_use(api.function)
        events = Events(self, "Events", configuration, layers=layers, tables=tables)
        monitoring = Monitoring(
            self,
            "Monitoring",
            configuration,
            api=api.http,
            runs=runs,
            tables=tables,
        )
        events.raise_alarms_at(monitoring.topic)

        outputs = {
            "StateMachineArn": runs.machine.state_machine_arn,
            "AssistantsTable": tables.assistants.table_name,
            "ThreadsTable": tables.threads.table_name,
            "MessagesTable": tables.messages.table_name,
            "Bucket": storage.bucket.bucket_name,
            "ApiUrl": api.url,
            "ApiKeysSecret": f"{configuration.prefix}/api-keys",
            "AlarmTopicArn": monitoring.topic.topic_arn,
            "EventBus": events.bus.event_bus_name,
        }
        if model.secret:
            outputs["ModelSecret"] = f"{configuration.prefix}/model-key"
        if file_search and file_search.embedding.own_secret:
            outputs["EmbeddingSecret"] = f"{configuration.prefix}/embedding-key"
        if events.webhook_secret:
            outputs["WebhookSecret"] = f"{configuration.prefix}/webhook-secret"
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
