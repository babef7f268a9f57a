"""The command line: `stepladder sample | sigmas | program | list | plugins | inspect`."""

from stepladder.cli._app import app as app
from stepladder.cli._app import main as main

__all__ = ["app", "main"]
