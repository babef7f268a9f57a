"""The digits model: its metrics on closed forms, its file format, its training and the quality of what it draws."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from stepladder.demo import (  # noqa: E402
    NULL_LABEL,
    DigitsConfig,
    DigitsNetwork,
    OutputError,
    count_parameters,
    load_digits_split,
    load_network,
    measure_sigma_data,
    save_network,
    to_model_range,
    to_pixels,
)
from stepladder.demo import evaluate as evaluation  # noqa: E402
from stepladder.demo import train as training  # noqa: E402
from stepladder.demo.augmentation import augment  # noqa: E402
from stepladder.demo.generate import generate  # noqa: E402
from stepladder.demo.metrics import (  # noqa: E402
    class_diversity,
    frechet_distance,
    frechet_distance_gaussian,
    nearest_distance,
    pairwise_distances,
)
from stepladder.demo.preconditioning import denoise  # noqa: E402
from stepladder.errors import FileFormatError, ScheduleError, StepladderError, UnknownNameError  # noqa: E402
from stepladder.io import write_whole  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

WEIGHTS = files("stepladder.demo") / "digits.safetensors"


@pytest.fixture(scope="module")
def network():
    return load_network()


@pytest.fixture(scope="module")
def split():
    return load_digits_split()


# Metrics


def test_frechet_of_commuting_gaussians_is_the_sum_over_axes():
    mean_a, mean_b = np.array([0.0, 1.0, -2.0]), np.array([3.0, 1.0, 0.0])
    std_a, std_b = np.array([1.0, 2.0, 0.5]), np.array([2.0, 2.0, 0.0])
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    got = frechet_distance_gaussian(
        rotation @ mean_a,
        rotation @ np.diag(std_a**2) @ rotation.T,
        rotation @ mean_b,
        rotation @ np.diag(std_b**2) @ rotation.T,
    )
    assert got == pytest.approx(((mean_a - mean_b) ** 2).sum() + ((std_a - std_b) ** 2).sum(), rel=1e-12)


def test_frechet_agrees_with_the_general_matrix_square_root():
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(6, 6)), rng.normal(size=(6, 6))
    cov_a, cov_b = a @ a.T, b @ b.T
    mean = rng.normal(size=6)
    expected = mean @ mean + np.trace(cov_a + cov_b - 2 * np.real(linalg.sqrtm(cov_a @ cov_b)))
    assert frechet_distance_gaussian(mean, cov_a, np.zeros(6), cov_b) == pytest.approx(expected, rel=1e-9)


def test_frechet_of_sets_is_zero_for_the_same_and_the_squared_shift_for_a_shifted_one():
    images = np.random.default_rng(2).normal(size=(50, 1, 3, 3))
    assert frechet_distance(images, images) == pytest.approx(0, abs=1e-12)
    assert frechet_distance(images, images + 2) == pytest.approx(9 * 4, rel=1e-12)
    assert frechet_distance(images, 3 * images - 2 * images.mean(axis=0)) == pytest.approx(
        4 * np.var(images, axis=0, ddof=1).sum(), rel=1e-12
    )


def test_frechet_survives_constant_pixels():
    images = np.random.default_rng(3).normal(size=(20, 5))
    images[:, 2] = 1.0
    assert frechet_distance(images, images) == pytest.approx(0, abs=1e-12)


def test_distances_on_squares():
    square = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(pairwise_distances(square[:1], square), [[0, 1, 1, math.sqrt(2)]], rtol=1e-15)
    assert class_diversity(square, [0, 0, 0, 0]) == pytest.approx((2 + math.sqrt(2)) / 3)
    # Class 1 has no pair, class 0 has pairs at 1, 1 and sqrt(2).
    assert class_diversity(square, [0, 0, 0, 1]) == pytest.approx((2 + math.sqrt(2)) / 3)
    assert nearest_distance(square + 0.25, square) == pytest.approx(0.25 * math.sqrt(2))
    assert nearest_distance(square, square) == 0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: frechet_distance(np.zeros((1, 4)), np.zeros((5, 4))), "got 1 images"),
        (lambda: frechet_distance(np.zeros((5, 4)), np.zeros((5, 3))), r"shapes \(4,\) and \(3,\)"),
        (lambda: frechet_distance(np.zeros(5), np.zeros((5, 3))), r"shape \(5,\)"),
        (lambda: pairwise_distances(np.zeros((5, 4)), np.zeros((5, 3))), "4 and of 3 pixels"),
        (lambda: class_diversity(np.zeros((5, 4)), [1, 2]), r"labels of shape \(2,\)"),
        (lambda: class_diversity(np.zeros((2, 4)), [1, 2]), "no class has two"),
        (lambda: nearest_distance(np.zeros((2, 4)), np.zeros((0, 4))), "2 and 0 images"),
    ],
)
def test_metrics_refuse_what_has_no_distance(call, text):
    with pytest.raises(ValueError, match=text):
        call()


# Data


def test_split_divides_every_class_and_keeps_every_image_once(split):
    for digit in range(10):
        kept, left = np.sum(split.labels == digit), np.sum(split.held_out_labels == digit)
        assert kept - left in (0, 1)
    everything = np.concatenate([split.images, split.held_out_images]).reshape(-1, 64)
    assert everything.shape == (1797, 64)
    assert everything.dtype == np.float32
    assert everything.min() == -1
    assert everything.max() == 1
    from sklearn.datasets import load_digits

    np.testing.assert_array_equal(
        np.sort(to_pixels(everything).view([("", float)] * 64), axis=0),
        np.sort(load_digits().data.view([("", float)] * 64), axis=0),
    )


def test_split_follows_its_seed(split):
    np.testing.assert_array_equal(load_digits_split(0).images, split.images)
    assert not np.array_equal(load_digits_split(1).images, split.images)


def test_scaling_goes_both_ways_and_cuts_off():
    pixels = np.arange(17.0)
    assert to_model_range(pixels).dtype == np.float32
    np.testing.assert_array_equal(to_pixels(to_model_range(pixels)), pixels)
    np.testing.assert_array_equal(to_pixels(np.array([-1.5, 1.5])), [0, 16])


def test_sigma_data_is_the_root_mean_square_about_zero():
    assert measure_sigma_data(np.array([1.0, 1.0, -1.0, 1.0])) == 1
    assert measure_sigma_data(np.array([3.0, 4.0])) == pytest.approx(math.sqrt(12.5))


def test_missing_scikit_learn_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(StepladderError, match=r"stepladder\[demo\]"):
        load_digits_split()


# Network


def test_network_keeps_shape_and_dtype(network):
    x = torch.randn(4, 1, 8, 8)
    out = network(x, torch.tensor([-1.0, 0.0, 0.5, 1.0]), torch.tensor([0, 9, NULL_LABEL, 3]))
    assert out.shape == x.shape
    assert out.dtype == torch.float32
    assert bool(torch.isfinite(out).all())


def test_null_label_is_a_condition_of_its_own(network):
    x, c_noise = (
        torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)).expand(11, -1, -1, -1),
        torch.zeros(11),
    )
    answers = network(x, c_noise, torch.arange(11)).flatten(1)
    distances = torch.cdist(answers[10:], answers[:10])
    assert float(distances.min()) > 0.1


def test_unaugmented_means_augmentation_zero(network):
    x, c_noise, labels = torch.randn(3, 1, 8, 8), torch.zeros(3), torch.arange(3)
    torch.testing.assert_close(network(x, c_noise, labels, torch.zeros(3, 6)), network(x, c_noise, labels))


def test_denoiser_follows_edm(network):
    # Karras et al. 2022, table 1, written out in float64.
    sd = network.sigma_data
    x, labels = torch.randn(2, 1, 8, 8), torch.tensor([1, 2])
    sigma = torch.tensor([0.3, 7.0])
    got = denoise(network, x, sigma, labels)
    for i, s in enumerate(sigma.tolist()):
        f = network(x[i : i + 1] / math.sqrt(s**2 + sd**2), torch.tensor([math.log(s) / 4]), labels[i : i + 1])
        expected = sd**2 / (s**2 + sd**2) * x[i] + s * sd / math.sqrt(s**2 + sd**2) * f[0]
        torch.testing.assert_close(got[i], expected, rtol=1e-5, atol=1e-5)


def test_augmentation_leaves_alone_what_it_says_it_leaves_alone(split):
    images = torch.from_numpy(split.images[:200])
    distorted, amounts = augment(images, torch.Generator().manual_seed(0))
    untouched = (amounts == 0).all(dim=1)
    assert 80 < int(untouched.sum()) < 130
    assert torch.equal(distorted[untouched], images[untouched])
    assert float(distorted.min()) >= -1
    assert float(distorted.max()) <= 1
    moved = (distorted - images)[~untouched].abs().amax(dim=(1, 2, 3))
    assert float(moved.min()) > 0


def test_augmentation_shifts_by_the_pixels_it_says():
    # A blob drawn sub-pixel: the centre of its ink must move against the sampling grid by 0.4 pixels per unit.
    line = torch.linspace(-1, 1, 8)
    blob = torch.exp(-4 * (line[:, None] ** 2 + line[None, :] ** 2)) * 2 - 1
    images = blob.expand(4000, 1, 8, 8)
    distorted, amounts = augment(images, torch.Generator().manual_seed(0))
    only_x = (amounts[:, 1:] == 0).all(dim=1) & (amounts[:, 0] != 0) & (amounts[:, 0].abs() < 1.5)
    ink = (distorted + 1)[only_x, 0]
    centre = (ink.sum(dim=1) * torch.arange(8.0)).sum(dim=1) / ink.sum(dim=(1, 2))
    torch.testing.assert_close(centre, 3.5 - 0.4 * amounts[only_x, 0], atol=0.05, rtol=0)


# Weights file


def test_shipped_file_is_small_and_records_itself(network, split):
    content = WEIGHTS.read_bytes()
    assert len(content) <= 3_000_000
    with safe_open(str(WEIGHTS), framework="pt") as handle:
        metadata = handle.metadata()
        assert {handle.get_tensor(name).dtype for name in handle.keys()} == {torch.float16}  # noqa: SIM118
    assert metadata["format"] == "stepladder.digits"
    assert metadata["version"] == "1"
    assert metadata["labels"] == "10"
    assert int(metadata["parameters"]) == count_parameters(network) <= 1_400_000
    assert float(metadata["sigma_data"]) == network.sigma_data == measure_sigma_data(split.images)
    assert 0 < network.sigma_min < network.sigma_max
    assert float(metadata["guidance"]) == network.guidance > 0
    assert int(metadata["split_seed"]) == 0


def test_loaded_network_is_ready_to_sample(network):
    assert not network.training
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in network.parameters())


def test_saved_network_loads_with_everything(tmp_path):
    config = DigitsConfig(
        width=16, depth=2, sigma_data=0.7, sigma_min=0.01, sigma_max=50.0, guidance=1.25, training_seed=3, split_seed=4
    )
    saved = DigitsNetwork(config)
    path = tmp_path / "small.safetensors"
    size = save_network(saved, path)
    assert path.stat().st_size == size
    assert [entry.name for entry in tmp_path.iterdir()] == ["small.safetensors"]
    loaded = load_network(path)
    assert loaded.config == config
    for name, value in saved.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float()), name


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.safetensors"
    save_network(DigitsNetwork(DigitsConfig(width=16, depth=2)), path)
    return path


def rewrite(path, metadata=None, tensors=None):
    with safe_open(str(path), framework="pt") as handle:
        kept = dict(handle.metadata())
    weights = load_file(path)
    kept.update(metadata or {})
    weights.update(tensors or {})
    save_file(
        {name: value for name, value in weights.items() if value is not None},
        path,
        {name: value for name, value in kept.items() if value is not None},
    )


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({"format": None}, "format tag None; expected 'stepladder.digits'"),
        ({"format": "pt"}, "format tag 'pt'; expected 'stepladder.digits'"),
        ({"version": "2"}, "version '2' of stepladder.digits; expected '1'"),
        ({"labels": "11"}, "labels='11'; expected '10'"),
        ({"width": "32"}, "expected"),
        ({"width": "0"}, "width='0'; expected a whole number from 1"),
        ({"width": "9" * 500}, "expected a whole number from 1 to 4096"),
        ({"depth": "1000000"}, "depth='1000000'; expected a whole number from 1 to 64"),
        ({"depth": "3"}, "missing \\['blocks.2"),
        ({"depth": "1"}, "not expected \\['blocks.1"),
        ({"sigma_data": "nan"}, "sigma_data='nan'; expected a finite number above 0"),
        ({"sigma_data": None}, "sigma_data=None"),
        ({"sigma_min": "-1"}, "sigma_min='-1'"),
        ({"sigma_min": "90", "sigma_max": "80"}, "sigma_min=90.0 and sigma_max=80.0; expected min below max"),
        ({"guidance": "much"}, "guidance='much'"),
        ({"split_seed": "-1"}, "split_seed='-1'"),
    ],
)
def test_loader_refuses_metadata_that_does_not_describe_the_file(small, metadata, text):
    rewrite(small, metadata)
    with pytest.raises(FileFormatError, match=text):
        load_network(small)


@pytest.mark.parametrize(
    ("tensors", "text"),
    [
        ({"first.weight": None}, r"missing \['first.weight'\]"),
        ({"second.weight": torch.zeros(2)}, r"not expected \['second.weight'\]"),
        ({"first.weight": torch.zeros(16, 63)}, r"first.weight of shape \(16, 63\).*expected \(16, 64\)"),
        ({"first.weight": torch.zeros(16, 64, dtype=torch.int8)}, "torch.int8; expected"),
        ({"first.weight": torch.full((16, 64), math.nan)}, "NaN or infinity in first.weight"),
    ],
)
def test_loader_refuses_tensors_that_do_not_fit(small, tensors, text):
    rewrite(small, tensors=tensors)
    with pytest.raises(FileFormatError, match=text):
        load_network(small)


@pytest.mark.parametrize("keep", [0, 5, 8, 100, 0.5, 0.999])
def test_loader_refuses_truncated_files(small, keep):
    content = small.read_bytes()
    small.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(FileFormatError, match=r"safetensors cannot read.*expected digits weights"):
        load_network(small)


def test_loader_refuses_other_files(tmp_path):
    path = tmp_path / "picture.safetensors"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    with pytest.raises(FileFormatError, match="safetensors cannot read"):
        load_network(path)
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(FileFormatError, match="format tag None"):
        load_network(path)
    with pytest.raises(FileNotFoundError, match="absent"):
        load_network(tmp_path / "absent.safetensors")


def test_write_whole_keeps_the_old_file_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_whole(path, b"old")

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OutputError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


# Sampling and quality


def test_generate_follows_its_seed_and_its_labels(network):
    labels = torch.tensor([3, 3, NULL_LABEL])
    images = generate(network, labels, seed=1)
    assert images.shape == (3, 1, 8, 8)
    assert images.dtype == torch.float32
    assert torch.equal(images, generate(network, labels, seed=1))
    assert not torch.equal(images, generate(network, labels, seed=2))
    # Ink and paper lie at 1 and -1; a sampler overshoots them somewhat.
    assert float(images.abs().max()) < 2.5


def test_guidance_of_one_is_the_conditional_model_and_of_zero_the_unconditional(network):
    labels = torch.tensor([3, 7])
    unconditional = generate(network, torch.full_like(labels, NULL_LABEL), guidance=1.0)
    torch.testing.assert_close(generate(network, labels, guidance=0.0), unconditional)
    assert not torch.allclose(generate(network, labels, guidance=2.0), generate(network, labels, guidance=1.0))


def test_generate_refuses_unknown_names_and_no_steps(network):
    with pytest.raises(UnknownNameError, match="no_such"):
        generate(network, torch.tensor([1]), sampler="no_such")
    with pytest.raises(UnknownNameError, match="no_such"):
        generate(network, torch.tensor([1]), schedule="no_such")
    with pytest.raises(ScheduleError, match="steps is 0; expected 1 to"):
        generate(network, torch.tensor([1]), steps=0)


@pytest.mark.parametrize("seed", [0, 1])
def test_digits_meet_the_requirements_at_ten_steps(network, seed):
    result = evaluation.evaluate_network(network, seed=seed)
    assert result.classifier_accuracy > 0.97
    assert not result.missed(), result


def test_requirements_can_be_missed(split):
    blank = evaluation.evaluate_images(np.zeros_like(split.images), split.labels, split)
    assert [sentence.split(" is ")[0] for sentence in blank.missed()] == [
        "accuracy",
        "Fréchet ratio",
        "diversity ratio",
    ]


def test_reciting_the_training_half_shows(split):
    recited = evaluation.evaluate_images(split.images, split.labels, split)
    assert recited.nearest == 0
    assert [sentence.split(" is ")[0] for sentence in recited.missed()] == ["nearest ratio"]
    assert recited.frechet_ratio == pytest.approx(1)
    # What the equal-number figure is for: drawing the same images at random is farther away than listing them.
    assert 1.3 < recited.frechet_recital_ratio < 1.7


def test_balanced_labels_keep_the_proportions(split):
    size = len(split.labels)
    assert len(evaluation.balanced_labels(split)) == evaluation.SETS * size
    few = evaluation.balanced_labels(split, 100)
    assert len(few) == 100
    assert set(np.bincount(few, minlength=10)) <= {9, 10, 11}
    more = evaluation.balanced_labels(split, size + 100)
    np.testing.assert_array_equal(more, np.concatenate([split.labels, few]))
    with pytest.raises(ValueError, match="count=19; expected at least 20"):
        evaluation.balanced_labels(split, 19)


def test_evaluate_command_prints_and_exits(small, network):
    runner = CliRunner()
    shown = runner.invoke(evaluation.app, ["--json"])
    assert shown.exit_code == 0, shown.output
    figures = json.loads(shown.stdout)
    assert figures["steps"] == 10
    assert figures["guidance"] == network.guidance
    assert figures["missed"] == []
    table = runner.invoke(evaluation.app, ["--weights", str(small), "--count", "40", "--steps", "2"])
    assert table.exit_code == 1
    assert "missed: accuracy is" in table.stderr
    assert "Fréchet" in table.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--weights", "no/such/file"], "no/such/file"),
        (["--sampler", "no_such"], "no_such"),
        (["--steps", "0"], "steps is 0; expected 1 to 10000000"),
        (["--count", "3"], "count=3; expected at least 20"),
    ],
)
def test_evaluate_command_reports_bad_input_without_a_traceback(arguments, text):
    result = CliRunner().invoke(evaluation.app, arguments)
    assert result.exit_code == 2
    assert text in result.stderr
    assert "Traceback" not in result.output


# Training


def test_train_command_writes_both_files(tmp_path):
    out = tmp_path / "weights.safetensors"
    result = CliRunner().invoke(training.app, ["--out", str(out), "--steps", "3", "--seed", "5"])
    assert result.exit_code == 0, result.output
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["weights.png", "weights.safetensors"]
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    loaded = load_network(out)
    assert loaded.config.training_seed == 5
    assert dataclasses.replace(loaded.config, training_seed=0) == DigitsConfig(sigma_data=loaded.sigma_data)


def test_training_learns_follows_its_seed_and_keeps_its_time(split):
    state = torch.get_rng_state()
    first, records = training.train_network(split, seed=1, steps=60)
    assert torch.equal(torch.get_rng_state(), state)
    assert records[-1].step == 60
    assert records[-1].held_out_loss < 0.9 * records[0].held_out_loss
    again, _ = training.train_network(split, seed=1, steps=1)
    other, _ = training.train_network(split, seed=2, steps=1)
    assert not torch.equal(again.first.weight, other.first.weight)
    assert not first.training
    _, short = training.train_network(split, steps=10**6, minutes=1e-3)
    assert short[-1].step < 1000


@pytest.mark.parametrize(("options", "text"), [({"steps": 0}, "steps=0"), ({"minutes": 0.0}, "minutes=0")])
def test_training_refuses_no_time(split, options, text):
    with pytest.raises(ValueError, match=text):
        training.train_network(split, **options)


@pytest.mark.parametrize(
    "arguments", [["--out", "{}/absent/w.safetensors"], ["--plot", "{}/absent/w.png"], ["--out", "{}"]]
)
def test_train_command_leaves_nothing_where_it_cannot_write(tmp_path, arguments, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(training.app, [text.format(tmp_path) for text in arguments])
    assert result.exit_code == 2
    assert "cannot write" in result.stderr
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_importing_stepladder_imports_no_torch():
    code = "import sys, stepladder; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
