"""RES multistep."""

import functools
import math

from hypothesis import strategies as st
from reference import sampler_res_multistep as slow

from methods.method import NUMBER, Method, small

COMFYUI = {"form": "comfyui"}
form = st.fixed_dictionaries({}, optional={"form": st.sampled_from(["exact", "comfyui"])})
ancestral = st.fixed_dictionaries({}, optional={"eta": small, "s_noise": small})
BAD_FORM = (({"form": "host"}, 'form is "host"; expected one of exact, comfyui'),)
BAD_ANCESTRAL = (
    ({"eta": -0.1}, f"eta is -0.1; {NUMBER}"),
    ({"s_noise": math.nan}, f"s_noise is NaN; {NUMBER}"),
    ({"eta": [1.0, math.inf]}, f"eta[1] is inf; {NUMBER}"),
)


def replaced(denoise, x, sigmas, noise=None, setting=None, eta=1.0, **options):
    """The slow version with the ancestral methods' default."""
    return slow.res_multistep(denoise, x, sigmas, noise, setting, eta=eta, **options)


METHODS = [
    Method(
        "res_multistep",
        slow.res_multistep,
        options=({}, COMFYUI),
        random=form,
        ode=({},),
        limits=(({}, "dpmpp_2m_sde", {"eta": 0.0, "solver_type": "heun"}),),
        bad=BAD_FORM,
    ),
    Method(
        "res_multistep_ancestral",
        replaced,
        options=({}, {"eta": 0.4, "s_noise": 0.9}),
        random=ancestral,
        ode=({"eta": 0.0},),
        weak=({}, {"eta": 0.5}),
        limits=(({"eta": 0.0}, "res_multistep", {}),),
        bad=BAD_ANCESTRAL,
    ),
    Method(
        "res_multistep_cfg_pp",
        functools.partial(slow.res_multistep, cfg_pp=True),
        options=({}, COMFYUI),
        random=form,
        ode=(),
        orders=(({}, 2.0),),
        second=True,
        unguided=(({}, "res_multistep", {}),),
        bad=BAD_FORM,
    ),
    Method(
        "res_multistep_ancestral_cfg_pp",
        functools.partial(replaced, cfg_pp=True),
        options=({}, {"eta": 0.4, "s_noise": 0.9}),
        random=ancestral,
        ode=(),
        orders=(({"eta": 0.0}, 2.0),),
        limits=(({"eta": 0.0}, "res_multistep_cfg_pp", {}),),
        second=True,
        unguided=(({"eta": 0.6}, "res_multistep_ancestral", {"eta": 0.6}),),
        bad=BAD_ANCESTRAL,
    ),
]

PEER_NAMES = {name: (name, COMFYUI) for name in ("res_multistep", "res_multistep_cfg_pp")}
