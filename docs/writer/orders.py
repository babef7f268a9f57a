"""Error against model calls, of every sampler, on problems whose answers are exact."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import stepladder as sl
from stepladder import testing
from stepladder._program import Denoise

from writer.picture import error_chart
from writer.text import page, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stepladder import Manager

    Points = list[tuple[int, float]]

FIGURES: Final = Path(__file__).resolve().parent.parent / "data" / "orders.json"
STEPS: Final = (5, 10, 20, 40, 80, 160, 320)
TOP, BOTTOM = 10.0, 0.1
_MEAN, _DEVIATION = 0.4, 0.6
_TOLERANCES: Final = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)


@dataclass(frozen=True)
class Group:
    """Samplers of one picture; `law` where their noise is on, and the error is that of mean and variance."""

    key: str
    title: str
    law: bool
    samplers: tuple[str, ...]


_ONE_STEP: Final = ("euler", "ddim", "ddim_inverse", "heun", "heunpp2", "dpm_2", "exp_heun_2_x0")
_DPM: Final = ("dpmpp_2m", "dpm_solver", "dpm_solver_pp", "dpm_solver_singlestep", "dpm_solver_pp_singlestep")
_MULTISTEP: Final = ("lms", "ipndm", "ipndm_v", "pndm", "deis", "res_multistep", "gradient_estimation")
_RES: Final = ("res_2s", "res_3s", "res_2m", "res_3m")
_TWO_STAGES: Final = ("midpoint_2s", "heun_2s", "ralston_2s")
_HIGH_ORDER: Final = ("rk4", "rk38", "ralston_4s", "dormand_prince")
_CORRECTED: Final = ("uni_pc", "uni_pc_bh2", "sa_solver", "sa_solver_pece", "er_sde")
_NO_NOISE: Final = (
    "euler_ancestral", "dpm_2_ancestral", "dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde", "seeds_2",
    "seeds_3",
)  # fmt: skip
_GUIDED: Final = (
    "euler_cfg_pp", "dpmpp_2m_cfg_pp", "res_multistep_cfg_pp", "gradient_estimation_cfg_pp", "cfgpp_ud10_ab",
    "euler_ancestral_cfg_pp", "dpmpp_2s_ancestral_cfg_pp", "res_multistep_ancestral_cfg_pp",
)  # fmt: skip
_ANCESTRAL: Final = (
    "euler_ancestral", "ddim", "ddpm", "dpm_2_ancestral", "dpmpp_2s_ancestral", "res_multistep_ancestral",
    "score_sde_vp", "ddpm_learned_variance",
)  # fmt: skip
_SDE: Final = (
    "dpmpp_sde", "dpmpp_2m_sde", "dpmpp_2m_sde_heun", "dpmpp_3m_sde", "seeds_2", "seeds_3", "exp_heun_2_x0_sde",
)  # fmt: skip
_OTHER_SDE: Final = (
    "dpm_solver", "dpm_solver_pp", "dpm_solver_singlestep", "dpm_solver_pp_singlestep", "er_sde", "sa_solver",
    "sa_solver_pece",
)  # fmt: skip
_WITHOUT_LIMIT: Final = ("lcm", "consistency", "tcd", "restart", "score_sde_ve")
GROUPS: Final = (
    Group("single", "One step at a time", False, _ONE_STEP),
    Group("dpm", "DPM-Solver", False, (*_DPM, "dpm_fast", "dpm_adaptive")),
    Group("multistep", "Multistep", False, _MULTISTEP),
    Group("res", "RES", False, _RES),
    Group(
        "runge-kutta", "Runge-Kutta in log sigma: order 2 and 3", False, (*_TWO_STAGES, "heun_3s", "kutta_3s", "ssprk3")
    ),
    Group(
        "runge-kutta-3",
        "Runge-Kutta in log sigma: more of order 3",
        False,
        ("ralston_3s", "houwen_wray_3s", "bogacki_shampine"),
    ),
    Group("runge-kutta-4", "Runge-Kutta in log sigma: order 4 and 5", False, _HIGH_ORDER),
    Group("corrected", "Predictor-correctors and ER-SDE, without noise", False, _CORRECTED),
    Group("no-noise", "Stochastic methods at eta 0", False, _NO_NOISE),
    Group("cfg-pp", "CFG++ without noise, where both results are equal", False, _GUIDED),
    Group("ancestral", "Ancestral steps", True, _ANCESTRAL),
    Group("sde", "SDE solvers", True, _SDE),
    Group("other-sde", "SDE forms of other methods", True, _OTHER_SDE),
    Group("without-limit", "Methods without a limit", True, _WITHOUT_LIMIT),
)

# Options of the deterministic form, where that is not the default; of the stochastic one likewise.
_WHOLE: Final = {"lower_order_final": False}
_ODE: Final[dict[str, dict[str, Any]]] = {
    "er_sde": {"noise_scaling": "ode"},
    "sa_solver": {"eta": 0.0, **_WHOLE},
    "sa_solver_pece": {"eta": 0.0, **_WHOLE},
    "uni_pc": _WHOLE,
    "uni_pc_bh2": _WHOLE,
}
_LAW: Final[dict[str, dict[str, Any]]] = {
    name: {"eta": 1.0}
    for name in ("ddim", "dpm_solver", "dpm_solver_pp", "dpm_solver_singlestep", "dpm_solver_pp_singlestep")
}
# Its order depends on the number of steps modulo 3.
_STEPS: Final = {"dpm_fast": (6, 12, 21, 42, 81, 162, 324)}


def measure() -> dict[str, dict[str, Points]]:
    """Run every sampler: name to (model calls, error) for each number of steps, without noise and in law.

    Without noise: root mean square over the points of the mixture problem, against the probability-flow ODE from sigma
    10 to 0.1, on levels even in log sigma. In law: of the result on N(0.4, 0.6²), the relative error of its variance
    plus the error of its mean, both propagated exactly. Rounded to three digits.
    """
    made: dict[str, dict[str, Points]] = {"ode": {}, "law": {}}
    for name, entry in sl.make_manager(entry_points=False).samplers.items():
        claims = entry.claims
        assert claims is not None
        if name == "dpm_adaptive":
            made["ode"][name] = _adaptive()
            continue
        if name not in _WITHOUT_LIMIT and (claims.global_order is not None or claims.weak_order is None):
            made["ode"][name] = _ode(name)
        if claims.weak_order is not None or name in _WITHOUT_LIMIT:
            made["law"][name] = _sampled_law() if name == "score_sde_ve" else _law(name)
    return made


def _levels(steps: int) -> Any:
    return TOP * (BOTTOM / TOP) ** (np.arange(steps + 1) / steps)


def _denoiser(program: sl.Program) -> Callable[..., Any]:
    """The exact denoiser; for a program that asks for two results, both of them it."""
    problem = testing.mixture_problem()
    twice = any(isinstance(op, Denoise) and op.second is not None for op in program.operations)

    def denoise(x: Any, sigma: Any) -> Any:
        value = problem.denoise(x, float(np.ravel(sigma)[0]))
        return (value, value) if twice else value

    return denoise


def _rms(x: Any, exact: Any) -> float:
    return _rounded(float(np.sqrt(np.mean((x - exact) ** 2))))


def _rounded(error: float) -> float:
    return float(f"{error:.3g}")


def _ode(name: str) -> Points:
    problem = testing.mixture_problem()
    start = problem.start(TOP)
    exact = problem.flow(start, TOP, BOTTOM)
    if name == "ddim_inverse":
        start, exact = exact, start
    options = _ODE.get(name)
    if options is None:
        options = {"eta": 0.0} if any(f.name == "eta" for f in fields(sl.sampler(name))) else {}  # type: ignore[arg-type]
    points = []
    for steps in _STEPS.get(name, STEPS):
        program = sl.sampler(name, **options).compile(_levels(steps))
        points.append((program.analysis.model_calls, _rms(sl.sample(program, _denoiser(program), start), exact)))
    return points


def _adaptive() -> Points:
    problem = testing.mixture_problem()
    start = problem.start(TOP)
    exact = problem.flow(start, TOP, BOTTOM)
    points = []
    for tolerance in _TOLERANCES:
        sampler = sl.DpmAdaptiveSampler(rtol=tolerance, atol=tolerance)
        run = sl.sample_adaptive(sampler, lambda x, s: problem.denoise(x, float(np.ravel(s)[0])), start, [TOP, BOTTOM])
        points.append((run.model_calls, _rms(run.x, exact)))
    return points


def _law(name: str) -> Points:
    process = sl.process("discrete") if name == "tcd" else None
    points = []
    for steps in STEPS:
        if name == "ddpm_learned_variance":
            points.append((steps, _law_error(*_affine_moments(sl.sampler(name), steps), BOTTOM)))
            continue
        program = sl.sampler(name, **_LAW.get(name, {})).compile(_levels(steps), process)
        mean, variance = program.gaussian_moments(_MEAN, _DEVIATION)[-1]
        points.append((program.analysis.model_calls, _law_error(mean, variance, program.sigma_end)))
    return points


def _law_error(mean: float, variance: float, sigma: float) -> float:
    exact = _DEVIATION**2 + sigma**2
    return _rounded(abs(variance - exact) / exact + abs(mean - _MEAN))


def _of_normal(x: Any, sigma: Any) -> Any:
    """The exact denoiser of N(0.4, 0.6²)."""
    share = _DEVIATION**2 / (_DEVIATION**2 + float(np.ravel(sigma)[0]) ** 2)
    return _MEAN + share * (x - _MEAN)


def _affine_moments(sampler: Any, steps: int) -> tuple[float, float]:
    """Mean and variance after a run without a program, affine in its start and its draws: a row of the batch each.

    The network says the smallest variance.
    """
    x = np.zeros((steps + 2, 1))
    x[1] = 1.0
    drawn = 1

    def draw(*_: Any) -> Any:
        nonlocal drawn
        drawn += 1
        return (np.arange(steps + 2) == drawn).astype(float)[:, None]

    run = sl.sample_unfused(
        sampler, lambda x, sigma: (_of_normal(x, sigma), np.full_like(x, -1.0)), x, _levels(steps), draw
    )
    constant, *weights = run[:, 0]
    first, *others = (weight - constant for weight in weights)
    start = _DEVIATION**2 + TOP**2
    return constant + first * _MEAN, first**2 * start + sum(weight**2 for weight in others)


def _sampled_law() -> Points:
    """Of `score_sde_ve`, whose steps depend on norms: over four samples of 65,536 values."""
    points = []
    sampler = sl.ScoreSdeVeSampler()
    for steps in STEPS:
        draws = np.random.default_rng(0)
        x = _MEAN + math.hypot(_DEVIATION, TOP) * draws.standard_normal((4, 65_536))
        run = sl.sample_unfused(
            sampler, _of_normal, x, _levels(steps), lambda like, *_, draws=draws: draws.standard_normal(like.shape)
        )
        points.append((2 * steps, _law_error(float(run.mean()), float(run.var()), BOTTOM)))
    return points


def figures() -> dict[str, dict[str, Points]]:
    """What `measure` gave when it was last stored."""
    stored = json.loads(FIGURES.read_text(encoding="utf-8"))
    return {kind: {name: [(int(c), float(e)) for c, e in p] for name, p in of.items()} for kind, of in stored.items()}


def store() -> None:
    """Measure, and store the figures."""
    kinds = []
    for kind, of in measure().items():
        rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(points)}" for name, points in of.items())
        kinds.append(f" {json.dumps(kind)}: {{\n{rows}\n }}")
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text("{\n" + ",\n".join(kinds) + "\n}\n", encoding="utf-8")


def slope(name: str, points: Sequence[tuple[int, float]]) -> float | None:
    """Smallest slope over the last three runs, from 80 to 320 steps as a rule.

    Runs whose error is that of rounding are left out. None where too few are left, or steps are not counted.
    """
    seen = [(n, error) for n, (_, error) in zip(_STEPS.get(name, STEPS), points, strict=False) if error >= 1e-12][-3:]
    if name == "dpm_adaptive" or len(seen) < 3:
        return None
    return min(
        math.log(coarse[1] / fine[1]) / math.log(fine[0] / coarse[0]) for coarse, fine in itertools.pairwise(seen)
    )


def picture_file(group: Group) -> str:
    """File name of a group's picture, in docs/images."""
    return f"orders-{group.key}.svg"


def pictures() -> dict[str, str]:
    """File name to SVG of every picture."""
    made = figures()
    return {
        picture_file(group): error_chart([(name, made["law" if group.law else "ode"][name]) for name in group.samplers])
        for group in GROUPS
    }


def orders_page(manager: Manager) -> str:
    """Error against model calls, and orders claimed and measured."""
    made = figures()
    parts = [
        "Every sampler on a problem whose answer is known: the error at the end of a run against the model calls it "
        "took, for 5 to 320 steps from sigma 10 to 0.1, even in log sigma. The line of a method of order p falls by p "
        "decades per decade. Lines lie on one another where methods are the same in this setting. "
        "`docs/data/orders.json` has the figures; `python docs/generate.py --measure` makes them anew.",
        "## Without noise",
        "Root mean square error against the probability-flow ODE of a Gaussian mixture. Options that add noise are 0. "
        "`dpm_adaptive` is run at tolerances 0.1 to 1e-7.",
    ]
    for law in (False, True):
        if law:
            parts += [
                "## With noise",
                "Error of the law: on data N(0.4, 0.6²), the relative error of the result's variance plus the error of "
                "its mean, propagated through the program exactly, without sampling. `eta` is 1 where its default is "
                "0. A consistency model jumps to the data in one call; with an exact denoiser in its place, `lcm`, "
                "`consistency` and `tcd` have no limit to come to. `restart` adds its noise from 20 steps on. "
                "`ddpm_learned_variance` is told the smallest variance. `score_sde_ve` is sampled, with 262,144 "
                "values: its figures scatter by 0.003.",
            ]
        for group in GROUPS:
            if group.law == law:
                parts += [
                    f"### {group.title}",
                    f"![error against model calls: {', '.join(group.samplers)}](images/{picture_file(group)})",
                ]
    rows = []
    for name, entry in manager.samplers.items():
        claims = entry.claims
        assert claims is not None
        cells = [
            _cell(claims.formula_order), _cell(claims.global_order), _measured(name, made["ode"]),
            _cell(claims.weak_order), _measured(name, made["law"]),
        ]  # fmt: skip
        rows.append((f"`{name}`", *cells, claims.note))
    head = ("name", "formula", "run", "measured", "weak", "measured in law", "note")
    return page(
        "Orders of the samplers",
        *parts,
        "Few steps are another matter: a formula of high order extrapolates. From pure noise of a flow in 3 to 5 steps "
        "`dpm_solver_singlestep`, which predicts noise, passes values of 100 on the way, and Runge-Kutta methods in "
        "log sigma do in 2 or 3 steps from sigma 80.",
        "## Claimed and measured",
        "**formula**: order of one update from exact history, **run**: of a whole run without noise, **weak**: in law, "
        "as the source of the method states them; `-` is no claim. **measured**: smallest slope between 80, 160 and "
        "320 steps, empty where errors are those of rounding. It may be above a claim: the error of a start of order 1 "
        "hardly shows on this grid, and CFG++ is measured where its two results are equal. The tests hold every claim "
        "to a slope of at least the claim less 0.25, on two grids.",
        table(head, rows),
    )


def _cell(order: float | None) -> str:
    return "-" if order is None else f"{order:g}"


def _measured(name: str, of: dict[str, Points]) -> str:
    if name not in of:
        return ""
    found = slope(name, of[name])
    return "" if found is None else f"{found + 0.0:.2f}"
