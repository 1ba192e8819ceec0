"""The option ``--lab``. pytest finds it by the entry point group ``pytest11``: a conftest would be read too late."""


def pytest_addoption(parser) -> None:
    """Add the option; `workbench.testing.test_contract` reads it."""
    group = parser.getgroup("workbench")
    group.addoption(
        "--lab",
        action="append",
        metavar="NAME",
        help="Lab whose contract is tested; repeatable. Default: every registered lab that works.",
    )
