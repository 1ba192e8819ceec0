"""Masked-modal training: some scenes of a batch lose one sensor, so that one network learns to do with either."""

from __future__ import annotations

import torch

from workbench.labs.cmt.method.frames import Frames

NO_CAMERAS, NO_LIDAR = 0.25, 0.25  # shares of the scenes; the others keep both


def masked(
    frames: Frames, generator: torch.Generator | None = None, no_cameras: float = NO_CAMERAS, no_lidar: float = NO_LIDAR
) -> Frames:
    """Return frames of which some lack all cameras and others the LiDAR.

    As the released ModalMask3D: r ~ U(0, 1) for each scene; above 0.75 the cameras go, else above 0.5 the LiDAR goes.
    What "gone" means, no tokens or the paper's zeros, the network decides (`Shape.absent`). The sensor of a scene that
    has only one is never taken.

    Parameters
    ----------
    frames
        B scenes.
    generator
        Draws, on its own device.
    no_cameras, no_lidar
        Shares.
    """
    device = generator.device if generator else frames.points.device
    r = torch.rand(frames.batch, generator=generator, device=device).to(frames.points.device)
    cameras = r > 1 - no_cameras
    lidar = ~cameras & (r > 1 - no_cameras - no_lidar)
    both = frames.lidar & frames.camera.any(1)
    return frames._replace(lidar=frames.lidar & ~(lidar & both), camera=frames.camera & ~(cameras & both)[:, None])


def without(frames: Frames, lidar: bool = False, cameras: tuple[int, ...] | None = None) -> Frames:
    """Return frames with sensors switched off, for tests of a trained network.

    Parameters
    ----------
    frames
        B scenes.
    lidar
        Switch the LiDAR off.
    cameras
        Numbers of cameras to switch off; None: none of them.
    """
    camera = frames.camera.clone()
    camera[:, list(cameras or ())] = False
    return frames._replace(lidar=frames.lidar & (not lidar), camera=camera)
