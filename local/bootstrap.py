"""Makes the embedded AWS ready for the CDK: the CDK's own bootstrap stack, deployed without its CLI.

https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html ("Bootstrap from an AWS CloudFormation template"). The
template and the values are those of `cdk bootstrap`; the CLI takes 3 s of processor time to read itself in.
"""

from collections.abc import Mapping

from botocore.exceptions import ClientError, WaiterError

from assistants.stack import Stack
from local.paths import NODE_MODULES
from local.processes import LocalError

STACK = "CDKToolkit"
TEMPLATE = NODE_MODULES / "aws-cdk" / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml"
PARAMETERS = {"FileAssetsBucketKmsKeyId": "AWS_MANAGED_KEY"}
"""What `cdk bootstrap` sets without options; the template's own default makes a key of the bucket's own."""


def bootstrap(settings: Mapping[str, str]) -> None:
    """Bootstrap the embedded AWS for the CDK unless it is.

    Raises:
        LocalError: the CDK CLI is not installed, or the stack could not be made.
    """
    cloudformation = Stack(settings).client("cloudformation")
    try:
        if cloudformation.describe_stacks(StackName=STACK)["Stacks"]:
            return
    except ClientError:  # There is none.
        pass
    if not TEMPLATE.is_file():
        raise LocalError("The CDK CLI is not installed: run `make setup`.")
    try:
        cloudformation.create_stack(
            StackName=STACK,
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    except (ClientError, WaiterError) as error:
        raise LocalError(f"The CDK's bootstrap stack could not be made: {error}") from error
