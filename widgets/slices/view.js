/* The module's entry: keeps the cursor, asks for slices one question at a time, and puts the answers on the screen. */

const PATIENCE = 5000 // ms after which an answer is thought lost

function render({model, el}) {
  const get = (name) => model.get(name)
  const write = (values) => {
    for (const [key, value] of Object.entries(values)) { model.set(key, value) }
    model.save_changes()
  }
  const me = Math.random().toString(36).slice(2) // the same model may be on the screen twice
  const style = make("style", null, {}, CSS)
  const root = make("div", null, {class: "slices-view", role: "group", "aria-label": "Slices"})
  root.dataset.lmSuppressShortcuts = "true" // JupyterLab's own keys rest while this has the focus
  const tools = make("div", root, {class: "tools", role: "toolbar", "aria-label": "How the slices are shown"})
  const stage = make("div", root, {class: "stage"})
  const foot = make("div", root, {class: "foot"})
  const legend = make("div", root, {class: "legend", role: "group", "aria-label": "Organs"})
  const help = make("details", root, {class: "keys"})
  make("summary", help, {}, "Keys and gestures")
  const list = make("dl", help)
  for (const [keys, meaning] of KEYS) { make("dt", list, {}, keys); make("dd", list, {}, meaning) }
  el.replaceChildren(style, root)

  let here = [...get("cursor")] // voxel of the first side
  let windows = get("windows") // while one is dragged, ahead of the model
  let seq = 0, under = 0 // number of the last question, and of the one under way
  let sent = [] // the cuts of the last question
  let timer = 0, rest = 0, told = [], asked = ""
  const start = {windows: get("grids").map((grid) => grid.presets[0].slice(1)), opacity: 0.45, outline: true, hidden: []}

  const mapped = (matrix, at) => matrix.map(([a, b, c, d]) => a * at[0] + b * at[1] + c * at[2] + d)
  const inside = (at, shape) => at.map((value, k) => clamp(Math.round(value), 0, shape[k] - 1))
  const index = (side) => side ? inside(mapped(get("grids")[side].from_first, here), get("grids")[side].shape) : here
  const has = (layer) => get("grids").some((grid) => grid.layers[layer])
  const modes = () => [...has(0) ? ["truth"] : [], ...has(1) ? ["prediction"] : [],
    ...has(0) && has(1) ? ["difference"] : [], "none"]

  // ----------------------------------------------------------------------------------------------------- what is asked
  const windowOf = (side) => windows[get("grids")[side].window] ?? windows[0]
  function wanted(pane) {
    return [pane.side, pane.plane.number, index(pane.side)[pane.plane.normal], ...panes.pixels(pane), ...windowOf(pane.side)]
  }
  function ask() {
    if (under) { return } // its answer asks again
    const cuts = panes.all().filter((pane) => pane.width && pane.have !== String(wanted(pane))).map(wanted)
    const at = get("grids").map((_, side) => index(side))
    if (!cuts.length && asked === String(at)) { return }
    under = ++seq
    asked = String(at)
    sent = cuts
    clearTimeout(timer)
    timer = setTimeout(() => { under = 0; asked = ""; ask() }, PATIENCE)
    write({want: {view: me, seq, cuts, at}})
  }
  function take() {
    const head = unpacked(get("picture"), get("grids"))
    if (!head || head.view !== me || head.seq !== under) { return }
    clearTimeout(timer)
    under = 0
    told = head.at
    head.cuts.forEach((cut, k) => {
      const pane = panes.all().find((one) => one.side === cut.side && one.plane.number === cut.plane)
      pane.picture = cut
      pane.have = String(sent[k]) // not what came: Python keeps it within bounds
      color(pane)
    })
    tell()
    soon()
    root.dataset.answered = head.seq
    ask()
  }

  // --------------------------------------------------------------------------------------------------------- what is shown
  const look = () => ({organs: get("organs"), hidden: get("hidden"), opacity: get("opacity"), mode: get("mode"),
    outline: get("outline")})
  let ink = inks(look())
  function color(pane) {
    const {width, height} = pane.picture
    if (pane.image?.width !== width || pane.image?.height !== height) { pane.image = new ImageData(width, height) }
    paint(new Uint32Array(pane.image.data.buffer), pane.picture, ink, look())
  }
  let frame = 0
  const soon = () => { frame ||= requestAnimationFrame(draw) } // once a frame, whatever moves and whatever comes
  function draw() {
    frame = 0
    for (const pane of panes.all()) {
      panes.draw(pane)
      if (pane.picture) { pane.box.dataset.shown = pane.picture.index } // on the screen now, for those who measure
    }
  }
  function recolor() {
    ink = inks(look())
    for (const pane of panes.all()) { if (pane.picture) { color(pane) } }
    soon()
    controls.show()
    root.dataset.mode = get("mode")
  }
  function tell() {
    const grids = get("grids"), organs = get("organs")
    const [x, y, z] = mapped(grids[0].affine, here)
    const mm = [[x, "R", "L"], [y, "A", "P"], [z, "S", "I"]]
    const place = mm.map(([v, plus, minus]) => `${v < 0 ? minus : plus} ${Math.abs(v).toFixed(1)}`).join(", ")
    const lines = [`voxel ${here.map((n) => n + 1).join(", ")} · ${place} mm`]
    told.forEach(([value, truth, prediction], side) => {
      const grid = grids[side], named = (k) => organs[k - 1]?.[0] ?? "none"
      const parts = [`${Number(value.toPrecision(5))}${grid.modality === "CT" ? " HU" : ""}`]
      if (grid.layers[0]) { parts.push(`truth: ${named(truth)}`) }
      if (grid.layers[1]) { parts.push(`prediction: ${named(prediction)}`) }
      lines.push((grids.length > 1 ? `${grid.name || `side ${side + 1}`}: ` : "") + parts.join(" · "))
    })
    foot.replaceChildren()
    lines.forEach((line) => make("span", foot, {}, line))
    const second = grids[1]
    if (second?.linked === "share") { make("span", foot, {class: "soft"}, "Cursors stand at the same share of each volume: the two have no common space.") }
    for (const note of new Set(grids.map((grid) => grid.note))) { if (note) { make("span", foot, {class: "note"}, note) } }
  }

  // --------------------------------------------------------------------------------------------------------- what hands do
  function settle(after = 0) {
    clearTimeout(rest)
    const done = () => {
      const values = {}
      if (String(get("cursor")) !== String(here)) { values.cursor = [...here] }
      if (get("windows") !== windows) { values.windows = windows }
      if (Object.keys(values).length) { write(values) }
    }
    if (after) { rest = setTimeout(done, after) } else { done() }
  }
  function moved() {
    ask()
    tell()
    soon()
  }
  function move(side, axes) {
    const grid = get("grids")[side], at = [...index(side)]
    let changed = false
    for (const [axis, value] of Object.entries(axes)) {
      changed ||= at[axis] !== value
      at[axis] = value
    }
    if (!changed) { return }
    here = side ? inside(mapped(grid.to_first, at), get("grids")[0].shape) : at
    moved()
  }
  function setWindow(side, values, finished = true) {
    const shared = get("grids")[side].window
    windows = windows.map((old, k) => get("grids")[k].window === shared ? values : old)
    ask()
    if (finished) { settle() }
  }
  const hands = {
    get, modes, setWindow, windowing: false,
    say: (values) => { write(values); recolor() },
    jump: (organ, side) => write({jump: [(get("jump")[0] ?? 0) + 1, organ, side]}),
    reset: () => { windows = start.windows; write(start); recolor(); ask() },
  }
  const panes = openPanes(stage, {
    get, index, move, settle,
    windowing: () => hands.windowing,
    drag: (side, dx, dy) => {
      const [level, width] = windowOf(side), scale = Math.max(width, 1e-3) / 200
      setWindow(side, [level + dy * scale, Math.max(width + dx * scale, 1e-3)], false)
    },
    key: (key) => {
      if (key === "o" || key === "O") { hands.say({outline: !get("outline")}); return true }
      if (key !== "m" && key !== "M") { return false }
      const all = modes()
      hands.say({mode: all[(all.indexOf(get("mode")) + 1) % all.length]})
      return true
    },
  })
  const controls = openTools(tools, legend, hands)

  // ------------------------------------------------------------------------------------------------------------- the model
  function resize() {
    if (!panes.resize()) { return }
    soon()
    ask()
  }
  let due = false
  function rebuild() { // grids, organs and the rest come one after the other: wait for all
    if (due) { return }
    due = true
    queueMicrotask(() => {
      due = false
      under = 0
      told = []
      windows = get("windows")
      here = [...get("cursor")]
      start.windows = get("grids").map((grid) => grid.presets[0].slice(1))
      panes.build()
      controls.build()
      resize()
      recolor()
      tell()
    })
  }
  const follow = () => {
    if (String(get("cursor")) === String(here)) { return }
    clearTimeout(rest)
    here = inside(get("cursor"), get("grids")[0].shape)
    moved()
  }
  const reopen = () => { windows = get("windows"); controls.show(); ask() }
  const watched = [["picture", take], ["cursor", follow], ["windows", reopen], ["grids", rebuild], ["organs", rebuild],
    ...["mode", "opacity", "outline", "hidden"].map((name) => [name, recolor])]
  watched.forEach(([key, react]) => model.on(`change:${key}`, react))
  const observer = new ResizeObserver(resize)
  observer.observe(root)
  if (get("grids").length) { rebuild() }
  return () => {
    observer.disconnect()
    clearTimeout(timer)
    cancelAnimationFrame(frame)
    settle()
    watched.forEach(([key, react]) => model.off(`change:${key}`, react))
  }
}

export default {render}
