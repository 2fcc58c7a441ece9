"""The image under test. Only `make image`, which builds it, runs these tests: it names the archive."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.containers import Image, opened

ARCHIVE = os.environ.get("TWOOTER_TEST_IMAGE")
collect_ignore_glob = [] if ARCHIVE else ["test_*.py"]


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """Return the image that was just built."""
    assert ARCHIVE is not None
    with opened(Path(ARCHIVE)) as image:
        yield image
