"""Explicit Runge-Kutta methods as a plain loop, with the tableaux as fractions."""

import itertools
import math
from fractions import Fraction

from reference.setting import VE

# Rows of a after the first stage, then b. Hairer, Nørsett and Wanner 1993, Solving Ordinary Differential Equations I,
# chapter II, and the papers that the package names.
TABLEAUX = {
    "midpoint_2s": "1/2; 0 1",
    "heun_2s": "1; 1/2 1/2",
    "ralston_2s": "2/3; 1/4 3/4",
    "ralston_3s": "1/2; 0 3/4; 2/9 3/9 4/9",
    "heun_3s": "1/3; 0 2/3; 1/4 0 3/4",
    "kutta_3s": "1/2; -1 2; 1/6 4/6 1/6",
    "houwen_wray_3s": "8/15; 1/4 5/12; 1/4 0 3/4",
    "ssprk3": "1; 1/4 1/4; 1/6 1/6 2/3",
    "bogacki_shampine": "1/2; 0 3/4; 2/9 1/3 4/9",
    "rk4": "1/2; 0 1/2; 0 0 1; 1/6 2/6 2/6 1/6",
    "rk38": "1/3; -1/3 1; 1 -1 1; 1/8 3/8 3/8 1/8",
    "dormand_prince": (
        "1/5; 3/40 9/40; 44/45 -56/15 32/9; 19372/6561 -25360/2187 64448/6561 -212/729; "
        "9017/3168 -355/33 46732/5247 49/176 -5103/18656; 35/384 0 500/1113 125/192 -2187/6784 11/84"
    ),
}


def rows_of(tableau):
    """Rows of a, then b, as numbers."""
    if tableau == "ralston_4s":
        return ralston_4s()
    return [[float(Fraction(word)) for word in row.split()] for row in TABLEAUX[tableau].split(";")]


def ralston_4s():
    """The one parameter family of order 4 by c2, c3 (Ralston 1962, equations 3.10), at the point of least bound."""
    u, v = Fraction(2, 5), 7 / 8 - 3 * math.sqrt(5) / 16
    u = float(u)
    a32 = v * (v - u) / (2 * u * (1 - 2 * u))
    bottom = 6 * u * v - 4 * (u + v) + 3
    a42 = (1 - u) * (u + v - 1 - (2 * v - 1) ** 2) / (2 * u * (v - u) * bottom)
    a43 = (1 - 2 * u) * (1 - u) * (1 - v) / (v * (v - u) * bottom)
    b2 = (2 * v - 1) / (12 * u * (v - u) * (1 - u))
    b3 = (1 - 2 * u) / (12 * v * (v - u) * (1 - v))
    b4 = 1 / 2 + (2 * (u + v) - 3) / (12 * (1 - u) * (1 - v))
    b1 = 1 - b2 - b3 - b4
    return [[u], [v - a32, a32], [1 - a42 - a43, a42, a43], [b1, b2, b3, b4]]


def runge_kutta(denoise, x, sigmas, noise=None, setting=VE, tableau="rk4", variable="log_sigma"):
    """Butcher's form; a step to zero is Euler's in sigma."""
    *a, b = rows_of(tableau)
    log = variable == "log_sigma"
    for s, t in itertools.pairwise(sigmas):
        if t == 0:
            return denoise(x, s)
        start, h = (math.log(s), math.log(t) - math.log(s)) if log else (s, t - s)
        slopes = []
        for row in [[], *a]:
            at = start + sum(row) * h
            level = math.exp(at) if log else at
            y = x + h * sum((w * k for w, k in zip(row, slopes, strict=True)), 0 * x)
            slopes.append((y - denoise(y, level)) / (1 if log else level))
        x = x + h * sum((w * k for w, k in zip(b, slopes, strict=True)), 0 * x)
    return x
