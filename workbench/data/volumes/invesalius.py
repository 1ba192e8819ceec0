"""Projects of InVesalius (``.inv3``): a tar of the voxels, masks and property lists of one CT."""

from __future__ import annotations

import plistlib
import tarfile
from pathlib import Path

import numpy as np

from workbench.contract.errors import LabError
from workbench.data.volumes.grid import Slices, check_shape

MAX_LIST = 1_000_000  # bytes of a property list
SHOWN = 127  # a mask's voxel above it is inside


def open_inv3(path: Path, kind: str) -> Slices:
    """Open the scan (``"volume"``) or the masks (``"labels"``: 1 for the first, which hides those after it).

    InVesalius stores the slices from the feet up, the rows from back to front, and the columns as the scanner does, to
    the patient's left; the project itself does not say which side is which.

    Raises
    ------
    LabError
        If it is no project, or its parts do not fit each other.
    """
    try:
        with tarfile.open(path) as box:
            members = {Path(m.name).name: m for m in box if m.isreg()}
            main = _list(box, members["main.plist"])
            about = main["matrix"]
            depth, rows, columns = check_shape(about["shape"], path.name)
            if about["dtype"] != "int16":
                raise LabError(f"{path.name} holds {about['dtype']} voxels; int16 is read.", "Export it as NIfTI.")
            if kind.startswith("labels"):
                voxels = _masks(box, members, main, (depth, rows, columns))
            else:
                blob = box.extractfile(members[about["filename"]]).read(2 * depth * rows * columns)
                voxels = np.frombuffer(blob, "<i2").reshape(depth, rows, columns)
            step_x, step_y, step_z = map(float, main["spacing"])
            modality = str(main.get("modality", ""))
    except LabError:
        raise
    except (tarfile.TarError, plistlib.InvalidFileException, KeyError, ValueError, TypeError, AttributeError) as error:
        raise LabError(f"{path.name} is no InVesalius project, or damaged: {error}.", "Export it as NIfTI.") from error
    affine = np.diag([-step_x, step_y, step_z, 1.0])
    planes = (voxels[k].T for k in range(depth))  # (columns, rows)
    return Slices((columns, rows, depth), affine, voxels.dtype, planes, modality if modality in ("CT", "MR") else "")


def _masks(box: tarfile.TarFile, members: dict, main: dict, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the masks as numbers (depth, rows, columns); each is stored with a margin of one before every axis."""
    found = np.zeros(shape, np.uint8)
    for k, name in sorted(main["masks"].items(), key=lambda pair: -int(pair[0])):
        about = _list(box, members[name])
        padded = tuple(about["mask_shape"])
        if padded != tuple(n + 1 for n in shape):
            raise ValueError(f"a mask of {padded} voxels")
        blob = box.extractfile(members[about["mask_file"]]).read(int(np.prod(padded)))
        found[np.frombuffer(blob, np.uint8).reshape(padded)[1:, 1:, 1:] > SHOWN] = int(k) + 1
    return found


def _list(box: tarfile.TarFile, member: tarfile.TarInfo) -> dict:
    return plistlib.loads(box.extractfile(member).read(MAX_LIST))
