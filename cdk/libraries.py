"""Archives of Python packages that are too large for layers, in the bucket: the sandbox fetches what code imports."""

import zipfile
from pathlib import Path, PurePosixPath

from aws_cdk import CustomResource
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from cdk.foundation import Foundation
from cdk.functions import VersionedFunction
from cdk.sources import LAMBDAS, ROOT, code_of

PREFIX = "libraries/"


class Libraries(Construct):
    """An object below `libraries/` for each archive `library-<name>` in the cache of layers.

    The deployment uploads assets to a bucket of the account's, which the sandbox's network does not reach.

    Attributes:
        offered: `{"key", "modules": [top-level modules]}` by a name that changes with the archive.
        resource: depend on it to find them there.
    """

    def __init__(self, scope: Construct, id: str, foundation: Foundation) -> None:
        super().__init__(scope, id)
        storage = foundation.storage
        copier = VersionedFunction(
            self,
            "copy_libraries",
            foundation.configuration,
            "Copies the sandbox's libraries into the bucket.",
            code=code_of(LAMBDAS / "deployment"),
            timeout=600,
            memory=512,
        )
        self.offered: dict[str, dict[str, object]] = {}
        archives = []
        for lock in sorted((ROOT / "layers" / "libraries").glob("*/requirements.txt")):
            name = lock.parent.name
            archive = foundation.layers.archive(f"library-{name}")
            asset = Asset(self, name, path=str(archive))
            key = f"{PREFIX}{name}-{asset.asset_hash[:16]}.zip"
            self.offered[PurePosixPath(key).stem] = {"key": key, "modules": modules_of(archive)}
            archives.append({"Bucket": asset.s3_bucket_name, "Key": asset.s3_object_key, "CopyKey": key})
            copier.add_to_role_policy(["s3:GetObject"], [asset.bucket.arn_for_objects(asset.s3_object_key)])
        storage.grant(copier, ["GetObject", "PutObject", "DeleteObject", "DeleteObjectVersion"], PREFIX)
        storage.grant_list(copier, PREFIX, action="ListBucketVersions")
        self.resource = CustomResource(
            self,
            "Copies",
            resource_type="Custom::Libraries",
            service_token=copier.function.function_arn,
            properties={"Bucket": storage.bucket.bucket_name, "Prefix": PREFIX, "Archives": archives},
        )
        self.resource.node.add_dependency(copier.role)


def modules_of(archive: Path) -> list[str]:
    """Return the top-level modules in the folder `python` of an archive: packages, modules and extension modules."""
    with zipfile.ZipFile(archive) as packed:
        paths = [PurePosixPath(name).relative_to("python") for name in packed.namelist()]
    packages = {path.parts[0] for path in paths if len(path.parts) == 2 and path.name == "__init__.py"}
    modules = {path.name.partition(".")[0] for path in paths if len(path.parts) == 1 and path.suffix in (".py", ".so")}
    return sorted(packages | modules)
