"""Functions over lists of sigmas: split, flip, join, stretch and cut them."""

from __future__ import annotations

from stepladder._core import concatenate_sigmas as concatenate_sigmas
from stepladder._core import extend_sigmas as extend_sigmas
from stepladder._core import flip_sigmas as flip_sigmas
from stepladder._core import rescale_sigmas as rescale_sigmas
from stepladder._core import set_first_sigma as set_first_sigma
from stepladder._core import split_sigmas as split_sigmas
from stepladder._core import split_sigmas_denoise as split_sigmas_denoise
from stepladder._core import step_range_sigmas as step_range_sigmas
from stepladder._core import strength_sigmas as strength_sigmas
from stepladder._core import truncate_sigmas as truncate_sigmas
