"""Linear multistep methods on dx/dsigma = (x - D) / sigma, as plain loops.

Weights are those that integrate every polynomial of degree below the order exactly: the moment equations, solved in
rational numbers, so that nothing rounds before the end.
"""

from fractions import Fraction

from reference.sampler import slope
from reference.setting import VE

EQUAL = {
    1: [1.0],
    2: [3 / 2, -1 / 2],
    3: [23 / 12, -16 / 12, 5 / 12],
    4: [55 / 24, -59 / 24, 37 / 24, -9 / 24],
}
"""Adams-Bashforth weights of equal steps, newest first. Hairer, Norsett, Wanner, "Solving ODEs I", table III.1.1."""


def solved(matrix, rhs):
    """Gauss-Jordan elimination in rational numbers."""
    n = len(rhs)
    rows = [[*row, value] for row, value in zip(matrix, rhs, strict=True)]
    for column in range(n):
        pivot = next(row for row in range(column, n) if rows[row][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for row in range(n):
            if row != column:
                rows[row] = [a - rows[row][column] * b for a, b in zip(rows[row], rows[column], strict=True)]
    return [row[-1] for row in rows]


def moment_weights(nodes, to):
    """w with sum_j w_j (s_j - s_0)^k = integral of (s - s_0)^k from s_0 to `to`, for k below the number of nodes."""
    distances = [Fraction(node) - Fraction(nodes[0]) for node in nodes]
    h = Fraction(to) - Fraction(nodes[0])
    matrix = [[d**k for d in distances] for k in range(len(nodes))]
    return [float(w) for w in solved(matrix, [h ** (k + 1) / (k + 1) for k in range(len(nodes))])]


def multistep(denoise, x, sigmas, order, weights, lands=True):
    """x + sum_j w_j d_{i-j} with `weights(nodes, to)`, nodes newest first; `lands`: to zero goes the denoised value."""
    slopes = []
    for i in range(len(sigmas) - 1):
        slopes.insert(0, slope(denoise, x, sigmas[i]))
        now = 1 if lands and sigmas[i + 1] == 0 else min(order, i + 1)
        nodes = [sigmas[i - j] for j in range(now)]
        for w, d in zip(weights(nodes, sigmas[i + 1]), slopes, strict=False):
            x = x + w * d
    return x


def lms(denoise, x, sigmas, noise=None, setting=VE, order=4, lower_order_final=True):
    """Adams-Bashforth with variable steps. Hairer, Norsett, Wanner, "Solving ODEs I", section III.5, eq. 5.5."""
    return multistep(denoise, x, sigmas, order, moment_weights, lower_order_final)


def ipndm(denoise, x, sigmas, noise=None, setting=VE, max_order=4):
    """The weights of equal steps, whatever the steps are. Zhang and Chen 2022 (arXiv:2204.13902), appendix H.2."""
    return multistep(denoise, x, sigmas, max_order, lambda nodes, to: [(to - nodes[0]) * w for w in EQUAL[len(nodes)]])


def published_weights(nodes, to):
    """The published variable-step weights of iPNDM_v: w0, w1, ... of h sum_j w_j d_j.

    Newton's form over divided differences with two slips: in the third-order term c the bracket closes after the
    product, where Adams-Bashforth has (1 - h / (3 (h + h1))) / 2 times it; the fourth-order term applies h1 / h2 where
    the oldest node needs h2 / h3.
    """
    h = to - nodes[0]
    if len(nodes) == 1:
        return [h]
    back = [nodes[j] - nodes[j + 1] for j in range(len(nodes) - 1)]
    h1 = back[0]
    w = [1 + h / h1 / 2, -h / h1 / 2, 0.0, 0.0]
    if len(nodes) > 2:
        h2 = back[1]
        product = h * (h + h1) / (h1 * (h1 + h2))
        c = (1 - h / (3 * (h + h1)) * product) / 2
        w = [w[0] + c, w[1] - (1 + h1 / h2) * c, c * h1 / h2, 0.0]
    if len(nodes) > 3:
        h3 = back[2]
        q = h1 * (h1 + h2) / (h2 * (h2 + h3))
        scale = h * (h + h1) * (h + h1 + h2) / (h1 * (h1 + h2) * (h1 + h2 + h3))
        c = ((1 - h / (3 * (h + h1))) / 2 + (1 - h / (2 * (h + h1))) * h / (6 * (h + h1 + h2))) * scale
        w = [
            w[0] + c,
            w[1] - (1 + h1 / h2 + q) * c,
            w[2] + (h1 / h2 + q * (1 + h2 / h3)) * c,
            -c * q * h1 / h2,
        ]
    return [h * value for value in w[: len(nodes)]]


def ipndm_v(denoise, x, sigmas, noise=None, setting=VE, max_order=4, form="exact"):
    return multistep(denoise, x, sigmas, max_order, moment_weights if form == "exact" else published_weights)


def pndm(denoise, x, sigmas, noise=None, setting=VE, start="improved_euler"):
    """Liu et al. 2022 (arXiv:2202.09778), eqs. 12 and 13; the transfer of eq. 11 is, in sigma, Euler's step."""
    slopes = []
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        h = t - s
        d = slope(denoise, x, s)
        slopes.insert(0, d)
        if t == 0 and i < (1 if start == "improved_euler" else 3):
            x = x + h * d
        elif start == "improved_euler" and i == 0:
            x = x + h * (d + slope(denoise, x + h * d, t)) / 2
        elif start == "runge_kutta" and i < 3:
            middle = (s + t) / 2
            d2 = slope(denoise, x + h / 2 * d, middle)
            d3 = slope(denoise, x + h / 2 * d2, middle)
            d4 = slope(denoise, x + h * d3, t)
            x = x + h * (d + 2 * d2 + 2 * d3 + d4) / 6
        else:
            x = x + h * sum(w * e for w, e in zip(EQUAL[min(4, i + 1)], slopes, strict=False))
    return x
