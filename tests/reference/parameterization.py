"""Scalings from their formulas, in 40 digits."""

import mpmath

MP = mpmath.mp.clone()
MP.dps = 40


def scalings(name, sigma, sigma_data):
    """`(c_skip, c_out, c_in)`: Karras et al. 2022, table 1; v-prediction has its c_out negated."""
    sigma, sd = MP.mpf(sigma), MP.mpf(sigma_data)
    variance = sigma**2 + sd**2
    c_in = 1 / MP.sqrt(variance)
    if name == "epsilon":
        return 1.0, float(-sigma), float(c_in)
    sign = {"v_prediction": -1, "edm": 1}[name]
    return float(sd**2 / variance), float(sign * sigma * sd / MP.sqrt(variance)), float(c_in)
