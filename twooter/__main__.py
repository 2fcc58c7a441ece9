"""`python -m twooter`: the command line."""

from __future__ import annotations

from twooter.cli import main

if __name__ == "__main__":
    main(prog_name="python -m twooter")
