"""Every exception stepladder raises. All derive from `StepladderError` and from the built-in a caller would expect."""

from __future__ import annotations


class StepladderError(Exception):
    """Base of every error raised on purpose by stepladder."""


class ProcessError(StepladderError, ValueError):
    """A noise process was asked for, or with, something outside its definition."""


class ParameterizationError(StepladderError, ValueError):
    """A parameterization was given something outside its definition."""


class ScheduleError(StepladderError, ValueError):
    """Steps, sigmas or schedule parameters that no schedule can have."""


class SamplerError(StepladderError, ValueError):
    """A sampler cannot compile these options over these sigmas."""


class ProgramError(StepladderError, ValueError):
    """A program breaks a rule of its format, or an operation does not apply to it."""


class ExecutionError(StepladderError, ValueError):
    """A run was given tensors, a denoiser or a noise source that do not fit the program."""


class NonFiniteError(StepladderError, ArithmeticError):
    """A model or a step produced NaN or infinity.

    Attributes
    ----------
    step : int
        Zero-based step of the program in which it appeared.
    sample : int
        Index into the batch of the first sample concerned.
    """

    def __init__(self, message: str, step: int, sample: int) -> None:
        super().__init__(message, step, sample)
        self.step = step
        self.sample = sample

    def __str__(self) -> str:
        return str(self.args[0])


class UnknownNameError(StepladderError, LookupError):
    """No entry is registered under that name; the text lists close matches."""


class AmbiguousNameError(StepladderError, LookupError):
    """The name means different things in different hosts; the text lists the candidates."""


class PluginError(StepladderError, RuntimeError):
    """A plugin failed to import, to register, or clashed with another; the text names the distribution."""


class FileFormatError(StepladderError, ValueError):
    """A file is truncated, hostile, of an unknown version, or not what it claims to be."""


class OutputError(StepladderError, OSError):
    """A file cannot be written where it was asked for; nothing of it is left behind."""


class MissingExtraError(StepladderError, ImportError):
    """An optional dependency is not installed; the text names the extra of stepladder that brings it."""
