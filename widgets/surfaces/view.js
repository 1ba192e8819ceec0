/* The module's entry: turns, tilts and zooms what gl.js draws, by pointer, finger, wheel and keyboard. */

const SIDES = {Front: [0, 0], Back: [180, 0], Left: [-90, 0], Right: [90, 0], Head: [0, 90], Feet: [0, -90]}

function render({model, el}) {
  const get = (name) => model.get(name)
  const style = make("style", null, {}, CSS)
  const root = make("div", null, {class: "surfaces-view", role: "group", "aria-label": "Organs in 3-D"})
  root.dataset.lmSuppressShortcuts = "true" // JupyterLab's own keys rest while this has the focus
  const box = make("div", root, {class: "scene", tabindex: "0", role: "application",
    "aria-label": "Organs in 3-D: arrow keys turn, + and - zoom, 0 starts anew"})
  const canvas = make("canvas", box)
  const marks = ["R", "L", "A", "P", "S", "I"].map((mark) => make("span", box, {class: "mark", "aria-hidden": "true"}, mark))
  const row = make("div", root, {class: "sides", role: "toolbar", "aria-label": "Look from"})
  const note = make("p", root, {class: "soft", role: "status"})
  el.replaceChildren(style, root)
  const scene = openScene(canvas)
  if (!scene) {
    note.textContent = "This browser has no WebGL 2, which the 3-D view needs. The slices show the same organs."
    box.hidden = row.hidden = true
    return () => {}
  }

  let camera = [...get("camera")], shift = [0, 0], head = null, frame = 0, held = null, rest = 0
  function axes() {
    const [turn, tilt] = camera.map((degrees) => degrees * Math.PI / 180)
    const [s, c, t, u] = [Math.sin(turn), Math.cos(turn), Math.sin(tilt), Math.cos(tilt)]
    // from the front, the patient's right is on the left
    return {right: [-c, s, 0], up: [-s * t, -c * t, u], toward: [s * u, c * u, t]}
  }
  function draw() {
    frame = 0
    const width = Math.round(box.clientWidth * Math.min(2, devicePixelRatio)), height = Math.round(box.clientHeight * Math.min(2, devicePixelRatio))
    if (!width || !height) { return }
    if (canvas.width !== width || canvas.height !== height) { Object.assign(canvas, {width, height}) }
    const colors = get("organs").map(([, color]) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255))
    const view = axes()
    scene.draw(view, camera[2], shift, colors, get("hidden"))
    marks.forEach((mark, k) => { // letters on a small compass in the corner
      const axis = k >> 1, sign = k % 2 ? -1 : 1
      const x = 42 + sign * view.right[axis] * 30, y = 42 - sign * view.up[axis] * 30
      mark.style.transform = `translate(${x - 5}px, ${y - 7}px)`
      mark.style.opacity = sign * view.toward[axis] < -0.5 ? 0.35 : 1
    })
    root.dataset.camera = camera.map((value) => value.toFixed(2)).join(" ")
  }
  const soon = () => { frame ||= requestAnimationFrame(draw) }
  function look(turn, tilt, zoom) {
    camera = [((turn + 540) % 360) - 180, clamp(tilt, -90, 90), clamp(zoom, 0.3, 12)]
    soon()
    clearTimeout(rest)
    rest = setTimeout(() => { model.set("camera", [...camera]); model.save_changes() }, 300)
  }
  for (const [name, [turn, tilt]] of Object.entries(SIDES)) {
    make("button", row, {type: "button"}, name).addEventListener("click", () => { shift = [0, 0]; look(turn, tilt, camera[2]) })
  }

  box.addEventListener("pointerdown", (event) => {
    box.setPointerCapture(event.pointerId)
    box.focus({preventScroll: true})
    held = {x: event.clientX, y: event.clientY, shifting: event.shiftKey || event.button === 2}
  })
  box.addEventListener("pointermove", (event) => {
    if (!held) { return }
    const dx = event.clientX - held.x, dy = event.clientY - held.y
    Object.assign(held, {x: event.clientX, y: event.clientY})
    if (held.shifting && head) {
      const mm = 2 * head.radius / camera[2] / Math.min(box.clientWidth, box.clientHeight)
      shift = [shift[0] + dx * mm, shift[1] - dy * mm]
      soon()
    } else { look(camera[0] + dx * 0.5, camera[1] + dy * 0.5, camera[2]) }
  })
  for (const kind of ["pointerup", "pointercancel"]) { box.addEventListener(kind, () => { held = null }) }
  box.addEventListener("contextmenu", (event) => event.preventDefault())
  box.addEventListener("wheel", (event) => {
    if (event.ctrlKey) { return } // the browser's zoom
    event.preventDefault()
    look(camera[0], camera[1], camera[2] * Math.exp(-clamp(event.deltaY, -200, 200) / 500))
  }, {passive: false})
  box.addEventListener("keydown", (event) => {
    const [turn, tilt, zoom] = camera
    const moves = {ArrowLeft: [turn - 10, tilt, zoom], ArrowRight: [turn + 10, tilt, zoom], ArrowUp: [turn, tilt - 10, zoom],
      ArrowDown: [turn, tilt + 10, zoom], "+": [turn, tilt, zoom * 1.2], "=": [turn, tilt, zoom * 1.2],
      "-": [turn, tilt, zoom / 1.2], 0: [25, 10, 1]}
    if (!moves[event.key] || event.ctrlKey || event.metaKey) { return }
    if (event.key === "0") { shift = [0, 0] }
    event.preventDefault()
    event.stopPropagation()
    look(...moves[event.key])
  })

  function load() {
    head = scene.load(get("mesh"))
    note.textContent = head?.note ?? ""
    root.dataset.meshes = head?.meshes.length ?? 0
    soon()
  }
  const follow = () => { clearTimeout(rest); camera = [...get("camera")]; soon() } // Python's word is the newer one
  const watched = [["mesh", load], ["organs", soon], ["hidden", soon], ["camera", follow]]
  watched.forEach(([key, react]) => model.on(`change:${key}`, react))
  const observer = new ResizeObserver(soon)
  observer.observe(box)
  load()
  return () => {
    observer.disconnect()
    clearTimeout(rest)
    cancelAnimationFrame(frame)
    watched.forEach(([key, react]) => model.off(`change:${key}`, react))
    scene.close()
  }
}

export default {render}
