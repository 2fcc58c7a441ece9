"""Demo data: who writes what, and when; the same every time apart from the day it is made."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from twooter.domain import ids
from twooter.domain.windows import DAY_MS

_FIRST_YEARS_MS = 7 * 365 * DAY_MS  # the first author begins in 2007
_PER_AUTHOR = 18


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody who writes; `texts` may hold `{n}`, a number."""

    id: int
    username: str
    display_name: str
    bio: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Something an author writes at a time, as an answer to what others wrote before where `is_reply`."""

    time_ms: int
    text: str
    is_reply: bool


_AUTHORS = (
    ("harbour_clock", "Harbour Clock", "I ring when the tide turns.", (
        "High water in {n} minutes. #tide #harbour",
        "Fog over the quay, {n} metres of sight. #harbour #weather",
        "The ferry is back, with {n} bicycles on board. #ferry")),
    ("night_bakery", "Night Bakery", "Bread from four o'clock on.", (
        "{n} loaves of rye are out of the oven. #bread", "Cinnamon rolls: {n} left. #bread #breakfast",
        "We try a new sourdough tonight. #bread #sourdough")),
    ("tram_nine", "Tram 9", "Depot, market, hill and back.", (
        "Running {n} minutes late, sorry. #tram", "The hill is icy: slowly, slowly. #tram #snow",
        "Somebody forgot {n} umbrellas here today. #tram #lostproperty")),
    ("rain_gauge", "Rain Gauge", "Millimetres, nothing else.", (
        "{n} mm since midnight. #rain #weather", "Dry for {n} days now. #weather", "First drops. #rain")),
    ("city_library", "City Library", "Open till late, quiet all day.", (
        "{n} books came back today. #books", "New on the shelf: maps older than {n} years. #books #maps",
        "Reading hour at five. #books #evening")),
    ("kettle_log", "Kettle Log", "One line per pot.", (
        "Pot number {n} today. #tea", "Switched to #coffee for an hour. Back to #tea.",
        "Steeped for {n} minutes. #tea")),
    ("moon_phase", "Moon Phase", "Waxing, waning, honest.", (
        "{n} % of me is lit tonight. #moon", "Look up: clear sky. #moon #stars",
        "Clouds. I am still here. #moon")),
    ("garden_diary", "Garden Diary", "What grew, what did not.", (
        "{n} tomatoes today. #garden", "Slugs 1, lettuce 0. #garden",
        "Sowed peas in row {n}. #garden #spring")),
    ("bike_counter", "Bike Counter", "Bridge, both directions.", (
        "{n}00 bicycles since six o'clock. #bikes", "Headwind from the west. #bikes #weather",
        "Cyclist number {n},000 this month, thank you! #bikes")),
    ("old_radio", "Old Radio", "Medium wave, warm valves.", (
        "Playing something from {n} years ago. #music", "Static on {n}0 kHz. #radio",
        "Quiet night on the band. #radio")),
    ("paper_boat", "Paper Boat", "Folded from the morning news.", (
        "Sailed {n} metres along the gutter. #rain #sailing", "Ran aground on a leaf. #sailing",
        "Need a new page {n}. #paper")),
    ("train_board", "Departures", "Platform first, time second.", (
        "Night train from platform {n}. #train", "All trains on time. #train",
        "Platform {n} is closed today. #train")),
    ("bee_hotel", "Bee Hotel", "Vacancies in spring.", (
        "{n} rooms taken. #bees #spring", "First guest of the year! #bees",
        "The roof is mended. #bees #garden")),
    ("tide_table", "Tide Table", "Twice a day, fifty minutes later.", (
        "Low water, {n} cm. #tide", "Spring tide tomorrow. #tide #moon",
        "Mind the slippery steps. #tide #harbour")),
    ("chess_hints", "Chess Hints", "One move a day.", (
        "Mate in {n}: do not take the rook. #chess", "Knights before bishops, mostly. #chess",
        "A draw after {n} moves. #chess")),
    ("word_a_day", "Word a Day", "Small words for large things.", (
        "petrichor: what the ground smells of after rain. #words #rain", "Word {n}: gloaming. #words",
        "Straße and STRASSE are one hashtag here: #Straße #words")),
    ("soup_of_today", "Soup of Today", "Served till it is gone.", (
        "Leek and potato, {n} bowls left. #soup", "Tomato again, because of the #garden. #soup",
        "Sold out by {n} past noon. #soup")),
    ("tiny_museum", "Tiny Museum", "One room, free on Mondays.", (
        "{n} visitors, a record. #museum", "On show: buttons. #museum #buttons", "日本の切手を展示中。#切手 #museum")),
    ("star_chart", "Star Chart", "For the northern half.", (
        "{n} meteors in an hour. #stars", "Orion is up. #stars", "Too bright, the #moon. #stars")),
    ("lost_gloves", "Lost Gloves", "Mostly left ones.", (
        "Found {n} gloves after the snow. #lostproperty #snow", "A pair! #lostproperty",
        "Blue, wool, left. #lostproperty")),
)  # fmt: skip
_ANSWERS = (
    "Thank you for telling! @{to}", "Since when? #question", "Same here. #metoo", "@{to} that makes my day.",
    "I counted {n}.", "See you there, @{to}. #monday",
)  # fmt: skip


def authors() -> list[Author]:
    """Return who writes; their ids tell when they came, one every few months."""
    step = 6 * 365 * DAY_MS // len(_AUTHORS)
    return [
        Author(ids.compose(ids.EPOCH_MS + _FIRST_YEARS_MS + i * step, ids.IMPORT_NODE, 0), *fields)
        for i, fields in enumerate(_AUTHORS)
    ]


def lines(author: Author, now_ms: int) -> Iterator[Line]:
    """Yield what an author has written until now: over the years, in the last weeks, and today."""
    chance = random.Random(author.username)  # noqa: S311 - the same demo for everyone
    joined_ms = ids.time_ms(author.id)
    for i in range(_PER_AUTHOR):
        begin_ms = (joined_ms, now_ms - 30 * DAY_MS, now_ms - 2 * DAY_MS)[i % 6 // 2 if i % 6 < 5 else 0]
        is_reply = i % 4 == 3
        text = chance.choice(_ANSWERS if is_reply else author.texts).replace(
            "{n}", str(chance.randint(2, 60))
        )
        yield Line(chance.randint(begin_ms, now_ms - 60_000), text, is_reply)
