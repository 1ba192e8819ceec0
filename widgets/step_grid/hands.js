/* What pointer, finger and keyboard do to the board. Whatever changes hits goes through the score, so it can be undone. */

const HOLD = 320 // ms after which a finger that rests draws instead of scrolling
const ARROWS = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}
const KEYS = [
  ["Click, Space", "set or remove a hit"],
  ["Drag sideways", "draw or erase hits (on a touch screen: hold, then drag)"],
  ["Drag up or down, + −", "velocity, seen as height (also Shift-wheel)"],
  ["Alt-drag, comma, period", "earlier or later than the step"],
  ["Arrows, Ctrl-arrows", "next step or piece, next bar"],
  ["Click a bar, Shift-arrows", "select steps"],
  ["Ctrl-C, -X, -V, Delete", "copy, cut, paste, clear the selection, else the bar or hit"],
  ["Ctrl-Z, Ctrl-Shift-Z", "undo, redo"],
  ["Enter or P, L", "play or stop, loop the selection"],
  ["M, S", "mute, solo the piece"],
]

/* toggle() plays or stops, toggleLoop(), toggleName(field, name) mutes or solos, said(words) shows words. */
function openHands({get, say, look, board, score, player, root, toggle, toggleLoop, toggleName, said}) {
  let touched = MIDDLE // velocity of the next new hit
  let anchor = null // where a selection began
  let grip = null // the drag under way
  let finger = null // a touch that may become a tap, a hold or a scroll

  const fresh = () => [[touched, 0]]
  const piece = (spot) => board.order()[spot.row]
  const wide = () => look.range ?? board.bar(look.here.step)
  const between = (a, b) => [Math.min(a, b), Math.max(a, b) + 1]

  function point(spot) {
    if (get("cursor") !== spot.step) { say({cursor: spot.step}) }
  }
  function go(spot) {
    look.here = board.within(spot)
    point(look.here)
    board.redraw()
    board.focus(look.here)
  }
  function select(range) {
    look.range = range
    board.measure()
  }

  // ----------------------------------------------------------------------------------------------------------- edits
  function flip(spot) {
    const cell = board.cellAt(spot), adds = !score.at(cell).length
    score.edit(() => score.put(cell, adds ? fresh() : SILENCE))
    if (adds) { player.taste(piece(spot), touched) }
  }
  function nudge(spot, louder, later) {
    const cell = board.cellAt(spot), hits = score.at(cell)
    if (!hits.length) { return }
    score.edit(() => score.nudge(cell, hits, louder, later))
    touched = score.at(cell)[0][0]
    if (louder) { player.taste(piece(spot), touched) }
  }
  function erase() {
    score.edit(() => { if (look.range) { score.clear(look.range) } else { score.put(board.cellAt(look.here), SILENCE) } })
  }
  function copy() {
    score.copy(wide())
    board.redraw()
  }
  const paste = () => score.edit(() => score.paste(wide()[0]))
  const clear = () => score.edit(() => score.clear(look.range ?? [0, get("steps")]))

  // ------------------------------------------------------------------------------------------------ pointer and finger
  function press(event, spot) {
    const from = look.here.step
    go(spot)
    if (event.shiftKey) {
      anchor ??= from
      grip = {mode: "select"}
      select(between(anchor, spot.step))
      return
    }
    anchor = spot.step
    if (!get("editable")) { return }
    const cell = board.cellAt(spot), there = score.at(cell), adds = !there.length
    const hits = adds ? fresh() : there
    grip = {mode: event.altKey && !adds ? "time" : "press", spot, cell, hits, adds, last: spot.step, x: event.clientX, y: event.clientY}
    score.begin()
    if (adds) {
      score.put(cell, hits)
      player.taste(piece(spot), touched)
    }
  }
  function drag(event) {
    const dx = event.clientX - grip.x, dy = event.clientY - grip.y
    if (grip.mode === "press" && Math.max(Math.abs(dx), Math.abs(dy)) > 5) {
      grip.mode = Math.abs(dy) > Math.abs(dx) ? "velocity" : "draw"
    }
    drags[grip.mode]?.(board.spotAt(event).step, dx, dy)
  }
  const drags = {
    select(step) { select(between(anchor, step)) },
    velocity(step, dx, dy) { // a pixel is a velocity
      score.nudge(grip.cell, grip.hits, -dy, 0)
      touched = score.at(grip.cell)[0][0]
      board.showBubble(grip.spot, String(touched))
    },
    time(step, dx) {
      score.nudge(grip.cell, grip.hits, 0, Math.abs(dx) < 2 ? 0 : Math.round(dx / board.width() * 120) / 120)
      const ms = Math.round(score.at(grip.cell)[0][1] * 15000 / get("tempo"))
      board.showBubble(grip.spot, `${ms > 0 ? "+" : ""}${ms} ms`)
    },
    draw(step) { // every step from the last one to this, however fast the hand was
      const [from, to] = between(grip.last, step)
      grip.last = step
      for (let at = from; at < to; at++) {
        const cell = cellOf(at, piece(grip.spot))
        if (!grip.adds) { score.put(cell, SILENCE) } else if (!score.at(cell).length) { score.put(cell, fresh()) }
      }
    },
  }
  function release() {
    if (!grip) { return }
    if (grip.mode === "press" && !grip.adds) { score.put(grip.cell, SILENCE) }
    if (grip.spot) { board.showBubble(grip.spot, "") }
    grip = null
    score.finish()
  }
  const forget = () => {
    clearTimeout(finger?.timer)
    finger = null
  }

  const onRows = {
    pointerdown(event) {
      if (event.button || grip) { return }
      const spot = board.spotAt(event)
      const hold = () => { forget(); board.rows.setPointerCapture(event.pointerId); press(event, spot) }
      if (event.pointerType === "touch") {
        forget()
        finger = {spot, x: event.clientX, y: event.clientY, timer: setTimeout(hold, HOLD)}
      } else {
        event.preventDefault()
        hold()
      }
    },
    pointermove(event) {
      if (grip) { drag(event); return }
      if (finger && Math.hypot(event.clientX - finger.x, event.clientY - finger.y) > 8) { forget() }
      if (event.pointerType === "mouse") {
        const spot = board.spotAt(event)
        point(spot)
        said(board.told(spot))
      }
    },
    pointerup() {
      const tapped = finger?.spot
      forget()
      release()
      if (!tapped) { return }
      go(tapped)
      if (get("editable")) { flip(tapped) }
    },
    pointercancel() { forget(); release() },
    touchmove(event) { if (grip) { event.preventDefault() } }, // a held finger draws and does not scroll
    contextmenu(event) { if (finger || grip) { event.preventDefault() } },
    wheel(event) { // any other wheel scrolls
      const spot = board.spotAt(event)
      if (!event.shiftKey || !get("editable") || !score.at(board.cellAt(spot)).length) { return }
      event.preventDefault()
      nudge(spot, -4 * Math.sign(event.deltaY || event.deltaX), 0)
    },
  }
  board.rows.addEventListener("focusin", (event) => { // by Tab, or by a screen reader
    const spot = board.spotOf(event.target)
    if (spot.row === look.here.row && spot.step === look.here.step) { return }
    look.here = spot
    point(spot)
    board.redraw()
  })
  const onRuler = { // whole bars
    pointerdown(event) {
      const [from, to] = board.bar(board.spotAt(event).step)
      const single = look.range?.[0] === from && look.range?.[1] === to
      look.here = {...look.here, step: from}
      if (event.shiftKey && look.range) {
        select([Math.min(look.range[0], from), Math.max(look.range[1], to)])
      } else {
        anchor = from
        select(single ? null : [from, to])
      }
      if (event.pointerType !== "touch") { board.ruler.setPointerCapture(event.pointerId) }
    },
    pointermove(event) {
      if (!board.ruler.hasPointerCapture(event.pointerId) || event.pointerType === "touch") { return }
      const [from, to] = board.bar(board.spotAt(event).step), start = board.bar(anchor)
      if (from !== start[0]) { select([Math.min(start[0], from), Math.max(start[1], to)]) }
    },
  }
  for (const [kind, act] of Object.entries(onRows)) { board.rows.addEventListener(kind, act, {passive: false}) }
  for (const [kind, act] of Object.entries(onRuler)) { board.ruler.addEventListener(kind, act) }

  // --------------------------------------------------------------------------------------------------------- keyboard
  function move(down, right, extend = false) {
    const from = look.here.step
    go({row: look.here.row + down, step: look.here.step + right})
    if (!extend) { anchor = null; return }
    anchor ??= from
    select(between(anchor, look.here.step))
  }
  const name = () => get("pieces")[piece(look.here)]
  const first = () => board.bar(look.here.step)[0], last = () => board.bar(look.here.step)[1] - 1
  const always = { // keys on the board, and what they do
    Enter: toggle, p: toggle, l: toggleLoop, Escape: () => select(null),
    m: () => toggleName("muted", name()), s: () => toggleName("soloed", name()),
    Home: () => move(0, first() - look.here.step), End: () => move(0, last() - look.here.step),
    PageUp: () => move(0, -board.perBar()), PageDown: () => move(0, board.perBar()),
  }
  const louder = () => nudge(look.here, 8, 0), softer = () => nudge(look.here, -8, 0)
  const editing = {
    " ": () => flip(look.here), "+": louder, "=": louder, "-": softer, "_": softer,
    ",": () => nudge(look.here, 0, -0.05), ".": () => nudge(look.here, 0, 0.05), Delete: erase, Backspace: erase,
  }
  const withControl = {c: copy, a: () => select([0, get("steps")])}
  const editingWithControl = {
    z: (event) => event.shiftKey ? score.redo() : score.undo(), y: () => score.redo(), v: paste,
    x: () => { copy(); score.edit(() => score.clear(wide())) },
  }
  function meaning(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const control = event.ctrlKey || event.metaKey, inside = board.sheet.contains(event.target)
    if (inside && ARROWS[key]) {
      const [down, right] = ARROWS[key]
      return () => move(down, right * (control ? board.perBar() : 1), event.shiftKey && right !== 0)
    }
    const [reading, writing] = control ? [withControl, editingWithControl] : [always, editing]
    if (!control && !inside && key !== "Escape" || event.altKey) { return null }
    return reading[key] ?? (get("editable") ? writing[key] : null)
  }
  root.addEventListener("keydown", (event) => {
    const act = event.target.tagName === "INPUT" ? null : meaning(event)
    if (!act) { return }
    event.preventDefault()
    event.stopPropagation()
    act(event)
  })

  return {copy, paste, clear, velocity: () => touched, close: forget}
}
