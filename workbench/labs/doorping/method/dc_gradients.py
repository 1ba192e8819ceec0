"""Gradient matching (DC): how far the gradients of a synthetic set are from those of real images.

Source: Zhao et al., Dataset Condensation with Gradient Matching, ICLR 2021, equations 9 to 11, as released.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, grad, vmap

from workbench.labs.doorping.method.networks import Classifier

TINY = 1e-6  # of the released code, beside the product of norms


def class_gradients(
    network: Classifier, weights: dict[str, Tensor], images: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """Return the gradient of the cross-entropy of each class by itself.

    All classes go in one pass, but where nothing is asked of the images and there is no accelerator: there the
    backward pass of a grouped convolution is twice as slow as that of ten plain ones.

    Parameters
    ----------
    network
        Of whom only the shape counts.
    weights
        By name; what comes back can be differentiated after `images`.
    images
        (classes, n, channels, h, w).
    labels
        (classes, n).

    Returns
    -------
    dict
        By name, (classes, *shape of the weight).
    """

    def loss(weights: dict[str, Tensor], images: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(network, weights, (images,)), labels)

    if images.requires_grad or images.is_cuda:
        return vmap(grad(loss), in_dims=(None, 0, 0))(weights, images, labels)
    one_by_one = [grad(loss)(weights, x, y) for x, y in zip(images, labels, strict=True)]
    return {name: torch.stack([found[name] for found in one_by_one]) for name in weights}


def distance(a: dict[str, Tensor], b: dict[str, Tensor]) -> Tensor:
    """Return the sum over classes, weights and output units of 1 - cosine between two sets of gradients.

    Vectors (biases, gains of norms) are left out, as in the released code.
    """
    total = torch.zeros((), device=next(iter(a.values())).device)
    for name, left in a.items():
        if left.ndim < 3:  # the first axis is that of the classes
            continue
        x, y = left.flatten(2), b[name].flatten(2)  # (classes, out, in)
        cosine = (x * y).sum(-1) / (x.norm(dim=-1) * y.norm(dim=-1) + TINY)
        total = total + (1 - cosine).sum()
    return total


def matching_loss(network: Classifier, real: tuple[Tensor, Tensor], synthetic: tuple[Tensor, Tensor]) -> Tensor:
    """Return how far a network's gradients for real and synthetic images are apart; both (classes, n, ...)."""
    weights = {name: weight.detach() for name, weight in network.named_parameters()}
    wanted = {name: slope.detach() for name, slope in class_gradients(network, weights, *real).items()}
    return distance(class_gradients(network, weights, *synthetic), wanted)
