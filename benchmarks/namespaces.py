"""Network namespaces: machines of their own as far as the network goes, on one computer."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

_BRIDGE = "radtune-br"
_SUBNET = "10.77.0"


class Namespaces:
    """Namespaces on one bridge, each with an address of its own, until the ``with`` block ends.

    Parameters
    ----------
    n_namespaces : int
        1 to 200.

    Attributes
    ----------
    host : str
        Address of this side, which all of them reach.
    """

    host = f"{_SUBNET}.1"

    def __init__(self, n_namespaces: int) -> None:
        self._names = [f"radtune-{n}" for n in range(n_namespaces)]

    @staticmethod
    def can_be_had() -> bool:
        """Tell whether this user may make them."""
        return os.geteuid() == 0 and shutil.which("ip") is not None

    def command(self, n: int) -> list[str]:
        """Return what to put before a command that is to run in a namespace."""
        return ["ip", "netns", "exec", self._names[n]]

    def __enter__(self) -> Self:
        """Make them.

        Raises
        ------
        subprocess.CalledProcessError
        """
        _ip("link", "add", _BRIDGE, "type", "bridge")
        try:
            _ip("address", "add", f"{self.host}/24", "dev", _BRIDGE)
            _ip("link", "set", _BRIDGE, "up")
            for n, name in enumerate(self._names):
                ours = f"radtune-v{n}"
                _ip("netns", "add", name)
                _ip("link", "add", ours, "type", "veth", "peer", "name", "eth0", "netns", name)
                _ip("link", "set", ours, "master", _BRIDGE, "up")
                _ip("-n", name, "address", "add", f"{_SUBNET}.{n + 10}/24", "dev", "eth0")
                _ip("-n", name, "link", "set", "eth0", "up")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove them."""
        for name in self._names:
            _ip("netns", "delete", name, check=False)
        _ip("link", "delete", _BRIDGE)


def _ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], check=check, capture_output=True)  # noqa: S603, S607 - iproute2 from PATH, fixed arguments
