/* Pointer, fingers, wheel and keys: what they do to the camera and to the selection. */

const KEYS = "arrow keys turn, with Shift they move, + and - zoom, N and P go through the boxes, C centers the selected one, Escape lets it go, 0 starts anew"

function listen(box, act) { // act: camera(), look(camera), tap(x, y), over(x, y), step(by), clear(), center(), reset(), unit()
  const held = new Map() // fingers and the mouse, by pointer
  let moved = 0, wide = 0, two = false
  const spot = (event) => {
    const frame = box.getBoundingClientRect()
    return [event.clientX - frame.left, event.clientY - frame.top]
  }
  const orbit = (dx, dy) => { const [turn, tilt, ...rest] = act.camera(); act.look([turn + dx * 0.4, tilt + dy * 0.4, ...rest]) }
  const zoom = (by) => { const now = act.camera(); act.look([now[0], now[1], now[2] * by, ...now.slice(3)]) }
  const shift = (dx, dy) => { // the ground follows the hand
    const now = act.camera(), turn = now[0] * Math.PI / 180, m = act.unit()
    const [s, c] = [Math.sin(turn), Math.cos(turn)]
    act.look([now[0], now[1], now[2], now[3] + m * (-dx * s + dy * c), now[4] + m * (dx * c + dy * s), now[5]])
  }
  const middle = () => { const all = [...held.values()]; return [0, 1].map((k) => all.reduce((sum, at) => sum + at[k], 0) / all.length) }
  const span = () => { const [a, b] = [...held.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]) }

  box.addEventListener("pointerdown", (event) => {
    box.setPointerCapture(event.pointerId)
    box.focus({preventScroll: true})
    if (!held.size) { moved = 0; two = false }
    held.set(event.pointerId, spot(event))
    if (held.size === 2) { wide = span(); two = true }
  })
  box.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId), now = spot(event)
    if (!before) { act.over(...now); return }
    if (held.size === 2) {
      const from = middle()
      held.set(event.pointerId, now)
      const to = middle(), apart = span()
      shift(to[0] - from[0], to[1] - from[1])
      if (apart > 5 && wide > 5) { zoom(wide / apart) }
      wide = apart
      return
    }
    held.set(event.pointerId, now)
    const dx = now[0] - before[0], dy = now[1] - before[1]
    moved += Math.abs(dx) + Math.abs(dy)
    if (moved < 4 || two) { return } // a tap trembles; of two fingers one is lifted first
    event.shiftKey || event.buttons & 6 ? shift(dx, dy) : orbit(-dx, dy)
  })
  box.addEventListener("pointerup", (event) => {
    if (held.delete(event.pointerId) && !held.size && moved < 4 && !two && event.button === 0) { act.tap(...spot(event)) }
  })
  box.addEventListener("pointercancel", (event) => { held.delete(event.pointerId) })
  box.addEventListener("pointerleave", () => act.over(-1, -1))
  box.addEventListener("dblclick", () => act.center())
  box.addEventListener("contextmenu", (event) => event.preventDefault())
  box.addEventListener("wheel", (event) => {
    if (event.ctrlKey) { return } // the browser's zoom
    event.preventDefault()
    zoom(Math.exp(clamp(event.deltaY, -200, 200) / 500))
  }, {passive: false})
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) { return }
    const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key]
    const others = {"+": () => zoom(1 / 1.2), "=": () => zoom(1 / 1.2), "-": () => zoom(1.2), 0: act.reset, n: () => act.step(1),
      p: () => act.step(-1), c: act.center, Escape: act.clear}
    const deed = arrows ? () => (event.shiftKey ? shift(-40 * arrows[0], 40 * arrows[1]) : orbit(-12 * arrows[0], -12 * arrows[1])) : others[event.key] ?? others[event.key.toLowerCase()]
    if (!deed) { return }
    event.preventDefault()
    event.stopPropagation()
    deed()
  })
}
