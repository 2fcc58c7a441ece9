"""Files and functions stay small enough to be read at one sitting."""

from statistics import median, quantiles

from tests.rules.sources import CHECKED, PACKAGES, sources

MAX_LINES, MAX_MEDIAN_LINES, MAX_P90_FUNCTION_LINES = 400, 120, 25


def test_no_file_is_longer_than_400_lines() -> None:
    long = {str(s.path): s.lines for s in sources(*CHECKED) if s.lines > MAX_LINES}
    assert not long, long


def test_half_of_the_files_are_shorter_than_120_lines() -> None:
    lengths = {str(s.path): s.lines for s in sources(*PACKAGES) if s.path.name != "__init__.py"}
    longest = sorted(lengths.items(), key=lambda item: -item[1])[:10]
    assert median(lengths.values()) < MAX_MEDIAN_LINES, longest


def test_nine_functions_of_ten_are_shorter_than_25_lines() -> None:
    lengths = dict(function for s in sources(*PACKAGES) for function in s.functions())
    longest = sorted(lengths.items(), key=lambda item: -item[1])[:10]
    assert quantiles(lengths.values(), n=10)[-1] < MAX_P90_FUNCTION_LINES, longest
