/* The score: which piece is hit at which step, how hard and how early or late; what was changed, undone, copied.

   Python holds the truth in `hits`. What the reader changed lies over it cell by cell until Python has taken it
   (`revision`), so bars that Python streams in never undo an edit, nor an edit such a bar. */

const MIDDLE = 96 // velocity of a hit that is clicked before any other was touched
const SILENCE = []
const cellOf = (step, piece) => step * 64 + piece // no kit has 64 pieces
const stepOf = (cell) => Math.floor(cell / 64)
const pieceOf = (cell) => cell % 64
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)

function openScore(model, redraw) {
  let known = new Map() // cell -> its hits [[velocity, offset, pitch or nothing], ...] as Python has them
  const pending = new Map() // cell -> {hits, revision}, changed here and not taken by Python yet
  let revision = 0, settled = 0, frame = 0
  let before = null // cell -> its hits before the edit that is under way
  const past = [], future = [] // finished edits: [[cell, hits before, hits after], ...]
  let copied = null // {length, cells: [[step from the start, piece, hits], ...]}

  const at = (cell) => pending.get(cell)?.hits ?? known.get(cell) ?? SILENCE
  const steps = () => model.get("steps")
  const pieces = () => model.get("pieces").length

  function read() {
    known = new Map()
    for (const [step, piece, velocity, offset = 0, ...pitch] of model.get("hits")) {
      const cell = cellOf(step, piece)
      known.set(cell, [...known.get(cell) ?? SILENCE, [velocity, offset, ...pitch]])
    }
    for (const [cell, edit] of pending) {
      if (edit.revision && edit.revision <= model.get("revision")) { pending.delete(cell) }
    }
  }

  function put(cell, hits) {
    if (same(at(cell), hits)) { return }
    if (before && !before.has(cell)) { before.set(cell, at(cell)) }
    pending.set(cell, {hits, revision: 0})
    redraw()
    if (!frame) { frame = requestAnimationFrame(send) } // at most one message per animation frame
  }
  function send() { // all that is pending: Panel may drop an older message that a newer one follows at once
    cancelAnimationFrame(frame)
    frame = 0
    revision = Math.max(revision, model.get("revision")) + 1
    for (const edit of pending.values()) { edit.revision ||= revision }
    model.set("edits", [revision, settled, [...pending].map(([cell, edit]) => [stepOf(cell), pieceOf(cell), edit.hits])])
    model.save_changes()
  }
  function settle() {
    settled = Math.max(settled, model.get("settled")) + 1
    send()
  }

  const begin = () => { before ??= new Map() }
  function finish() {
    const edit = [...before ?? []].map(([cell, hits]) => [cell, hits, at(cell)]).filter(([, a, b]) => !same(a, b))
    before = null
    if (!edit.length) { return }
    past.push(edit)
    future.length = 0
    settle()
    redraw()
  }
  const edit = (change) => { begin(); change(); finish() }
  function travel(from, to, which) {
    const edit = from.pop()
    if (!edit) { return }
    for (const entry of edit) { put(entry[0], entry[which]) }
    to.push(edit)
    settle()
    redraw()
  }

  const early = (cell) => stepOf(cell) ? -0.5 : 0 // nothing sounds before the first step
  const moved = (hits, louder, later, least) => hits.map(([velocity, offset, ...pitch]) =>
    [clamp(Math.round(velocity + louder), 1, 127), clamp(Math.round((offset + later) * 1e6) / 1e6, least, 0.5), ...pitch])
  function range([from, to], visit) {
    for (let step = Math.max(0, from); step < Math.min(to, steps()); step++) {
      for (let piece = 0; piece < pieces(); piece++) { visit(cellOf(step, piece)) }
    }
  }
  function clear(span) { range(span, (cell) => put(cell, SILENCE)) }
  function copy([from, to]) {
    copied = {length: to - from, cells: []}
    range([from, to], (cell) => copied.cells.push([stepOf(cell) - from, pieceOf(cell), at(cell)]))
  }
  function paste(from) {
    for (const [step, piece, hits] of copied?.cells ?? []) {
      if (from + step < steps()) { put(cellOf(from + step, piece), hits) }
    }
  }
  /* Every hit within the grid, as [step, piece, velocity, offset, pitch or nothing]. */
  function all() {
    const found = []
    range([0, steps()], (cell) => at(cell).forEach((hit) => found.push([stepOf(cell), pieceOf(cell), ...hit])))
    return found
  }

  read()
  return {
    at, read, put, begin, finish, edit, clear, copy, paste, all,
    nudge: (cell, hits, louder, later) => put(cell, moved(hits, louder, later, early(cell))),
    undo: () => travel(past, future, 1),
    redo: () => travel(future, past, 2),
    can: () => ({undo: past.length > 0, redo: future.length > 0, paste: copied !== null}),
    close: () => { if (frame) { send() } },
  }
}
