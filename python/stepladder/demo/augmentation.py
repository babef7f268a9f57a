"""Small affine distortions that do not leak into what the trained network draws."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from stepladder.demo.network import AUGMENTATION_SIZE

# One standard deviation of each distortion: shifts in pixels, angle in radians, logarithms of scale and of aspect
# ratio, and shear as a slope. Digits reach the border of the 8x8 frame, so larger ones would cut strokes off.
_SHIFT = 0.4
_ANGLE = 0.12
_LOG_SCALE = 0.07
_LOG_ASPECT = 0.07
_SHEAR = 0.12


def augment(images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Distort each image by a random affine map and say by which one.

    The network is told what was done to each image, as in the non-leaking augmentation of Karras et al. 2022
    (arXiv:2206.00364, appendix F.2): at sampling it is told "nothing", and draws undistorted images. That also keeps
    the blur of sub-pixel interpolation out of them.

    Parameters
    ----------
    images : tensor of float32, shape (batch, 1, 8, 8)
        Images in [-1, 1], where -1 is paper.
    generator : torch.Generator
        Where the randomness comes from. Half of the images are left alone, or the network would hardly see what it
        is to draw; the others get each of the six distortions with a chance of one half.

    Returns
    -------
    images : tensor of float32, shape (batch, 1, 8, 8)
        Distorted copies within [-1, 1]; an image with no distortion comes back bit for bit.
    augmentation : tensor of float32, shape (batch, 6)
        Horizontal shift, vertical shift, angle, log scale, log aspect ratio and shear in standard deviations; 0 means
        not applied.
    """
    batch = len(images)
    amounts = torch.randn(batch, AUGMENTATION_SIZE, generator=generator)
    amounts = amounts * (torch.rand(batch, AUGMENTATION_SIZE, generator=generator) < 0.5)
    amounts = amounts * (torch.rand(batch, 1, generator=generator) < 0.5)
    # The sampling grid runs from -1 to 1 across the image, so one pixel is 2 / 8 of its unit.
    pixel = 2 / images.shape[-1]
    shift = amounts[:, :2] * (_SHIFT * pixel)
    cosine, sine = (amounts[:, 2] * _ANGLE).cos(), (amounts[:, 2] * _ANGLE).sin()
    scale, aspect = (amounts[:, 3] * _LOG_SCALE).exp(), (amounts[:, 4] * _LOG_ASPECT).exp()
    shear = amounts[:, 5] * _SHEAR
    rotation = torch.stack([cosine, -sine, sine, cosine], dim=-1).reshape(batch, 2, 2)
    stretch = torch.stack([scale * aspect, shear, torch.zeros(batch), scale / aspect], dim=-1).reshape(batch, 2, 2)
    grid = functional.affine_grid(
        torch.cat([rotation @ stretch, shift[..., None]], dim=-1), list(images.shape), align_corners=False
    )
    # Outside the frame is paper: shifting to [0, 2] makes grid_sample's zero padding mean that.
    distorted = functional.grid_sample(images + 1, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
    untouched = (amounts == 0).all(dim=1)[:, None, None, None]
    return torch.where(untouched, images, distorted.clamp(0, 2) - 1), amounts
