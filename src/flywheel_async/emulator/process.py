"""The emulator as a process of its own, which can be killed like any other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

_KEY_LINE = "API key: "
_WAIT_SECONDS = 10


class EmulatorProcess:
    """Runs `python -m flywheel_async.emulator`; it ends with its parent process.

    Args:
        data: The data folder.
        port: The port; 0 takes a free one, and restarts keep it.
        faults: Whether the fault plan can be changed over HTTP.
        options: Further options of the command line, such as `["--signed-urls", "s3"]`.

    Attributes:
        api_key: The full API key string of the site admin.

    Example:
        >>> with EmulatorProcess("/tmp/site") as site:
        ...     site.kill()
        ...     site.start()
    """

    def __init__(self, data: str | Path, port: int = 0, *, faults: bool = False, options: Sequence[str] = ()) -> None:
        self._data = Path(data)
        self._port = port
        self._faults = faults
        self._options = tuple(options)
        self._process: subprocess.Popen[str] | None = None
        self.api_key = ""

    @property
    def port(self) -> int:
        """The port it listens on, once it was started."""
        return self._port

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self._port}/api"

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            RuntimeError: It is not running.
        """
        if self._process is None:
            raise RuntimeError("the emulator is not running")
        return self._process.pid

    def start(self) -> EmulatorProcess:
        """Starts the process; returns when requests can be sent.

        Raises:
            RuntimeError: It ended without printing a key; its error output says why.
        """
        command = [sys.executable, "-m", "flywheel_async.emulator", "--until-stdin-closes"]
        command += ["--data", str(self._data), "--port", str(self._port), *self._options]
        if self._faults:
            command.append("--faults")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(_KEY_LINE):
                self.api_key = line.removeprefix(_KEY_LINE).strip()
                self._port = int(self.api_key.split(":")[1])
                return self
        self._finish()
        raise RuntimeError("the emulator did not start")

    def kill(self) -> None:
        """Kills the process at once, as a crash or `kill -9` would."""
        if self._process is not None:
            self._process.kill()
            self._finish()

    def stop(self) -> None:
        """Ends the process in an orderly way."""
        if self._process is not None:
            self._process.terminate()
            self._finish()

    def _finish(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(_WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> EmulatorProcess:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
