"""Scalings from their formulas, in 40 digits."""

import mpmath

MP = mpmath.mp.clone()
MP.dps = 40


def scalings(name, sigma, sigma_data, sigma_min=0.002, t=None):
    """`(c_skip, c_out, c_in)` from the formulas of the papers; t is the timestep that an lcm network is told."""
    sigma, sd = MP.mpf(sigma), MP.mpf(sigma_data)
    variance = sigma**2 + sd**2
    c_in = 1 / MP.sqrt(variance)
    velocity = sigma * sd / MP.sqrt(variance)
    u = sigma / (sigma + 1)
    if name == "lcm":
        scaled = 10 * MP.mpf(t)
        b, c = 0.25 / (scaled**2 + 0.25), scaled / MP.sqrt(scaled**2 + 0.25)
        values = (b + c, -sigma * c, c_in)
    else:
        values = {
            "epsilon": (1, -sigma, c_in),
            "v_prediction": (sd**2 / variance, -velocity, c_in),
            "v_prediction_ddpm": (1 / MP.sqrt(1 + sigma**2), -sigma / MP.sqrt(1 + sigma**2), 1),
            "edm": (sd**2 / variance, velocity, c_in),
            "x0": (0, 1, c_in),
            "flow": (1, -sigma, 1),
            "img_to_img": (0, 1, 1),
            "img_to_img_flow": (0, 1, 1),
            "cosmos_rflow": (1 - u, -u, 1 - u),
            "consistency": (
                sd**2 / ((sigma - MP.mpf(sigma_min)) ** 2 + sd**2),
                (sigma - MP.mpf(sigma_min)) * sd / MP.sqrt(variance),
                c_in,
            ),
            "trigflow": (MP.cos(MP.atan(sigma / sd)) ** 2, -sd * MP.sin(MP.atan(sigma / sd)), c_in),
        }[name]
    return tuple(float(value) for value in values)


def told(name, sigma, sigma_data, t=None):
    """What the network is told; t is the timestep that the process gives."""
    sigma = MP.mpf(sigma)
    if name == "edm":
        return MP.log(sigma) / 4
    if name == "consistency":
        return 250 * MP.log(sigma)
    return MP.atan(sigma / MP.mpf(sigma_data)) if name == "trigflow" else t
