"""Has a misspelt hook."""

from stepladder.hookspecs import hookimpl


@hookimpl
def register_sampler(register):
    register("broken_sampler", print, source="nowhere")
