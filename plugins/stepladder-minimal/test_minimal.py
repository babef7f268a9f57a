"""The battery that stepladder's own schedules and samplers pass."""

from stepladder.testing import check_sampler, check_schedule


def test_schedule():
    check_schedule("chebyshev", endpoints="exact")


def test_sampler():
    check_sampler("ralston")
