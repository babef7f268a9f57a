"""Registers a schedule and a process, then raises."""

from stepladder.hookspecs import hookimpl


def make():
    """Never called."""


@hookimpl
def register_processes(register):
    register("broken_process", make, source="nowhere")


@hookimpl
def register_schedules(register):
    register("broken_half_done", make, source="nowhere", aliases={"a1111": ("Broken Half Done",)})
    raise ZeroDivisionError("on purpose")
