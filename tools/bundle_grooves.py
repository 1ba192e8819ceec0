"""Write the grooves that come with the lab `drums`: python tools/bundle_grooves.py, with the data set in the catalog.

They are the paper's selection of the Groove MIDI Dataset (CC BY 4.0), the first 16 bars of each: exactly what the
authors' text is made of, with pitches, velocities and micro-timing. See workbench/labs/drums/bundled/README.md.
"""

import numpy as np

from workbench.data.catalog.catalog import resolve
from workbench.data.music.named import cut, pack
from workbench.labs.drums.method.data import BUNDLED, PIECE_BARS, read_groove

if __name__ == "__main__":
    found = read_groove(resolve("groove")[0])
    split = np.repeat(np.arange(3, dtype=np.uint8), [len(found.train), len(found.dev), len(found.test)])
    np.savez_compressed(BUNDLED, split=split, **pack([cut(groove, 0, PIECE_BARS) for groove in found.all]))
    print(f"{BUNDLED}: {len(split)} grooves, {BUNDLED.stat().st_size:,} bytes")
