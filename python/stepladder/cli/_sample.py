"""`stepladder sample`."""

import itertools
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from stepladder.cli import _labels
from stepladder.cli import _options as options
from stepladder.cli._console import console, facts, plural, show, show_json
from stepladder.cli._group import CommandError

if TYPE_CHECKING:
    from stepladder._model import ArrayModel
    from stepladder._program import Program

_MOST = 10_000
_WIDEST = 16  # labels that get a column each in the picture


class _Run(NamedTuple):
    """What a run gave."""

    images: Any
    seconds: float


def sample(
    model: Annotated[str, typer.Option(help="Model loader: see `stepladder list model_loaders`.", metavar="NAME")] = (
        "digits"
    ),
    weights: Annotated[
        Path | None, typer.Option(help="File to load; left out, the weights the loader ships.", metavar="FILE")
    ] = None,
    labels: Annotated[
        str, typer.Option(help="What to make: 0-9, or 3,3,7, or names, in turn; all; none.", metavar="LABELS")
    ] = "all",
    count: Annotated[int, typer.Option("--count", "-c", help="Images.", min=1, max=_MOST, metavar="N")] = 64,
    steps: options.Steps = 20,
    sampler: Annotated[str, typer.Option(help="Sampler.", metavar="NAME")] = "dpmpp_2m",
    option: options.SamplerOptions = None,
    schedule: options.ScheduleName = "karras",
    schedule_option: options.ScheduleOptions = None,
    noise: Annotated[str, typer.Option(help="Noise source, for samplers that draw.", metavar="NAME")] = "iid",
    noise_option: Annotated[
        list[str] | None,
        typer.Option("--noise-option", help="Parameter of the noise source; repeatable.", metavar="KEY=VALUE"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Image b is made from seed + b.", min=0, max=2**63 - 1, metavar="SEED")] = 0,
    guidance: Annotated[
        float | None, typer.Option(help="Guidance scale; left out, the model's own.", metavar="SCALE")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, ….", metavar="DEVICE")] = "cpu",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Picture of all images (.png).", metavar="FILE")
    ] = None,
    json: options.Json = False,
) -> None:
    """Sample images from a model, and show them."""
    options.check_output(output, ".png")
    if output is not None:
        from stepladder.plot import require_matplotlib

        require_matplotlib()
    _check_device(device)

    import stepladder as sl

    given = options.pairs(option, "--option")
    made_sampler = sl.sampler(sampler, **given)
    made_schedule = sl.schedule(schedule, **options.pairs(schedule_option, "--schedule-option"))
    noise_given = {"seed": seed, **options.pairs(noise_option, "--noise-option")}
    loaded = _load(model, weights, device)
    turn = _labels.parse(labels, loaded.labels, model)
    scale = loaded.guidance if guidance is None else guidance
    levels = made_schedule.sigmas(loaded.process, steps, sampler=made_sampler)
    program = options.compiled(made_sampler, sampler, given, levels, loaded.process)
    if program.sigma_end >= program.sigma_start:
        raise CommandError(
            f"--sampler {sampler!r} goes from sigma {program.sigma_start:g} up to {program.sigma_end:g}, from an image "
            "to its noise, and this command starts from noise; use one that goes down"
        )
    if noise == "iid":
        noise_given.setdefault("skip", 1)  # the first draw of each sample's generator is its starting point
    source = sl.noise_source(noise, **noise_given) if program.analysis.noise_draws else None

    each = None if turn is None else list(itertools.islice(itertools.cycle(turn), count))
    made_of = None if turn is None else turn[:count]
    run = _run(loaded, program, each, scale, source, count, seed, device, quiet=json)

    columns = len(turn) if turn is not None and 2 <= len(turn) <= min(count, _WIDEST) else round(count**0.5 + 0.49)
    if output is not None:
        from stepladder.plot import image_grid, png_bytes

        options.write(output, png_bytes(image_grid(run.images, columns)))
    if json:
        show_json(
            {
                "model": model,
                "weights": None if weights is None else str(weights),
                "count": count,
                "labels": each,
                "steps": steps,
                "sampler": {"name": sampler, "parameters": options.parameters(made_sampler)},
                "schedule": {"name": schedule, "parameters": options.parameters(made_schedule)},
                "sigmas": levels.tolist(),
                "program": program.digest,
                "model_calls": program.analysis.model_calls,
                "noise": None if source is None else noise,
                "noise_draws": program.analysis.noise_draws,
                "seed": seed,
                "guidance": scale,
                "device": device,
                "seconds": run.seconds,
                "output": None if output is None else str(output),
            }
        )
        return
    _show_preview(run.images)
    made: dict[str, Any] = {
        "made": f"{plural(count, 'image')}{_labels.describe(made_of, loaded.labels)}, seed {seed}, guidance {scale:g}",
        "sampler": program.label,
        "schedule": f"{made_schedule!r}, {plural(len(program), 'step')}",
        "sigma": f"{program.sigma_start:.6g} to {program.sigma_end:.6g}",
        "model_calls": program.analysis.model_calls,
    }
    if source is not None:
        made["noise"] = f"{noise}, {plural(program.analysis.noise_draws, 'draw')}"
    made["seconds"] = f"{run.seconds:.3g} on {device}"
    if output is not None:
        made["picture"] = str(output)
    show(facts(**made))


def _check_device(device: str) -> None:
    """Refuse, before anything is loaded, a device that this machine does not have."""
    from stepladder.errors import MissingExtraError

    try:
        import torch
    except ImportError as error:
        msg = f"sampling needs torch, which cannot be imported ({error}); pip install stepladder[torch]"
        raise MissingExtraError(msg) from error
    try:
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError) as error:  # an AssertionError where torch was built without CUDA
        reason = str(error).strip().split("\n")[0]
        raise CommandError(f"--device {device!r} cannot be used here; expected cpu, or cuda, …: {reason}") from error


def _load(name: str, weights: Path | None, device: str) -> "ArrayModel":
    import stepladder as sl

    loader = sl.model_loader(name)
    if not isinstance(loader, sl.ModelLoader):
        raise CommandError(f"--model {name!r} makes {type(loader).__name__}; expected a stepladder.ModelLoader")
    return loader.load(weights, device=device)


def _run(
    model: "ArrayModel",
    program: "Program",
    labels: list[int] | None,
    guidance: float,
    source: Any,
    count: int,
    seed: int,
    device: str,
    *,
    quiet: bool,
) -> _Run:
    import torch

    import stepladder as sl

    denoiser = model.denoiser(labels, guidance)
    draws = [torch.randn(model.shape, generator=torch.Generator().manual_seed(seed + b)) for b in range(count)]
    unit = torch.stack(draws).to(device)
    x = sl.add_noise(
        torch.zeros_like(unit), unit, program.sigma_start, denoiser.parameterization, sigma_max=model.process.sigma_max
    )
    started = time.perf_counter()
    try:
        made = sl.sample(program, denoiser, x, source, progress=False if quiet else None)
    except torch.cuda.OutOfMemoryError as error:
        raise CommandError(
            f"{plural(count, 'image')} at once do not fit on {device}; make fewer with --count"
        ) from error
    if made.is_cuda:
        torch.cuda.synchronize(made.device)
    return _Run(model.images(made), time.perf_counter() - started)


def _show_preview(images: Any) -> None:
    from stepladder.plot import terminal_preview

    out = console()
    width = shutil.get_terminal_size().columns
    out.print(terminal_preview(images, width, color=out.color_system is not None), soft_wrap=True)
    out.print()
