"""What the tests have to know about one sampler."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Options = dict[str, Any]


@dataclass(frozen=True)
class Method:
    """One registered sampler.

    `slow(denoise, x, sigmas, noise, setting, **options)` is the independent version: a plain loop over arrays from the
    paper. `denoise(x, sigma)` takes sigma as a number, and returns (denoised, unconditional) for a method with
    `second`; `noise(k)` is the run's k-th unit noise; `setting` says what the sigmas mean.
    """

    name: str
    slow: Callable[..., Any]
    options: tuple[Options, ...] = ({},)
    """Options that together reach all its code."""
    random: Any = field(default_factory=lambda: st.just({}))
    """Strategy of options for the comparison with `slow`."""
    ode: tuple[Options, ...] = ({},)
    """Noise-free options whose order is `claims.global_order`; empty where that is None."""
    counts: tuple[int, ...] = (80, 160, 320)
    """Steps of the runs that show it."""
    of_flow: Options = field(default_factory=dict)
    """Options that a flow needs."""
    orders: tuple[tuple[Options, float], ...] = ()
    """(noise-free options, their order) where that is another than `claims.global_order`; for a method with `second`
    where both results are equal."""
    ratios: tuple[float, float] = (0.05, 0.99)
    """Range of sigma_next / sigma in random schedules: narrower where the weights of a high order, powers of the ratio
    of steps, amplify the rounding of single operations."""
    weak: tuple[Options, ...] = ()
    """Options whose weak order is `claims.weak_order`."""
    formula: tuple[Options, ...] = ()
    """Noise-free options whose `claims.formula_order` is above the order of a run, which its start lowers."""
    other_weak_orders: tuple[tuple[Options, float], ...] = ()
    """(options, their weak order) where it is not the claim's."""
    limits: tuple[tuple[Options, str, Options], ...] = ()
    """(options, other sampler, its options) that draw no noise and give the same result."""
    single_step: bool = False
    """Whether a step uses only its own two sigmas and x: no history, nothing that counts steps."""
    second: bool = False
    """Whether it asks for the unconditional result."""
    unguided: tuple[tuple[Options, str, Options], ...] = ()
    """(options, other sampler, its options) that give the same result where both results of a call are equal."""
    lands: bool = True
    """Whether a last step to zero is the denoised value exactly."""
    upward: bool = False
    """Whether it goes from the last sigma to the first."""
    bound: float = 10.0
    """What one or two long steps stay below, apart from the noise they end with."""
    keeps_mean: bool = True
    """Whether the mean on a Gaussian is exact: it has no error to lose order with."""
    scaled: tuple[str, ...] = ()
    """Options that are noise levels, and scale along with the sigmas."""
    bad: tuple[tuple[Options, str], ...] = ()
    """(options, the whole message) that are refused."""
    zero_only: bool = False
    """Whether sigmas must end at zero."""
    two_positive: bool = False
    """Whether it needs two sigmas above zero."""
    unused_draws: bool = False
    """Whether the host draws noise that these options do not use."""
    process: Any = None
    """The process that it is compiled for, where it needs one."""
    atol: float = 1e-12
    """Agreement with `slow`, relative to the largest value of the result."""


NUMBER = "expected a finite number of at least 0"
small = st.floats(0.0, 1.5)
