"""The CDK app: `cdk deploy -c env=dev|staging|prod`."""

import gc

# All classes and constructs are in use until the app ends: the collector finds nothing, in a sixth of a synth's time.
gc.disable()

import os
import sys

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from cdk.configuration import UnknownEnvironment, configuration_of
from cdk.layers import EmptyLayerCache
from cdk.stack import AssistantsStack
from layers.tool_folders import WrongTool

app = App()
try:
    # The CDK CLI says where it deploys a stack that names no region of its own.
    region = os.environ.get("CDK_DEFAULT_REGION", "")
    AssistantsStack(app, configuration_of(app.node.try_get_context, region))
except (UnknownEnvironment, EmptyLayerCache, WrongTool) as error:
    sys.exit(f"{error}")

Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
app.synth()
