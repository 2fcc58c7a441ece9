"""What the documents say of modules and settings is what the code says."""

import pytest

from tests.rules.house_map import PARTS, between_marks, renewed
from tests.rules.sources import ROOT


@pytest.mark.parametrize("name", PARTS)
def test_the_generated_part_is_up_to_date(name: str) -> None:
    mark, render = PARTS[name]
    assert between_marks((ROOT / name).read_text(), mark) == render(), f"{name} is stale: run `make map`"


def test_renewing_a_part_leaves_the_rest_alone() -> None:
    text = "before\n<!-- map -->\nold\n<!-- /map -->\nafter\n"
    new = renewed(text, "map", "new")
    assert new == "before\n<!-- map -->\nnew\n<!-- /map -->\nafter\n"
    assert between_marks(new, "map") == "new"


def test_a_document_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="once each"):
        between_marks("no marks here", "map")
