"""Read and write the weights of the digits model."""

from __future__ import annotations

import math
from dataclasses import fields
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from stepladder.demo.network import NULL_LABEL, DigitsConfig, DigitsNetwork
from stepladder.errors import FileFormatError
from stepladder.io import write_whole

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from torch import Tensor

FORMAT = "stepladder.digits"
"""Value of `format` in the metadata of a weights file."""

VERSION = "1"
"""Value of `version` in the metadata of a weights file."""

# A file states its own sizes; these bounds keep a hostile one from asking for all memory before a tensor is compared.
_MAX_WIDTH = 4096
_MAX_DEPTH = 64


def load_network(path: str | os.PathLike[str] | None = None, device: str | torch.device = "cpu") -> DigitsNetwork:
    """Load the digits network.

    Parameters
    ----------
    path : path-like, optional
        A weights file as `python -m stepladder.demo.train` writes it; None loads the one stepladder ships.
    device : str or torch.device
        Where to put the network.

    Returns
    -------
    DigitsNetwork
        In evaluation mode, float32, no gradients; `sigma_data`, `sigma_min`, `sigma_max` and `guidance` are
        attributes, everything else that the file records is in `config`.

    Raises
    ------
    FileFormatError
        The file is truncated, not safetensors, of another format or version, or its tensors do not fit its metadata.
    OSError
        The file does not exist or cannot be read.
    """
    if path is None:
        with as_file(files("stepladder.demo") / "digits.safetensors") as shipped:
            return load_network(shipped, device)
    file = Path(path)
    # safetensors reports a missing file and a damaged one differently on each platform; opening it here first makes
    # the first an ordinary OSError with the file's name.
    with file.open("rb"):
        pass
    try:
        with safe_open(file, framework="pt", device="cpu") as handle:
            config = _config(handle.metadata() or {}, file)
            # On the meta device a network has shapes and no memory: what the file must contain, before reading it.
            with torch.device("meta"):
                network = DigitsNetwork(config)
            expected = network.state_dict()
            _check_names(set(handle.keys()), set(expected), file)
            tensors = {name: _tensor(handle.get_tensor(name), expected[name], name, file) for name in expected}
    except SafetensorError as error:
        raise FileFormatError(
            f"{file}: got a file that safetensors cannot read ({error}); expected digits weights in safetensors, "
            "whole: download or train them again"
        ) from error
    with torch.device("cpu"):  # whatever torch's default is
        network = DigitsNetwork(config)
    network.load_state_dict(tensors)
    return network.requires_grad_(False).eval().to(device)


def save_network(network: DigitsNetwork, path: str | Path) -> int:
    """Write a network's weights as float16, whole or not at all.

    Parameters
    ----------
    network : DigitsNetwork
        On any device, in any mode.
    path : str or Path
        File to write; one that exists is replaced.

    Returns
    -------
    int
        Bytes written.

    Raises
    ------
    OutputError
        The file cannot be written; nothing is left behind, and a file that was there is untouched.
    """
    tensors = {name: value.detach().to("cpu", torch.float16) for name, value in network.state_dict().items()}
    metadata = {"format": FORMAT, "version": VERSION, "labels": str(NULL_LABEL)}
    # repr is the shortest text that reads back as the same float64.
    metadata |= {field.name: repr(getattr(network.config, field.name)) for field in fields(DigitsConfig)}
    metadata["parameters"] = str(count_parameters(network))
    metadata["pixels"] = "[-1, 1], mean kept"
    content = save(tensors, metadata)
    write_whole(path, content)
    return len(content)


def count_parameters(network: DigitsNetwork) -> int:
    """Count the weights of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def _config(metadata: Mapping[str, str], file: Path) -> DigitsConfig:
    tag, version = metadata.get("format"), metadata.get("version")
    if tag != FORMAT:
        raise FileFormatError(f"{file}: got the format tag {tag!r}; expected {FORMAT!r}: these are not digits weights")
    if version != VERSION:
        raise FileFormatError(f"{file}: got version {version!r} of {FORMAT}; expected {VERSION!r}: update stepladder")
    if metadata.get("labels") != str(NULL_LABEL):
        raise FileFormatError(f"{file}: got labels={metadata.get('labels')!r}; expected {str(NULL_LABEL)!r}")
    width = _whole(metadata, "width", 1, _MAX_WIDTH, file)
    depth = _whole(metadata, "depth", 1, _MAX_DEPTH, file)
    sigma_data = _positive(metadata, "sigma_data", file)
    sigma_min = _positive(metadata, "sigma_min", file)
    sigma_max = _positive(metadata, "sigma_max", file)
    if sigma_min >= sigma_max:
        raise FileFormatError(f"{file}: got sigma_min={sigma_min} and sigma_max={sigma_max}; expected min below max")
    return DigitsConfig(
        width=width,
        depth=depth,
        sigma_data=sigma_data,
        sigma_min=sigma_min,
        sigma_max=sigma_max,
        guidance=_positive(metadata, "guidance", file),
        training_seed=_whole(metadata, "training_seed", 0, 2**63 - 1, file),
        split_seed=_whole(metadata, "split_seed", 0, 2**63 - 1, file),
    )


def _whole(metadata: Mapping[str, str], name: str, low: int, high: int, file: Path) -> int:
    text = metadata.get(name)
    # A length check first: int() of a megabyte of digits takes minutes or raises, and 2**63 has 19.
    if text is None or len(text) > 19 or not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
        shown = text if text is None else text[:40]
        raise FileFormatError(f"{file}: got {name}={shown!r}; expected a whole number from {low} to {high}")
    return int(text)


def _positive(metadata: Mapping[str, str], name: str, file: Path) -> float:
    text = metadata.get(name)
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        shown = text if text is None else text[:40]
        raise FileFormatError(f"{file}: got {name}={shown!r}; expected a finite number above 0")
    return value


def _check_names(got: set[str], expected: set[str], file: Path) -> None:
    if got != expected:
        missing, extra = sorted(expected - got), sorted(got - expected)
        raise FileFormatError(
            f"{file}: got tensors that do not make a digits network; missing {missing or 'none'}, "
            f"not expected {extra or 'none'}"
        )


def _tensor(got: Tensor, expected: Tensor, name: str, file: Path) -> Tensor:
    if got.shape != expected.shape or not got.dtype.is_floating_point:
        raise FileFormatError(
            f"{file}: got {name} of shape {tuple(got.shape)} and {got.dtype}; expected {tuple(expected.shape)} "
            "and floating point"
        )
    if not bool(torch.isfinite(got).all()):
        raise FileFormatError(f"{file}: got NaN or infinity in {name}; expected finite weights")
    return got.to(torch.float32)
