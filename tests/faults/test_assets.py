"""The assets of a cloud assembly are in the CDK's bucket before a deployment looks for them."""

import io
import json
import zipfile
from pathlib import Path

from assistants.stack import Stack
from local import assets, emulator

BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"


def test_what_is_missing_is_published_and_a_folder_is_packed(tmp_path: Path) -> None:
    assembly = tmp_path / "assembly"
    (assembly / "folder").mkdir(parents=True)
    (assembly / "folder" / "code.py").write_bytes(b"RELEASE = 1")
    files = {}
    for name, packaging in (("new.zip", "file"), ("held.zip", "file"), ("folder", "zip"), ("template.json", "file")):
        if packaging == "file":
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
        with zipfile.ZipFile(io.BytesIO(bodies.pop("key-folder"))) as packed:
            assert {name: packed.read(name) for name in packed.namelist()} == {"code.py": b"RELEASE = 1"}
        new = dict.fromkeys(("key-new.zip", "key-template.json"), b"from the assembly")
        assert bodies == {"key-held.zip": b"from before", **new}
    finally:
        emulator.stop(directory)
