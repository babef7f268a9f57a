"""Every scheduler class of diffusers: live against the sampler that stands for it, or a reason why none does.

`tests/data/parity_diffusers.json` has a row per class, and `docs/parity.md` is made of it. A class is driven with exact
float64 noise levels past its own tables, on the Gaussian mixture; some cast to float32 inside `step`.
"""

import ast
import functools
import importlib
import inspect
import itertools
import json
import math
from pathlib import Path

import numpy as np
import problems
import pytest
import stepladder as sl
import stepladder.errors
import torch
from diffusers import schedulers as theirs
from diffusers.schedulers.deprecated.scheduling_sde_vp import ScoreSdeVpScheduler
from test_sampler import MIXTURE, start_of
from test_sampler_diffusers import old_numpy
from test_sampler_diffusers_multistep import drive, tcd
from test_sampler_diffusers_multistep import ours as ours_with
from test_sampler_multistep_diffusers import (
    diffusers_deis,
    diffusers_ipndm,
    diffusers_lms,
    diffusers_pndm,
    old_scalars,
)

DATA = json.loads((problems.DATA / "parity_diffusers.json").read_text())
ROWS = DATA["rows"]
BY_CLASS = {row["class"]: row for row in ROWS}
VE_SIGMAS = np.append(problems.grid("karras", 14.6, 0.03, 19), 0.0)
FLOW_SIGMAS = np.append(np.linspace(1.0, 0.1, 10), 0.0)
FLOW = problems.for_flow(MIXTURE)
FLOW_PROCESS = sl.process("flow")


def tensor(a):
    return torch.as_tensor(np.asarray(a), dtype=torch.float64)


def prepared(scheduler, sigmas, timesteps=None):
    """Exact levels in place of the scheduler's tables."""
    scheduler.sigmas = tensor(sigmas)
    scheduler.timesteps = tensor(sigmas[:-1] if timesteps is None else timesteps)
    scheduler.num_inference_steps = len(sigmas) - 1
    scheduler._step_index = 0
    scheduler.is_scale_input_called = True
    return scheduler


def stepped(scheduler, x, outputs, sigmas, generator=None, **arguments):
    """`step` over all levels: `outputs(x, sigma)` is the network's."""
    drawing = {} if generator is None else {"generator": generator}
    for i, s in enumerate(sigmas[:-1]):
        model_output = tensor(outputs(x, s))
        x = scheduler.step(model_output, scheduler.timesteps[i], tensor(x), **drawing, **arguments).prev_sample.numpy()
    return x


def epsilon(x, s):
    return (x - MIXTURE.denoise(x, s)) / s


def velocity(x, s):
    return (x - FLOW(x, s)) / s


def ours(name, sigmas, flow=False, noise=None, denoise=None, x=None, **options):
    program = sl.sampler(name, **options).compile(sigmas, FLOW_PROCESS if flow else None)
    x = start_of(sigmas[0], flow) if x is None else x
    return sl.sample(program, problems.plain(denoise or (FLOW if flow else MIXTURE.denoise)), x, noise)


def drawing(generator, dtype=torch.float64):
    """A noise source that draws as diffusers does."""

    def draw(like, sigma_from, sigma_to):
        return torch.randn(like.shape, generator=generator, dtype=dtype).double().numpy()

    return draw


def seeded():
    return torch.Generator().manual_seed(3)


# Variance exploding levels, x = x0 + sigma noise


def of_steps(cls, name, config=None, output=epsilon, noisy=False, options=None, **arguments):
    x = start_of(VE_SIGMAS[0], False)
    scheduler = prepared(cls(**(config or {})), VE_SIGMAS)
    result = stepped(scheduler, x, output, VE_SIGMAS, seeded() if noisy else None, **arguments)
    return result, ours(name, VE_SIGMAS, noise=drawing(seeded()) if noisy else None, **(options or {}))


def heun():
    """Its levels come twice."""
    x = start_of(VE_SIGMAS[0], False)
    twice = np.concatenate([VE_SIGMAS[:1], np.repeat(VE_SIGMAS[1:-1], 2), VE_SIGMAS[-1:]])
    result = stepped(prepared(theirs.HeunDiscreteScheduler(), twice), x, epsilon, twice)
    return result, ours("heun", VE_SIGMAS)


def edm_output(x, s, sd=0.5):
    """The network's output whose preconditioned value is the exact denoised one."""
    root = math.hypot(s, sd)
    return (MIXTURE.denoise(x, s) - sd**2 / root**2 * x) * root / (s * sd)


def multistep(cls, name, sigmas=VE_SIGMAS, options=None, unit_alpha=False, flow=False, **config):
    """The update formulas, in float64; `step` around them rounds to float32, and chooses the orders as here."""
    options = options or {}
    order, steps = config.get("solver_order", 2), len(sigmas) - 1
    scheduler = prepared(cls(**config), sigmas)
    noise = drawing(seeded())
    draw = drawing(seeded())
    stochastic = config.get("algorithm_type", "").startswith("sde") or "Cosine" in cls.__name__
    alpha = 1 - sigmas if flow else np.ones_like(sigmas) if unit_alpha else 1 / np.hypot(1, sigmas)
    scale = np.ones_like(sigmas) if flow else alpha
    x, outputs = tensor(start_of(sigmas[0], flow) * scale[0]), []
    for i, s in enumerate(sigmas[:-1]):
        scheduler._step_index = i
        plain_x = x.numpy() / scale[i]
        denoised = FLOW(plain_x, s) if flow else MIXTURE.denoise(plain_x, s)
        level = s if flow else s * alpha[i]
        data = "++" in config.get("algorithm_type", "dpmsolver++")
        outputs.append(tensor(denoised) if data else (x - alpha[i] * tensor(denoised)) / level)
        unit = tensor(noise(x.numpy(), s, 0.0)) if stochastic and not (i == steps - 1 and sigmas[-1] == 0) else None
        used = min(order, i + 1)
        if i == steps - 1 and (sigmas[-1] == 0 or config.get("euler_at_final") or steps < 15):
            used = 1
        elif i == steps - 2 and steps < 15:
            used = min(used, 2)
        unit = torch.zeros_like(x) if unit is None and stochastic else unit
        made = {"sample": x, "noise": unit}
        if used == 1:
            x = scheduler.dpm_solver_first_order_update(outputs[-1], **made)
        elif used == 2:
            x = scheduler.multistep_dpm_solver_second_order_update(outputs, **made)
        else:
            x = scheduler.multistep_dpm_solver_third_order_update(outputs, **made)
    return x.numpy() / scale[-1], ours(name, sigmas, flow, draw if stochastic else None, **options)


def singlestep(sigmas=VE_SIGMAS, options=None, flow=False, name="dpm_solver_pp_singlestep", **config):
    """`step` itself: it keeps float64. x is scaled by alpha."""
    config = {"solver_order": 2, "lower_order_final": True, "prediction_type": "sample"} | config
    if flow:
        config["use_flow_sigmas"] = True
    scheduler = prepared(theirs.DPMSolverSinglestepScheduler(**config), sigmas)
    scheduler.order_list = scheduler.get_order_list(len(sigmas) - 1)
    scheduler.model_outputs, scheduler.sample = [None] * config["solver_order"], None
    scale = np.ones_like(sigmas) if flow else 1 / np.hypot(1, sigmas)
    x, generator = start_of(sigmas[0], flow) * scale[0], seeded()
    for i, s in enumerate(sigmas[:-1]):
        output = tensor((FLOW if flow else MIXTURE.denoise)(x / scale[i], s))
        x = scheduler.step(output, scheduler.timesteps[i], tensor(x), generator=generator).prev_sample.numpy()
    stochastic = config.get("algorithm_type", "").startswith("sde")
    noise = drawing(seeded()) if stochastic else None
    return x / scale[-1], ours(name, sigmas, flow, noise, **(options or {}))


def two_calls(cls, name, noisy=False, between=None):
    """Its levels come twice, and it calls the network a second time at a level between; not in a step to zero.

    `between(s, s_next)` is that level and the one where the step ends before noise.
    """
    sigmas, x = VE_SIGMAS, start_of(VE_SIGMAS[0], False)
    scheduler = prepared(cls(), np.concatenate([sigmas[:1], np.repeat(sigmas[1:], 2)]))
    middles = [between(a, b) for a, b in itertools.pairwise(sigmas)]
    generator, drawn = seeded(), drawing(seeded())
    if noisy and cls is theirs.DPMSolverSDEScheduler:
        scheduler.noise_sampler = lambda a, b: tensor(drawn(x, a, b))
    elif noisy:
        up, down = [s_up for _, _, s_up in middles], [s_down for _, s_down, _ in middles]
        scheduler.sigmas_up = tensor([up[0], *np.repeat(up[1:], 2)])
        scheduler.sigmas_down = tensor([down[0], *np.repeat(down[1:], 2)])
    at = [m[0] for m in middles]
    shifted = [0.0, *np.repeat(at, 2)] if cls is theirs.KDPM2DiscreteScheduler else [at[0], *np.repeat(at[1:], 2)]
    scheduler.sigmas_interpol = tensor(shifted)
    drawing_too = {"generator": generator} if cls is theirs.KDPM2AncestralDiscreteScheduler else {}
    for (s, s_next), middle in zip(itertools.pairwise(sigmas), at, strict=True):
        for level in [s, middle] if s_next else [s]:
            output = tensor(epsilon(x, level))
            x = scheduler.step(output, tensor(level), tensor(x), **drawing_too).prev_sample.numpy()
    return x, ours(name, sigmas, noise=drawing(seeded()) if noisy else None)


def middle_of(a, b):
    return (math.sqrt(a * b), b, 0.0)


def ancestral_middle_of(a, b):
    up = b * math.sqrt(a * a - b * b) / a
    down = math.sqrt(b * b - up * up)
    return (math.sqrt(a * down), down, up)


def of_formulas(name, peer, sigmas=VE_SIGMAS, **options):
    """`peer(x, sigmas)` drives the class, as in the tests of its family."""
    return peer(start_of(sigmas[0], False), sigmas), ours(name, sigmas, **options)


def predictor_corrector(cls, name, options=None, noisy=False, flow=False, sigmas=None, **config):
    """`step` itself: it keeps float64. x is scaled by alpha."""
    sigmas = (BELOW_ONE if flow else POSITIVE) if sigmas is None else sigmas
    noise = (seeded(), seeded()) if noisy else (None, None)
    result = drive(cls(prediction_type="sample", **config), sigmas, noise[0], flow)
    return result, ours_with(sl.sampler(name, **(options or {})), sigmas, noise[1], flow)


def constant_tau(t):
    return torch.tensor(0.7, dtype=torch.float64)


# Tables of alpha-bar, x scaled by its root


TIMESTEPS = list(range(950, -1, -50))


@functools.cache
def table():
    """alpha-bar of 1,000 timesteps, float64, and the noise levels of `TIMESTEPS`, ending at zero."""
    bar = np.cumprod(1 - np.linspace(math.sqrt(0.00085), math.sqrt(0.012), 1000) ** 2)
    return bar, np.append(np.sqrt((1 - bar[TIMESTEPS]) / bar[TIMESTEPS]), 0.0)


def of_table(cls, name, config=None, options=None, noisy=False, clip=None, **arguments):
    """`step` by timesteps."""
    bar, sigmas = table()
    scheduler = cls(**({"clip_sample": False} | (config or {})))
    scheduler.alphas_cumprod, scheduler.final_alpha_cumprod = tensor(bar), tensor(1.0)
    scheduler.num_inference_steps, scheduler.timesteps = len(TIMESTEPS), torch.tensor(TIMESTEPS)
    scheduler._step_index = 0
    scale = 1 / np.hypot(1, sigmas)
    start = start_of(sigmas[0], False)
    x, generator = start * scale[0], seeded()
    for i, t in enumerate(TIMESTEPS):
        output = tensor(epsilon(x / scale[i], sigmas[i]))
        extra = {"generator": generator} if noisy else {}
        x = scheduler.step(output, t, tensor(x), **extra, **arguments).prev_sample.numpy()
    noise = drawing(seeded()) if noisy else None
    return x, ours(name, sigmas, noise=noise, denoise=clip, **(options or {}))


def clip_rule(limit, unclipped):
    def denoise(x, s):
        value = MIXTURE.denoise(x, s)
        cut = np.clip(value, -limit, limit)
        return (cut, value) if unclipped else cut

    return denoise


def ddim_inverse():
    bar, sigmas = table()
    scheduler = theirs.DDIMInverseScheduler(clip_sample=False)
    scheduler.alphas_cumprod, scheduler.initial_alpha_cumprod = tensor(bar), tensor(1.0)
    scheduler.num_inference_steps = len(TIMESTEPS)
    up = sigmas[::-1]
    start = MIXTURE.start(0.0)
    x = start
    for i, t in enumerate(TIMESTEPS[::-1]):
        # The network is told the timestep that the step goes to, at x as it is.
        seen = x * np.hypot(1, up[i + 1])
        output = tensor((seen - MIXTURE.denoise(seen, up[i + 1])) / up[i + 1])
        x = scheduler.step(output, t, tensor(x)).prev_sample.numpy()
    return x * math.hypot(1, up[-1]), ours("ddim_inverse", sigmas, x=start, form="diffusers")


def lcm():
    """Its boundary scalings are the denoiser's: c_skip multiplies x as the process scales it."""
    _, sigmas = table()
    at = {float(s): t for s, t in zip(sigmas, TIMESTEPS, strict=False)}

    def denoise(x, s):
        t = 10.0 * at[float(s)]
        c_skip, c_out = 0.25 / (t**2 + 0.25), t / math.sqrt(t**2 + 0.25)
        return c_out * MIXTURE.denoise(x, s) + c_skip * x / math.hypot(1, s)

    return of_table(theirs.LCMScheduler, "lcm", noisy=True, clip=denoise)


def ddpm_wuerstchen():
    """Over its own cosine process. It has no noise in its last step, which ends above zero; that step is left out."""
    scheduler = theirs.DDPMWuerstchenScheduler()
    scheduler.timesteps = tensor(np.linspace(1.0, 0.0, 12))
    bar = scheduler._alpha_cumprod(scheduler.timesteps, "cpu").numpy()
    sigmas = np.sqrt((1 - bar) / bar)[:-1]
    scale = 1 / np.hypot(1, sigmas)
    x, generator = start_of(sigmas[0], False) * scale[0], seeded()
    for i, t in enumerate(scheduler.timesteps[:-2]):
        output = tensor(epsilon(x / scale[i], sigmas[i]))
        x = scheduler.step(output, t[None].expand(len(x)), tensor(x), generator=generator).prev_sample.numpy()
    return x / scale[-1], ours("ddpm", sigmas, noise=drawing(seeded()))


def cogvideox_dpm():
    """It draws once in the first step and twice in every other, keeping the second."""
    bar, sigmas = table()
    scheduler = theirs.CogVideoXDPMScheduler(clip_sample=False)
    scheduler.alphas_cumprod, scheduler.final_alpha_cumprod = tensor(bar), tensor(1.0)
    scheduler.num_inference_steps = len(TIMESTEPS)
    scale = 1 / np.hypot(1, sigmas)
    x, old, generator = start_of(sigmas[0], False) * scale[0], None, seeded()
    for i, t in enumerate(TIMESTEPS[:-1]):  # its last step divides by 1 - alpha-bar = 0
        back = TIMESTEPS[i - 1] if i else None
        made = scheduler.step(tensor(epsilon(x / scale[i], sigmas[i])), old, t, back, tensor(x), generator=generator)
        x, old = made[0].numpy(), made[1]
    of_ours, drawn = seeded(), iter(range(100))

    def draw(like, sigma_from, sigma_to):
        if next(drawn):
            torch.randn(like.shape, generator=of_ours, dtype=torch.float64)
        return torch.randn(like.shape, generator=of_ours, dtype=torch.float64).numpy()

    return x / scale[-2], ours("dpmpp_2m_sde", sigmas[:-1], noise=draw)


# Consistency models, angles, continuous time


def consistency(sigmas):
    """It counts levels by its 40 timesteps; the noise of the last step, to sigma_min, is zero."""
    scheduler = prepared(theirs.CMStochasticIterativeScheduler(clip_denoised=False), sigmas)

    def output(x, s):
        c_skip = 0.25 / ((s - 0.002) ** 2 + 0.25)
        return (MIXTURE.denoise(x, s) - c_skip * x) * math.hypot(s, 0.5) / ((s - 0.002) * 0.5)

    result = stepped(scheduler, start_of(sigmas[0], False), output, sigmas, seeded())
    return result, ours("consistency", sigmas, noise=drawing(seeded()))


def scm():
    """Angles t with sigma = sigma_data tan t, x scaled by cos t. Its noise is float32."""
    angles = np.array([1.5, 1.2, 0.7, 0.2, 0.0])
    sigmas = 0.5 * np.tan(angles)
    scheduler = prepared(theirs.SCMScheduler(), sigmas)
    scheduler.timesteps = tensor(angles)
    x = start_of(sigmas[0], False) * math.cos(angles[0])
    generator = seeded()
    for i, t in enumerate(angles[:-1]):
        denoised = MIXTURE.denoise(x / math.cos(t), sigmas[i])
        output = (math.cos(t) * x - denoised) / math.sin(t)
        x = scheduler.step(tensor(output), t, tensor(x), generator=generator).prev_sample.numpy()
    return x, ours("lcm", sigmas, noise=drawing(seeded(), torch.float32))


def score_sde_vp():
    scheduler = ScoreSdeVpScheduler()
    times = np.linspace(1.0, 1e-3, 40)
    scheduler.timesteps = tensor(times)
    sigmas = np.append(np.sqrt(np.expm1(0.5 * times**2 * 19.9 + times * 0.1)), 0.0)
    x, generator, mean = tensor(start_of(sigmas[0], False) / math.hypot(1, sigmas[0])), seeded(), None
    for i, t in enumerate(times):
        output = epsilon(x.numpy() * math.hypot(1, sigmas[i]), sigmas[i])
        x, mean = scheduler.step_pred(tensor(output), x, tensor([t]), generator=generator)
    return mean.numpy(), ours("score_sde_vp", sigmas, noise=drawing(seeded()), time_step="uniform")


def smooth(x, s):
    """Some denoiser that is not linear, value by value."""
    return 0.8 * np.tanh(x / (1 + s))


def score_sde_ve():
    """Two samples: the corrector's norms are means over the batch. As its pipeline calls it, in float64."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return score_sde_ve_in_float64()
    finally:
        torch.set_default_dtype(usual)


def score_sde_ve_in_float64():
    scheduler, levels = theirs.ScoreSdeVeScheduler(), VE_SIGMAS[VE_SIGMAS > 0]
    scheduler.timesteps, scheduler.discrete_sigmas = torch.arange(len(levels)), tensor(levels[::-1].copy())
    start = np.stack([start_of(levels[0], False), 0.5 * start_of(levels[0], False)])

    def score(x, sigma):
        return tensor((smooth(x.numpy(), sigma) - x.numpy()) / sigma**2)

    x, generator, mean = tensor(start), seeded(), None
    for i, sigma in enumerate(levels):
        for _ in range(2):
            x = scheduler.step_correct(score(x, sigma), x, generator=generator).prev_sample
        at = (len(levels) - 1 - i + 0.5) / (len(levels) - 1)
        x, mean = scheduler.step_pred(score(x, sigma), at, x, generator=generator, return_dict=False)
    sampler = sl.sampler("score_sde_ve", corrector_steps=2, norm_over="batch")
    sigmas = np.append(levels, 0.0)
    return mean.numpy(), sl.sample_unfused(sampler, problems.plain(smooth), start, sigmas, drawing(seeded()))


def ddpm_learned(kind):
    """The second half of the network's channels is the variance."""
    bar, sigmas = table()
    scheduler = theirs.DDPMScheduler(clip_sample=False, variance_type=kind)
    scheduler.alphas_cumprod = tensor(bar)
    scheduler.num_inference_steps, scheduler.timesteps = len(TIMESTEPS), torch.tensor(TIMESTEPS)
    variance = (lambda x: np.cos(3 * x)) if kind == "learned_range" else (lambda x: 1e-3 + np.sin(x) ** 2)
    scale = 1 / np.hypot(1, sigmas)
    start = start_of(sigmas[0], False).reshape(1, 1, -1)
    x, generator = start * scale[0], seeded()
    for i, t in enumerate(TIMESTEPS):
        output = np.concatenate(
            [(x / scale[i] - smooth(x / scale[i], sigmas[i])) / sigmas[i], variance(x / scale[i])], axis=1
        )
        x = scheduler.step(tensor(output), t, tensor(x), generator=generator).prev_sample.numpy()
    denoiser = problems.plain(lambda x, s: (smooth(x, s), variance(x)))
    sampler = sl.sampler("ddpm_learned_variance", variance=kind)
    return x, sl.sample_unfused(sampler, denoiser, start, sigmas, drawing(seeded()))


# Flows, x = (1 - sigma) x0 + sigma noise


def of_flow(cls, name, options=None, noisy=False, dtype=torch.float32, config=None, sigmas=FLOW_SIGMAS):
    x = start_of(sigmas[0], True)
    scheduler = prepared(cls(**(config or {})), sigmas)
    result = stepped(scheduler, x, velocity, sigmas, seeded() if noisy else None)
    return result, ours(name, sigmas, True, drawing(seeded(), dtype) if noisy else None, **(options or {}))


def flow_heun():
    twice = np.concatenate([FLOW_SIGMAS[:1], np.repeat(FLOW_SIGMAS[1:-1], 2), FLOW_SIGMAS[-1:]])
    scheduler = prepared(theirs.FlowMatchHeunDiscreteScheduler(), twice)
    scheduler.prev_derivative = scheduler.dt = scheduler.sample = None
    return stepped(scheduler, start_of(1.0, True), velocity, twice), ours("heun", FLOW_SIGMAS, True)


def minimax():
    """It is told 1 - sigma, and its network predicts x0 - noise."""
    scheduler = prepared(theirs.MiniMaxH3Scheduler(), FLOW_SIGMAS, 1 - FLOW_SIGMAS[:-1])
    result = stepped(scheduler, start_of(1.0, True), lambda x, s: -velocity(x, s), FLOW_SIGMAS)
    return result, ours("euler", FLOW_SIGMAS, True)


def flow_map():
    scheduler = prepared(theirs.FlowMapEulerDiscreteScheduler(), FLOW_SIGMAS, 1000 * FLOW_SIGMAS[:-1])
    return stepped(scheduler, start_of(1.0, True), velocity, FLOW_SIGMAS), ours("euler", FLOW_SIGMAS, True)


WHOLE = {"lower_order_final": False}
SHORT = np.append(problems.grid("karras", 14.6, 0.03, 6), 0.0)
POSITIVE = problems.grid("karras", 14.6, 0.03, 20)
BELOW_ONE = FLOW_SIGMAS - 0.001 * (FLOW_SIGMAS == 1.0)
lu = functools.partial(multistep, theirs.DPMSolverMultistepScheduler)
NOISE = {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}
SDE_NOISE = {"algorithm_type": "sde-dpmsolver", "final_sigmas_type": "sigma_min"}
SDE = {"algorithm_type": "sde-dpmsolver++"}
WITHOUT_LAST = {"lower_order_final": False}
sa = functools.partial(predictor_corrector, theirs.SASolverScheduler, "sa_solver", noisy=True, tau_func=constant_tau)
uni_pc = functools.partial(predictor_corrector, theirs.UniPCMultistepScheduler)
HOST = {"form": "diffusers"}

# Of every class that a sampler stands for: runs of it, and of ours.
RUNS = {
    "EulerDiscreteScheduler": [functools.partial(of_steps, theirs.EulerDiscreteScheduler, "euler")],
    "EDMEulerScheduler": [functools.partial(of_steps, theirs.EDMEulerScheduler, "euler", output=edm_output)],
    "EulerAncestralDiscreteScheduler": [
        functools.partial(of_steps, theirs.EulerAncestralDiscreteScheduler, "euler_ancestral", noisy=True)
    ],
    "HeunDiscreteScheduler": [heun],
    "DPMSolverMultistepScheduler": [
        functools.partial(lu, "dpm_solver_pp"),
        functools.partial(lu, "dpm_solver_pp", solver_type="heun", options={"solver_type": "heun"}),
        functools.partial(lu, "dpm_solver_pp", solver_order=1, options={"order": 1}),
        functools.partial(lu, "dpm_solver_pp", solver_order=3, options={"order": 3} | HOST),
        functools.partial(lu, "dpm_solver_pp", SHORT, solver_order=3, options={"order": 3} | HOST),
        functools.partial(lu, "dpm_solver_pp", POSITIVE, solver_order=3, options={"order": 3} | HOST),
        functools.partial(lu, "dpm_solver_pp", POSITIVE, euler_at_final=True, options={"euler_at_final": True}),
        functools.partial(lu, "dpm_solver_pp", BELOW_ONE, flow=True, use_flow_sigmas=True),
        functools.partial(lu, "dpm_solver_pp", BELOW_ONE, flow=True, use_flow_sigmas=True, options={"eta": 1.0}, **SDE),
        functools.partial(lu, "dpm_solver_pp", options={"eta": 1.0}, **SDE),
        functools.partial(lu, "dpm_solver_pp", options={"eta": 1.0, "solver_type": "heun"}, solver_type="heun", **SDE),
        functools.partial(lu, "dpm_solver", POSITIVE, **NOISE),
        functools.partial(lu, "dpm_solver", POSITIVE, solver_type="heun", options={"solver_type": "heun"}, **NOISE),
        functools.partial(lu, "dpm_solver", POSITIVE, solver_order=3, options={"order": 3} | HOST, **NOISE),
        functools.partial(lu, "dpm_solver", POSITIVE, options={"eta": 1.0}, **SDE_NOISE),
        functools.partial(
            lu, "dpm_solver", POSITIVE, solver_type="heun", options={"eta": 1.0, "solver_type": "heun"}, **SDE_NOISE
        ),
    ],
    "DPMSolverSinglestepScheduler": [
        singlestep,
        functools.partial(singlestep, solver_type="heun", options={"solver_type": "heun"}),
        functools.partial(singlestep, solver_order=1, options={"order": 1}),
        functools.partial(singlestep, solver_order=3, options={"order": 3}),
        functools.partial(singlestep, SHORT, solver_order=3, options={"order": 3}),
        functools.partial(singlestep, VE_SIGMAS[1:], solver_order=3, options={"order": 3}),
        functools.partial(singlestep, VE_SIGMAS[2:], solver_order=3, options={"order": 3}),
        functools.partial(singlestep, solver_order=3, solver_type="heun", options={"order": 3, "solver_type": "heun"}),
        functools.partial(singlestep, POSITIVE, final_sigmas_type="sigma_min", lower_order_final=False, options=WHOLE),
        functools.partial(singlestep, options={"eta": 1.0}, **SDE),
        functools.partial(singlestep, solver_order=3, options={"eta": 1.0, "order": 3}, **SDE),
        functools.partial(singlestep, BELOW_ONE, flow=True),
        functools.partial(singlestep, POSITIVE, name="dpm_solver_singlestep", **NOISE),
        functools.partial(
            singlestep, POSITIVE, name="dpm_solver_singlestep", solver_order=3, options={"order": 3}, **NOISE
        ),
    ],
    "EDMDPMSolverMultistepScheduler": [
        functools.partial(multistep, theirs.EDMDPMSolverMultistepScheduler, "dpm_solver_pp", unit_alpha=True),
        functools.partial(
            multistep,
            theirs.EDMDPMSolverMultistepScheduler,
            "dpm_solver_pp",
            unit_alpha=True,
            options={"eta": 1.0},
            **SDE,
        ),
    ],
    "CosineDPMSolverMultistepScheduler": [
        functools.partial(multistep, theirs.CosineDPMSolverMultistepScheduler, "dpmpp_2m_sde", unit_alpha=True)
    ],
    "DDIMScheduler": [
        functools.partial(of_table, theirs.DDIMScheduler, "ddim"),
        functools.partial(of_table, theirs.DDIMScheduler, "ddim", options={"eta": 0.6}, noisy=True, eta=0.6),
        functools.partial(
            of_table,
            theirs.DDIMScheduler,
            "ddim",
            config={"clip_sample": True, "clip_sample_range": 0.5},
            options={"direction": "unclipped"},
            clip=clip_rule(0.5, True),
        ),
        functools.partial(
            of_table,
            theirs.DDIMScheduler,
            "ddim",
            config={"clip_sample": True, "clip_sample_range": 0.5},
            clip=clip_rule(0.5, False),
            use_clipped_model_output=True,
        ),
    ],
    "DDIMParallelScheduler": [functools.partial(of_table, theirs.DDIMParallelScheduler, "ddim")],
    "CogVideoXDDIMScheduler": [functools.partial(of_table, theirs.CogVideoXDDIMScheduler, "ddim")],
    "CogVideoXDPMScheduler": [cogvideox_dpm],
    "DDIMInverseScheduler": [ddim_inverse],
    "LCMScheduler": [lcm],
    "CMStochasticIterativeScheduler": [
        functools.partial(consistency, np.array([80.0, 24.0, 5.0, 0.9, 0.002])),
        functools.partial(consistency, np.array([80.0, 0.002])),
    ],
    "SCMScheduler": [scm],
    "ScoreSdeVpScheduler": [score_sde_vp],
    "ScoreSdeVeScheduler": [score_sde_ve],
    "FlowMatchEulerDiscreteScheduler": [
        functools.partial(of_flow, theirs.FlowMatchEulerDiscreteScheduler, "euler"),
        functools.partial(
            of_flow,
            theirs.FlowMatchEulerDiscreteScheduler,
            "consistency",
            {"sigma_min": 0.0},
            noisy=True,
            config={"stochastic_sampling": True},
        ),
    ],
    "FlowMatchHeunDiscreteScheduler": [flow_heun],
    "FlowMatchLCMScheduler": [
        functools.partial(of_flow, theirs.FlowMatchLCMScheduler, "lcm", None, True, torch.float64)
    ],
    "FlowMapEulerDiscreteScheduler": [flow_map],
    "LTXEulerAncestralRFScheduler": [
        functools.partial(of_flow, theirs.LTXEulerAncestralRFScheduler, "euler_ancestral", noisy=True),
        functools.partial(
            of_flow,
            theirs.LTXEulerAncestralRFScheduler,
            "euler_ancestral",
            {"eta": 0.4, "s_noise": 0.9},
            noisy=True,
            config={"eta": 0.4, "s_noise": 0.9},
        ),
    ],
    "MiniMaxH3Scheduler": [minimax],
    "DDPMScheduler": [
        functools.partial(of_table, theirs.DDPMScheduler, "ddpm", noisy=True),
        functools.partial(ddpm_learned, "learned_range"),
        functools.partial(ddpm_learned, "learned"),
    ],
    "DDPMParallelScheduler": [functools.partial(of_table, theirs.DDPMParallelScheduler, "ddpm", noisy=True)],
    "DDPMWuerstchenScheduler": [ddpm_wuerstchen],
    "PNDMScheduler": [
        functools.partial(of_formulas, "pndm", lambda x, s: diffusers_pndm(x, s, "improved_euler"), POSITIVE),
        functools.partial(
            of_formulas, "pndm", lambda x, s: diffusers_pndm(x, s, "runge_kutta"), POSITIVE, start="runge_kutta"
        ),
    ],
    "LMSDiscreteScheduler": [
        functools.partial(of_formulas, "lms", lambda x, s: diffusers_lms(x, s, 4), lower_order_final=False),
        functools.partial(of_formulas, "lms", lambda x, s: diffusers_lms(x, s, 2), order=2, lower_order_final=False),
    ],
    "IPNDMScheduler": [functools.partial(of_formulas, "ipndm", diffusers_ipndm, POSITIVE)],
    "DEISMultistepScheduler": [
        functools.partial(
            of_formulas, "deis", lambda x, s, k=k: diffusers_deis(x, s, k), POSITIVE, mode="logrho", max_order=k
        )
        for k in (1, 2, 3)
    ],
    "UniPCMultistepScheduler": [
        *(functools.partial(uni_pc, "uni_pc_bh2", {"order": k}, solver_type="bh2", solver_order=k) for k in (1, 2, 3)),
        *(functools.partial(uni_pc, "uni_pc", {"order": k}, solver_type="bh1", solver_order=k) for k in (1, 2, 3)),
        functools.partial(uni_pc, "uni_pc_bh2", {"order": 2}, sigmas=VE_SIGMAS, solver_type="bh2"),
        functools.partial(uni_pc, "uni_pc_bh2", {"order": 2}, flow=True, solver_type="bh2", use_flow_sigmas=True),
    ],
    "SASolverScheduler": [
        functools.partial(
            sa,
            options={"predictor_order": p, "corrector_order": c, "eta": 0.7, "simple_order_2": True},
            predictor_order=p,
            corrector_order=c,
            **WITHOUT_LAST,
        )
        for p, c in ((2, 2), (3, 4))
    ],
    "DPMSolverSDEScheduler": [
        functools.partial(two_calls, theirs.DPMSolverSDEScheduler, "dpmpp_sde", noisy=True, between=middle_of)
    ],
    "KDPM2DiscreteScheduler": [functools.partial(two_calls, theirs.KDPM2DiscreteScheduler, "dpm_2", between=middle_of)],
    "KDPM2AncestralDiscreteScheduler": [
        functools.partial(
            two_calls, theirs.KDPM2AncestralDiscreteScheduler, "dpm_2_ancestral", True, ancestral_middle_of
        )
    ],
    "TCDScheduler": [functools.partial(tcd, steps, eta) for steps in (4, 8) for eta in (0.0, 0.3, 1.0)],
}


@old_numpy
@old_scalars
@pytest.mark.filterwarnings("ignore:`algorithm_types:FutureWarning")  # the noise-predicting solvers are deprecated
@pytest.mark.parametrize(
    ("name", "k"), [(name, k) for name, runs in RUNS.items() for k in range(len(runs))], ids=lambda v: str(v)
)
def test_agreement(name, k):
    """As close as the row says, relative to the largest value."""
    expected, result = RUNS[name][k]()
    assert np.max(np.abs(result - expected)) <= BY_CLASS[name]["agreement"] * np.max(np.abs(expected))


def classes():
    """Names of all scheduler classes in diffusers' files, the deprecated ones too."""
    folder = Path(theirs.__file__).parent
    found = set()
    for path in [*folder.glob("scheduling_*.py"), *folder.glob("deprecated/scheduling_*.py")]:
        tree = ast.parse(path.read_text())
        found |= {node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name.endswith("Scheduler")}
    return {name for name in found if not name.startswith("Flax")}


def test_every_class_has_a_row():
    assert set(BY_CLASS) == classes()
    assert len(ROWS) == len(BY_CLASS) == 51


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["class"])
def test_a_row_says_one_thing(row):
    """A sampler that is registered with an agreement that a run measures, or a reason why there is none."""
    assert set(row) <= {"class", "sampler", "options", "agreement", "note"}
    assert row["note"]
    assert ("agreement" in row) == (row["class"] in RUNS) == (row["sampler"] is not None)
    if row["sampler"] is not None:
        assert row["sampler"] in sl.samplers()


# Parameterizations that are in a class of theirs, and apart here


@old_numpy
@pytest.mark.parametrize(
    ("cls", "prediction", "name", "options"),
    [
        (theirs.EDMEulerScheduler, "epsilon", "edm", {"sigma_data": 0.5}),
        (theirs.EDMDPMSolverMultistepScheduler, "epsilon", "edm", {"sigma_data": 0.5}),
        (theirs.EDMEulerScheduler, "v_prediction", "v_prediction", {"sigma_data": 0.5}),
        (theirs.CosineDPMSolverMultistepScheduler, "v_prediction", "v_prediction", {}),
    ],
)
def test_preconditioning(cls, prediction, name, options):
    scheduler, sigmas = cls(prediction_type=prediction), tensor([0.002, 0.3, 5.0, 80.0])
    c_skip, c_out, c_in = sl.parameterization(name, **options).scalings(sigmas.numpy())
    one, zero = torch.ones(4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)
    np.testing.assert_allclose(scheduler.precondition_outputs(one, zero, sigmas).numpy(), c_skip, rtol=1e-14)
    np.testing.assert_allclose(scheduler.precondition_outputs(zero, one, sigmas).numpy(), c_out, rtol=1e-14)
    np.testing.assert_allclose(scheduler.precondition_inputs(one, sigmas).numpy(), c_in, rtol=1e-14)


@old_numpy
def test_the_boundary_of_consistency_models():
    sigmas = tensor([0.002, 0.3, 5.0, 80.0])
    made = theirs.CMStochasticIterativeScheduler().get_scalings_for_boundary_condition(sigmas)
    c_skip, c_out, _ = sl.parameterization("consistency", sigma_data=0.5, sigma_min=0.002).scalings(sigmas.numpy())
    np.testing.assert_allclose(made[0].numpy(), c_skip, rtol=1e-14)
    np.testing.assert_allclose(made[1].numpy(), c_out, rtol=1e-14)


# What is theirs alone: no parity there, and the exact value instead.


@pytest.mark.parametrize("row", DATA["exclusions"], ids=lambda row: row["test"])
def test_an_exclusion_has_its_exact_value(row):
    assert set(row["class"].split(", ")) <= set(RUNS)
    assert row["what"]
    assert row["reason"]
    module, _, test = row["test"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), test) if module else globals()[test])
    assert all(
        any(name in vars(getattr(theirs, c)) for c in row["class"].split(", ")) for name in row["source"].split(", ")
    )


@pytest.mark.parametrize("row", [row for row in ROWS if row["sampler"]], ids=lambda row: row["class"])
def test_a_class_resolves_to_its_sampler(row):
    """As a name of diffusers; `options` says which make it the same. One has a network of another kind."""
    if row["class"] == "FlowMapEulerDiscreteScheduler":
        with pytest.raises(sl.errors.UnknownNameError):
            sl.resolve(row["class"], host="diffusers", kind="sampler")
    else:
        assert sl.resolve(row["class"], host="diffusers", kind="sampler").sampler == row["sampler"]


def quadratic(x, s):
    """A denoised value that is a parabola in log sigma: a step of order 3 integrates it exactly."""
    u = math.log(s)
    return np.full_like(x, 0.4 - 0.3 * u + 0.2 * u * u)


@old_numpy
@pytest.mark.parametrize("solver", ["multistep", "singlestep"])
def test_the_sign_in_the_third_order_sde(solver):
    """Theirs, from the same three values, is off by alpha times the second difference; ours is exact."""
    sigmas = np.array([6.0, 3.5, 2.0, 1.1])
    lam, alpha = -np.log(sigmas), 1 / np.hypot(1, sigmas)
    values = [tensor(quadratic(np.zeros((1, 2)), s)) for s in sigmas[:3]]
    cls = theirs.DPMSolverMultistepScheduler if solver == "multistep" else theirs.DPMSolverSinglestepScheduler
    config = {"solver_order": 3, "solver_type": "heun", "algorithm_type": "sde-dpmsolver++"}
    scheduler = prepared(cls(**config), sigmas)
    scheduler._step_index = 2
    base = 2 if solver == "multistep" else 0  # the level the update starts from
    zero, x = torch.zeros_like(values[0]), tensor(np.full((1, 2), 1.7))
    update = getattr(scheduler, f"{solver}_dpm_solver_third_order_update")
    made = update(values, sample=x * alpha[base], noise=zero).numpy() / alpha[-1]

    h = lam[3] - lam[base]
    # x' = e^{-2h} x + 2 ∫ e^{-2(h - p)} D(p) dp over the step, by quadrature.
    points, weights = np.polynomial.legendre.leggauss(30)
    p = h * (points + 1) / 2
    along = np.array([float(quadratic(np.zeros(1), sigmas[base] * math.exp(-v))[0]) for v in p])
    exact = math.exp(-2 * h) * 1.7 + np.sum(weights * h * np.exp(-2 * (h - p)) * along)
    second = 0.2 * h * h  # the second difference over the step, half the second derivative
    tail = (math.exp(-2 * h) - 1 + 2 * h) / (2 * h) ** 2
    if solver == "multistep":  # once the difference, where the parabola has it twice
        np.testing.assert_allclose(made, exact + 2 * (tail - 0.5) * second - (tail + 0.5) * second, rtol=1e-12)
    else:
        np.testing.assert_allclose(made, exact - 2 * second, rtol=1e-12)

    name = "dpm_solver_pp" if solver == "multistep" else "dpm_solver_pp_singlestep"
    program = sl.sampler(name, order=3, solver_type="heun", eta=1.0, lower_order_final=False).compile(sigmas)
    last = program[2:]
    held = {"x": x.numpy()} | {f"result[{k}]": values[k].numpy() for k in range(2)}
    inputs = {port.name: held.get(port.name, x.numpy()) for port in last.inputs}
    silent = lambda like, a, b: np.zeros_like(like)  # noqa: E731
    np.testing.assert_allclose(sl.sample(last, problems.plain(quadratic), inputs, silent), exact, rtol=1e-12)


@old_numpy
@pytest.mark.parametrize("cls", [theirs.EulerDiscreteScheduler, theirs.EDMEulerScheduler])
def test_churn_after_the_network(cls):
    """One step: theirs moves the noisier x along the slope that was found before the noise."""
    sigmas, x = np.array([5.0, 2.0]), start_of(5.0, False)
    output = epsilon if cls is theirs.EulerDiscreteScheduler else edm_output
    scheduler = prepared(cls(), sigmas)
    made = scheduler.step(tensor(output(x, 5.0)), tensor(5.0), tensor(x), s_churn=1.0, generator=seeded()).prev_sample
    noise = torch.randn(x.shape, generator=seeded(), dtype=torch.float64).numpy()
    hat = 5.0 * math.sqrt(2)  # s_churn / steps is above the limit
    raised = x + math.sqrt(hat**2 - 25.0) * noise
    if cls is theirs.EulerDiscreteScheduler:
        expected = raised + (2.0 - hat) * epsilon(x, 5.0)
    else:  # and scales the old output for the new level
        denoised = 0.25 / (hat**2 + 0.25) * raised + hat * 0.5 / math.hypot(hat, 0.5) * edm_output(x, 5.0)
        expected = raised + (2.0 - hat) * (raised - denoised) / hat
    np.testing.assert_allclose(made.numpy(), expected, rtol=1e-5, atol=1e-5)
    mine = ours("euler", sigmas, noise=drawing(seeded()), s_churn=1.0)
    np.testing.assert_allclose(mine, raised + (2.0 - hat) * epsilon(raised, hat), rtol=1e-12)


@old_numpy
def test_a_level_that_comes_twice():
    scheduler = theirs.DPMSolverMultistepScheduler(
        solver_order=3, final_sigmas_type="sigma_min", use_karras_sigmas=True
    )
    scheduler.set_timesteps(20)
    sigmas = scheduler.sigmas.double().numpy()
    assert sigmas[-1] == sigmas[-2]
    x = torch.ones(1, 2)
    for t in scheduler.timesteps:
        x = scheduler.step(0.1 * x, t, x).prev_sample
    assert torch.isnan(x).all()
    with pytest.raises(sl.errors.SamplerError, match="expected a value below the one before it"):
        sl.sampler("dpm_solver_pp", order=3).compile(sigmas)
    result = ours("dpm_solver_pp", sigmas[:-1], order=3)
    assert np.isfinite(result).all()


def test_the_angle_above_a_right_one():
    assert inspect.signature(theirs.SCMScheduler.set_timesteps).parameters["max_timesteps"].default == 1.5708
    assert math.tan(1.5708) < 0
