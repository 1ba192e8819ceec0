import holoviews as hv

from workbench.contract import Tab


def board(result, link):
    return hv.Points(result.tables["last"], ["x", "y"])


TABS = (Tab("Board", board, needs=("last",)),)
