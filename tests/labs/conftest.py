"""A finished run of a lab as a probe sees it, without an engine and a store."""

import pytest

from workbench.lab import LoadedRun
from workbench.tensors import save_tensors


@pytest.fixture(scope="session")
def loaded_run(tmp_path_factory):
    """Return a function from params, context, result and seed of a run to what its probe is given."""

    def make(params, ctx, result, seed):
        folder = tmp_path_factory.mktemp("run")
        for name, model in ctx.models.items():
            save_tensors(folder / "models" / f"{name}.safetensors", model)
        return LoadedRun("x", params, result, folder, "cpu", seed)

    return make
