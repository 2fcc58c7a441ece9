"""Lists of whom to follow: every form that people have them in, and lines of which nothing can be made."""

import pytest

from twooter.domain.follow_lists import hosts_of, line_of, names_of
from twooter.domain.transfers import Line, Outcome

HOSTS = hosts_of("https://Twooter.example:8443/")


@pytest.mark.parametrize(
    ("csv", "names"),
    [
        ("ada\nben\n", ["ada", "ben"]),
        ("\ufeffada\r\nben", ["ada", "ben"]),
        ("Account address,Show boosts\nada@twooter.example,true\n", ["ada@twooter.example"]),
        ("Account address,Show boosts,Notify on new posts,Languages\n@ada,true,false,\n", ["@ada"]),
        ('"Account address","Languages"\n"ada","de, en"\n', ["ada"]),
        ("username;since\nada;2026\n", ["ada"]),
        ("NAME\tid\nada\t1\n", ["ada"]),
        ("@username\nname\n", ["@username", "name"]),  # a header is none that has an @, or comes later
        ("\n \n,,\nada\n;\n\n", ["ada"]),
        (",true\nada", ["", "ada"]),
        ('"never closed\nada,"\n"a ""b""",1', ['"never closed', "ada", 'a "b"']),
        ("\0\nada\ufffd", ["\0", "ada\ufffd"]),
        ("x" * 501, ["x" * 500]),
        ("", []),
        ("Account address", []),
    ],
)
def test_the_first_field_of_each_line_is_a_name(csv: str, names: list[str]) -> None:
    assert names_of(csv, 10) == names


def test_no_more_names_are_read_than_tell_that_there_are_too_many() -> None:
    assert len(names_of("ada\n" * 100, 10)) == 11


@pytest.mark.parametrize("name", ["ada", "@ADA", " ada ", "ada@twooter.example", "@ada@TWOOTER.example:8443"])
def test_a_name_may_have_an_at_before_it_and_where_it_is_behind(name: str) -> None:
    assert line_of(3, name, HOSTS) == Line(3, "ada")


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("ada@example.social", Outcome.ELSEWHERE),
        ("@ada.lovelace@example.social", Outcome.ELSEWHERE),
        ("@@twooter.example", Outcome.BAD_NAME),
        ("@example.social", Outcome.BAD_NAME),
        ("ada@here", Outcome.BAD_NAME),
        ("ada.lovelace@twooter.example", Outcome.BAD_NAME),
        ("a b@c d.e", Outcome.BAD_NAME),
        ("https://twooter.example/@ada", Outcome.BAD_NAME),
        ("", Outcome.BAD_NAME),
        ("\0" * 200, Outcome.BAD_NAME),
    ],
)
def test_what_names_nobody_here_says_why(name: str, outcome: Outcome) -> None:
    assert line_of(1, name, HOSTS) == Line(1, name[:100], outcome)
