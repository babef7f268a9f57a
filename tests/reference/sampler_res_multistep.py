"""RES multistep as a plain loop."""

import math

from reference.sampler import split
from reference.setting import VE


def res_multistep(denoise, x, sigmas, noise=None, setting=VE, eta=0.0, s_noise=1.0, form="exact", cfg_pp=False):
    """Zhang et al. 2023 (arXiv:2308.02157), algorithm 2: x' = e^-h x + h (b1 D + b2 D_before), b's from phi1 and phi2.

    With eta the step goes to `down` and fresh noise makes up the rest; the two denoised values are as far apart as the
    previous step went down. CFG++: the unconditional value in place of D, and guidance D - U added to x; the first step
    is Euler's of CFG++. The host's form draws more noise and uses the same.
    """
    before = down_before = None
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        result = denoise(x, s)
        denoised, used = result if cfg_pp else (result, result)
        down, up = split(s, t, eta)
        if before is None or down == 0:
            x = denoised + down / s * (x - used)
        else:
            x = x + (denoised - used)
            h = math.log(s / down)
            phi1 = -math.expm1(-h) / h
            phi2 = (1 - phi1) / h if h > 1e-3 else 1 / 2 - h / 6 + h**2 / 24 - h**3 / 120 + h**4 / 720
            # The integral of e^(v - h) l(v) over the step, l the line through the two values. From zero they are
            # infinitely far apart: l is constant.
            b2 = -phi2 * h / math.log(sigmas[i - 1] / down_before) if down_before > 0 else 0.0
            x = down / s * x + h * ((phi1 - b2) * used + b2 * before)
        if up > 0:
            x = x + up * s_noise * noise(i)
        before, down_before = used, down
    return x
