"""The conformance kit: the battery that the built-ins pass, for plugin authors' own tests.

`check_schedule`, `check_sampler`, `check_process` and `check_parameterization` raise AssertionError, saying what was
measured and what was claimed. `run_program` is a slow second implementation of a program's meaning, and the problems
have denoisers that are known exactly. Everything here is float64 NumPy.
"""

from stepladder.testing._order import measured_order, measured_weak_order
from stepladder.testing._parameterization import check_parameterization
from stepladder.testing._problems import GaussianProblem, MixtureProblem, Problem, gaussian_problem, mixture_problem
from stepladder.testing._process import check_process
from stepladder.testing._reference import run_program, validate_program
from stepladder.testing._sampler import ORDER_MARGIN, check_sampler
from stepladder.testing._schedule import check_schedule

__all__ = [
    "ORDER_MARGIN",
    "GaussianProblem",
    "MixtureProblem",
    "Problem",
    "check_parameterization",
    "check_process",
    "check_sampler",
    "check_schedule",
    "gaussian_problem",
    "measured_order",
    "measured_weak_order",
    "mixture_problem",
    "run_program",
    "validate_program",
]
