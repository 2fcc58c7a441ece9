"""Values of a release: what was set before stays, unless it is set anew."""

from e2e.release import merged


def test_later_values_lie_over_earlier_ones_and_change_neither() -> None:
    first = {"api": {"replicas": 1, "threads": 8}, "list": [1, 2]}
    second = {"api": {"replicas": 3}, "list": [3], "more": {"x": 1}}
    assert merged(first, second) == {
        "api": {"replicas": 3, "threads": 8},
        "list": [3],
        "more": {"x": 1},
    }
    assert first["api"] == {"replicas": 1, "threads": 8}
    assert second["api"] == {"replicas": 3}


def test_a_map_may_replace_what_is_none() -> None:
    assert merged({"a": 1}, {"a": {"b": 2}}) == {"a": {"b": 2}}
