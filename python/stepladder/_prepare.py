"""What will run: the program folded where it can be, what its model calls call, and what it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from stepladder.errors import ExecutionError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from stepladder._program import Program


def inputs_of(program: Program, x: Any) -> dict[str, Any]:
    """The tensors a run starts from, by name; x alone unless the program is a slice with history."""
    names = [port.name for port in program.inputs]
    inputs = dict(x) if isinstance(x, Mapping) else {"x": x}
    if set(inputs) != set(names):
        msg = f"the program starts from {', '.join(names)}; got {', '.join(inputs)}"
        if len(names) > 1:
            msg += ". A slice with history takes a mapping, as Runner.outputs of the part before it gives"
        raise ExecutionError(msg)
    return inputs


def _foldable(denoiser: Any) -> Any:
    """The denoiser, if it is the one whose parameterization folds."""
    if type(denoiser).__module__ != "stepladder.torch.denoiser":
        return None  # and torch need not be imported to know
    from stepladder.torch.denoiser import Denoiser

    return denoiser if isinstance(denoiser, Denoiser) else None


def executed(program: Program, denoiser: Any, denoised: bool) -> Program:
    """The program that will run."""
    if not callable(denoiser):
        msg = f"denoiser is {type(denoiser).__name__}; expected a callable (x, sigma) -> denoised"
        raise ExecutionError(msg)
    known = _foldable(denoiser)
    folded = program._parameterization
    if known is not None and folded is not None and folded != known.parameterization:
        msg = f"the program is folded with {folded!r}; the denoiser's parameterization is {known.parameterization!r}"
        raise ExecutionError(msg)
    if known is not None:
        known.check_guidance(program._scaled_by_program)
    history = len(program.inputs) + len(program.outputs) > 2
    if known is None or program.calls == "network" or history:
        return program._showing_denoised() if denoised else program
    return program.fold(known.parameterization, keep_denoised=denoised)


class Model(NamedTuple):
    """What model calls call."""

    one: Callable[..., Any]
    """For one result."""
    pair: Callable[..., Any]
    """For two."""
    dtype: Any
    """The dtype they want x in; None: the state's."""
    levels: np.ndarray[Any, Any]
    """Their second argument, for every call of the program."""


def model_of(program: Program, denoiser: Any) -> Model:
    """What the program's calls call."""
    sigmas = program._core.denoise_sigmas()
    known = _foldable(denoiser)
    if known is None:
        return Model(_first_of(denoiser) if program._scaled_by_program else denoiser, denoiser, None, sigmas)
    folded = program.calls == "network"
    one, pair = known.results(guided=not program._scaled_by_program, folded=folded)
    if not folded:
        return Model(one, pair, None, sigmas)
    return Model(one, pair, known.dtype, known.c_noise(sigmas))


def _first_of(denoiser: Callable[..., Any]) -> Callable[..., Any]:
    """The conditional value, from a denoiser that returns both where one is enough."""

    def one(x: Any, sigma: Any) -> Any:
        result = denoiser(x, sigma)
        return result[0] if type(result) is tuple and len(result) == 2 else result

    return one
