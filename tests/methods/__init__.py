"""Every built-in sampler as the tests see it. One module per family; `METHODS` joins them."""

from methods import dpmpp, euler
from methods.method import Method as Method

METHODS = {method.name: method for family in (euler, dpmpp) for method in family.METHODS}

# Name in the incumbents' reference file -> our name, and options that make it the same method.
PEER_NAMES = {name: (name, {}) for name in METHODS} | {
    name: made for family in (euler, dpmpp) for name, made in family.PEER_NAMES.items()
}
