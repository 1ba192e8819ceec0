"""Writes peers.json: what fairlearn 0.15.0 and torch-geometric 2.8.1 answer on small cases. Run once, by hand:

    pip install --no-deps --target PEERS fairlearn==0.15.0 torch-geometric==2.8.1
    PYTHONPATH=PEERS python tests/labs/reliant/peers.py

The tests compare ours with the file, so that they need neither.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch


def fair_cases() -> list[dict]:
    """Return random predictions with fairlearn's two differences."""
    from fairlearn.metrics import demographic_parity_difference, equal_opportunity_difference

    rng = np.random.default_rng(0)
    found = []
    for n in (20, 200, 1000):
        for share in (0.1, 0.5, 0.9):
            y, hit, s = ((rng.random(n) < p).astype(int) for p in (0.4, share, 0.3))
            about = {"y_true": y, "y_pred": hit, "sensitive_features": s}
            found.append(
                {
                    **{"y": y.tolist(), "hit": hit.tolist(), "s": s.tolist()},
                    "sp": float(demographic_parity_difference(**about)),
                    "eo": float(equal_opportunity_difference(**about)),
                }
            )
    return found


def layers() -> dict:
    """Return what torch-geometric's layers make of one small graph, with their weights."""
    from torch_geometric.nn import GCNConv, SAGEConv, SGConv

    torch.manual_seed(0)
    n, d, out = 30, 5, 3
    x = torch.randn(n, d)
    pairs = torch.unique(torch.randint(n - 1, (60, 2)).sort(1).values, dim=0)  # node n - 1 stays alone
    edges = pairs[pairs[:, 0] != pairs[:, 1]]
    both = torch.cat([edges.T, edges.T.flip(0)], 1)
    gcn, sgc, sage = GCNConv(d, out), SGConv(d, out, K=2), SAGEConv(d, out)
    with torch.no_grad():
        made = {"gcn": gcn(x, both), "sgc": sgc(x, both), "sage": sage(x, both)}
        weights = {
            "gcn": [gcn.lin.weight, gcn.bias],
            "sgc": [sgc.lin.weight, sgc.lin.bias],
            "sage": [sage.lin_r.weight, sage.lin_l.bias, sage.lin_l.weight],
        }
    listed = lambda t: t.detach().numpy().round(7).tolist()  # noqa: E731
    return {
        "x": listed(x),
        "edges": edges.tolist(),
        "made": {k: listed(v) for k, v in made.items()},
        "weights": {k: [listed(w) for w in v] for k, v in weights.items()},
    }


if __name__ == "__main__":
    place = Path(__file__).with_name("peers.json")
    place.write_text(json.dumps({"fair": fair_cases(), "layers": layers()}))
    print(place, place.stat().st_size)
