"""Wiring: settings choose the parts, and nothing connects before it is used."""

from dataclasses import fields
from pathlib import Path

import pytest

from twooter.errors import Unavailable
from twooter.services.house import Services
from twooter.services.posting import Folder, Smtp
from twooter.settings import Settings
from twooter.wiring import _post, wire


def settings(folder: Path, **given: object) -> Settings:
    return Settings.model_validate({"var_dir": folder / "var", **given})


def test_every_service_is_there(tmp_path: Path) -> None:
    services = wire(settings(tmp_path))
    assert not [field.name for field in fields(Services) if getattr(services, field.name) is None]


def test_parts_that_are_away_hinder_nobody_from_starting(tmp_path: Path) -> None:
    nowhere = settings(
        tmp_path, database_url="mysql://u:p@127.0.0.1:1/x", cache_url="redis://127.0.0.1:1/0",
        broker_url="redis://127.0.0.1:1/1", smtp_url="smtp://127.0.0.1:1",
    )  # fmt: skip
    services = wire(nowhere)
    with pytest.raises(Unavailable):
        services.twoots.get(1, None)


def test_on_a_laptop_mails_go_to_a_folder_and_elsewhere_to_a_server(tmp_path: Path) -> None:
    assert isinstance(_post(settings(tmp_path)), Folder)
    assert isinstance(_post(settings(tmp_path, smtp_url="smtp://mail.example.org")), Smtp)


def test_two_houses_share_nothing(tmp_path: Path) -> None:
    one, other = wire(settings(tmp_path)), wire(settings(tmp_path))
    shared = [
        f.name
        for f in fields(Services)
        if f.name != "settings" and getattr(one, f.name) is getattr(other, f.name)
    ]
    assert not shared
