"""The archives of a cloud assembly are in the CDK's bucket before `cdk deploy` looks for them."""

import json
from pathlib import Path

from assistants.stack import Stack
from local import assets, emulator

BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"


def test_archives_are_published_once_and_folders_are_left_to_the_cli(tmp_path: Path) -> None:
    assembly = tmp_path / "assembly"
    assembly.mkdir()
    files = {}
    for name, packaging in (("new.zip", "file"), ("held.zip", "file"), ("folder", "zip"), ("template.json", "file")):
        (assembly / name).write_bytes(b"from the assembly")
        files[name] = {
            "source": {"path": name, "packaging": packaging},
            "destinations": {"here": {"bucketName": BUCKET, "objectKey": f"key-{name}"}},
        }
    (assembly / "stack.assets.json").write_text(json.dumps({"files": files}))
    directory = tmp_path / "stack"
    emulator.start(directory, port=0)
    try:
        settings = emulator.environment(directory)
        s3, bucket = Stack(settings).client("s3"), f"cdk-hnb659fds-assets-{emulator.ACCOUNT}-{emulator.REGION}"
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="key-held.zip", Body=b"from before")

        assets.publish(assembly, settings)

        bodies = {
            found["Key"]: s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
            for found in s3.list_objects_v2(Bucket=bucket)["Contents"]
        }
        assert bodies == {"key-held.zip": b"from before", "key-new.zip": b"from the assembly"}
    finally:
        emulator.stop(directory)
