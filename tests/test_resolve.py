"""Names of other programs, and what they mean here."""

from __future__ import annotations

import json
import re

import numpy as np
import problems
import pytest
import stepladder
from methods import PEER_NAMES
from stepladder._manager import Manager, make_manager
from stepladder._resolve import Resolved, resolve_in
from stepladder.errors import AmbiguousNameError, PluginError, UnknownNameError
from stepladder.hookspecs import Claims, hookimpl

SD = stepladder.process("discrete")
CLAIMS = Claims(formula_order=1, global_order=1, weak_order=None, evaluations=1, stochastic=False)


def thing():
    """Make a thing."""


class Names:
    """A small world in which every case of a name occurs."""

    @hookimpl
    def register_samplers(self, register):
        for name, aliases in {
            "euler": {"comfyui": ("euler", "ddim"), "a1111": ("Euler",)},
            "ddim": {"a1111": ("DDIM",), "diffusers": ("DDIMScheduler",)},
            "dpmpp_2m_sde": {"comfyui": ("dpmpp_2m_sde",), "a1111": ("DPM++ 2M SDE",)},
            "dpmpp_2m": {"a1111": ("DPM++ 2M", "K_DPMPP_2M"), "k_diffusion": ("sample_dpmpp_2m",)},
            "both": {},
        }.items():
            register(name, thing, source="s", aliases=aliases, claims=CLAIMS)

    @hookimpl
    def register_schedules(self, register):
        for name, aliases in {
            "karras": {"comfyui": ("karras",), "a1111": ("Karras",)},
            "ddim_uniform": {"comfyui": ("ddim_uniform",), "a1111": ("DDIM",)},
            "sgm_uniform": {"a1111": ("SGM Uniform", "SDE Karras")},
            "both": {},
        }.items():
            register(name, thing, source="s", aliases=aliases)


@pytest.fixture(scope="module")
def manager():
    built = Manager()
    built.register_plugin(Names(), "names")
    return built


@pytest.mark.parametrize(
    ("name", "host", "kind", "sampler", "schedule"),
    [
        ("euler", None, None, "euler", None),
        ("Euler", None, None, "euler", None),
        ("EULER", "a1111", None, "euler", None),
        ("karras", None, None, None, "karras"),
        ("ddim_uniform", "stepladder", None, None, "ddim_uniform"),
        ("ddim", "comfyui", None, "euler", None),
        ("ddim", "stepladder", None, "ddim", None),
        ("ddim", "a1111", "sampler", "ddim", None),
        ("ddim", "a1111", "schedule", None, "ddim_uniform"),
        ("DDIM", None, "schedule", None, "ddim_uniform"),
        ("DDIMScheduler", None, None, "ddim", None),
        ("sample_dpmpp_2m", None, None, "dpmpp_2m", None),
        ("k_dpmpp_2m", "a1111", None, "dpmpp_2m", None),
        ("DPM++ 2M SDE", None, None, "dpmpp_2m_sde", None),
        ("DPM++ 2M Karras", None, None, "dpmpp_2m", "karras"),
        ("dpm++ 2m sgm uniform", None, None, "dpmpp_2m", "sgm_uniform"),
        ("Euler SGM Uniform", "a1111", None, "euler", "sgm_uniform"),
        ("both", None, "sampler", "both", None),
    ],
)
def test_resolves(manager, name, host, kind, sampler, schedule):
    assert resolve_in(manager, name, host, kind) == Resolved(sampler, schedule)


def test_every_alias_resolves_in_its_host(manager):
    for kind in ("sampler", "schedule"):
        for entry in manager.entries(kind).values():
            for host, names in [*entry.aliases.items(), ("stepladder", (entry.name,))]:
                for name in names:
                    assert getattr(resolve_in(manager, name, host, kind), kind) == entry.name


@pytest.mark.parametrize(
    ("name", "host", "text"),
    [
        (
            "ddim",
            None,
            "'ddim' means different things: stepladder → sampler 'ddim'; "
            "a1111 → sampler 'ddim' or schedule 'ddim_uniform'; comfyui → sampler 'euler'. "
            "Pass host='stepladder' or host='a1111' or host='comfyui' and kind='sampler' or kind='schedule'",
        ),
        (
            "DDIM",
            "a1111",
            "'DDIM' means different things: a1111 → sampler 'ddim' or schedule 'ddim_uniform'. "
            "Pass kind='sampler' or kind='schedule'",
        ),
        ("both", None, "'both' means different things: stepladder → sampler 'both' or schedule 'both'. Pass kind="),
        (
            "DPM++ 2M SDE Karras",
            None,
            "a1111 → sampler 'dpmpp_2m' with schedule 'sgm_uniform' or sampler 'dpmpp_2m_sde' with schedule 'karras'",
        ),
    ],
)
def test_ambiguous(manager, name, host, text):
    with pytest.raises(AmbiguousNameError) as caught:
        resolve_in(manager, name, host)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("name", "host", "kind", "text"),
    [
        ("eulr", None, None, "no host uses the name 'eulr'; close: 'Euler'"),
        ("karass", "comfyui", None, "comfyui does not use the name 'karass'; close: 'karras'"),
        (
            "DDIMScheduler",
            "a1111",
            None,
            "a1111 does not use the name 'DDIMScheduler'; it is a name elsewhere: diffusers →",
        ),
        ("euler ", None, None, "no host uses the name 'euler '"),
        ("DPM++ 2M  Karras", None, None, "no host uses"),
        ("Karras DPM++ 2M", None, None, "no host uses"),
        ("dpmpp_2m_sde karras", "comfyui", None, "comfyui does not use"),
        ("DPM++ 2M Karras", None, "sampler", "for a sampler; it is a name elsewhere: a1111 → sampler 'dpmpp_2m' with"),
        (
            "euler",
            "confyui",
            None,
            "unknown host 'confyui' (did you mean 'comfyui'?); the hosts are stepladder, a1111, ",
        ),
    ],
)
def test_unknown(manager, name, host, kind, text):
    with pytest.raises(UnknownNameError) as caught:
        resolve_in(manager, name, host, kind)
    assert text in str(caught.value)


def test_kind_is_checked(manager):
    with pytest.raises(ValueError, match="kind is 'samplers'; give 'sampler', 'schedule'"):
        resolve_in(manager, "euler", None, "samplers")


def test_builtin_names_and_aliases_all_resolve():
    manager = make_manager(entry_points=False)
    for kind in ("sampler", "schedule"):
        for entry in manager.entries(kind).values():
            for host, names in [*entry.aliases.items(), ("stepladder", (entry.name,))]:
                for name in names:
                    assert getattr(resolve_in(manager, name, host, kind), kind) == entry.name


@pytest.mark.parametrize(
    ("name", "host", "expected"),
    [
        ("DPM++ 2M SDE Karras", None, Resolved("dpmpp_2m_sde", "karras")),
        ("karras", "comfyui", Resolved(None, "karras")),
    ],
)
def test_the_packages_own_resolve(name, host, expected):
    assert stepladder.resolve(name, host=host) == expected


# Every scheduler that the hosts have, by the name it goes by there, and what it is here.
HOSTS = {
    "comfyui": {
        "simple": "simple",
        "sgm_uniform": "sgm_uniform",
        "karras": "karras",
        "exponential": "exponential",
        "ddim_uniform": "ddim_uniform",
        "beta": "beta",
        "normal": "normal",
        "linear_quadratic": "linear_quadratic",
        "kl_optimal": "kl_optimal",
        "KarrasScheduler": "karras",
        "ExponentialScheduler": "exponential",
        "PolyexponentialScheduler": "polyexponential",
        "LaplaceScheduler": "laplace",
        "VPScheduler": "vp",
        "SDTurboScheduler": "sd_turbo",
        "BetaSamplingScheduler": "beta",
        "AlignYourStepsScheduler": "align_your_steps",
        "GITSScheduler": "gits",
        "OptimalStepsScheduler": "optimal_steps",
        "Flux2Scheduler": "flux2",
        "LTXVScheduler": "ltxv",
        "Ideogram4Scheduler": "logit_normal",
        "ManualSigmas": "custom",
    },
    "a1111": {
        "Uniform": "normal",
        "Karras": "karras",
        "Exponential": "exponential",
        "Polyexponential": "polyexponential",
        "SGM Uniform": "sgm_uniform",
        "SGMUniform": "sgm_uniform",
        "KL Optimal": "kl_optimal",
        "Align Your Steps": "align_your_steps",
        "Simple": "simple",
        "Normal": "normal",
        "DDIM": "ddim_uniform",
        "Beta": "beta_over_range",
    },
    "forge": {"AYS 32": "align_your_steps", "AYS GITS": "tabulated"},
    "fooocus": {
        "normal": "normal",
        "karras": "karras",
        "exponential": "exponential",
        "sgm_uniform": "sgm_uniform",
        "simple": "simple",
        "ddim_uniform": "ddim_uniform",
        "turbo": "sd_turbo",
        "align_your_steps": "align_your_steps",
    },
    "k_diffusion": {
        "get_sigmas_karras": "karras",
        "get_sigmas_exponential": "exponential",
        "get_sigmas_polyexponential": "polyexponential",
        "get_sigmas_vp": "vp",
        "DiscreteSchedule.get_sigmas": "normal",
    },
    "diffusers": {
        "use_karras_sigmas": "karras",
        "use_exponential_sigmas": "exponential",
        "use_beta_sigmas": "beta_over_range",
        "use_lu_lambdas": "diffusers",
        "timestep_spacing": "diffusers",
        "leading": "diffusers",
        "linspace": "diffusers",
        "trailing": "diffusers",
        "use_dynamic_shifting": "flow_shift",
        "FlowMatchEulerDiscreteScheduler": "flow_shift",
        "AysSchedules": "align_your_steps",
    },
    "stable_diffusion_cpp": {
        "discrete": "normal",
        "normal": "normal",
        "karras": "karras",
        "exponential": "exponential",
        "ays": "align_your_steps",
        "gits": "gits",
        "sgm_uniform": "sgm_uniform",
        "simple": "simple",
        "smoothstep": "smoothstep",
        "kl_optimal": "kl_optimal",
        "lcm": "lcm",
        "bong_tangent": "bong_tangent",
        "ltx2": "ltxv",
        "logit_normal": "logit_normal",
        "flux2": "flux2",
        "flux": "flux",
        "beta": "beta",
    },
    "res4lyf": {
        "bong_tangent": "bong_tangent",
        "beta57": "beta57",
        "Tan Scheduler": "tangent",
        "Constant Scheduler": "constant",
        "Linear Quadratic Advanced": "linear_quadratic",
    },
}


@pytest.mark.parametrize("host", HOSTS)
def test_every_scheduler_of_a_host_has_its_schedule_here(host):
    manager = make_manager(entry_points=False)
    found = {name: resolve_in(manager, name, host, "schedule").schedule for name in HOSTS[host]}
    assert found == HOSTS[host]
    listed = {name.casefold() for e in manager.schedules.values() for name in e.aliases.get(host, ())}
    internal = {"sgm_uniform", "kl_optimal", "align_your_steps"} if host == "a1111" else set()
    assert listed == {name.casefold() for name in HOSTS[host]} | internal


# What makes a host's own form of a name, and a call that is known to give that host's numbers.
FORMS = [
    ("KL Optimal", "a1111", {"convention": "a1111"}, "kl_optimal"),
    ("kl_optimal", "a1111", {"convention": "a1111"}, "kl_optimal"),
    ("kl_optimal", "comfyui", {}, "kl_optimal"),
    ("Align Your Steps", "a1111", {"convention": "a1111"}, "align_your_steps"),
    ("align_your_steps", "fooocus", {}, "align_your_steps"),
    ("AysSchedules", "diffusers", {"convention": "diffusers"}, "align_your_steps"),
    ("AYS 32", "forge", {"points": 32, "convention": "a1111"}, "align_your_steps"),
    ("LaplaceScheduler", "comfyui", {"convention": "comfyui"}, "laplace"),
    ("smoothstep", "stable_diffusion_cpp", {"convention": "stable_diffusion_cpp"}, "smoothstep"),
    ("bong_tangent", "stable_diffusion_cpp", {"convention": "stable_diffusion_cpp"}, "bong_tangent"),
    ("bong_tangent", "res4lyf", {}, "bong_tangent"),
    ("ddim_uniform", "comfyui", {"convention": "comfyui"}, "ddim_uniform"),
    ("DDIM", "a1111", {"convention": "comfyui"}, "ddim_uniform"),
    ("Simple", "a1111", {"convention": "comfyui"}, "simple"),
    ("beta", "comfyui", {"convention": "comfyui"}, "beta"),
    ("leading", "diffusers", {"spacing": "leading"}, "diffusers"),
    ("trailing", "diffusers", {"spacing": "trailing"}, "diffusers"),
    ("use_lu_lambdas", "diffusers", {"convert": "lu"}, "diffusers"),
]


@pytest.mark.parametrize(("name", "host", "options", "schedule"), FORMS)
def test_a_host_resolves_to_its_own_form(name, host, options, schedule):
    found = stepladder.resolve(name, host=host, kind="schedule")
    assert (found.schedule, found.schedule_options, found.sampler_options) == (schedule, options, {})
    given = stepladder.sigmas(found.schedule, SD, 10, **found.schedule_options)
    np.testing.assert_array_equal(given, stepladder.sigmas(schedule, SD, 10, **options))


def test_the_forms_of_hosts_are_their_numbers():
    def last(name, host, steps=10):
        found = stepladder.resolve(name, host=host, kind="schedule")
        return stepladder.sigmas(found.schedule, SD, steps, **found.schedule_options)[-1]

    assert last("KL Optimal", "a1111") == SD.sigma_min
    assert last("kl_optimal", "comfyui") == 0.0
    assert last("LaplaceScheduler", "comfyui") == SD.sigma_min
    found = stepladder.resolve("AYS GITS", host="forge")
    levels = stepladder.sigmas(found.schedule, SD, 11, **found.schedule_options)
    # Forge's numbers, from its own list.
    np.testing.assert_allclose(
        levels, [14.615, 4.734, 2.567, 1.529, 0.987, 0.652, 0.418, 0.268, 0.179, 0.127, 0.029, 0], rtol=1e-12
    )


def test_options_of_every_alias_make_something():
    manager = make_manager(entry_points=False)
    for kind in ("schedule", "sampler"):
        for entry in manager.entries(kind).values():
            for host, named in entry.alias_options.items():
                for alias, options in named.items():
                    found = resolve_in(manager, alias, host, kind)
                    assert getattr(found, f"{kind}_options") == options
                    manager.make(kind, entry.name, options)


def test_samplers_of_comfyui_come_with_the_options_that_its_values_are_compared_under():
    for name, (ours, options) in PEER_NAMES.items():
        if SAMPLERS["comfyui"].get(name) == ours:  # its ddim is Euler's method
            found = stepladder.resolve(name, host="comfyui", kind="sampler")
            assert dict(found.sampler_options) == options
    assert sum(bool(options) for _, options in PEER_NAMES.values()) >= 10


def test_samplers_of_diffusers_come_with_the_options_of_the_parity_table():
    rows = json.loads((problems.DATA / "parity_diffusers.json").read_text())["rows"]
    given = {row["class"]: dict(re.findall(r"(\w+)=(\S+?)(?:,|$)", row.get("options", ""))) for row in rows}
    assert sum(map(bool, given.values())) >= 6
    for name, options in given.items():
        if options:
            found = stepladder.resolve(name, host="diffusers").sampler_options
            assert {key: repr(found[key]).replace("'", '"') for key in options} == options


@pytest.mark.parametrize("name", ["kl_optimal", "smoothstep", "bong_tangent", "simple"])
def test_without_a_host_a_name_of_stepladder_is_its_own_form(name):
    assert stepladder.resolve(name) == Resolved(None, name)


def test_a_form_is_part_of_what_a_name_means(manager):
    assert Resolved(None, "x", {}, {"a": 1}) != Resolved(None, "x")
    assert len({Resolved(None, "x", {}, {"a": 1}), Resolved(None, "x")}) == 2
    assert str(Resolved("y", "x", {}, {"a": 1})) == "sampler 'y' with schedule 'x' (a=1)"


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        ("schedule", {"a": {"other": {}}}, "alias_options has 'other' of 'a', which is none of its aliases"),
        ("schedule", {"b": {"name": {}}}, "alias_options has 'name' of 'b', which is none of its aliases"),
        ("schedule", {"a": {"name": 3}}, r"alias_options\['a'\]\['name'\] is 3; give a mapping"),
        ("schedule", {"a": {"name": {3: 3}}}, r"alias_options\['a'\]\['name'\] is {3: 3}; give a mapping"),
        ("schedule", {"a": 3}, "alias_options is {'a': 3}; give a mapping"),
        ("schedule", 3, "alias_options is 3; give a mapping"),
        ("noise_source", {}, "alias_options is for samplers and schedules; leave it out"),
    ],
)
def test_bad_options_of_an_alias(kind, options, text):
    class Bad:
        pass

    def hook(register):
        register("bad", thing, source="s", aliases={"a": ("name",)}, alias_options=options)

    setattr(Bad, f"register_{kind}s", staticmethod(hookimpl(hook)))
    with pytest.raises(PluginError, match=text):
        Manager().register_plugin(Bad(), "bad")


def test_a_plugins_options_resolve():
    class Good:
        @staticmethod
        @hookimpl
        def register_samplers(register):
            register("s", thing, source="s", aliases={"a1111": ("S",)}, alias_options={"a1111": {"S": {"eta": 0.0}}},
                     claims=CLAIMS)  # fmt: skip

        @staticmethod
        @hookimpl
        def register_schedules(register):
            register("t", thing, source="s", aliases={"a1111": ("T",)}, alias_options={"a1111": {"T": {"rho": 5.0}}})

    built = Manager()
    built.register_plugin(Good(), "good")
    assert resolve_in(built, "s t") == Resolved("s", "t", {"eta": 0.0}, {"rho": 5.0})
    assert resolve_in(built, "S", "a1111") == Resolved("s", None, {"eta": 0.0}, {})


# Every sampler that the hosts have, by the name it goes by there, and what it is here.


def same(names):
    return {name: name for name in names.split()}


SAMPLERS = {
    "comfyui": same(
        "euler euler_cfg_pp euler_ancestral euler_ancestral_cfg_pp heun heunpp2 exp_heun_2_x0 exp_heun_2_x0_sde dpm_2 "
        "dpm_2_ancestral lms dpm_fast dpm_adaptive dpmpp_2s_ancestral dpmpp_2s_ancestral_cfg_pp dpmpp_sde dpmpp_2m "
        "dpmpp_2m_cfg_pp dpmpp_2m_sde dpmpp_2m_sde_heun dpmpp_3m_sde ddpm lcm ipndm ipndm_v deis res_multistep "
        "res_multistep_cfg_pp res_multistep_ancestral res_multistep_ancestral_cfg_pp gradient_estimation "
        "gradient_estimation_cfg_pp er_sde seeds_2 seeds_3 sa_solver sa_solver_pece cfgpp_ud10_ab uni_pc uni_pc_bh2"
    )
    | {
        "dpmpp_sde_gpu": "dpmpp_sde",
        "dpmpp_2m_sde_gpu": "dpmpp_2m_sde",
        "dpmpp_2m_sde_heun_gpu": "dpmpp_2m_sde_heun",
        "dpmpp_3m_sde_gpu": "dpmpp_3m_sde",
        "ddim": "euler",
    },
    "k_diffusion": {
        f"sample_{name}": name
        for name in same(
            "euler euler_ancestral heun dpm_2 dpm_2_ancestral lms dpm_fast dpm_adaptive dpmpp_2s_ancestral dpmpp_sde "
            "dpmpp_2m dpmpp_2m_sde dpmpp_3m_sde"
        )
    },
    "a1111": {
        "DPM++ 2M": "dpmpp_2m",
        "DPM++ SDE": "dpmpp_sde",
        "DPM++ 2M SDE": "dpmpp_2m_sde",
        "DPM++ 2M SDE Heun": "dpmpp_2m_sde_heun",
        "DPM++ 2S a": "dpmpp_2s_ancestral",
        "DPM++ 3M SDE": "dpmpp_3m_sde",
        "Euler a": "euler_ancestral",
        "Euler": "euler",
        "LMS": "lms",
        "Heun": "heun",
        "DPM2": "dpm_2",
        "DPM2 a": "dpm_2_ancestral",
        "DPM fast": "dpm_fast",
        "DPM adaptive": "dpm_adaptive",
        "Restart": "restart",
        "DDIM": "ddim",
        "DDIM CFG++": "euler_cfg_pp",
        "PLMS": "pndm",
        "UniPC": "uni_pc",
        "LCM": "lcm",
    },
    "diffusers": {
        row["class"]: row["sampler"]
        for row in json.loads((problems.DATA / "parity_diffusers.json").read_text())["rows"]
        if row["sampler"] is not None and row["class"] != "FlowMapEulerDiscreteScheduler"
    },
    "fooocus": same("euler euler_ancestral heun dpmpp_2m dpmpp_2m_sde") | {"dpmpp_2m_sde_gpu": "dpmpp_2m_sde"},
    "stable_diffusion_cpp": {
        "euler": "euler",
        "euler_a": "euler_ancestral",
        "heun": "heun",
        "dpm2": "dpm_2",
        "dpm++2s_a": "dpmpp_2s_ancestral",
        "dpm++2m": "dpmpp_2m",
        "dpm++2m_sde": "dpmpp_2m_sde",
        "dpm++2m_sde_bt": "dpmpp_2m_sde",
        "ipndm": "ipndm",
        "ipndm_v": "ipndm_v",
        "lcm": "lcm",
        "ddim_trailing": "ddim",
        "tcd": "tcd",
        "res_multistep": "res_multistep",
        "res_2s": "res_2s",
        "er_sde": "er_sde",
        "euler_cfg_pp": "euler_cfg_pp",
        "euler_a_cfg_pp": "euler_ancestral_cfg_pp",
        "euler_ge": "gradient_estimation",
        "lms": "lms",
    },
    # Its plain res_2s is the method with noise of eta 1/2; the names of its tableaux say nothing of noise.
    "res4lyf": {f"{name}_ode": name for name in ("res_2s", "res_3s", "res_2m", "res_3m")}
    | same("midpoint_2s heun_2s ralston_2s ralston_3s heun_3s kutta_3s ralston_4s")
    | {
        "houwen-wray_3s": "houwen_wray_3s",
        "ssprk3_3s": "ssprk3",
        "bogacki-shampine_4s": "bogacki_shampine",
        "rk4_4s": "rk4",
        "rk38_4s": "rk38",
        "dormand-prince_6s": "dormand_prince",
    },
}


@pytest.mark.parametrize("host", SAMPLERS)
def test_every_sampler_of_a_host_has_its_sampler_here(host):
    """Both ways: each name resolves, and no other name is said to be the host's."""
    manager = make_manager(entry_points=False)
    found = {name: resolve_in(manager, name, host, "sampler").sampler for name in SAMPLERS[host]}
    assert found == SAMPLERS[host]
    listed = [name.casefold() for e in manager.samplers.values() for name in e.aliases.get(host, ())]
    assert sorted(listed) == sorted(name.casefold() for name in SAMPLERS[host])


def test_hosts_have_as_many_samplers_as_they_say():
    assert {host: len(SAMPLERS[host]) for host in ("comfyui", "k_diffusion", "a1111")} == {
        "comfyui": 45,
        "k_diffusion": 13,
        "a1111": 20,
    }
    manager = make_manager(entry_points=False)
    assert set(SAMPLERS) == {host for e in manager.samplers.values() for host in e.aliases}


def test_what_pipelines_of_stable_diffusion_take_resolves():
    from diffusers.schedulers import KarrasDiffusionSchedulers

    assert {member.name for member in KarrasDiffusionSchedulers} <= set(SAMPLERS["diffusers"])
    assert len(KarrasDiffusionSchedulers) == 15


def test_ddim_needs_its_host():
    manager = make_manager(entry_points=False)
    with pytest.raises(AmbiguousNameError, match="comfyui → sampler 'euler'"):
        resolve_in(manager, "ddim")
    meant = {host: resolve_in(manager, "ddim", host, "sampler").sampler for host in ("comfyui", "a1111", "stepladder")}
    assert meant == {"comfyui": "euler", "a1111": "ddim", "stepladder": "ddim"}
