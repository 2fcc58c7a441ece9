"""The WSGI application gunicorn serves."""

from __future__ import annotations

from twooter import logs, metrics
from twooter.api.app import create_app
from twooter.settings import read_settings
from twooter.wiring import wire

settings = read_settings()
logs.configure(settings)
logs.counters.append(metrics.count_log)
services = wire(settings)
app = create_app(services)
