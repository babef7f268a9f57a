"""The built-in noise processes, registered as any plugin would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._process import DiscreteProcess, EDMProcess
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


@hookimpl
def register_processes(register: Register) -> None:
    """Register the discrete and the EDM process."""
    register(
        "discrete",
        DiscreteProcess,
        source="Ho et al. (arXiv 2006.11239), equation 4",
        aliases={"comfyui": ("ModelSamplingDiscrete",), "k_diffusion": ("DiscreteSchedule",)},
    )
    register(
        "edm",
        EDMProcess,
        source="Karras et al. (arXiv 2206.00364), table 1",
        aliases={"comfyui": ("ModelSamplingContinuousEDM",)},
    )
