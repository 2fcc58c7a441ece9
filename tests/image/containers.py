"""The built image, taken apart, and processes of it that run as they would in a pod."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.processes import Server, free_port, private_folder

ENTER = Path(__file__).with_name("enter.sh")
FIRST_STEP = "groupadd --gid 10001"
"""What the Dockerfile's last stage does first: older steps of the history are the base's."""


@dataclass(frozen=True)
class Image:
    """An image in an archive; `root` is its file system where no docker daemon runs it."""

    name: str
    config: dict[str, Any]
    own_bytes: int
    root: Path
    data: Path
    docker: bool

    @property
    def label(self) -> str:
        """Return what docker finds the containers of this run by."""
        return f"twooter.test={self.root}"

    def command(self, *arguments: str, program: str = "", **environment: str) -> list[str]:
        """Return the command that runs the image with these arguments, or another program in it."""
        inner = [program] if program else self.config["Entrypoint"]
        variables = [f"{name}={value}" for name, value in environment.items()]
        if self.docker:
            options = ["--rm", "--read-only", "--tmpfs", "/tmp:size=64m,mode=1777", "--cap-drop", "ALL"]  # noqa: S108 - the container's
            options += ["--security-opt", "no-new-privileges", "--network", "host", "--label", self.label]
            options += ["--volume", f"{self.data}:/srv/data", "--entrypoint", inner[0]]
            options += [part for variable in variables for part in ("--env", variable)]
            return ["docker", "run", *options, self.name, *inner[1:], *arguments]
        inside = ["env", "-i", *self.config["Env"], *variables, *inner, *arguments]
        place = [str(self.root), self.config["User"], self.config["WorkingDir"], str(self.data)]
        return ["unshare", "--mount", "--propagation", "private", str(ENTER), *place, *inside]

    def run(self, *arguments: str, program: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        command = self.command(*arguments, program=program, **environment)
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    def python(self, code: str) -> str:
        """Return what a few lines of Python print inside.

        Raises: CalledProcessError.
        """
        answer = self.run("-c", code, program="/opt/twooter/bin/python")
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()

    def server(self, *arguments: str, environment: Mapping[str, str], port: int = 0) -> Server:
        """Return a process of the image that is ready when its machines' port says so; `port` is the public one."""
        ops = free_port()
        url = f"http://127.0.0.1:{ops}"
        own = {"TWOOTER_HOST": "127.0.0.1", "TWOOTER_PORT": str(port), "TWOOTER_METRICS_PORT": str(ops)}
        return Server(
            name=f"image-{arguments[-1]}",
            command=self.command(*arguments, **{**own, **environment}),
            folder=private_folder("image"),
            port=port,
            url=url,
            answers=lambda: status(url + "/readyz") == 200,
            ready_seconds=60,
        )


def status(url: str) -> int:
    """Return an address's status, 0 where nobody answers."""
    command = [
        "curl",
        "--silent",
        "--max-time",
        "2",
        "--output",
        os.devnull,
        "--write-out",
        "%{http_code}",
        url,
    ]
    return int(subprocess.run(command, check=False, capture_output=True, text=True).stdout or 0)


@contextmanager
def opened(archive: Path) -> Iterator[Image]:
    """Yield the image of an archive; nothing of it is left afterwards."""
    folder = private_folder("unpacked")
    try:
        with tarfile.open(archive) as tar:
            (manifest,) = json.loads(_member(tar, "manifest.json"))
            document = json.loads(_member(tar, manifest["Config"]))
            steps = [step.get("created_by", "") for step in document["history"]]
            first = next(i for i, step in enumerate(steps) if FIRST_STEP in step)
            own = sum(not step.get("empty_layer") for step in document["history"][:first])
            sizes = [_unpacked_bytes(tar, layer) for layer in manifest["Layers"]]
            docker = has_docker()
            root, data = folder / "root", folder / "data"
            root.mkdir()
            data.mkdir()
            data.chmod(0o777)  # the image's user is nobody here
            if not docker:
                _unpack(tar, manifest["Layers"], root)
        image = Image(manifest["RepoTags"][0], document["config"], sum(sizes[own:]), root, data, docker)
        try:
            yield image
        finally:
            _remove_containers(image)
    finally:
        shutil.rmtree(folder)


def has_docker() -> bool:
    """Tell whether a docker daemon answers."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], check=False, capture_output=True, timeout=30).returncode == 0


def _remove_containers(image: Image) -> None:
    """End what outlived the client that started it: a killed one takes nothing with it."""
    if image.docker:
        command = ["docker", "ps", "--all", "--quiet", "--filter", f"label={image.label}"]
        for container in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split():
            subprocess.run(["docker", "rm", "--force", container], check=True, capture_output=True)


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    stream = tar.extractfile(name)
    assert stream is not None, name
    return stream.read()


def _unpacked_bytes(tar: tarfile.TarFile, layer: str) -> int:
    with tarfile.open(fileobj=tar.extractfile(layer)) as files:
        return sum(file.size for file in files)


def _unpack(tar: tarfile.TarFile, layers: list[str], root: Path) -> None:
    """Put the layers upon each other; a file `.wh.NAME` takes NAME of the layers below away."""
    for layer in layers:
        with tarfile.open(fileobj=tar.extractfile(layer)) as files:
            for file in files:
                path = root / file.name
                if path.name.startswith(".wh."):
                    _remove(path.with_name(path.name.removeprefix(".wh.")))
                    continue
                if not (file.isdir() and path.is_dir()):
                    _remove(path)
                files.extract(file, root, numeric_owner=True, filter="fully_trusted")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def environment_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables an image sets."""
    return dict(variable.split("=", 1) for variable in config["Env"])
