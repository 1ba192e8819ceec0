/* The module's entry: a stage for gl.js, words over it, buttons below, and the fields it shares with Python. */

const SIDES = {Behind: [0, 32], Above: [0, 90], Left: [-90, 25], Right: [90, 25], Front: [180, 32]}

function render({model, el}) {
  const get = (name) => model.get(name)
  const style = make("style", null, {}, CSS)
  const root = make("div", null, {class: "scene-view", role: "group", "aria-label": "Points and boxes in 3-D"})
  root.dataset.lmSuppressShortcuts = "true" // JupyterLab's own keys rest while this has the focus
  const box = make("div", root, {class: "stage", tabindex: "0", role: "application", "aria-label": `Points and boxes in 3-D: ${KEYS}`})
  const canvas = make("canvas", box), words = make("canvas", box, {class: "words", "aria-hidden": "true"})
  const row = make("div", root, {class: "tools", role: "toolbar", "aria-label": "Look from"})
  const said = make("p", root, {class: "said", role: "status"}), note = make("p", root, {class: "soft"})
  el.replaceChildren(style, root)
  let stage = openStage(canvas)
  if (!stage) {
    said.textContent = "This browser has no WebGL 2, which the 3-D view needs. The other pictures show the same points and boxes."
    box.hidden = row.hidden = true
    return () => {}
  }

  let scene = null, camera = [0, 32, 50, 0, 0, 0], guides = {lines: [], marks: []}, eye = null, looks = null
  let frame = 0, rest = 0, under = -1, stale = true
  const dense = () => Math.min(2, devicePixelRatio || 1)
  const shown = (k) => !looks || looks[4 * k + 3] > 0
  const label = (k) => get("labels")[k] ?? `box ${k + 1}`
  const one = () => { const k = get("selected")[0]; return scene && k >= 0 && k < scene.boxes ? k : -1 }

  function draw() {
    frame = 0
    const width = Math.round(box.clientWidth * dense()), height = Math.round(box.clientHeight * dense())
    if (!width || !height || !scene) { return }
    for (const each of [canvas, words]) { if (each.width !== width || each.height !== height) { Object.assign(each, {width, height}) } }
    if (stale) { stage.paint(scene, pointColors(scene, get("shade"), looks), looks, get("selected"), dense()) }
    stale = false
    stage.draw(eyeOf(camera, width, height), dense())
    eye = eyeOf(camera, box.clientWidth, box.clientHeight) // in CSS pixels, as pointers are
    write()
    root.dataset.camera = camera.map((value) => value.toFixed(2)).join(" ")
    root.dataset.drawn = Number(root.dataset.drawn ?? 0) + 1
  }
  function write() {
    const brush = words.getContext("2d")
    brush.setTransform(dense(), 0, 0, dense(), 0, 0)
    brush.clearRect(0, 0, box.clientWidth, box.clientHeight)
    const put = (text, at, color, bold = false) => {
      if (!at) { return }
      brush.font = `${bold ? 600 : 500} 12px system-ui, sans-serif`
      const half = brush.measureText(text).width / 2, x = clamp(at[0], half + 4, box.clientWidth - half - 4)
      brush.lineWidth = 3.5
      brush.strokeStyle = "#12161e"
      brush.strokeText(text, x - half, at[1])
      brush.fillStyle = color
      brush.fillText(text, x - half, at[1])
    }
    for (const [point, text] of guides.marks) { put(text, onScreen(eye, point), "#9aa8b5") }
    const chosen = one(), over = (k) => {
      const {middle, axes} = boxAxes(scene, k), at = onScreen(eye, middle.map((v, i) => v + axes[2][i]))
      return at && [at[0], at[1] - 8, at[2]]
    }
    const tags = get("labeled") ? Array.from({length: scene.boxes}, (_, k) => k).filter((k) => shown(k) && k !== chosen && k !== under) : []
    const placed = tags.map((k) => [k, over(k)]).filter(([, at]) => at && at[0] > 0 && at[0] < box.clientWidth && at[1] > 0 && at[1] < box.clientHeight)
    placed.sort((a, b) => a[1][2] - b[1][2])
    const taken = [] // a label that would lie over a nearer one is left out
    for (const [k, [x, y]] of placed) {
      const half = brush.measureText(label(k)).width / 2 + 3
      if (taken.some(([left, right, at]) => Math.abs(y - at) < 14 && x - half < right && x + half > left)) { continue }
      taken.push([x - half, x + half, y])
      put(label(k), [x, y], ink(k))
    }
    if (under >= 0 && under !== chosen) { put(label(under), over(under), "#ffffff") }
    if (chosen >= 0 && shown(chosen)) { put(label(chosen), over(chosen), "#ffffff", true) }
  }
  const ink = (k) => looks ? `rgb(${looks[4 * k]} ${looks[4 * k + 1]} ${looks[4 * k + 2]})` : "#ffffff"
  const soon = () => { frame ||= requestAnimationFrame(draw) }
  const repaint = () => { stale = true; soon() }
  function look(wanted) {
    camera = bounded(wanted)
    soon()
    clearTimeout(rest)
    rest = setTimeout(() => { model.set("camera", camera.map((value) => Math.round(100 * value) / 100)); model.save_changes() }, 300)
  }
  function select(k) {
    model.set("selected", k < 0 ? [] : [k])
    model.save_changes()
    chosen()
  }
  function chosen() {
    const k = one()
    said.textContent = k < 0 ? "" : `${label(k)}${shown(k) ? "" : " (not shown)"}`
    root.dataset.selected = k
    repaint()
  }
  const center = () => {
    if (one() < 0) { return }
    const {middle, axes} = boxAxes(scene, one()), size = Math.hypot(...axes.map((axis) => 2 * Math.hypot(...axis)))
    look([camera[0], camera[1], Math.min(camera[2], Math.max(4, 3.5 * size)), ...middle])
  }

  for (const [name, [turn, tilt]] of Object.entries(SIDES)) {
    make("button", row, {type: "button"}, name).addEventListener("click", () => { if (scene) { look([turn, tilt, ...startCamera(scene).slice(2)]) } })
  }
  const shades = make("select", make("label", row, {}, "Points by "))
  shades.addEventListener("change", () => { model.set("shade", shades.value); model.save_changes(); repaint() })
  const tags = make("input", null, {type: "checkbox"})
  make("label", row).append(tags, " Labels")
  tags.addEventListener("change", () => { model.set("labeled", tags.checked); model.save_changes(); soon() })

  listen(box, {
    camera: () => camera, look, center, clear: () => select(-1),
    reset: () => { if (scene) { look(startCamera(scene)) } },
    unit: () => camera[2] / (eye?.pixels ?? 500),
    tap: (x, y) => {
      if (!scene || !eye) { return }
      const found = boxesAt(scene, eye, x, y, shown), at = found.indexOf(one())
      select(found.length ? found[(at + 1) % found.length] : -1) // one more tap: the box behind it
    },
    over: (x, y) => {
      const found = scene && eye && x >= 0 ? boxesAt(scene, eye, x, y, shown)[0] ?? -1 : -1
      box.classList.toggle("hit", found >= 0)
      if (found !== under) { under = found; if (!frame && eye) { write() } }
    },
    step: (by) => { // from the nearest to the vehicle on
      const far = (k) => Math.hypot(...boxAxes(scene, k).middle.slice(0, 2))
      const order = Array.from({length: scene?.boxes ?? 0}, (_, k) => k).filter(shown).sort((a, b) => far(a) - far(b))
      const at = order.indexOf(one())
      if (order.length) { select(order[at < 0 ? (by > 0 ? 0 : order.length - 1) : (at + by + order.length) % order.length]) }
    },
  })

  function load() {
    scene = readScene(get("scene"))
    note.textContent = scene?.note ?? ""
    if (!scene) { return }
    guides = rings(scene)
    stage.load(scene, guides.lines)
    camera = fitCamera(get("camera"), scene)
    shades.replaceChildren(...[...scene.shades, ...(scene.boxes ? [INSIDE] : [])].map((name) => new Option(name, name)))
    shades.parentElement.hidden = shades.options.length < 2
    tags.parentElement.hidden = !scene.boxes
    under = -1
    Object.assign(root.dataset, {points: scene.points, boxes: scene.boxes})
    controls()
    relook()
  }
  function controls() { shades.value = get("shade"); tags.checked = get("labeled"); repaint() }
  function relook() {
    const view = get("looks")
    looks = view?.byteLength ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : null
    chosen()
  }
  const follow = () => { clearTimeout(rest); if (scene) { camera = fitCamera(get("camera"), scene); soon() } } // Python's word is the newer one
  const watched = [["scene", load], ["looks", relook], ["labels", chosen], ["selected", chosen], ["shade", controls], ["labeled", controls], ["camera", follow]]
  watched.forEach(([key, react]) => model.on(`change:${key}`, react))
  canvas.addEventListener("webglcontextlost", (event) => event.preventDefault()) // a browser keeps some sixteen at most
  canvas.addEventListener("webglcontextrestored", () => { stage = openStage(canvas); load() })
  const observer = new ResizeObserver(soon)
  observer.observe(box)
  load()
  return () => {
    observer.disconnect()
    clearTimeout(rest)
    cancelAnimationFrame(frame)
    watched.forEach(([key, react]) => model.off(`change:${key}`, react))
    stage.close()
  }
}

export default {render}
