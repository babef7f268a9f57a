"""Everything that needs torch: denoisers, guidance, noise sources."""

from stepladder._execute import Runner as Runner
from stepladder._execute import sample as sample
from stepladder.torch.denoiser import Denoiser as Denoiser
from stepladder.torch.guidance import ClassifierFreeGuidance as ClassifierFreeGuidance
from stepladder.torch.noise import IidNoise as IidNoise

__all__ = ["ClassifierFreeGuidance", "Denoiser", "IidNoise", "Runner", "sample"]
