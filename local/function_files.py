"""Prepares a Lambda function's file system, on Linux: its code, its layers, and the Python runtime.

On AWS these are /var/task, /opt, /var/lang and /var/runtime. Here each is a folder of the emulator, unpacked once; with
the rights for it, an environment sees them at AWS's paths and read-only (`environment_process.enter_mounts`).
"""

import atexit
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import boto3

from local import environment_process
from local.paths import ROOT

RUNTIME_PACKAGES = (
    *("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"),
    *("awslambdaric", "runtime_client.*", "simplejson", "snapshot_restore_py.py"),
)
"""What AWS's runtime brings: boto3 and what it needs, and the runtime's client. All else has to be in a layer."""

SHARED = ROOT / ".build" / "unpacked"
MIN_SHARED_BYTES = 1_000_000
"""Layers are larger. Functions' own code is not, and tests deploy hundreds of kinds of it."""
MAX_UNUSED_SECONDS = 7 * 24 * 3600
PACKED_AT = 315_532_800
"""When files were last changed, as a function sees it: in 1980, which the CDK writes into its archives."""

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

_WRAPPER = """#!{base}/bin/{python} -IS
import os, sys
if "{lang}/lib" not in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
    library = "lib{python}.so.1.0: cannot open shared object file: No such file or directory"
    print(f"{{sys.argv[0]}}: error while loading shared libraries: {{library}}", file=sys.stderr)
    sys.exit(127)
os.execv("{base}/bin/{python}", sys.argv)
"""


@dataclass
class FunctionFiles:
    """The folders of one emulator, below `folder`.

    Attributes:
        private: whether environments have their own view of the file system, which takes root.
    """

    folder: Path
    private: bool = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.private = _can_mount()
        self.environments = self.folder / "environments"
        self.environments.mkdir(parents=True)
        self._lang = self.folder / "lang"
        self._runtime = self.folder / "runtime"
        self._make_runtime()
        self._make_lang()

    @property
    def lang(self) -> str:
        """The folder of the interpreter, as functions see it."""
        return "/var/lang" if self.private else str(self._lang)

    @property
    def python(self) -> str:
        """The interpreter, as functions see it; it refuses to start without LD_LIBRARY_PATH, as AWS's does."""
        return f"{self.lang}/bin/{PYTHON}"

    @property
    def runtime(self) -> str:
        """The folder of the runtime's packages, as functions see it."""
        return "/var/runtime" if self.private else str(self._runtime)

    def task(self, code: Path) -> str:
        """Return the folder of a function's code, as it sees it."""
        return "/var/task" if self.private else str(code)

    def opt(self, layers: Path) -> str:
        """Return the folder of a function's layers, as it sees it."""
        return "/opt" if self.private else str(layers)

    def mounts(self, code: Path, layers: Path) -> dict[str, str]:
        """Return which folder a function sees where, in the order in which they are mounted."""
        if not self.private:
            return {}
        return {
            "/var/lang": str(self._lang),
            "/var/lang/base": os.path.realpath(sys.base_prefix),
            "/var/lang/site": str(_site_packages()),
            "/var/runtime": str(self._runtime),
            "/var/task": str(code),
            "/opt": str(layers),
            "/var/environments": str(self.environments),
        }

    def unpacked(self, archives: Sequence[bytes]) -> Path:
        """Return a folder with what is in these archives, a later one's files over an earlier one's."""
        digests = [hashlib.sha256(archive).hexdigest() for archive in archives]
        name = hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
        packed = list(zip(archives, digests, strict=True))
        return self._once(self.folder / "unpacked" / name, lambda made: self._fill(packed, made))

    def _fill(self, packed: Sequence[tuple[bytes, str]], folder: Path) -> None:
        for archive, digest in packed:
            if len(archive) >= MIN_SHARED_BYTES:
                _link(_shared(archive, digest), folder)
            else:
                _unpack(archive, folder)
        if os.getuid() != 0:
            # Without mounts, this is what keeps a function from writing; root would write all the same.
            for path in (folder, *folder.rglob("*")):
                if path.is_dir():
                    path.chmod(0o555)

    def _once(self, folder: Path, fill: Callable[[Path], None]) -> Path:
        with self._lock:
            if not folder.exists():
                made = folder.with_name(f"{folder.name}.new")
                made.mkdir(parents=True)
                fill(made)
                made.rename(folder)
        return folder

    def _make_runtime(self) -> None:
        site_packages = _site_packages()
        seen = Path(self.lang) / "site" if self.private else site_packages
        self._runtime.mkdir()
        for pattern in RUNTIME_PACKAGES:
            (package,) = site_packages.glob(pattern)
            (self._runtime / package.name).symlink_to(seen / package.name)
        shutil.copy(environment_process.__file__, self._runtime / "bootstrap.py")

    def _make_lang(self) -> None:
        for name in ("bin", "lib"):
            (self._lang / name).mkdir(parents=True)
        if self.private:
            base = Path(self.lang) / "base"
            for mount_point in ("base", "site"):
                (self._lang / mount_point).mkdir()
        else:
            base = _base_for_everyone(self.folder)
        for library in (Path(sys.base_prefix) / "lib").glob("libpython*.so*"):
            (self._lang / "lib" / library.name).symlink_to(base / "lib" / library.name)
        (self._lang / "pyvenv.cfg").write_text(f"home = {base}/bin\ninclude-system-site-packages = false\n")
        wrapper = self._lang / "bin" / PYTHON
        wrapper.write_text(_WRAPPER.format(lang=self.lang, base=base, python=PYTHON))
        wrapper.chmod(0o755)
        for name in ("python3", "python"):
            (self._lang / "bin" / name).symlink_to(PYTHON)


def _site_packages() -> Path:
    return Path(boto3.__file__).resolve().parent.parent


def _shared(archive: bytes, digest: str) -> Path:
    """Return a folder with what is in an archive, unpacked for all emulators of this project: layers are large."""
    folder = SHARED / digest[:32]
    if folder.exists():
        if _is_unchanged(folder):
            os.utime(folder)
            return folder
        shutil.rmtree(folder)
    SHARED.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=SHARED, suffix=".new"))
    made.chmod(0o755)
    _unpack(archive, made)
    try:
        made.rename(folder)
    except OSError:  # Another emulator was faster.
        shutil.rmtree(made)
    for old in SHARED.iterdir():
        if time.time() - old.stat().st_mtime > MAX_UNUSED_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def _is_unchanged(folder: Path) -> bool:
    """Return whether nothing was written to the files of an unpacked archive.

    A function that has no read-only view of its files could, and the next emulator would take what it wrote.
    """
    return all(
        os.stat(f"{path}/{name}", follow_symlinks=False).st_mtime == PACKED_AT  # noqa: PTH116
        for path, _, names in os.walk(folder)
        for name in names
    )


def _link(source: Path, folder: Path) -> None:
    """Fill a folder with links to another's files, over those that are there; with copies on another file system."""
    for path, _, names in os.walk(source):
        below = f"{folder}{path.removeprefix(str(source))}"
        os.makedirs(below, exist_ok=True)  # noqa: PTH103
        for name in names:
            try:
                os.link(f"{path}/{name}", f"{below}/{name}")
            except OSError:  # It is there, or on another file system.
                Path(below, name).unlink(missing_ok=True)
                try:
                    os.link(f"{path}/{name}", f"{below}/{name}")
                except OSError:
                    shutil.copy2(f"{path}/{name}", f"{below}/{name}")


def _unpack(archive: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        for entry in packed.infolist():
            if not entry.is_dir():
                (folder / entry.filename).unlink(missing_ok=True)  # An earlier archive's may not be written over.
            made = Path(packed.extract(entry, folder))
            if made.is_file():
                made.chmod(0o555)
                os.utime(made, (PACKED_AT, PACKED_AT))


def _can_mount() -> bool:
    """Return whether this process may do what `enter_mounts` does."""
    if os.getuid() != 0:
        return False
    probe = (
        "import ctypes, sys; from local import environment_process as e\n"
        "e._check(e._libc.unshare(e._CLONE_NEWNS)); e._mount(None, '/', e._MS_REC | e._MS_PRIVATE)\n"
        "e._mount('none', '/mnt', 0, 'tmpfs'); e._set_read_only('/mnt')"
    )
    return subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False).returncode == 0


def place_of_files(temporary: Path, name: str) -> Path:
    """Return a new folder for `FunctionFiles`: in /tmp if tenants' users may not enter the temporary one."""
    if os.getuid() != 0 or _is_open(temporary) or _can_mount():
        return temporary / name
    folder = Path("/tmp") / f"{name}-{os.getpid()}"  # noqa: S108
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _is_open(folder: Path) -> bool:
    """Return whether every user may enter a folder."""
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (folder, *folder.parents))


def _base_for_everyone(folder: Path) -> Path:
    """Return the interpreter's folder, or a copy of it if a tenant's user may not enter it."""
    base = Path(os.path.realpath(sys.base_prefix))
    if os.getuid() != 0 or _is_open(base / "bin"):
        return base
    copy = folder / "base"
    ignored = shutil.ignore_patterns("site-packages", "test", "idlelib", "config-*", "__pycache__", "*.a")
    shutil.copytree(base / "lib" / PYTHON, copy / "lib" / PYTHON, ignore=ignored)
    for shared in (base / "lib").glob("libpython*.so*"):
        shutil.copy(shared, copy / "lib")
    (copy / "bin").mkdir()
    shutil.copy(base / "bin" / PYTHON, copy / "bin")
    return copy
