"""The workbench's page: ``panel serve workbench/app.py`` runs this once for every session.

Everything heavy happens once for the process (`warm`), beside the first visitor; torch is never imported here.
"""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import panel as pn

from workbench.contract.errors import LabError
from workbench.pages.access import check_visitor
from workbench.pages.shell import Shell, warm
from workbench.ui.errors import error_card

pn.extension("tabulator", notifications=False)
try:
    check_visitor()
except LabError as error:
    error_card(error).servable(title="Workbench")
else:
    warm()
    Shell().page.servable(title="Workbench")
