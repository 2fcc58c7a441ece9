"""What is in the image, and what is not."""

import json
import os

from tests.image.containers import Image, environment_of

MAX_MEGABYTES = 160
NOT_INSIDE = ("cc", "gcc", "g++", "clang", "ld", "make", "pip", "pip3", "uv", "curl", "wget", "git")


def test_it_runs_as_a_user_without_rights_and_says_what_it_is(image: Image) -> None:
    config = image.config
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["/opt/twooter/bin/python", "-m"]
    assert config["ExposedPorts"].keys() == {"8000/tcp", "9000/tcp"}
    assert (config.get("Healthcheck") or {"Test": ["NONE"]})["Test"] == ["NONE"]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    for name in ("title", "description", "version", "revision", "created", "base.name"):
        assert labels.get(name), name
    assert labels["version"] != "0.0.0"
    assert labels["revision"] != "unknown"


def test_it_is_small_above_its_base(image: Image) -> None:
    assert 10 < image.own_bytes / 1e6 <= MAX_MEGABYTES
    print(f"{image.own_bytes / 1e6:.1f} MB unpacked above the base")


def test_nothing_that_builds_or_fetches_is_inside(image: Image) -> None:
    code = f"import shutil; print([name for name in {NOT_INSIDE!r} if shutil.which(name)])"
    assert image.python(code) == "[]"
    code = (
        "import importlib.util as u; print([m for m in ('pip', 'setuptools', 'ensurepip') if u.find_spec(m)])"
    )
    assert image.python(code) == "[]"


def test_nothing_of_the_build_is_left(image: Image) -> None:
    code = (
        "import os; print([os.path.join(place, name) for place, folders, names in os.walk('/') "
        "if not place.startswith('/proc') for name in [*folders, *names] "
        "if name in ('pip.conf', 'ca.pem', '.cache', 'installer', 'requirements.txt', '.git')])"
    )
    assert image.python(code) == "[]"


def test_no_way_to_a_package_index_is_told(image: Image) -> None:
    told = json.dumps(image.config)
    environment = environment_of(image.config)
    assert not [name for name in environment if name.startswith("PIP_") or name.lower().endswith("_proxy")]
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTPS_PROXY", "https_proxy"):
        assert not os.environ.get(name) or os.environ[name] not in told, name


def test_every_module_is_compiled(image: Image) -> None:
    """A read-only root can never keep what a start compiles: each start would compile it anew."""
    code = (
        "import importlib.util as u, pathlib, sysconfig\n"
        "own = list(pathlib.Path('/opt/twooter/lib').rglob('*.py'))\n"
        "library = list(pathlib.Path(sysconfig.get_path('stdlib')).glob('*.py'))\n"
        "assert len(own) > 1000 and len(library) > 100, (len(own), len(library))\n"
        "print([str(p) for p in own + library if not pathlib.Path(u.cache_from_source(str(p))).exists()])"
    )
    assert image.python(code) == "[]"


def test_only_what_is_for_it_can_be_written(image: Image) -> None:
    code = (
        "import os, pathlib\n"
        "def writable(place):\n"
        "    try: pathlib.Path(place, 'x').write_text('x')\n"
        "    except OSError as ex: return ex.strerror\n"
        "    return 'writable'\n"
        "print(os.getuid(), os.getgid(), os.getgroups())\n"
        "for place in ('/', '/opt/twooter', '/var', '/run', '/tmp', '/dev/shm'): print(place, writable(place))"
    )
    told = image.python(code).splitlines()
    assert told[0] in ("10001 10001 []", "10001 10001 [10001]")
    assert [line.split(maxsplit=1)[1] for line in told[1:]] == 4 * ["Read-only file system"] + 2 * [
        "writable"
    ]
