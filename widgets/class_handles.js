/* A scatter whose class means, spreads and rotation can be dragged, by mouse, finger or keyboard.
   One module for anywidget (JupyterLab) and Panel (AnyWidgetComponent); imports nothing, asks no host.

   Model, read:           points [x, y, class, x, y, class, ...], labels, colors, extent, movable
   Model, read & written: means [[x, y], ...], stds [[sx, sy], ...], rotation (degrees),
                          settled (finished moves), drawn (how many times it was drawn)

   The plane of means and spreads is turned by `rotation` about its origin before it is drawn, as the points are. */

const SVG = "http://www.w3.org/2000/svg"
const CSS = `
.class-handles { position: relative; width: 100%; touch-action: pan-y; font: 12px system-ui, sans-serif; }
.class-handles canvas, .class-handles svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.class-handles svg { overflow: hidden; }
.class-handles .axis { stroke: currentColor; stroke-opacity: .14; }
.class-handles .tick { fill: currentColor; fill-opacity: .65; }
.class-handles .ring { fill: none; stroke: currentColor; stroke-width: 1.5; stroke-dasharray: 6 4; }
.class-handles .stem { stroke: currentColor; stroke-width: 1.5; stroke-opacity: .5; stroke-dasharray: 2 4; }
.class-handles .handle { cursor: grab; touch-action: none; outline: none; }
.class-handles .handle:active { cursor: grabbing; }
.class-handles .handle .knob { stroke: #fff; stroke-width: 2; }
.class-handles .handle .touch { fill: transparent; }
.class-handles .handle:hover .knob, .class-handles .handle:focus-visible .knob { stroke: currentColor; stroke-width: 3; }
.class-handles .sign { fill: #fff; font-weight: 700; text-anchor: middle; dominant-baseline: central;
  pointer-events: none; }`
const STEPS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value))
const tidy = (value) => Math.round(value * 1000) / 1000
const pair = (std) => Array.isArray(std) ? std : [std, std]
const node = (tag, parent, attributes = {}) => {
  const made = document.createElementNS(SVG, tag)
  set(made, attributes)
  parent.appendChild(made)
  return made
}
const set = (element, attributes) => {
  for (const [key, value] of Object.entries(attributes)) { element.setAttribute(key, value) }
}

function render({model, el}) {
  const style = document.createElement("style")
  style.textContent = CSS
  const root = document.createElement("div")
  root.className = "class-handles"
  set(root, {role: "group", "aria-label": "The classes. Tab to a handle, then press arrow keys; Shift for larger steps."})
  const canvas = document.createElement("canvas")
  const svg = document.createElementNS(SVG, "svg")
  root.append(canvas, svg)
  el.replaceChildren(style, root)
  const axes = node("g", svg, {"aria-hidden": "true"})
  const layer = node("g", svg)

  let size = {width: 0, height: 0, scale: 1} // pixels, pixels, pixels per unit
  let placers = [] // functions that move what is drawn to where the model says
  let classes = 0 // for how many classes handles are built
  let held = false // a pointer drags: answers from Python must not move the handle under the finger
  let frame = 0
  let waiting = {} // values that are changed but not sent yet

  const get = (name) => waiting[name] ?? model.get(name)
  const toX = (x) => size.width / 2 + x * size.scale
  const toY = (y) => size.height / 2 - y * size.scale
  const halfWidth = () => size.width / 2 / size.scale
  const color = (k) => { const all = get("colors"); return all.length ? all[k % all.length] : "#8C8C8C" }
  const name = (k) => get("labels")[k] ?? `class ${k + 1}`
  const turned = ([x, y], degrees) => {
    const a = degrees * Math.PI / 180
    return [x * Math.cos(a) - y * Math.sin(a), x * Math.sin(a) + y * Math.cos(a)]
  }
  const shown = (p) => turned(p, get("rotation")) // from the plane to the picture
  const meant = (p) => turned(p, -get("rotation")) // and back

  function send(key, value) { // at most one message per animation frame
    waiting[key] = value
    place()
    if (!frame) { frame = requestAnimationFrame(flush) }
  }
  function flush() {
    cancelAnimationFrame(frame)
    frame = 0
    const values = waiting
    waiting = {}
    for (const [key, value] of Object.entries(values)) { model.set(key, value) }
    model.save_changes()
  }
  function settle() {
    flush()
    model.set("settled", model.get("settled") + 1)
    model.save_changes()
  }

  /* where() and value() read the model, drag(point) and nudge(step) change it */
  function handle({radius, fill, label, sign = "", where, value, drag, nudge}) {
    const grip = node("g", layer, {class: "handle", tabindex: "0", role: "slider", "aria-label": label})
    node("circle", grip, {class: "touch", r: Math.max(radius + 4, 18)}) // a finger is wider than a knob
    node("circle", grip, {class: "knob", r: radius, fill})
    node("text", grip, {class: "sign", "aria-hidden": "true"}).textContent = sign
    grip.addEventListener("pointerdown", (event) => {
      if (event.button) { return }
      event.preventDefault()
      grip.focus({preventScroll: true})
      grip.setPointerCapture(event.pointerId)
      held = true
    })
    grip.addEventListener("pointermove", (event) => {
      if (!held || !grip.hasPointerCapture(event.pointerId)) { return }
      const box = root.getBoundingClientRect()
      drag([(event.clientX - box.left - size.width / 2) / size.scale,
            (size.height / 2 - event.clientY + box.top) / size.scale])
    })
    const release = () => { if (held) { held = false; settle() } }
    grip.addEventListener("pointerup", release)
    grip.addEventListener("pointercancel", release)
    grip.addEventListener("keydown", (event) => {
      const step = STEPS[event.key]
      if (!step) { return }
      event.preventDefault()
      event.stopPropagation()
      nudge(step.map((s) => s * (event.shiftKey ? 5 : 1)))
    })
    grip.addEventListener("keyup", (event) => { if (STEPS[event.key]) { settle() } })
    placers.push(() => {
      const [x, y] = where()
      const [now, text] = value()
      set(grip, {transform: `translate(${toX(x)} ${toY(y)})`, "aria-valuenow": now, "aria-valuetext": text})
    })
  }

  function build() {
    layer.replaceChildren()
    placers = []
    classes = get("movable") ? get("means").length : 0
    if (!classes) { return }
    const step = () => get("extent") / 40
    const mean = (k) => get("means")[k]
    const std = (k) => pair(get("stds")[k] ?? 1)
    const replaced = (key, k, value) => get(key).map((old, i) => i === k ? value.map(tidy) : old)
    const move = (k, [x, y]) => { // in the picture, so that a handle cannot leave it
      const inside = [clamp(x, -halfWidth(), halfWidth()), clamp(y, -get("extent"), get("extent"))]
      send("means", replaced("means", k, meant(inside)))
    }
    const widen = (k, axis, value) => {
      const next = [...std(k)]
      next[axis] = clamp(value, 0.05, get("extent"))
      send("stds", replaced("stds", k, next))
    }
    const turn = (degrees) => send("rotation", tidy(((degrees % 360) + 360) % 360))

    for (let k = 0; k < classes; k++) {
      const ring = node("ellipse", layer, {class: "ring", "aria-hidden": "true"})
      placers.push(() => {
        const [x, y] = shown(mean(k))
        set(ring, {rx: std(k)[0] * size.scale, ry: std(k)[1] * size.scale,
          transform: `translate(${toX(x)} ${toY(y)}) rotate(${-get("rotation")})`})
      })
    }
    const far = () => turned([0.85 * Math.min(halfWidth(), get("extent")), 0], get("rotation"))
    const stem = node("line", layer, {class: "stem", "aria-hidden": "true"})
    placers.push(() => {
      const [x, y] = far()
      set(stem, {x1: toX(0), y1: toY(0), x2: toX(x), y2: toY(y)})
    })
    for (let k = 0; k < classes; k++) {
      for (const axis of [0, 1]) {
        const end = () => mean(k).map((m, i) => i === axis ? m + std(k)[axis] : m)
        handle({
          radius: 6, fill: color(k), label: `Spread of ${name(k)}, ${["first", "second"][axis]} axis`,
          where: () => shown(end()),
          value: () => [std(k)[axis], `standard deviation ${std(k)[axis]}`],
          drag: (p) => widen(k, axis, Math.abs(meant(p)[axis] - mean(k)[axis])),
          nudge: ([dx, dy]) => widen(k, axis, std(k)[axis] + (dx + dy) * step()),
        })
      }
    }
    for (let k = 0; k < classes; k++) {
      handle({
        radius: 12, fill: color(k), sign: k + 1, label: `Mean of ${name(k)}`,
        where: () => shown(mean(k)),
        value: () => [mean(k)[0], `x ${mean(k)[0]}, y ${mean(k)[1]}`],
        drag: (p) => move(k, p),
        nudge: ([dx, dy]) => { const [x, y] = shown(mean(k)); move(k, [x + dx * step(), y + dy * step()]) },
      })
    }
    handle({
      radius: 9, fill: "#757575", sign: "↻", label: "Rotation",
      where: far,
      value: () => [get("rotation"), `${get("rotation")} degrees`],
      drag: ([x, y]) => turn(Math.round(Math.atan2(y, x) * 180 / Math.PI)),
      nudge: ([dx, dy]) => turn(get("rotation") + 5 * (dx + dy)),
    })
  }

  const place = () => placers.forEach((move) => move())

  function measure() {
    size.width = root.clientWidth
    size.height = clamp(size.width * 0.8, 260, 420)
    root.style.height = `${size.height}px`
    size.scale = Math.min(size.width, size.height) / (2 * get("extent"))
    const ratio = window.devicePixelRatio || 1
    canvas.width = size.width * ratio
    canvas.height = size.height * ratio
    canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0)
    axes.replaceChildren()
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50].find((s) => s * size.scale > 45) ?? 100
    const most = Math.ceil(Math.max(halfWidth(), get("extent")) / step)
    for (let i = -most; i <= most; i++) {
      const x = toX(i * step), y = toY(i * step), text = String(tidy(i * step))
      if (x > 0 && x < size.width) {
        node("line", axes, {class: "axis", x1: x, x2: x, y1: 0, y2: size.height})
        node("text", axes, {class: "tick", x: x + 3, y: size.height - 4}).textContent = text
      }
      if (y > 12 && y < size.height - 14) {
        node("line", axes, {class: "axis", x1: 0, x2: size.width, y1: y, y2: y})
        node("text", axes, {class: "tick", x: 3, y: y - 3}).textContent = text
      }
    }
  }

  function paint() { // squares for every second class, so that color is not the only mark
    const pen = canvas.getContext("2d")
    const points = get("points")
    pen.clearRect(0, 0, size.width, size.height)
    pen.globalAlpha = 0.6
    const radius = points.length > 6000 ? 1.6 : 2.6
    let most = -1
    for (let i = 2; i < points.length; i += 3) { most = Math.max(most, points[i]) }
    for (let k = 0; k <= most; k++) {
      pen.fillStyle = color(k)
      pen.beginPath()
      for (let i = 0; i < points.length; i += 3) {
        if (points[i + 2] !== k) { continue }
        const x = toX(points[i]), y = toY(points[i + 1])
        if (k % 2) { pen.rect(x - radius, y - radius, 2 * radius, 2 * radius) }
        else { pen.moveTo(x + radius, y); pen.arc(x, y, radius, 0, 2 * Math.PI) }
      }
      pen.fill()
    }
  }

  const resize = () => { if (root.clientWidth) { measure(); paint(); place() } }
  const rebuild = () => { build(); resize() }
  const follow = () => {
    if (held) { return }
    if (get("movable") && get("means").length !== classes) { rebuild() } else { place() }
  }
  const watched = [
    ["points", paint], ["means", follow], ["stds", follow], ["rotation", follow],
    ["extent", resize], ["colors", rebuild], ["labels", rebuild], ["movable", rebuild],
  ]
  watched.forEach(([key, react]) => model.on(`change:${key}`, react))
  const observer = new ResizeObserver(resize)
  observer.observe(root)
  rebuild()
  model.set("drawn", model.get("drawn") + 1)  // whoever wrote to us before this may have written into the void
  model.save_changes()
  return () => {
    cancelAnimationFrame(frame)
    observer.disconnect()
    watched.forEach(([key, react]) => model.off(`change:${key}`, react))
  }
}

export default {render}
