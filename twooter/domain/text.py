"""Text that people write: graphemes, control characters, bounds."""

from __future__ import annotations

from itertools import islice

import regex

from twooter.errors import FieldError

MAX_CODE_POINTS_PER_GRAPHEME = 35
"""Average bound: long enough for any emoji sequence, short enough that no text outgrows its column."""

_GRAPHEME = regex.compile(r"\X")
_CONTROL = regex.compile(r"[\p{Cc}--[\n\t]]", regex.VERSION1)
_CONTROL_OR_BREAK = regex.compile(r"[\p{Cc}\p{Zl}\p{Zp}]", regex.VERSION1)
_SURROGATE = regex.compile(r"\p{Cs}")


def graphemes(value: str, *, at_most: int | None = None) -> int:
    """Return how many user-perceived characters a text has; counting ends at `at_most`.

    Source: Unicode Standard Annex #29, extended grapheme clusters.
    """
    if value.isascii():
        return len(value) - value.count("\r\n")
    return sum(1 for _ in islice(_GRAPHEME.finditer(value), at_most))


def clean(value: str) -> str:
    """Return the text with line feeds as line ends and without white space around it."""
    return value.replace("\r\n", "\n").replace("\r", "\n").strip()


def check_storable(field: str, value: str) -> list[FieldError]:
    """Return an error when no database could keep the text: lone surrogates or NUL."""
    if _SURROGATE.search(value) is not None:
        return [FieldError(field, "bad_unicode", "The text contains a lone surrogate; send valid Unicode.")]
    if "\0" in value:
        return [FieldError(field, "bad_character", "The text contains a NUL character; remove it.")]
    return []


def check_text(field: str, value: str, *, max_graphemes: int, min_graphemes: int = 1) -> list[FieldError]:
    """Return what is wrong with a text of several lines; of control characters only tab and line feed are taken."""
    if errors := check_storable(field, value):
        return errors
    if _CONTROL.search(value) is not None:
        return [FieldError(field, "bad_character", "The text contains control characters; remove them.")]
    return _check_length(field, value, max_graphemes, min_graphemes)


def check_line(field: str, value: str, *, max_graphemes: int, min_graphemes: int = 0) -> list[FieldError]:
    """Return what is wrong with a text of one line; no control characters, no line ends."""
    if errors := check_storable(field, value):
        return errors
    if _CONTROL_OR_BREAK.search(value) is not None:
        return [FieldError(field, "bad_character", "Write this on one line, without control characters.")]
    return _check_length(field, value, max_graphemes, min_graphemes)


def _check_length(field: str, value: str, most: int, least: int) -> list[FieldError]:
    if len(value) > most * MAX_CODE_POINTS_PER_GRAPHEME:
        return [FieldError(field, "too_long", f"Write at most {most} characters.")]
    count = graphemes(value, at_most=most + 1)  # counting flags to their end takes squared time
    if count > most:
        return [FieldError(field, "too_long", f"Write at most {most} characters.")]
    if count < least:
        return [FieldError(field, "too_short", f"Write at least {least} character{'s' * (least > 1)}.")]
    return []
