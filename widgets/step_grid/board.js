/* What is drawn: the ruler of bars, a cell for each step of each piece, the curve beneath, and what lies over them.

   `look` is what the reader looks at: {here: {row, step} of the focus, range: [from, to) of selected steps or null}. */

const MUSICIAN = ["crash", "ride", "hi-hat", "tom", "snare", "kick"] // from the top, as drum notation is read
const SVG = "http://www.w3.org/2000/svg"
const CURVE = {base: 56, high: 38} // pixels

function openBoard({get, look, scroller, score, painted}) {
  const sheet = make("div", scroller, {class: "sheet", role: "grid", "aria-label": "Pattern: pieces by steps", "aria-multiselectable": "true"})
  const ruler = make("div", sheet, {class: "ruler", role: "row"})
  const rows = make("div", sheet, {class: "rows", role: "rowgroup"})
  const curve = make("svg", sheet, {class: "curve", role: "img"}, "", SVG)
  const overlay = make("div", sheet, {"aria-hidden": "true"})
  const layer = (name, words = "") => make("div", overlay, {class: name, hidden: ""}, words)
  const split = layer("split"), prompt = layer("half"), continuation = layer("half")
  const band = layer("range"), looped = layer("loop"), head = layer("head"), bubble = layer("bubble")
  make("span", prompt, {}, "prompt")
  make("span", continuation, {}, "continuation")

  let cells = [] // [row][step] -> element
  let order = [] // row -> piece
  let width = 24 // of a step, pixels
  let sounding = -1 // the step that sounds now
  let focusable = null // the one cell that Tab reaches
  let frame = 0, stale = false

  const perBar = () => get("steps_per_bar")
  const barOf = (step) => Math.floor(step / perBar())
  const bar = (step) => [barOf(step) * perBar(), Math.min(get("steps"), (barOf(step) + 1) * perBar())]
  const within = ({row, step}) => ({row: clamp(row, 0, order.length - 1), step: clamp(step, 0, get("steps") - 1)})
  const cellAt = ({row, step}) => cellOf(step, order[row])

  function build() { // cells that stay keep their focus
    const pieces = get("pieces"), steps = get("steps")
    const rank = (i) => MUSICIAN.includes(pieces[i]) ? MUSICIAN.indexOf(pieces[i]) : MUSICIAN.length + i
    order = pieces.map((_, i) => i).sort((a, b) => rank(a) - rank(b))
    sheet.setAttribute("aria-rowcount", pieces.length + 1)
    sheet.setAttribute("aria-colcount", steps)
    if (cells.length !== pieces.length) {
      rows.replaceChildren()
      cells = order.map((_, row) => { make("div", rows, {class: "line", role: "row", "aria-rowindex": row + 2}); return [] })
    }
    cells.forEach((line, row) => {
      rows.children[row].setAttribute("aria-label", pieces[order[row]])
      while (line.length > steps) { line.pop().remove() }
      while (line.length < steps) {
        line.push(make("div", rows.children[row], {role: "gridcell", tabindex: -1, "aria-colindex": line.length + 1}))
      }
      line.forEach((it, step) => {
        const beat = step % perBar() / 4
        const edge = beat === 0 ? "first" : Number.isInteger(beat) ? "beat" : ""
        const looks = `cell ${edge} ${Math.floor(beat) % 2 ? "odd" : ""} ${step < get("prompt_steps") ? "given" : ""}`
        if (it.looks === looks) { return }
        it.className = it.looks = looks
        it.drawn = null
      })
    })
    look.here = within(look.here)
    measure()
  }

  function measure() { // at the next frame, however many fields change until then
    stale = true
    redraw()
  }
  function fit() { // the step's width, and all that depends on it
    stale = false
    const least = parseFloat(getComputedStyle(sheet).getPropertyValue("--least"))
    width = clamp(Math.floor(scroller.clientWidth / get("steps")), least, 44)
    sheet.style.setProperty("--cell", `${width}px`)
    sheet.style.width = `${width * get("steps")}px`
    drawRuler()
    drawCurve()
    drawSpans()
    showHead(sounding)
  }

  function drawRuler() {
    const marks = new Map(get("marks"))
    ruler.replaceChildren()
    for (let from = 0; from < get("steps"); from += perBar()) {
      const style = `width: ${(bar(from)[1] - from) * width}px`
      const it = make("div", ruler, {class: "bar", role: "columnheader", "aria-colindex": from + 1, style})
      const number = make("span", it, {}, String(barOf(from) + 1))
      const mark = marks.get(barOf(from))
      if (mark !== undefined) { make("span", number, {class: "mark"}, ` ◆ ${mark}`) }
    }
    const at = get("prompt_steps")
    for (const it of [split, prompt, continuation]) { it.hidden = !(at > 0 && at < get("steps")) }
    split.style.left = `${at * width - 1}px`
    prompt.style.cssText = `left: 0; width: ${at * width}px`
    continuation.style.cssText = `left: ${at * width}px; right: 0`
  }

  function drawCurve() { // a diamond where the bar is flagged, so that color is not the only mark
    const values = get("curve").slice(0, Math.ceil(get("steps") / perBar())).map((v) => Number.isFinite(v) ? v : null)
    const label = get("curve_label")
    const most = Math.max(1e-9, ...values)
    const x = (i) => (bar(i * perBar())[0] + bar(i * perBar())[1]) / 2 * width
    const y = (v) => CURVE.base - CURVE.high * v / most
    const flagged = new Set(get("marks").map(([number]) => number))
    const told = values.map((v, i) => v === null ? "" : `bar ${i + 1}: ${v}`).filter(Boolean)
    curve.style.display = told.length ? "" : "none"
    curve.replaceChildren()
    curve.setAttribute("width", width * get("steps"))
    curve.setAttribute("aria-label", `${label} ${told.join(", ")}`)
    make("line", curve, {class: "base", x1: 0, x2: width * get("steps"), y1: CURVE.base, y2: CURVE.base}, "", SVG)
    const joined = (v, i) => v === null ? "" : `${i && values[i - 1] !== null ? "L" : "M"}${x(i)} ${y(v)}`
    make("path", curve, {class: "path", d: values.map(joined).join("")}, "", SVG)
    values.forEach((v, i) => {
      if (v === null) { return }
      if (flagged.has(i)) {
        make("path", curve, {class: "flagged", d: `M${x(i)} ${y(v) - 6}l6 6l-6 6l-6 -6z`}, "", SVG)
      } else {
        make("circle", curve, {class: "dot", cx: x(i), cy: y(v), r: 3.5}, "", SVG)
      }
      make("text", curve, {x: x(i), y: y(v) - 9}, String(Math.round(v * 10) / 10), SVG)
    })
  }

  function drawSpans() { // what is selected, what is looped
    const top = rows.offsetTop, end = sheet.clientHeight - top - rows.offsetHeight
    for (const [it, span] of [[band, look.range], [looped, get("loop").length === 2 ? get("loop") : null]]) {
      it.hidden = !span
      if (span) { Object.assign(it.style, {left: `${span[0] * width}px`, width: `${(span[1] - span[0]) * width}px`}) }
    }
    looped.style.top = head.style.top = `${top}px`
    for (const it of [band, head, split]) { it.style.bottom = `${end}px` }
  }

  const redraw = () => { frame ||= requestAnimationFrame(paint) }
  function paint() { // only the cells that changed
    if (stale && scroller.clientWidth) { fit() }
    frame = 0
    const chances = new Map(get("probabilities").map(([step, piece, chance]) => [cellOf(step, piece), chance]))
    cells.forEach((line, row) => line.forEach((it, step) => {
      const key = cellOf(step, order[row]), hits = score.at(key), chance = chances.get(key) ?? 0
      const chosen = look.range !== null && step >= look.range[0] && step < look.range[1]
      const drawn = `${hits.join(";")}|${chance}|${chosen}|${get("tempo")}`
      if (it.drawn === drawn) { return }
      it.drawn = drawn
      it.replaceChildren()
      it.classList.toggle("moved", hits.some(([, offset]) => Math.abs(offset) > 0.04))
      it.setAttribute("aria-selected", chosen)
      it.setAttribute("aria-label", told({row, step}))
      for (const [velocity, offset] of hits) {
        make("i", it, {class: "hit", style: `--loud: ${clamp(velocity, 1, 127) / 127}; --late: ${clamp(offset, -0.5, 0.5)}`})
      }
      if (chance > 0) { make("i", it, {class: "chance", style: `--chance: ${Math.min(chance, 1)}`}) }
    }))
    if (focusable) { focusable.tabIndex = -1 }
    focusable = cells[look.here.row][look.here.step]
    focusable.tabIndex = 0
    painted()
  }

  function told({row, step}) { // a cell in words
    const hits = score.at(cellOf(step, order[row])).map(([velocity, offset]) => {
      const ms = Math.round(Math.abs(offset) * 15000 / get("tempo"))
      return `velocity ${velocity}${ms ? `, ${ms} ms ${offset < 0 ? "early" : "late"}` : ""}`
    })
    const chance = get("probabilities").find(([s, piece]) => s === step && piece === order[row])?.[2]
    const place = `${barOf(step) + 1}.${Math.floor(step % perBar() / 4) + 1}.${step % perBar() % 4 + 1}` // bar, beat, step
    const parts = [get("pieces")[order[row]], place, hits.join(" and ") || "silent"]
    return [...parts, ...chance === undefined ? [] : [`probability ${chance.toFixed(2)}`]].join(" · ")
  }

  function showHead(step, follow = false) {
    sounding = step
    head.hidden = step < 0
    head.dataset.step = step
    if (step < 0) { return }
    head.style.transform = `translateX(${step * width}px)`
    const left = step * width - scroller.scrollLeft
    if (follow && (left < 0 || left + width > scroller.clientWidth)) { scroller.scrollLeft = bar(step)[0] * width }
  }

  function spotAt(event) {
    const box = rows.getBoundingClientRect()
    const row = (event.clientY - box.top) / box.height * order.length
    return within({row: Math.floor(row), step: Math.floor((event.clientX - box.left) / width)})
  }
  function spotOf(element) {
    const row = cells.findIndex((line) => line.includes(element))
    return {row, step: cells[row].indexOf(element)}
  }
  function showBubble(spot, words) {
    bubble.hidden = !words
    bubble.textContent = words
    bubble.style.left = `${Math.max((spot.step + 0.5) * width, scroller.scrollLeft + 28)}px`
    bubble.style.top = `${rows.offsetTop + rows.children[spot.row].offsetTop - 2}px`
  }

  return {
    sheet, ruler, rows, bar, perBar, within, cellAt, told, spotAt, spotOf, build, measure,
    redraw, showHead, showBubble,
    order: () => order,
    width: () => width,
    focus: ({row, step}) => cells[row][step].focus(),
    close: () => cancelAnimationFrame(frame),
  }
}
