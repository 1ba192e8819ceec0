import param

from workbench.contract import lab


class Params(lab.Params):
    darts = param.Integer(2000, bounds=(10, 1_000_000), doc="Darts thrown in each step.")
    steps = param.Integer(5, bounds=(1, 100_000), doc="Steps.")
    pause = param.Number(0.0, bounds=(0, 10), doc="Time to rest after each step.")
    mood = param.Selector(objects=["good", "deaf", "clumsy", "careful", "greedy"], doc="How the lab behaves.")

    units = {"pause": "s"}
    advanced = ("mood",)
    presets = {"quick": {}, "tiny": {"darts": 100}, "claims": {"steps": 20}}
