"""A finished run of a lab as a probe sees it, without an engine and a store."""

from concurrent.futures import Future

import pytest

from workbench.contract.errors import LabError
from workbench.contract.lab import LoadedRun
from workbench.toolkit.tensors import save_tensors


@pytest.fixture(scope="session")
def loaded_run(tmp_path_factory):
    """Return a function from params, context, result and seed of a run to what its probe is given."""

    def make(params, ctx, result, seed):
        folder = tmp_path_factory.mktemp("run")
        for name, model in ctx.models.items():
            save_tensors(folder / "models" / f"{name}.safetensors", model)
        return LoadedRun("x", params, result, folder, "cpu", seed)

    return make


class Asked:
    """Answers a view as the worker does, and keeps what it was asked."""

    def __init__(self, lab, run):
        self.lab, self.run, self.requests = lab, run, []

    def __call__(self, request):
        self.requests.append(request)
        future = Future()
        try:
            future.set_result(self.lab.probe(self.run, request))
        except LabError as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="session")
def answering():
    """Return a function from a lab and a loaded run to what a `Link` asks; its ``requests`` are what was asked."""
    return Asked
