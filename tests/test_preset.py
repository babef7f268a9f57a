import re
from pathlib import Path

import numpy as np
import pytest
import stepladder as sl
from reference import process as reference
from stepladder._parameterization import (
    CosmosRflowParameterization,
    EDMParameterization,
    EpsilonParameterization,
    FlowParameterization,
    Parameterization,
    VPredictionParameterization,
)
from stepladder._process import (
    ContinuousVProcess,
    CosmosProcess,
    DiscreteProcess,
    EDMProcess,
    FlowProcess,
    FluxProcess,
    NoiseProcess,
    StableCascadeProcess,
)
from stepladder.testing import check_parameterization, check_process

# Shift (of a flux, mu) and the multiplier where it is 1, as ComfyUI's sampling_settings have them.
FLOWS = {
    "sd3": (3, 1000),
    "auraflow": (1.73, 1),
    "stable_audio3": (2, 1),
    "flux-schnell": (1, 1),
    "mochi": (6, 1),
    "minimax_h3": (12, 1000),
    "minimax_h3-audio": (3, 1000),
    "hidream": (1, 1000),
    "yue2": (1, 1000),
    "minimax_music3": (1, 1000),
    "hunyuan_video": (7, 1000),
    "hunyuan_video15": (7, 1000),
    "hunyuan_video15-sr": (2, 1000),
    "hunyuan_image21": (5, 1000),
    "hunyuan_image21-refiner": (4, 1000),
    "lumina2": (6, 1),
    "z_image": (3, 1),
    "ming_image": (3.16, 1),
    "pixeldit": (4, 1000),
    "pid": (1.5, 1000),
    "wan21": (8, 1000),
    "wan-causal": (5, 1000),
    "wan-animate2": (5, 1000),
    "trellis2": (3, 1000),
    "triposplat": (3, 1000),
    "hidream_o1": (3, 1000),
    "chroma": (1, 1),
    "seedvr2": (1, 1000),
    "ace_step": (3, 1000),
    "ace_step15": (3, 1),
    "omnigen2": (2.6, 1),
    "boogu": (3.16, 1),
    "ideogram4": (1, 1),
    "krea2": (1.15, 1),
    "mage_flow": (6, 1),
    "qwen_image": (1.15, 1),
    "qwen_image21": (0.69, 1),
    "joy_image": (1.5, 1000),
    "kandinsky5": (10, 1000),
    "kandinsky5-image": (3, 1000),
    "anima": (3, 1),
    "hunyuan3d": (1, 1),
    "ernie": (3, 1000),
}
FLUXES = {"flux": 1.15, "flux2": 2.02, "lens": 1.829, "ltxv": 2.37, "longcat_image": 1.15}
# sigma_min and sigma_max, as computed from the formulas or given by the hosts.
RANGES = {
    "sd15": (0.029167158151720367, 14.614641229333639),
    "sd21-v": (0.029167158151720367, 14.614641229333639),
    "sdxl": (0.029167158151720367, 14.614641229333639),
    "sdxl-v-zsnr": (0.029167158151720367, 4518.7636986558555),
    "playground-v2.5": (0.002, 80.0),
    "svd": (0.002, 700.0),
    "sdxl-edm-v": (0.002, 120.0),
    "sd-x4-upscaler": tuple(reference.discrete_table("scaled_linear", 0.0001, 0.02)[[0, -1]]),
    "pixart": tuple(reference.discrete_table("linear", 1e-4, 0.02)[[0, -1]]),
    "hunyuan_dit": tuple(reference.discrete_table("scaled_linear", 0.00085, 0.018)[[0, -1]]),
    "hunyuan_dit-v1": tuple(reference.discrete_table("scaled_linear", 0.00085, 0.03)[[0, -1]]),
    "cogvideox": (0.029167158151720367, 4518.7636986558555),
    "stable_cascade": (0.010000500037503125, 99.99499987499375),
    "stable_cascade-b": (0.010000500037503125, 99.99499987499375),
    "cosmos": (0.002, 80.0),
    "cosmos-predict2": (0.002, 80.0),
    "stable_audio": (0.03, 500.0),
}


# What a preset's source calls the host's type of the model, and what that type is made of.
TYPES = {
    "EPS": (DiscreteProcess, EpsilonParameterization),
    "V_PREDICTION": (DiscreteProcess, VPredictionParameterization),
    "V_PREDICTION_EDM": (EDMProcess, VPredictionParameterization),
    "V_PREDICTION_CONTINUOUS": (ContinuousVProcess, VPredictionParameterization),
    "STABLE_CASCADE": (StableCascadeProcess, EpsilonParameterization),
    "EDM": (EDMProcess, EDMParameterization),
    "FLOW": (FlowProcess, FlowParameterization),
    "FLUX": (FluxProcess, FlowParameterization),
    "FLOW_COSMOS": (CosmosProcess, CosmosRflowParameterization),
}
# Models of the host without a preset -> why. A preset made for one has to leave this list.
WITHOUT_PRESET = {
    "sensenova": "its network is told 1 minus the unshifted time and its noise grows with the picture: no process here",
}


def test_models_left_out_have_no_preset():
    assert not set(WITHOUT_PRESET) & set(sl.presets())
    names = (Path(__file__).parent.parent / "docs" / "names.md").read_text()
    assert "Left out: `SenseNova`." in names


def test_choices_between_hosts_are_in_the_source():
    assert "stable-diffusion.cpp shifts by 3 instead" in sl.presets()["longcat_image"].source
    assert "range from the file's edm_vpred.sigma_min" in sl.presets()["sdxl-edm-v"].source


def test_types_of_models_are_the_hosts():
    typed = {name: re.search(r"ModelType\.(\w+)", entry.source) for name, entry in sl.presets().items()}
    typed = {name: found[1] for name, found in typed.items() if found}
    assert set(typed.values()) == set(TYPES)
    for name, kind in typed.items():
        preset = sl.preset(name)
        assert (type(preset.process), type(preset.parameterization)) == TYPES[kind], name


def test_every_preset_has_its_numbers():
    assert sorted(sl.presets()) == sorted([*FLOWS, *FLUXES, *RANGES])


@pytest.mark.parametrize("name", sorted(sl.presets()))
def test_presets_are_complete(name):
    entry = sl.presets()[name]
    assert entry.doc
    assert entry.source
    preset = sl.preset(name)
    assert isinstance(preset.process, NoiseProcess)
    assert isinstance(preset.parameterization, Parameterization)
    assert preset.latent_scale is None or preset.latent_scale > 0
    assert (preset.process.family == "flow") == isinstance(preset.parameterization, FlowParameterization)
    check_process(preset.process)
    check_parameterization(preset.parameterization, process=preset.process)


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_flow_presets(name):
    assert sl.preset(name).process == FlowProcess(*map(float, FLOWS[name]))
    assert sl.preset(name).parameterization == FlowParameterization(8.0 if name == "hidream_o1" else 1.0)


@pytest.mark.parametrize("name", sorted(FLUXES))
def test_flux_presets(name):
    assert sl.preset(name).process == FluxProcess(FLUXES[name])


@pytest.mark.parametrize("name", sorted(RANGES))
def test_ranges_of_presets(name):
    low, high = RANGES[name]
    process = sl.preset(name).process
    np.testing.assert_allclose([process.sigma_min, process.sigma_max], [low, high], rtol=1e-12)


def test_latent_scales():
    known = {name: sl.preset(name).latent_scale for name in sl.presets()}
    known = {name: scale for name, scale in known.items() if scale is not None}
    assert known == {
        "sd15": 0.18215,
        "sd21-v": 0.18215,
        "sd-x4-upscaler": 0.08333,
        "sdxl": 0.13025,
        "sdxl-v-zsnr": 0.13025,
        "sdxl-edm-v": 0.13025,
        "playground-v2.5": 0.5,
    }


def test_what_the_networks_are_told():
    told = {name: sl.preset(name) for name in ("svd", "cosmos", "cosmos-predict2", "stable_cascade", "sd3", "flux")}
    c_noise = {name: preset.parameterization.c_noise(0.5, preset.process) for name, preset in told.items()}
    assert c_noise["svd"] == c_noise["cosmos"] == np.log(0.5) / 4
    assert c_noise["cosmos-predict2"] == CosmosProcess().timestep(0.5) == 0.5 / 1.5
    assert c_noise["stable_cascade"] == StableCascadeProcess(1.0).timestep(0.5)
    assert c_noise["sd3"] == 500.0
    assert c_noise["flux"] == 0.5
