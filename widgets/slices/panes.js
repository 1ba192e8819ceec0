/* The pictures: where they stand, how large, and what pointer, wheel and keyboard do to them. */

const PLANES = [
  {number: 0, name: "Axial", normal: 2, across: 0, down: 1, marks: ["R", "L", "A", "P"], axis: "z"},
  {number: 1, name: "Coronal", normal: 1, across: 0, down: 2, marks: ["R", "L", "S", "I"], axis: "y"},
  {number: 2, name: "Sagittal", normal: 0, across: 1, down: 2, marks: ["A", "P", "S", "I"], axis: "x"},
]
const STEPS = {ArrowLeft: ["across", 1], ArrowRight: ["across", -1], ArrowUp: ["down", 1], ArrowDown: ["down", -1],
  PageUp: ["normal", 1], PageDown: ["normal", -1]}
const NARROW = 640, TALLEST = 560 // CSS pixels

/* look: {here, get, index(side), move(side, {axis: voxel}), settle(), drag(side, dx, dy), windowing()} */
function openPanes(stage, look) {
  const {get} = look
  let panes = [], sliders = [], titles = []

  function build() {
    const grids = get("grids")
    panes = []
    sliders = []
    titles = []
    stage.replaceChildren()
    PLANES.forEach((plane) => {
      const box = make("div", stage, {class: "plane"})
      const title = make("div", box, {class: "title"})
      make("strong", title, {}, plane.name)
      titles.push(make("span", title))
      const pair = make("div", box, {class: "pair"})
      grids.forEach((grid, side) => { panes.push(openPane(pair, plane, grid, side, grids.length > 1)) })
      const slider = make("input", box, {type: "range", min: 0, max: grids[0].shape[plane.normal] - 1, step: 1,
        "aria-label": `${plane.name} slice`})
      slider.addEventListener("input", () => look.move(0, {[plane.normal]: Number(slider.value)}))
      slider.addEventListener("change", look.settle)
      sliders.push(slider)
    })
  }

  function openPane(pair, plane, grid, side, several) {
    const name = several ? `${plane.name}, ${grid.name || `side ${side + 1}`}` : plane.name
    const box = make("div", pair, {class: "pane", tabindex: "0", role: "slider", "aria-label": name,
      "aria-valuemin": 0, "aria-valuemax": grid.shape[plane.normal] - 1})
    const canvas = make("canvas", box)
    plane.marks.forEach((mark, k) => make("span", box, {class: `mark ${["left", "right", "top", "bottom"][k]}`,
      "aria-hidden": "true"}, mark))
    if (several) { make("span", box, {class: "name"}, grid.name || `side ${side + 1}`) }
    const pane = {box, canvas, plane, grid, side, width: 0, height: 0, picture: null, image: null}

    const at = (event) => { // the voxel under the pointer
      const frame = box.getBoundingClientRect(), shape = grid.shape
      const share = (value, size) => clamp(Math.ceil((1 - value) * size) - 1, 0, size - 1) // axes run backward
      return {[plane.across]: share((event.clientX - frame.left) / frame.width, shape[plane.across]),
        [plane.down]: share((event.clientY - frame.top) / frame.height, shape[plane.down])}
    }
    let held = null // {x, y, windowing, touch}
    box.addEventListener("pointerdown", (event) => {
      if (event.button === 1) { return }
      box.focus({preventScroll: true})
      box.setPointerCapture(event.pointerId)
      held = {x: event.clientX, y: event.clientY, windowing: event.button === 2 || event.shiftKey || look.windowing()}
      // a finger may be about to scroll the page: wait until it moves across or leaves
      if (!held.windowing && event.pointerType !== "touch") { look.move(side, at(event)) }
    })
    box.addEventListener("pointermove", (event) => {
      if (!held) { return }
      if (held.windowing) {
        look.drag(side, event.clientX - held.x, event.clientY - held.y)
        Object.assign(held, {x: event.clientX, y: event.clientY})
      } else { look.move(side, at(event)) }
    })
    box.addEventListener("pointerup", (event) => {
      if (held && !held.windowing) { look.move(side, at(event)) }
      held = null
      look.settle()
    })
    box.addEventListener("pointercancel", () => { held = null; look.settle() })
    box.addEventListener("contextmenu", (event) => event.preventDefault())
    let rolled = 0
    box.addEventListener("wheel", (event) => {
      if (event.ctrlKey) { return } // the browser's zoom
      event.preventDefault()
      const delta = event.deltaY || event.deltaX
      rolled = Math.abs(delta) >= 50 || event.deltaMode ? 50 * Math.sign(delta) : rolled + delta
      const steps = Math.trunc(rolled / 50)
      rolled -= steps * 50
      if (steps) { step(pane, "normal", -steps) }
    }, {passive: false})
    box.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) { return }
      const size = grid.shape[plane.normal]
      if (STEPS[event.key]) {
        const [way, by] = STEPS[event.key]
        step(pane, way, by * (event.shiftKey ? 10 : 1))
      } else if (event.key === "Home") { look.move(side, {[plane.normal]: 0})
      } else if (event.key === "End") { look.move(side, {[plane.normal]: size - 1})
      } else if (!look.key(event.key)) { return }
      event.preventDefault()
      event.stopPropagation()
      look.settle(400)
    })
    return pane
  }

  function step(pane, way, by) {
    const axis = pane.plane[way], now = look.index(pane.side)[axis]
    look.move(pane.side, {[axis]: clamp(now + by, 0, pane.grid.shape[axis] - 1)})
    look.settle(400)
  }

  /* One scale, in pixels a mm, for all pictures; in a narrow place each row has its own. */
  function resize() {
    const room = stage.clientWidth, grids = get("grids")
    if (!room || !grids.length) { return false }
    const narrow = room < NARROW, gap = 8
    const mm = grids.map(({shape, spacing}) => shape.map((n, k) => n * spacing[k]))
    stage.classList.toggle("narrow", narrow)
    stage.classList.toggle("several", grids.length > 1)
    const most = [0, 1, 2].map((k) => Math.max(...mm.map((size) => size[k]))), [x, y, z] = most
    for (const pane of panes) {
      const {plane, side} = pane
      const across = !narrow ? (room - 2 * gap) / (2 * x + y)
        : grids.length > 1 ? (room - gap) / 2 / most[plane.across]
          : plane.number === 0 ? room / x : (room - gap) / (x + y)
      const down = narrow ? 480 / most[plane.down] : TALLEST * (grids.length > 1 ? 0.75 : 1) / Math.max(y, z)
      const scale = Math.min(across, down)
      pane.width = Math.max(1, Math.floor(scale * mm[side][plane.across]))
      pane.height = Math.max(1, Math.floor(scale * mm[side][plane.down]))
      Object.assign(pane.box.style, {width: `${pane.width}px`, height: `${pane.height}px`})
    }
    return true
  }

  const density = () => Math.min(2, window.devicePixelRatio || 1)
  const pixels = (pane) => [Math.round(pane.width * density()), Math.round(pane.height * density())]

  /* Put what was painted on the screen, and the crosshair over it. */
  function draw(pane) {
    const {canvas, image, plane, grid, side} = pane, [width, height] = pixels(pane)
    if (canvas.width !== width || canvas.height !== height) { Object.assign(canvas, {width, height}) }
    const brush = canvas.getContext("2d", {alpha: false, willReadFrequently: true}) // painted by hand: no GPU in between
    if (image && image.width === width && image.height === height) { brush.putImageData(image, 0, 0)
    } else if (image) { // it still has the old size
      const old = new OffscreenCanvas(image.width, image.height)
      old.getContext("2d").putImageData(image, 0, 0)
      brush.drawImage(old, 0, 0, width, height)
    }
    const at = look.index(side), middle = (axis) => 1 - (at[axis] + 0.5) / grid.shape[axis]
    const x = Math.round(middle(plane.across) * width), y = Math.round(middle(plane.down) * height)
    const hole = 7 * density(), thick = Math.round(density())
    brush.fillStyle = "rgb(255 235 120 / .75)"
    for (const [from, to] of [[0, x - hole], [x + hole, width]]) { brush.fillRect(from, y, Math.max(0, to - from), thick) }
    for (const [from, to] of [[0, y - hole], [y + hole, height]]) { brush.fillRect(x, from, thick, Math.max(0, to - from)) }
    const slice = at[plane.normal]
    pane.box.setAttribute("aria-valuenow", slice)
    pane.box.setAttribute("aria-valuetext", `slice ${slice + 1} of ${grid.shape[plane.normal]}`)
    if (side === 0) {
      sliders[plane.number].value = slice
      titles[plane.number].textContent = `${plane.axis} ${slice + 1} / ${grid.shape[plane.normal]}`
    }
  }

  return {build, resize, draw, pixels, all: () => panes}
}
