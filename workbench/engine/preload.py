"""What every worker needs, imported once by the process that they are forked from.

Garbage collection rests meanwhile: it would look again and again through what stays for good, which takes a third of
the time. What was imported is frozen, so that the collector of a worker never copies the memory that it shares.
"""

import gc
import importlib

gc.disable()
for _name in (
    "distributed",
    "mlflow.tracking",
    "mlflow.store.tracking.sqlalchemy_store",
    "torch",
    "workbench.engine.worker",
):
    importlib.import_module(_name)
gc.freeze()
gc.enable()
