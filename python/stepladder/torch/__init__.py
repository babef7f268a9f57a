"""Everything that needs torch: denoisers, guidance, noise sources."""

from stepladder._execute import Runner as Runner
from stepladder._sample import sample as sample
from stepladder.torch.clipped import ClippedDenoiser as ClippedDenoiser
from stepladder.torch.denoiser import Denoiser as Denoiser
from stepladder.torch.guidance import ClassifierFreeGuidance as ClassifierFreeGuidance
from stepladder.torch.likelihood import LogLikelihood as LogLikelihood
from stepladder.torch.likelihood import log_likelihood as log_likelihood
from stepladder.torch.noise import IidNoise as IidNoise
from stepladder.torch.noise import initial_noise as initial_noise

__all__ = [
    "ClassifierFreeGuidance",
    "ClippedDenoiser",
    "Denoiser",
    "IidNoise",
    "LogLikelihood",
    "Runner",
    "initial_noise",
    "log_likelihood",
    "sample",
]
