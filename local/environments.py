"""The execution environments of Lambda functions on Linux, and the line of invocations that wait for one.

A `Function` is one version of a Lambda function; its `invoke` takes an idle environment, starts one, or waits in line.
The first environment of a function is a template: its runtime initialises from nothing. The others are forked from it.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from local.environment import Environment, Outcome, Version
from local.function_files import FunctionFiles

MAX_ENVIRONMENTS = int(os.environ.get("MAX_ENVIRONMENTS", "32"))
"""Of one function; more invocations wait in line. One that waits for a model costs no CPU, so there may be many more
than cores; each takes some 20 MB of memory beyond its template's."""

MAX_STREAMS = 160
"""Of a function that streams: each open stream holds an environment, and ordinary requests still need one."""

MAX_IDLE_ENVIRONMENTS = 32
"""Of all functions together; those that are idle longest are stopped."""

MAX_IDLE_TENANTS = 4
"""Environments of a function with tenants that wait for their tenant's next call."""


@dataclass(slots=True)
class _Waiting:
    """An invocation in line."""

    tenant: str
    environment: Environment | None = None
    served: threading.Event = field(default_factory=threading.Event)


class Function:
    """A version of a function, and its environments."""

    def __init__(self, version: Version, files: FunctionFiles, starts_fresh: Callable[[], bool]) -> None:
        self.version = version
        self._files = files
        self._starts_fresh = starts_fresh
        self._lock = threading.Lock()
        self._idle: list[Environment] = []
        self._busy = 0
        self._line: deque[_Waiting] = deque()
        self._template_lock = threading.Lock()
        self._template: Environment | None = None
        self._can_fork = True
        self._failure = ""
        self._is_retired = False
        self._most = MAX_STREAMS if "AWS_LAMBDA_EXEC_WRAPPER" in version.variables else MAX_ENVIRONMENTS

    def invoke(
        self,
        request_id: str,
        event: bytes,
        function_arn: str,
        trace_id: str = "",
        tenant: str = "",
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> Outcome:
        """Run one invocation; wait in line while as many as may run at once do.

        Args:
            on_chunk: gets the pieces of a streamed answer as they arrive.
        """
        environment = self._take(tenant)
        try:
            return environment.invoke(request_id, event, function_arn, trace_id, self._start, on_chunk)
        finally:
            self._give_back(environment)

    def initialise(self) -> str:
        """Start the template, as AWS takes the snapshot of a version; return why that failed, or nothing."""
        with self._template_lock:
            return "" if self._starts_fresh() or self._running_template() else self._failure

    @property
    def idle(self) -> list[Environment]:
        """Those that wait for an invocation, least recently used first."""
        with self._lock:
            return list(self._idle)

    def stop_idle(self, *environments: Environment) -> None:
        """Stop these, as far as they are still idle."""
        with self._lock:
            stopped = [environment for environment in environments if environment in self._idle]
            self._idle = [environment for environment in self._idle if environment not in stopped]
        for environment in stopped:
            _disposal.submit(environment.stop)

    def retire(self) -> None:
        """Stop all its environments, each when it is idle."""
        with self._lock:
            self._is_retired = True
        self.stop_idle(*self.idle)
        self._stop_template_if_unused()

    def _take(self, tenant: str) -> Environment:
        with self._lock:
            mine = [environment for environment in self._idle if environment.tenant == tenant]
            if mine:
                self._idle.remove(mine[-1])
                self._busy += 1
                return mine[-1]
            if self._busy < self._most:
                self._busy += 1
                return Environment(self.version, self._files, tenant)
            waiting = _Waiting(tenant)
            self._line.append(waiting)
        waiting.served.wait()
        assert waiting.environment
        return waiting.environment

    def _give_back(self, environment: Environment) -> None:
        stopped = [environment] if self._is_retired else []
        with self._lock:
            if self._line:
                waiting = self._line.popleft()
                if waiting.tenant == environment.tenant and not stopped:
                    waiting.environment = environment
                else:
                    stopped = [environment]
                    waiting.environment = Environment(self.version, self._files, waiting.tenant)
                waiting.served.set()
            else:
                self._busy -= 1
                if not stopped:
                    self._idle.append(environment)
                    if self.version.has_tenants:
                        stopped = self._idle[:-MAX_IDLE_TENANTS]
                        self._idle = self._idle[-MAX_IDLE_TENANTS:]
        for one in stopped:
            _disposal.submit(one.stop)
        if self._is_retired:
            self._stop_template_if_unused()

    def _start(self, environment: Environment) -> None:
        """Start the runtime of an environment: as a fork, or from nothing."""
        with self._template_lock:
            template = None if self._starts_fresh() else self._running_template()
            if template:
                environment.fork(template)
            else:
                environment.start()

    def _running_template(self) -> Environment | None:
        if self._template is not None and not self._template.is_alive():
            _disposal.submit(self._template.stop)
            self._template = None
        if self._template is None and self._can_fork:
            template = Environment(self.version, self._files)
            self._can_fork = template.start_template()
            if self._can_fork:
                self._template = template
            else:
                self._failure = template.failure
                _disposal.submit(template.stop)
        return self._template

    def _stop_template_if_unused(self) -> None:
        # The environments forked from it are below it, and end with it.
        with self._lock:
            if self._busy:
                return
        with self._template_lock:
            template, self._template = self._template, None
        if template:
            _disposal.submit(template.stop)


_disposal = ThreadPoolExecutor(1, "stops-environments")
