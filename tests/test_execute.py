"""Running programs: every path gives the same answer, and no tensor is written that somebody else holds."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import re
import subprocess
import sys
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
import stepladder as sl
import torch
from hypothesis import given
from hypothesis import strategies as st
from stepladder.errors import ExecutionError, FileFormatError, NonFiniteError
from stepladder.torch import ClassifierFreeGuidance, Denoiser

SAMPLERS = ("euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde")
SIGMAS = sl.sigmas("karras", sl.process("discrete"), 6)
SHAPE = (3, 2, 5, 4)


def denoiser(x, sigma):
    """Only + − × ÷: bits do not depend on the batch."""
    s = sigma.reshape(-1, *(1,) * (x.ndim - 1))
    return x / (1 + s * s) + 0.25 * s / (1 + s)


def compiled(name, sigmas=SIGMAS):
    return sl.sampler(name).compile(sigmas)


def start(shape=SHAPE, dtype=torch.float32, seed=0):
    return (torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 14).to(dtype)


def noise(program, seed=11):
    return sl.noise_source("iid", seed=seed) if program.analysis.noise_draws else None


def run(program, x, model=denoiser, **kwargs):
    return sl.sample(program, model, x, noise(program), progress=False, **kwargs)


# -- one program, one answer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernel_torch_and_numpy_agree(name, dtype):
    program, x = compiled(name), start(dtype=dtype)
    fused = run(program, x)
    by_torch = run(program, x, differentiable=True)
    by_numpy = run(program, x.numpy())
    tolerance = 1e-5 if dtype == torch.float32 else 1e-13
    torch.testing.assert_close(by_torch.detach(), fused, rtol=tolerance, atol=tolerance)
    assert isinstance(by_numpy, np.ndarray)
    np.testing.assert_array_equal(by_numpy, fused.numpy())
    assert fused.dtype == dtype
    assert by_numpy.dtype == x.numpy().dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_x_keeps_a_float32_state(dtype):
    seen = []
    program, x = compiled("dpmpp_2m"), start(dtype=dtype)

    def model(x, sigma):
        seen.append((x.dtype, sigma.dtype))
        return denoiser(x, sigma)

    out = run(program, x, model)
    assert out.dtype == dtype
    assert set(seen) == {(torch.float32, torch.float32)}
    torch.testing.assert_close(out, run(program, x.float()).to(dtype), rtol=0, atol=0)
    assert run(program, x, dtype=dtype).dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_model_may_return_another_precision(dtype):
    program, x = compiled("dpmpp_2m"), start()
    fused = run(program, x, lambda x, s: denoiser(x, s).to(dtype))
    by_torch = run(program, x, lambda x, s: denoiser(x, s).to(dtype), differentiable=True)
    torch.testing.assert_close(by_torch.detach(), fused, rtol=2e-5, atol=2e-5)


def layouts():
    x = start((3, 4, 6, 4))
    wide = torch.empty(3, 8, 6, 4)
    wide[:, ::2] = x
    return {
        "channels_last": x.contiguous(memory_format=torch.channels_last),
        "slice": wide[:, ::2],
        "transposed": x.transpose(2, 3).contiguous().transpose(2, 3),
        "negated view": torch.complex(torch.zeros_like(x), -x).conj().imag,
        "subclass": torch.nn.Parameter(x, requires_grad=False),
    }


@pytest.mark.parametrize("layout", layouts())
@pytest.mark.parametrize("name", SAMPLERS)
def test_odd_layouts_run_through_torch(layout, name):
    x = layouts()[layout]
    want = run(compiled(name), start((3, 4, 6, 4)))
    before = x.clone()
    torch.testing.assert_close(run(compiled(name), x).clone(), want, rtol=1e-5, atol=1e-5)
    assert torch.equal(x, before)


def test_a_model_with_odd_outputs_gives_the_same():
    program, x = compiled("dpmpp_2m"), start((3, 4, 6, 4))
    want = run(program, x)
    for change in (
        lambda d: d.contiguous(memory_format=torch.channels_last),
        lambda d: torch.complex(torch.zeros_like(d), -d).conj().imag,
        lambda d: torch.nn.Parameter(d, requires_grad=False),
        lambda d: torch.stack((d, d), -1)[..., 0],
    ):
        got = run(program, x, lambda x, s, change=change: change(denoiser(x, s)))
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", SAMPLERS)
def test_gradients_flow(name):
    program, x = compiled(name), start((2, 3), torch.float64)
    x.requires_grad_()
    weights = torch.arange(6.0, dtype=torch.float64).reshape(2, 3)
    (gradient,) = torch.autograd.grad((run(program, x) * weights).sum(), x)
    with torch.no_grad():
        for index in ((0, 1), (1, 2)):
            h = torch.zeros_like(x)
            h[index] = 1e-5
            change = ((run(program, x + h) - run(program, x - h)) * weights).sum() / 2e-5
            assert change.item() == pytest.approx(gradient[index].item(), rel=1e-6)


def test_without_a_gradient_to_track_none_is():
    weight = torch.nn.Parameter(torch.tensor(0.5))
    assert not run(compiled("heun"), start(), lambda x, s: weight * denoiser(x, s)).requires_grad
    out = run(compiled("heun"), start(), lambda x, s: weight * denoiser(x, s), differentiable=True)
    assert out.requires_grad


def test_inside_a_function_transform():
    program, x = compiled("heun"), start((4, 2, 3))
    mapped = torch.func.vmap(lambda row: run(program, row[None])[0])(x)
    torch.testing.assert_close(mapped, run(program, x), rtol=1e-5, atol=1e-5)


def test_sigma_is_a_view_of_one_buffer():
    seen = []
    program, x = compiled("heun"), start()
    run(program, x, lambda x, s: (seen.append(s), denoiser(x, s))[1])
    assert {tuple(s.shape) for s in seen} == {(3,)}
    assert {s.dtype for s in seen} == {torch.float32}
    assert len({s.untyped_storage().data_ptr() for s in seen}) == 1
    torch.testing.assert_close(torch.stack(seen)[:, 0], torch.tensor([op.sigma for op in calls(program)]))


def calls(program):
    return [op for op in program.operations if type(op).__name__ == "Denoise"]


@contextmanager
def threads(count):
    before = sl.get_num_threads()
    sl.set_num_threads(count)
    try:
        yield
    finally:
        sl.set_num_threads(before)


def test_the_default_device_is_not_the_runs():
    want = run(compiled("heun"), start())
    torch.set_default_device("meta")
    try:
        x = torch.empty(SHAPE, device="cpu").copy_(want)
        got = run(compiled("heun"), x, lambda x, s: x / (1 + s.reshape(-1, 1, 1, 1)))
    finally:
        torch.set_default_device(None)
    assert torch.equal(got, run(compiled("heun"), want, lambda x, s: x / (1 + s.reshape(-1, 1, 1, 1))))


def test_threads_do_not_change_a_bit():
    program, x = compiled("dpmpp_2m"), start((2, 4, 300, 300))
    one = run(program, x)
    with threads(2):
        assert torch.equal(run(program, x), one)
    with pytest.raises(ExecutionError, match="threads"):
        sl.set_num_threads(0)


def _in_child(queue):
    with threads(2):
        queue.put(run(compiled("heun"), start((1, 4, 400, 400))).double().sum().item())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forking a process with threads is what is tested
def test_a_forked_child_can_run():
    with threads(2):
        want = run(compiled("heun"), start((1, 4, 400, 400))).double().sum().item()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    # torch's own pool does not survive a fork once used; one torch thread keeps it out of the question.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        child = context.Process(target=_in_child, args=(queue,))
        child.start()
        assert queue.get(timeout=60) == want
        child.join(timeout=60)
    finally:
        torch.set_num_threads(before)
    assert child.exitcode == 0


def test_numpy_runs_without_torch():
    code = (
        "import sys, numpy as np, stepladder as sl\n"
        "p = sl.sampler('heun').compile(sl.sigmas('karras', sl.process('discrete'), 4))\n"
        "x = sl.sample(p, lambda x, s: x / (1 + s.reshape(-1, 1) ** 2), np.ones((2, 3)))\n"
        "assert x.shape == (2, 3) and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- nobody's tensor is written --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("numpy", [False, True])
def test_x_is_never_written(name, numpy):
    x = start()
    before = x.clone()
    given_x = x.numpy() if numpy else x
    out = run(compiled(name), given_x)
    assert torch.equal(x, before)
    assert not np.shares_memory(np.asarray(out), x.numpy())


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("folded", [False, True])
def test_what_a_callback_sees_stays(name, folded):
    program, x, seen, copies = compiled(name), start(), [], []

    def callback(info):
        seen.extend([info.x, info.denoised])
        copies.extend([info.x.clone(), info.denoised.clone()])

    model = network_denoiser() if folded else denoiser
    sl.sample(program, model, x, noise(program), callback)
    assert len(seen) == 2 * len(program)
    assert all(torch.equal(a, b) for a, b in zip(seen, copies, strict=True))
    # All tensors are distinct memory, but where a step ends at its denoised value.
    addresses = [t.data_ptr() for t in seen]
    assert len(set(addresses)) >= len(seen) - 1


def test_a_callback_gets_the_steps_of_the_program():
    program, infos = compiled("heun"), []
    out = sl.sample(program, denoiser, start(), callback=infos.append)
    assert [i.step for i in infos] == list(range(6))
    assert [i.sigma for i in infos] == [s.sigma for s in program]
    assert [i.sigma_next for i in infos] == [s.sigma_next for s in program]
    assert torch.equal(infos[-1].x, out)
    first = denoiser(start(), torch.full((3,), SIGMAS[0], dtype=torch.float32))
    assert torch.equal(infos[0].denoised, first)


def buffers(count):
    """A model that writes its results into the same `count` buffers in turn, as compiled models do."""
    kept = [torch.empty(SHAPE) for _ in range(count)]
    state = {"n": 0}

    def model(x, sigma):
        out = kept[state["n"] % count]
        state["n"] += 1
        out.copy_(denoiser(x, sigma))
        return out

    return model


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("watched", [False, True])
def test_a_model_with_its_own_buffers(name, count, watched):
    program, x = compiled(name), start()
    seen = []
    callback = (lambda info: seen.append((info.denoised, info.denoised.clone()))) if watched else None
    model = buffers(count)
    got = sl.sample(program, model, x, noise(program), callback)
    assert torch.equal(got, run(program, x))
    if watched:
        assert len(seen) == len(program)
        assert all(torch.equal(a, b) for a, b in seen)
    kept = got.clone()
    model(x, torch.ones(3))
    assert torch.equal(got, kept), "the result lives in the model's buffer"


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("view", [lambda x: x, lambda x: x.view(SHAPE), lambda x: x.detach()])
def test_a_model_that_returns_its_input(name, view):
    program, x = compiled(name), start()
    before = x.clone()
    want = run(program, x, lambda x, s: x.clone())
    assert torch.equal(run(program, x, lambda x, s: view(x)), want)
    assert torch.equal(x, before)


def test_a_model_that_returns_memory_overlapping_its_input():
    big = torch.zeros(2 * 40 * 3 + 8)
    program = compiled("dpmpp_2m")
    shifted = []

    def model(x, sigma):
        target = big.narrow(0, 4, x.numel()).view(x.shape)
        target.copy_(denoiser(x, sigma))
        shifted.append(target.data_ptr())
        return target

    x = big.narrow(0, 0, 120).view(SHAPE)
    x.copy_(start())
    private = start()
    assert not torch.equal(run(program, private), torch.zeros(SHAPE))
    got = run(program, private, model)
    assert torch.equal(got, run(program, private))


def test_a_model_that_starts_reusing_its_memory_is_refused():
    state = {"n": 0, "buffer": torch.empty(SHAPE)}

    def model(x, sigma):
        state["n"] += 1
        if state["n"] < 4:
            return denoiser(x, sigma)
        return state["buffer"].copy_(denoiser(x, sigma))

    with pytest.raises(ExecutionError, match=r"returned memory at step 4 that an earlier output still in use lives in"):
        run(compiled("dpmpp_2m"), start(), model)


def test_noise_in_one_buffer_is_read_before_it_is_written_again():
    program, x = compiled("dpmpp_2m_sde"), start()
    kept, fresh = torch.empty(SHAPE), torch.Generator().manual_seed(5)
    got = sl.sample(program, denoiser, x, lambda like, a, b: kept.copy_(torch.randn(SHAPE, generator=fresh)))
    fresh = torch.Generator().manual_seed(5)
    want = sl.sample(program, denoiser, x, lambda like, a, b: torch.randn(SHAPE, generator=fresh))
    assert torch.equal(got, want)


def test_writes_are_noted_where_gradients_are_recorded():
    versions = []

    def model(x, sigma):
        versions.append(x._version)
        return denoiser(x, sigma)

    run(compiled("euler"), start(), model)
    assert len(set(versions[1:])) == len(versions) - 1, "an in-place write left the version alone"


# -- guidance, parameterizations, folding ----------------------------------------------------------------------------


def network(x, c_noise, bias=None):
    out = torch.tanh(x * 0.7) + 0.01 * c_noise.reshape(-1, *(1,) * (x.ndim - 1))
    return out if bias is None else out + bias.reshape(-1, *(1,) * (x.ndim - 1))


def network_denoiser(name="v_prediction", **kwargs):
    return Denoiser(network, sl.parameterization(name), process=sl.process("discrete"), **kwargs)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("parameterization", ["epsilon", "v_prediction", "edm"])
def test_a_folded_run_is_the_unfolded_one(name, parameterization):
    program, x = compiled(name), start(dtype=torch.float64)
    model = network_denoiser(parameterization)
    folded = run(program, x, model)
    plain = run(program, x, lambda x, sigma: model(x, sigma))
    torch.testing.assert_close(folded, plain, rtol=1e-9, atol=1e-9)
    assert torch.equal(run(program.fold(model.parameterization), x, model), folded)


def test_the_network_gets_the_timesteps_of_its_process():
    seen = []
    process = sl.process("discrete")
    model = Denoiser(
        lambda x, c_noise: (seen.append(c_noise), x * 0)[1], sl.parameterization("epsilon"), process=process
    )
    run(compiled("euler"), start(), model)
    np.testing.assert_array_equal(torch.stack(seen)[:, 0].numpy(), process.timestep(SIGMAS[:-1]).astype(np.float32))
    edm = Denoiser(lambda x, c_noise: (seen.append(c_noise), x * 0)[1], sl.parameterization("edm", sigma_data=0.5))
    seen.clear()
    run(compiled("euler"), start(), edm)
    np.testing.assert_allclose(torch.stack(seen)[:, 0].numpy(), np.log(SIGMAS[:-1]) / 4, rtol=1e-6)
    with pytest.raises(sl.errors.ParameterizationError, match="process is None"):
        Denoiser(network, sl.parameterization("epsilon"))


@pytest.mark.parametrize("batched", [True, False])
def test_guidance(batched):
    program, x = compiled("dpmpp_2m"), start(dtype=torch.float64)
    cond, uncond = torch.tensor([0.1, 0.2, 0.3]), torch.zeros(3)
    batches = []

    def counted(x, c_noise, bias):
        batches.append(len(x))
        return network(x, c_noise, bias)

    def guided(scale):
        guidance = ClassifierFreeGuidance(scale, {"bias": uncond}, batched=batched)
        parts = {"process": sl.process("discrete"), "conditioning": {"bias": cond}, "guidance": guidance}
        return run(program, x, Denoiser(counted, sl.parameterization("v_prediction"), **parts))

    by_hand = run(
        program,
        x,
        Denoiser(
            lambda x, c: network(x, c, uncond) + 3.0 * (network(x, c, cond) - network(x, c, uncond)),
            sl.parameterization("v_prediction"),
            process=sl.process("discrete"),
        ),
    )
    torch.testing.assert_close(guided(3.0), by_hand, rtol=1e-9, atol=1e-9)
    assert set(batches) == {6 if batched else 3}
    batches.clear()
    plain = network_denoiser(conditioning={"bias": cond})
    torch.testing.assert_close(guided(1.0), run(program, x, plain), rtol=1e-12, atol=1e-12)
    assert len(batches) == 6


def test_guidance_needs_the_same_names():
    guidance = ClassifierFreeGuidance(2.0, {"labels": torch.zeros(3)})
    model = network_denoiser(conditioning={"bias": torch.zeros(3)}, guidance=guidance)
    with pytest.raises(ExecutionError, match=r"unconditional has \['labels'\] and the conditioning \['bias'\]"):
        run(compiled("euler"), start(), model)
    with pytest.raises(ExecutionError, match="guidance scale is nan; expected a finite number"):
        ClassifierFreeGuidance(float("nan"))


def test_a_half_precision_network_is_fed_by_the_pass_itself():
    seen = []

    def half(x, c_noise):
        seen.append((x.dtype, x.data_ptr()))
        return network(x.float(), c_noise).half()

    program, x = compiled("euler"), start()
    model = Denoiser(half, sl.parameterization("v_prediction"), process=sl.process("discrete"), dtype=torch.float16)
    fused = run(program, x, model)
    assert {dtype for dtype, _ in seen} == {torch.float16}
    assert len({pointer for _, pointer in seen}) == 1, "the pass writes the network's input into one buffer"
    by_torch = run(program, x, model, differentiable=True).detach()
    torch.testing.assert_close(fused, by_torch, rtol=1e-3, atol=1e-3)


# -- explicit state --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("kind", ["plain", "folded", "watched", "numpy"])
def test_a_saved_run_goes_on_bit_for_bit(tmp_path, name, kind):
    program, x = compiled(name), start()
    x = x.numpy() if kind == "numpy" else x
    model = network_denoiser() if kind in ("folded", "watched") else denoiser
    options = {"denoised": kind == "watched"}
    want = sl.Runner(program, model, x, noise(program), **options).run()
    runner = sl.Runner(program, model, x, noise(program), **options)
    for step in range(len(program)):
        path = tmp_path / f"{step}.safetensors"
        runner.save(path)
        resumed = sl.Runner.load(path, program, model, noise(program, seed=999), **options)
        assert (resumed.step, resumed.sigma) == (step, program[step].sigma)
        if step == 3:  # and a resumed run can be saved again
            resumed.advance()
            resumed.save(path)
            resumed = sl.Runner.load(path, program, model, noise(program), **options)
        got = resumed.run()
        assert type(got) is type(want)
        assert np.array_equal(np.asarray(got), np.asarray(want))
        runner.advance()
    assert runner.done
    assert np.array_equal(np.asarray(runner.x), np.asarray(want))
    with pytest.raises(ExecutionError, match="the run is over"):
        runner.save(tmp_path / "late")
    with pytest.raises(ExecutionError, match="all 6 steps are done"):
        runner.advance()


def test_a_state_belongs_to_its_program_and_source(tmp_path):
    program, path = compiled("dpmpp_2m_sde"), tmp_path / "state"
    sl.Runner(program, denoiser, start(), noise(program)).save(path)
    with pytest.raises(ExecutionError, match=r"is the state of program \w{12}…; this one is \w{12}…"):
        sl.Runner.load(path, compiled("heun"), denoiser)
    with pytest.raises(ExecutionError, match="the saved run's noise source is 'iid'; got None"):
        sl.Runner.load(path, program, denoiser)
    program.save(tmp_path / "program")
    with pytest.raises(FileFormatError, match=r"is format 'stepladder.program' version '1'; this release reads"):
        sl.Runner.load(tmp_path / "program", program, denoiser)
    whole = path.read_bytes()
    for end in range(0, len(whole), 97):
        path.write_bytes(whole[:end])
        with pytest.raises(FileFormatError):
            sl.Runner.load(path, program, denoiser, noise(program))
    with pytest.raises(ExecutionError, match="noise is a plain function, whose state cannot be saved"):
        sl.Runner(program, denoiser, start(), lambda like, a, b: torch.randn_like(like)).save(path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"step": None}, "lacks a step number"),
        ({"step": "abc"}, "lacks a step number"),
        ({"step": "-1"}, "lacks a step number"),
        ({"step": "99"}, "is at step 99; the program has steps 0 to 5"),
        ({"program": None}, "lacks a step number, a program digest"),
        ({"dtype": "complex64"}, "names dtype 'complex64'; expected one of float32"),
        ({"library": "foo"}, "names library 'foo'; a state file names 'numpy' or 'torch'"),
        ({"version": "2"}, "version '2'; this release reads 'stepladder.state' version '1'"),
        ({"x": None}, "lacks a step number, a program digest, a dtype or x"),
        ({"noise.generators": torch.zeros(3, 7, dtype=torch.uint8)}, "expected rows of"),
        ({"noise.generators": torch.zeros(3, 5056)}, "expected rows of"),
        ({"noise.generators": None}, "expected rows of"),
    ],
)
def test_a_damaged_state_is_a_format_error(tmp_path, change, text):
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    program, path = compiled("dpmpp_2m_sde"), tmp_path / "state"
    sl.Runner(program, denoiser, start(), noise(program)).save(path)
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    for key, value in change.items():
        home = tensors if key == "x" or key.startswith("noise.") else metadata
        home.pop(key)
        if value is not None:
            home[key] = value
    save_file(tensors, path, metadata)
    with pytest.raises(FileFormatError, match=re.escape(text)):
        sl.Runner.load(path, program, denoiser, noise(program))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_resumed_run_gives_back_the_dtype_that_came(tmp_path, dtype):
    program, path, x = compiled("heun"), tmp_path / "state", start(dtype=dtype)
    runner = sl.Runner(program, denoiser, x)
    runner.advance()
    runner.save(path)
    resumed = sl.Runner.load(path, program, denoiser).run()
    assert resumed.dtype == dtype
    assert torch.equal(resumed, run(program, x))


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_runner_cannot_be_copied(copying):
    with pytest.raises(TypeError, match="holds addresses of its own memory, and cannot be copied or pickled"):
        copying(sl.Runner(compiled("heun"), denoiser, start()))


def test_a_runner_serves_one_at_a_time():
    def model(x, sigma):
        runner.advance()
        return x

    runner = sl.Runner(compiled("heun"), model, start())
    with pytest.raises(ExecutionError, match="this run is under way already"):
        runner.run()


def test_an_interrupt_inside_a_draw_ends_the_run():
    program, left = compiled("euler_ancestral"), [2]
    source = noise(program)

    def draws(like, a, b):
        made = source(like, a, b)
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return made

    runner = sl.Runner(program, denoiser, start(), draws)
    source.start(start(), 0.1, 1.0, 0)
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    for again in (runner.run, runner.advance):
        with pytest.raises(ExecutionError, match="interrupted or failed inside an operation"):
            again()


class NoisesFirst(sl.Sampler):
    """Every step begins with its draw."""

    def trace(self, t, sigmas):
        x = t.start()
        for s, s_next in pairwise(sigmas):
            noise = t.noise(s, s_next)
            x = t.end_step((x + t.denoise(x, s)) * 0.5 + noise)


def test_a_run_interrupted_at_the_start_of_a_step_cannot_be_saved(tmp_path):
    def draws(like, a, b):
        source(like, a, b)
        raise KeyboardInterrupt

    program, source = NoisesFirst().compile([3.0, 2.0, 1.0]), sl.noise_source("iid", seed=1)
    runner = sl.Runner(program, denoiser, start(), draws)
    source.start(start(), 0.1, 1.0, 0)
    with pytest.raises(KeyboardInterrupt):
        runner.run()
    # The generator has moved: a state saved now would go on with another draw.
    with pytest.raises(ExecutionError, match="interrupted or failed inside an operation"):
        runner.save(tmp_path / "state")
    with pytest.raises(ExecutionError, match="interrupted or failed inside an operation"):
        _ = runner.x
    assert list(tmp_path.iterdir()) == []


class EndsDenoised(sl.Sampler):
    """Every step ends at what the model returned."""

    def trace(self, t, sigmas):
        x = t.start()
        for s in sigmas[:-1]:
            x = t.end_step(t.denoise(x, s))


def test_what_a_callback_sees_is_not_the_models_memory():
    seen = []
    sl.sample(EndsDenoised().compile(SIGMAS), buffers(1), start(), callback=lambda i: seen.append((i.x, i.x.clone())))
    assert all(torch.equal(a, b) for a, b in seen)


def test_gradients_of_history_are_tracked():
    program = compiled("dpmpp_2m")
    first = sl.Runner(program[:2], denoiser, start(dtype=torch.float64))
    first.run()
    history = {k: v.requires_grad_(k != "x") for k, v in first.outputs.items()}
    assert sl.sample(program[2:], denoiser, history).requires_grad


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")  # torch's own decompositions of forward mode
def test_forward_mode_gradients():
    program, x = compiled("heun"), start((2, 3), torch.float64)
    direction = torch.ones_like(x)
    with torch.autograd.forward_ad.dual_level():
        out = run(program, torch.autograd.forward_ad.make_dual(x, direction))
        tangent = torch.autograd.forward_ad.unpack_dual(out).tangent
    change = (run(program, x + 1e-5 * direction) - run(program, x - 1e-5 * direction)) / 2e-5
    torch.testing.assert_close(tangent, change, rtol=1e-6, atol=1e-8)


def test_a_folded_program_knows_its_parameterization():
    program = compiled("heun").fold(sl.parameterization("v_prediction"))
    with pytest.raises(
        ExecutionError, match=r"the program is folded with VPrediction.*; the denoiser's param.* is Epsilon"
    ):
        run(program, start(), network_denoiser("epsilon"))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda p: Denoiser(None, sl.parameterization("edm")), "network is NoneType; expected a callable"),
        (lambda p: sl.sample(p, denoiser, start(), noise=7), "noise is int; expected sl.noise_source"),
        (lambda p: sl.sample(p, denoiser, start(), callback=3), "callback is int; expected a callable"),
        (lambda p: sl.sample(p, denoiser, start(), dtype="float16"), "dtype is 'float16'; expected torch.float32"),
    ],
)
def test_arguments_are_checked_before_the_run(call, text):
    with pytest.raises(ExecutionError, match=re.escape(text)):
        call(compiled("euler"))


def test_a_name_is_not_a_parameterization():
    with pytest.raises(sl.errors.ParameterizationError, match="parameterization is 'epsilon'; expected one"):
        Denoiser(network, "epsilon")


def test_a_run_that_failed_does_not_return_its_nan():
    runner = sl.Runner(compiled("euler"), lambda x, s: x * float("nan") if s[0] < 0.1 else denoiser(x, s), start())
    with pytest.raises(NonFiniteError):
        runner.run()
    with pytest.raises(ExecutionError, match="interrupted or failed"):
        runner.run()


def test_nan_in_x_is_not_blamed_on_the_model():
    x = start()
    x[2, 0, 0, 0] = float("nan")
    with pytest.raises(NonFiniteError, match=r"step 0 .* sample 2 of the batch: x held it at the start"):
        run(compiled("heun"), x)


def test_steps_count_from_the_start_of_the_whole_program():
    with pytest.raises(ExecutionError, match=r"the model returned shape \(1, 2, 5, 4\) .* at step 3"):
        sl.sample(compiled("heun")[3:], lambda x, s: x[:1], start())


def test_a_state_that_cannot_be_written_leaves_nothing(tmp_path):
    runner = sl.Runner(compiled("heun"), denoiser, start())
    with pytest.raises(OSError, match="missing"):
        runner.save(tmp_path / "missing" / "state")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", SAMPLERS)
def test_slices_one_after_the_other(name):
    program, x = compiled(name), start()
    source = noise(program)
    first = sl.Runner(program[:2], denoiser, x, source)
    with pytest.raises(ExecutionError, match="0 of 2 steps are done; outputs exist after the last"):
        _ = first.outputs
    first.run()
    second = sl.Runner(program[2:], denoiser, first.outputs, noise(program))
    assert second.program.offset.steps == 2
    assert torch.equal(second.run(), run(program, x))


def test_a_slice_with_history_needs_it():
    program = compiled("dpmpp_2m")[3:]
    with pytest.raises(
        ExecutionError, match=re.escape("the program starts from x, result[2]; got x. A slice with hist")
    ):
        sl.sample(program, denoiser, start())


class Stop(Exception):
    pass


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_callback_stops_the_run_by_raising(name):
    program, x = compiled(name), start()
    runner = sl.Runner(program, denoiser, x, noise(program))

    def stop(info):
        if info.step == 2:
            raise Stop

    with pytest.raises(Stop):
        runner.run(stop)
    assert runner.step == 3
    assert torch.equal(runner.run(), run(program, x))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_the_model_leaves_a_run_that_can_go_on(error):
    program, x, left = compiled("heun"), start(), [4]

    def model(x, sigma):
        left[0] -= 1
        if left[0] == 0:
            raise error
        return denoiser(x, sigma)

    runner = sl.Runner(program, model, x)
    with pytest.raises(error):
        runner.run()
    with pytest.raises(ExecutionError, match=r"interrupted inside step 1; call advance\(\)"):
        _ = runner.x
    assert torch.equal(runner.run(), run(program, x))


# -- noise -----------------------------------------------------------------------------------------------------------


@given(
    name=st.sampled_from(("euler_ancestral", "dpmpp_2m_sde")),
    seed=st.integers(0, 2**40),
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    shape=st.sampled_from([(1,), (5,), (2, 3), (4, 4, 4)]),
)
def test_any_batch_split_gives_the_same_samples(name, seed, sizes, shape):
    program = compiled(name, SIGMAS[2:])
    x = start((sum(sizes), *shape), seed=seed % 1000)
    whole = sl.sample(program, denoiser, x, sl.noise_source("iid", seed=seed), progress=False)
    done = 0
    for size in sizes:
        source = sl.noise_source("iid", seed=seed + done)
        part = sl.sample(program, denoiser, x[done : done + size], source, progress=False)
        assert torch.equal(part, whole[done : done + size])
        done += size


def test_iid_is_torchs_generator():
    source, like = sl.noise_source("iid", seed=7), torch.empty(2, 3, 4, dtype=torch.float16)
    source.start(like, 0.1, 1.0, 0)
    generators = [torch.Generator().manual_seed(7), torch.Generator().manual_seed(8)]
    for _ in range(3):
        got = source(like, 1.0, 0.5)
        want = torch.stack([torch.randn(3, 4, generator=g) for g in generators]).half()
        assert torch.equal(got, want)
    later = sl.noise_source("iid", seed=7, skip=1)
    later.start(like, 0.1, 1.0, 2)
    assert torch.equal(later(like, 1.0, 0.5), source(like, 1.0, 0.5))


def test_a_run_starts_its_source_again():
    program, x, source = compiled("dpmpp_2m_sde"), start(), sl.noise_source("iid", seed=3)
    first = sl.sample(program, denoiser, x, source)
    assert torch.equal(sl.sample(program, denoiser, x, source), first)


class TwoIntervals(sl.Sampler):
    """Draws over overlapping intervals, as dpmpp_sde does."""

    def trace(self, t, sigmas):
        x = t.start()
        for s, s_next in pairwise(sigmas):
            den = t.denoise(x, s)
            mid = (s + s_next) / 2
            x = t.end_step(x + (den - x) * 0.5 + t.noise(s, mid) * 0.1 + t.noise(s, s_next) * 0.1)


def test_overlapping_intervals_need_a_path():
    program = TwoIntervals().compile([3.0, 2.0, 1.0])
    with pytest.raises(ExecutionError, match="noise intervals overlap, and source 'iid' makes independent draws"):
        sl.sample(program, denoiser, start(), sl.noise_source("iid", seed=1))
    sl.sample(program, denoiser, start(), sl.noise_source("iid", seed=1, independent=True))


# -- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (
            torch.zeros(2, 3, dtype=torch.int64),
            "x has dtype torch.int64; expected float32, float64, float16 or bfloat16",
        ),
        (np.zeros((2, 3), np.int32), "x has dtype int32; expected float32, float64 or float16"),
        (torch.zeros(0, 3), "x has shape (0, 3); expected (batch, …) with at least one element"),
        (torch.tensor(1.0), "x has shape (); expected (batch, …) with at least one element"),
        ([[1.0]], "x is builtins.list; expected torch tensors or NumPy arrays, all of one kind"),
        ({"y": torch.zeros(1)}, "the program starts from x; got y"),
        (torch.zeros(2, 3, device="meta"), "x is on the meta device, which has no values; use a real one"),
        (torch.zeros(2, 3).to_sparse(), "x has layout torch.sparse_coo; expected torch.strided"),
    ],
)
def test_bad_x(x, text):
    with pytest.raises(ExecutionError, match=re.escape(text)):
        sl.sample(compiled("euler"), denoiser, x)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (lambda x, s: x[:1], "the model returned shape (1, 2, 5, 4) of torch.float32 (torch.strided) on cpu at step 0"),
        (lambda x, s: x.long(), "the model returned shape (3, 2, 5, 4) of torch.int64"),
        (lambda x, s: x.to("meta"), "(torch.strided) on meta at step 0; expected (3, 2, 5, 4) of float32"),
        (lambda x, s: x.to_sparse(), "(torch.sparse_coo) on cpu at step 0"),
        (lambda x, s: x.numpy(), "the model returned ndarray at step 0; expected a torch tensor, like x"),
        (lambda x, s: None, "the model returned NoneType at step 0"),
        (lambda x, s: (x, x), "the model returned tuple at step 0"),
        ("euler", "denoiser is str; expected a callable (x, sigma) -> denoised"),
    ],
)
@pytest.mark.parametrize("name", ["euler", "dpmpp_2m"])
def test_bad_models(name, model, text):
    with pytest.raises(ExecutionError, match=re.escape(text)):
        sl.sample(compiled(name), model, start())


def test_bad_numpy_models():
    with pytest.raises(ExecutionError, match="the model returned Tensor at step 0; expected a NumPy array, like x"):
        sl.sample(compiled("euler"), lambda x, s: torch.from_numpy(x), start().numpy())
    with pytest.raises(ExecutionError, match=re.escape("the model returned shape (2,) of float32 at step 0")):
        sl.sample(compiled("euler"), lambda x, s: np.zeros(2, np.float32), start().numpy())


def test_bad_noise():
    program = compiled("dpmpp_2m_sde")
    with pytest.raises(
        ExecutionError, match=r"the program draws noise 5 times and noise is None; pass sl.noise_source"
    ):
        sl.sample(program, denoiser, start())
    with pytest.raises(ExecutionError, match=re.escape("the noise source returned shape (3,)")):
        sl.sample(program, denoiser, start(), lambda like, a, b: torch.zeros(3))
    for bad in (-1, 1.5, True, 2**64):
        with pytest.raises(ExecutionError, match=re.escape(f"seed is {bad!r}; expected a whole number from 0")):
            sl.noise_source("iid", seed=bad)
    with pytest.raises(ExecutionError, match="passes 2\\*\\*64; use a smaller seed"):
        sl.sample(program, denoiser, start(), sl.noise_source("iid", seed=2**64 - 1))
    with pytest.raises(ExecutionError, match="skip is -1; expected a whole number of at least 0"):
        sl.noise_source("iid", seed=1, skip=-1)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("way", ["kernel", "torch", "numpy"])
@pytest.mark.parametrize("step", [1, 5])
def test_a_model_that_returns_nan_is_reported(name, bad, way, step):
    program, sigma = compiled(name), np.float32(SIGMAS[step])

    def model(x, s):
        out = denoiser(x, s)
        if np.float32(s[0].item() if way != "numpy" else s[0]) == sigma:
            out[1, 0, 2, 3] = bad
        return out

    x = start().numpy() if way == "numpy" else start()
    options = {"differentiable": True} if way == "torch" else {}
    with pytest.raises(NonFiniteError) as caught:
        run(program, x, model, **options)
    # Heun reaches sigma[step] at the end of the step before.
    assert caught.value.step == step - (name == "heun")
    assert caught.value.sample == 1
    assert str(caught.value).startswith(f"NaN or infinity at step {caught.value.step} (sigma ")
    assert "sample 1 of the batch: the model" in str(caught.value)


class Growing(sl.Sampler):
    """A pass whose result is a thousand times its inputs."""

    def trace(self, t, sigmas):
        t.end_step((t.start() + t.denoise(t.start(), sigmas[0])) * 1e3)


def test_a_half_precision_state_that_overflows_is_reported():
    with pytest.raises(NonFiniteError, match="x left the range of its dtype"):
        sl.sample(Growing().compile([1.0, 0.0])[0:1], denoiser, start(dtype=torch.float16) * 10, dtype=torch.float16)


def test_a_non_finite_error_pickles():
    error = pickle.loads(pickle.dumps(NonFiniteError("text", 3, 1)))
    assert (str(error), error.step, error.sample) == ("text", 3, 1)


# -- progress --------------------------------------------------------------------------------------------------------


def test_the_bar_is_off_outside_a_terminal(capfd):
    sl.sample(compiled("heun"), denoiser, start())
    assert capfd.readouterr() == ("", "")


def test_the_bar_can_be_asked_for(capfd):
    sl.sample(compiled("heun"), denoiser, start(), progress=True)
    assert "6/6" in capfd.readouterr().err


def test_a_slice_counts_from_the_start_of_the_whole_program(tmp_path):
    program = sl.sampler("dpmpp_2m").compile([8.0, 4.0, 2.0, 1.0, 0.5, 0.0])
    denoiser = lambda x, sigma: 0.5 * x  # noqa: E731
    first = sl.Runner(program[:2], denoiser, np.ones((2, 3)))
    first.run()
    rest = sl.Runner(program[2:], denoiser, first.outputs)
    assert rest.step == 2
    assert rest.advance().step == 2
    rest.save(tmp_path / "state.safetensors")
    again = sl.Runner.load(tmp_path / "state.safetensors", program[2:], denoiser)
    assert again.step == 3
    np.testing.assert_array_equal(again.run(), sl.sample(program, denoiser, np.ones((2, 3))))
