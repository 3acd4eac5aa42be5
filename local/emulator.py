"""The embedded AWS: ministack in a process of its own, IAM enforced, on the loopback address only."""

import json
import os
import secrets
import shutil
import string
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from assistants import private
from local.processes import Background, required_port

REGION = "us-east-1"
ACCOUNT = "000000000000"

_PROCESS = Background(name="emulator", marker="local.emulator_process", health_path="/_ministack/ready")
# What the emulator, and with it every Lambda function, takes over from the caller's environment: neither their AWS
# account nor their model key is among it, so a function has only what its own configuration gives it.
_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "MAX_ENVIRONMENTS",
)


def start(
    directory: Path,
    *,
    port: int = 4566,
    keep_state: bool = False,
    functions_endpoint: str = "",
    metered: bool = False,
    ahead: Iterable[str] = (),
) -> int:
    """Start the embedded AWS unless it runs already; return its port: `port`, or any that is free for 0.

    `directory` holds its record, access key, log and temporary files. Every start makes a new access key. With
    `keep_state`, what it holds is saved there when it is stopped and read back at the next start; otherwise every start
    is empty. `functions_endpoint` is what Lambda functions take for AWS: a proxy that stands in front of the embedded
    one. With `metered`, what AWS would bill is written to `journal(directory)` once there is such a file.
    Functions named in `ahead` are initialised when a version of them is created.

    Raises:
        LocalError: the port is taken, or it did not start.
    """
    running = _PROCESS.running_port(directory)
    if running is not None and _access_key_file(directory).exists():
        return running
    _PROCESS.stop(directory)
    temporary = private.folder(directory) / "tmp"
    _remove(temporary)
    temporary.mkdir(parents=True)
    port = required_port(port)
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment.update(_new_access_key(directory))
    # A signature holds the address that it was made for.
    known_by = [port, urlsplit(functions_endpoint).port] if functions_endpoint else [port]
    environment.update(
        FRONT_DOOR_PORTS=",".join(map(str, known_by)),
        AUTH="true",
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        MINISTACK_HOST="localhost",
        AWS_DEFAULT_REGION=REGION,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        # It would listen on further ports, on every interface.
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        TMPDIR=str(temporary.resolve()),
        PYTHONPATH=str(Path(__file__).resolve().parent.parent),
        PYTHONUNBUFFERED="1",
        LAMBDA_LIMITS_FILE=str(_limits(directory).resolve()),
        INITIALISED_AHEAD=" ".join(ahead),
    )
    if metered:
        environment["METER_JOURNAL"] = str(journal(directory).resolve())
    if functions_endpoint:
        environment["AWS_ENDPOINT_URL"] = functions_endpoint
    if keep_state:
        environment.update(
            PERSIST_STATE="1",
            STATE_DIR=str((directory / "state").resolve()),
            S3_PERSIST="1",
            S3_DATA_DIR=str((directory / "state-s3").resolve()),
        )
    _PROCESS.start(directory, [sys.executable, "-m", "local.emulator_process"], port, environment)
    return port


def journal(directory: Path) -> Path:
    """Return the file that a metered embedded AWS writes to; `local.meter` describes its lines."""
    return directory / "tmp" / "journal.jsonl"


def limit(directory: Path, *, concurrent_executions: int = 0, tenant_environments: int = 0) -> None:
    """Set Lambda's limits of the account from now on; 0 stands for no limit but the machine's.

    Args:
        concurrent_executions: of all functions together; 10 in a new AWS account.
        tenant_environments: of each function with tenant isolation, active or idle.
    """
    limits = {"concurrent_executions": concurrent_executions, "tenant_environments": tenant_environments}
    new = _limits(directory).with_suffix(".new")
    new.write_text(json.dumps(limits))
    new.rename(_limits(directory))


def _limits(directory: Path) -> Path:
    return directory / "tmp" / "lambda_limits.json"


def process_id(directory: Path) -> int:
    """Return the id of the process that `start` recorded in `directory`; Lambda functions are its children."""
    return int(json.loads((directory / "emulator.json").read_text())["pid"])


@contextmanager
def fresh_starts(directory: Path) -> Iterator[None]:
    """Let each Lambda function that starts in the block start from nothing, not as a fork of one that has started."""
    switch = directory / "tmp" / "fresh-starts"
    switch.touch()
    try:
        yield
    finally:
        switch.unlink()


def stop(directory: Path, *, keep_state: bool = False) -> bool:
    """Stop the embedded AWS and the Lambda workers it started; return whether it was running."""
    # With state to save, its orderly shutdown is worth waiting for.
    stopped = _PROCESS.stop(directory, patience=20 if keep_state else 1)
    _access_key_file(directory).unlink(missing_ok=True)
    _remove(directory / "tmp")
    if not keep_state:
        shutil.rmtree(directory / "state", ignore_errors=True)
        shutil.rmtree(directory / "state-s3", ignore_errors=True)
    return stopped


def _remove(folder: Path) -> None:
    """Remove a folder, and what is read-only in it."""
    for parent, folders, _ in os.walk(folder):
        for path in (Path(parent, name) for name in folders):
            if not path.is_symlink():
                with suppress(OSError):
                    path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def environment(directory: Path) -> dict[str, str]:
    """Return the variables that point an AWS SDK or the CDK CLI at the embedded AWS in `directory` alone."""
    port = json.loads((directory / "emulator.json").read_text())["port"]
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        # The CLI remembers there, for good, which account an access key belongs to; this goes with the key.
        "CDK_HOME": str((directory / "tmp" / "cdk").resolve()),
        **json.loads(_access_key_file(directory).read_text()),
    }


def _access_key_file(directory: Path) -> Path:
    return directory / "access_key.json"


def _new_access_key(directory: Path) -> dict[str, str]:
    """Make the access key of a start, as random as AWS's, and write it down for its owner alone."""
    letters = string.ascii_uppercase + string.digits
    key = {
        "AWS_ACCESS_KEY_ID": "AKIA" + "".join(secrets.choice(letters) for _ in range(16)),
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
    }
    private.write(_access_key_file(directory), json.dumps(key))
    return key
