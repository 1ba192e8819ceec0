import holoviews as hv


def views(result, link=None):
    return {"Board": lambda: hv.Points(result.tables["last"], ["x", "y"])} if "last" in result.tables else {}
