"""Makes the bucket for what outgrows an item."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration
from aws_cdk.aws_s3 import BlockPublicAccess, Bucket, BucketEncryption, LifecycleRule, ObjectOwnership
from constructs import Construct

from cdk.configuration import Configuration
from cdk.functions import VersionedFunction
from cdk.nag import acknowledge
from cdk.outputs import output

FILE_LIFETIMES = (1, 7, 30, 90, 365)
"""Days; the engine tags a file that expires `lifetime=<days>` with the least of these that it fits in."""

SESSION_DAYS = 30
"""A session of the code interpreter is forgotten so many days after its last call."""


class Storage(Construct):
    """The bucket. Its prefixes are what roles are granted on.

    - `text/`: text over 32 KB that items refer to
    - `outputs/<module>/`: a tool's outputs over their inline budget; each tool may write its own, and read none
    - `files/`, `uploads/`: the API's files, and the parts of uploads that are not complete yet
    - `speech/`: messages as they were spoken, and below `speech/requests/` the sounds of requests under way
    - `vectors/`: the chunks of vector stores and their vectors
    - `outbox/`: mails of the finance tool
    - `export/`: runs and messages by day, for analysis
    - `fine_tuning/`: which runs are in which export for fine-tuning; the exported files are among `files/`
    - `sandbox/`: sessions of the code interpreter
    - `libraries/`: Python packages that code imports and that are too large for layers

    CloudFormation deletes an empty bucket only: `make destroy` empties it first.
    """

    def __init__(self, scope: Construct, id: str, configuration: Configuration) -> None:
        super().__init__(scope, id)
        self.bucket = Bucket(
            self,
            "Bucket",
            # A name that is the same each time, so that a bucket that outlived its stack is found again.
            bucket_name=f"{configuration.prefix}-{Aws.ACCOUNT_ID}-{Aws.REGION}",
            block_public_access=BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            encryption=BucketEncryption.S3_MANAGED,
            object_ownership=ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=configuration.retains_data,
            removal_policy=configuration.removal_policy,
            lifecycle_rules=[
                LifecycleRule(id="abort-multipart", abort_incomplete_multipart_upload_after=Duration.days(2)),
                LifecycleRule(id="forget-unfinished-uploads", prefix="uploads/", expiration=Duration.days(2)),
                *(
                    LifecycleRule(
                        id=f"forget-files-after-{days}-days",
                        prefix="files/",
                        tag_filters={"lifetime": str(days)},
                        expiration=Duration.days(days),
                    )
                    for days in FILE_LIFETIMES
                ),
                LifecycleRule(id="forget-sounds-of-requests", prefix="speech/requests/", expiration=Duration.days(1)),
                LifecycleRule(
                    id="forget-sessions",
                    prefix="sandbox/",
                    expiration=Duration.days(SESSION_DAYS),
                    noncurrent_version_expiration=Duration.days(1),
                ),
                LifecycleRule(
                    id="forget-exports",
                    prefix="export/",
                    expiration=Duration.days(configuration.export_days),
                    noncurrent_version_expiration=Duration.days(1),
                ),
                # As long as the tables can be restored to: what a restored item refers to is still there.
                LifecycleRule(id="forget-old-versions", noncurrent_version_expiration=Duration.days(35)),
                *(
                    # An expiration leaves a delete marker, which is worth nothing once its versions are gone.
                    [LifecycleRule(id="forget-delete-markers", expired_object_delete_marker=True)]
                    if configuration.retains_data
                    else []
                ),
            ],
        )
        acknowledge(
            self.bucket,
            "AwsSolutions-S1",
            "Only the engine's own functions reach the bucket; CloudTrail data events serve those who need an audit.",
        )
        output(self, "Bucket", self.bucket.bucket_name)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variable that names the bucket."""
        return {"BUCKET": self.bucket.bucket_name}

    def grant(self, function: VersionedFunction, actions: Sequence[str], *prefixes: str) -> None:
        """Let the function do these object actions (`GetObject`, ...) below these prefixes (`text/`).

        A function that reads below a prefix may list it. Any reader may meet an object that was deleted a moment ago,
        and S3 says so (404, not 403) only to a role that may list. What the list shows is names of objects that the
        role may read anyway.
        """
        function.add_to_role_policy(
            [f"s3:{action}" for action in actions],
            [self.bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes],
            because=f"Objects below {', '.join(prefixes)} are named by ids that only exist at run time.",
        )
        if "GetObject" in actions:
            self.grant_list(function, *prefixes)

    def grant_put_outputs(self, function: VersionedFunction, module: str) -> None:
        """Let a tool's function put its large outputs into the bucket, and touch no other tool's."""
        self.grant(function, ["PutObject"], f"outputs/{module}/")

    def grant_list(self, function: VersionedFunction, *prefixes: str, action: str = "ListBucket") -> None:
        """Let the function list what is below these prefixes."""
        function.add_to_role_policy(
            [f"s3:{action}"],
            [self.bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}},
        )
