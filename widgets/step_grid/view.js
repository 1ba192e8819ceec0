/* The module's entry: puts score, board, hands and player together, with the toolbar and the names of the pieces. */

const ICONS = {
  play: "M7 4.5v15l12.5-7.5z", stop: "M6 6h12v12H6z",
  loop: "M17 2l4 4-4 4M3 11V9a3 3 0 0 1 3-3h15M7 22l-4-4 4-4M21 13v2a3 3 0 0 1-3 3H3",
  undo: "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3", redo: "M15 14l5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1", paste: "M9 4h6v3H9zM15 5h4v16H5V5h4M9 13h6M9 17h6",
  clear: "M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3", save: "M12 4v11M7 11l5 5 5-5M5 20h14",
}

function render({model, el}) {
  const get = (name) => model.get(name)
  const say = (values) => {
    for (const [key, value] of Object.entries(values)) { model.set(key, value) }
    model.save_changes()
  }
  const style = make("style", null, {}, CSS)
  const root = make("div", null, {class: "step-grid", role: "group", "aria-label": "Drum grid"})
  root.dataset.lmSuppressShortcuts = "true" // JupyterLab's own keys rest while this has the focus
  const tools = make("div", root, {class: "tools", role: "toolbar", "aria-label": "Play and edit"})
  const stage = make("div", root, {class: "stage"})
  const names = make("div", stage, {class: "names"})
  const scroller = make("div", stage, {class: "scroller"})
  const foot = make("div", root, {class: "foot"})
  const where = make("span", foot), note = make("span", foot, {role: "status"})
  const help = make("details", root, {class: "keys"})
  make("summary", help, {}, "Keys and gestures")
  const list = make("dl", help)
  for (const [keys, meaning] of KEYS) { make("dt", list, {}, keys); make("dd", list, {}, meaning) }
  el.replaceChildren(style, root)

  const look = {here: {row: 0, step: 0}, range: null}
  let kit = {sounds: [], made: []}
  let following = true // the view goes with what sounds, until the reader scrolls
  const said = (words) => { where.textContent = words }
  const audible = (piece) => {
    const name = get("pieces")[piece]
    return get("soloed").length ? get("soloed").includes(name) : !get("muted").includes(name)
  }
  const score = openScore(model, () => board.redraw())
  const board = openBoard({get, look, scroller, score, painted: showState})
  const heard = {get, score, audible, kit: () => kit}
  const player = openPlayer({
    ...heard,
    at: (step) => board.showHead(step, following),
    ended: () => say({playing: false}),
  })

  const toggle = () => say({playing: !player.playing()})
  const toggleLoop = () => say({loop: get("loop").length === 2 ? [] : look.range ?? [0, get("steps")]})
  function toggleName(field, name) {
    const names = get(field)
    say({[field]: names.includes(name) ? names.filter((other) => other !== name) : [...names, name]})
  }
  const hands = openHands({get, say, look, board, score, player, root, toggle, toggleLoop, toggleName, said})

  // --------------------------------------------------------------------------------------------------------- toolbar
  function button(icon, label, word, act) {
    const made = make("button", tools, {type: "button", class: `${icon}s`, "aria-label": label, title: label})
    make("path", make("svg", made, {viewBox: "0 0 24 24", "aria-hidden": "true"}, "", SVG), {d: ICONS[icon]}, "", SVG)
    if (word) { make("span", made, {class: "word"}, word) }
    made.addEventListener("click", act)
    return made
  }
  const gap = () => make("span", tools, {class: "gap", "aria-hidden": "true"})
  const play = button("play", "Play", "Play", toggle)
  const loop = button("loop", "Loop the selection, or all", "Loop", toggleLoop)
  const label = make("label", tools, {class: "tempo"})
  const tempo = make("input", label, {type: "number", min: 20, max: 400, step: 1, "aria-label": "Tempo, beats a minute"})
  make("span", label, {}, "bpm")
  const editing = [
    gap(),
    button("undo", "Undo", "", () => score.undo()), button("redo", "Redo", "", () => score.redo()),
    button("copy", "Copy the selection, or the bar", "", () => hands.copy()), button("paste", "Paste", "", () => hands.paste()),
    button("clear", "Clear the selection, or all", "", () => hands.clear()),
  ]
  const [, undo, redo, , paste] = editing
  gap()
  button("save", "Download as MIDI", "MIDI", saveMidi)
  const wav = button("save", "Download as WAV", "WAV", saveWav)
  tempo.addEventListener("change", () => {
    say({tempo: clamp(Number(tempo.value) || get("tempo"), 20, 400)})
    showFields() // also when it is the same again
  })

  let named = ""
  function nameRows() { // beside the board, so that they stay when it scrolls
    const wanted = JSON.stringify([get("pieces"), get("curve").length > 0, get("curve_label")])
    if (wanted === named) { return } // what has the focus keeps it
    named = wanted
    names.replaceChildren(make("div", null, {class: "corner"}))
    for (const piece of board.order()) {
      const name = get("pieces")[piece], line = make("div", names, {class: "name"})
      const hear = make("button", line, {type: "button", class: "piece", "aria-label": `Hear ${name}`}, name)
      hear.addEventListener("click", () => player.taste(piece, hands.velocity()))
      for (const [word, field] of [["Mute", "muted"], ["Solo", "soloed"]]) {
        const label = `${word} ${name}`
        const it = make("button", line, {type: "button", class: `switch ${field}`, "aria-label": label, title: label}, word[0])
        it.addEventListener("click", () => toggleName(field, name))
      }
    }
    if (get("curve").length) { make("div", names, {class: "scale"}, get("curve_label")) }
    showHeard()
  }

  // ------------------------------------------------------------------------------------------------------ what is shown
  function showState() {
    const can = score.can()
    undo.disabled = !can.undo
    redo.disabled = !can.redo
    paste.disabled = !can.paste
    said(board.told(look.here))
  }
  function showHeard() {
    board.order().forEach((piece, row) => {
      const name = get("pieces")[piece], line = names.querySelectorAll(".name")[row]
      for (const field of ["muted", "soloed"]) {
        line.querySelector(`.${field}`).setAttribute("aria-pressed", get(field).includes(name))
      }
      board.rows.children[row].classList.toggle("quiet", !audible(piece))
    })
    player.listen()
  }
  function showPlaying() {
    const word = player.playing() ? "Stop" : "Play"
    play.setAttribute("aria-label", word)
    play.title = `${word} (P)`
    play.querySelector("path").setAttribute("d", ICONS[word.toLowerCase()])
    play.querySelector(".word").textContent = word
  }
  function showLoop() {
    loop.setAttribute("aria-pressed", get("loop").length === 2)
    board.measure()
  }
  function showFields() {
    tempo.value = Math.round(get("tempo") * 100) / 100
    for (const it of editing) { it.hidden = !get("editable") }
    board.sheet.setAttribute("aria-readonly", !get("editable"))
    board.redraw()
  }

  // --------------------------------------------------------------------------------------------------------- playing
  let starting = false
  async function follow() { // the model says whether it plays
    if (starting) { return }
    if (get("playing") && !player.playing()) {
      starting = true
      following = true
      const sounds = await player.play(look.range?.[0] ?? 0)
      starting = false
      if (!sounds) {
        note.textContent = "The browser lets a page sound only after a click: press Play."
        say({playing: false})
      }
    }
    if (!get("playing")) { player.stop() }
    showPlaying()
  }
  let newest = 0
  async function load() {
    const mine = ++newest
    const loaded = await loadKit(get("pieces"), get("samples"))
    if (mine !== newest) { return }
    kit = loaded
    const {made, sounds} = kit
    note.textContent = !made.length ? "Sampled kit"
      : made.length === sounds.length ? "Synthesized kit: no samples were given" : `Synthesized: ${made.join(", ")}`
  }
  function saveMidi() {
    const data = midiFile({hits: score.all(), pitches: get("pitches"), tempo: get("tempo"), steps: get("steps"),
      ticksPerBeat: get("ticks_per_beat"), stepsPerBar: get("steps_per_bar")})
    download("groove.mid", "audio/midi", data)
  }
  async function saveWav() {
    wav.disabled = true
    try { download("groove.wav", "audio/wav", wavFile(await rendered(heard))) } finally { wav.disabled = false }
  }

  // --------------------------------------------------------------------------------------------------------- the model
  let due = false
  const reread = () => { // hits and revision come one after the other: wait for both
    if (due) { return }
    due = true
    queueMicrotask(() => { due = false; score.read(); board.redraw() })
  }
  const resize = () => {
    root.classList.toggle("narrow", root.clientWidth < 560)
    board.measure()
  }
  const rebuild = () => {
    root.classList.toggle("halves", get("prompt_steps") > 0)
    board.build()
    nameRows()
    resize()
  }
  const reload = () => { rebuild(); load() }
  const watched = [
    ["hits", reread], ["revision", reread], ["probabilities", board.redraw], ["tempo", showFields], ["editable", showFields],
    ["pieces", reload], ["samples", load], ["steps", rebuild], ["steps_per_bar", rebuild], ["prompt_steps", rebuild],
    ["marks", resize], ["curve", rebuild], ["curve_label", rebuild],
    ["loop", showLoop], ["playing", follow], ["muted", showHeard], ["soloed", showHeard],
  ]
  watched.forEach(([key, react]) => model.on(`change:${key}`, react))
  const scrolled = () => { following = false }
  for (const kind of ["wheel", "pointerdown"]) { scroller.addEventListener(kind, scrolled, {passive: true}) }
  const observer = new ResizeObserver(resize)
  observer.observe(root)
  rebuild()
  showFields()
  showLoop()
  showPlaying()
  load()
  if (get("playing")) { say({playing: false}) } // a tab that is opened again does not begin to play
  return () => {
    observer.disconnect()
    watched.forEach(([key, react]) => model.off(`change:${key}`, react))
    for (const part of [player, score, board, hands]) { part.close() }
  }
}

export default {render}
