"""README's commands, and a shell to run them in, as somebody who reads it would."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.rules.sources import ROOT

_DONE = "### the command has ended: "


def commands(title: str) -> list[str]:
    """Return the commands of a section of README, in their order."""
    text = (ROOT / "README.md").read_text()
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", "\\\0").splitlines()
    return [line.replace("\0", "\n") for line in lines if line.strip()]


def find(among: list[str], *words: str) -> str:
    """Return the one command that holds these words."""
    (found,) = [command for command in among if all(word in command for word in words)]
    return found


class Shell:
    """A bash that stays, so that variables set by one command are there for the next."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash"], cwd=folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, command: str) -> str:
        """Return what a command prints; it must end with 0."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{command}\necho; echo '{_DONE}'$?\n")
        self._bash.stdin.flush()
        printed = ""
        for line in self._bash.stdout:
            if line.startswith(_DONE):
                assert line.strip() == f"{_DONE}0", (command, printed)
                return printed.strip()
            printed += line
        raise AssertionError(f"the shell has ended: {printed}")

    def json(self, command: str) -> Any:
        """Return the JSON that a command prints."""
        return json.loads(self.run(command))

    def close(self) -> None:
        """End the shell."""
        self._bash.communicate("exit\n", timeout=10)
