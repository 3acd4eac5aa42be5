"""Where the emulator does not keep apart what AWS does: tenants of a function, its user, its folder, its network.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom.
"""

import contextvars
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime  # type: ignore[import-untyped]
from ministack.services import lambda_svc  # type: ignore[import-untyped]
from ministack.services.cloudformation import provisioners  # type: ignore[import-untyped]

Json = Any

FIRST_USER = 200_000
MOST_IDLE_TENANTS = 4

_tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="")


def apply(patch_worker: Callable[[str, str], None]) -> None:
    """Patch the emulator; `patch_worker(old, new)` changes the script of its Python functions."""
    keep_tenancy()
    keep_tenants_apart()
    give_an_environment_its_own_folder(patch_worker)
    run_tenants_without_privileges(patch_worker)
    accept_a_dns_firewall()


def keep_tenancy() -> None:
    """`TenancyConfig` of a function is dropped by CloudFormation: DescribeFunction and Invoke know nothing of it."""
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create = handler["create"]

    def create_with_tenancy(logical_id: str, properties: Json, stack: str) -> Json:
        name, attributes = create(logical_id, properties, stack)
        if "TenancyConfig" in properties:
            lambda_svc._functions[name]["config"]["TenancyConfig"] = properties["TenancyConfig"]
        return name, attributes

    handler["create"] = create_with_tenancy


def keep_tenants_apart() -> None:
    """All tenants of a function share its warm workers, and one that needs a tenant is invoked without.

    As each tenant has workers of its own, those that are idle longest are stopped when there are many.
    """
    invoke, acquire = lambda_svc._invoke, lambda_svc.acquire_worker

    async def invoke_for_tenant(name: str, event: Json, headers: Json, *more: Json) -> Json:
        tenant = {key.lower(): value for key, value in headers.items()}.get("x-amz-tenant-id", "")
        function = lambda_svc._functions.get(name)
        if function and ("TenancyConfig" in function["config"]) != bool(tenant):
            return lambda_svc.error_response_json(
                "InvalidParameterValueException",
                "A tenant ID is required by, and allowed for, functions with tenant isolation only.",
                400,
            )
        _tenant.set(tenant)
        return await invoke(name, event, headers, *more)

    def acquire_for_tenant(name: str, config: Json, code: bytes, qualifier: str = "$LATEST", **more: Json) -> Json:
        if "TenancyConfig" not in config:
            return acquire(name, config, code, qualifier=qualifier, **more)
        found = acquire(name, config, code, qualifier=f"{qualifier}/{_tenant.get()}", **more)
        _stop_idle_tenants()
        return found

    lambda_svc._invoke = invoke_for_tenant
    lambda_svc.acquire_worker = acquire_for_tenant


def _stop_idle_tenants() -> None:
    with lambda_runtime._lock:
        idle = [
            (worker.last_used, key, worker)
            for key, workers in lambda_runtime._workers.items()
            for worker in workers
            if "TenancyConfig" in worker.config and not worker.in_use
        ]
        stopped = sorted(idle, key=lambda one: one[0])[:-MOST_IDLE_TENANTS]
        for _, key, worker in stopped:
            lambda_runtime._workers[key].remove(worker)
    lambda_runtime.kill_workers([worker for _, _, worker in stopped])


_OWN_FOLDER = """
    _folder = os.path.dirname(os.path.abspath(__file__))
    os.environ["TMPDIR"] = os.path.join(_folder, "tmp")
    os.makedirs(os.environ["TMPDIR"], exist_ok=True)
"""


def give_an_environment_its_own_folder(patch_worker: Callable[[str, str], None]) -> None:
    """All functions share one temporary folder: what one leaves there, another finds."""
    patch_worker("def run():\n", f"def run():\n{_OWN_FOLDER}")


_WITHOUT_PRIVILEGES = f"""
    if os.getuid() == 0 and "LOCAL_PYTHON" in os.environ:
        _user = {FIRST_USER} + os.getpid()
        os.chmod(_folder, 0o755)
        os.chown(os.environ["TMPDIR"], _user, _user)
        os.setgroups([])
        os.setresgid(_user, _user, _user)
        os.setresuid(_user, _user, _user)
        _python = os.environ.pop("LOCAL_PYTHON")
        os.environ["LD_LIBRARY_PATH"] = os.path.join(os.path.dirname(os.path.dirname(_python)), "lib")
        os.execv(_python, [_python, "-S", os.path.abspath(__file__)])
"""


def run_tenants_without_privileges(patch_worker: Callable[[str, str], None]) -> None:
    """Functions run as the emulator's user, as root where that is root: no limit on processes holds for it.

    AWS runs every function as a user without rights. Here each worker of a function with tenant isolation, which is
    where code of others runs, becomes a user of its own; what it left in the machine's folders goes after each call.
    """
    patch_worker(_OWN_FOLDER, _OWN_FOLDER + _WITHOUT_PRIVILEGES)
    if os.getuid() != 0:
        return
    _work_where_everyone_may_go()
    credentials, invoke = lambda_runtime.execution_credentials, lambda_runtime.Worker.invoke

    def credentials_and_python(config: Json) -> Json:
        found = credentials(config)
        return {**found, "LOCAL_PYTHON": _python_for_everyone()} if "TenancyConfig" in config else found

    def invoke_and_sweep(self: Json, *args: Json, **kwargs: Json) -> Json:
        result = invoke(self, *args, **kwargs)
        if "TenancyConfig" in self.config and self._proc:
            _remove_files_of(FIRST_USER + self._proc.pid)
        return result

    lambda_runtime.execution_credentials = credentials_and_python
    lambda_runtime.Worker.invoke = invoke_and_sweep


def _work_where_everyone_may_go() -> None:
    """Unpack functions and layers into a folder of /tmp if the emulator's own is closed to other users."""
    if not _is_open(Path(tempfile.gettempdir())):
        folder = Path("/tmp") / f"functions-of-{os.environ.get('GATEWAY_PORT', '4566')}"  # noqa: S108
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o755)
        tempfile.tempdir = str(folder)


def _is_open(folder: Path) -> bool:
    """Whether every user may enter a folder."""
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (folder, *folder.parents))


_copying = threading.Lock()


def _python_for_everyone() -> str:
    """An interpreter that any user may run: this one, or a copy of it where its folder is closed to others."""
    executable = Path(os.path.realpath(sys.executable))
    if _is_open(executable.parent):
        return str(executable)
    copy = Path(tempfile.gettempdir()) / "python"
    library = f"python{sys.version_info.major}.{sys.version_info.minor}"
    ignored = shutil.ignore_patterns("site-packages", "test", "idlelib", "config-*", "__pycache__", "*.a")
    with _copying:
        if not copy.exists():
            made = copy.with_name("python.new")
            shutil.copytree(Path(sys.base_prefix) / "lib" / library, made / "lib" / library, ignore=ignored)
            for shared in (Path(sys.base_prefix) / "lib").glob("libpython*.so*"):
                shutil.copy(shared, made / "lib")
            (made / "bin").mkdir()
            shutil.copy(executable, made / "bin")
            made.rename(copy)
    return str(copy / "bin" / executable.name)


def _remove_files_of(user: int) -> None:
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108
        for path in Path(folder).iterdir():
            try:
                if path.lstat().st_uid == user:
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            except OSError:
                continue


def accept_a_dns_firewall() -> None:
    """The resources of Route 53 Resolver's DNS Firewall are unknown to its CloudFormation; here they do nothing."""
    for kind in ("FirewallDomainList", "FirewallRuleGroup", "FirewallRuleGroupAssociation"):
        provisioners._RESOURCE_HANDLERS[f"AWS::Route53Resolver::{kind}"] = {
            "create": lambda logical_id, properties, stack: (f"rslvr-{logical_id}", {"Id": f"rslvr-{logical_id}"}),
            "update": lambda physical_id, *rest: (physical_id, {"Id": physical_id}),
            "delete": lambda physical_id, properties: None,
        }
