/* The controls above the pictures, and the legend beneath. */

const MODE_WORDS = {truth: "Truth", prediction: "Prediction", difference: "Difference", none: "Off"}
const TARGET = "M12 2v6M12 16v6M2 12h6M16 12h6M12 5a7 7 0 100 14 7 7 0 000-14z"
const KEYS = [
  ["Click or drag", "Put the crosshair"], ["Wheel, Page up / down", "Next slice"], ["Arrow keys", "Move the crosshair"],
  ["Shift with a key", "Ten at a time"], ["Home / End", "First and last slice"],
  ["Shift-drag, right drag", "Window: width across, level up and down"], ["M", "Truth, prediction, difference, off"],
  ["O", "Outlines on and off"],
]

/* hands: {get, say(values), setWindow(side, [level, width]), jump(organ, side), windowing, reset()} */
function openTools(tools, legend, hands) {
  const {get, say} = hands
  let shown = () => {} // brings the controls in step with the model
  let filter = ""

  function build() {
    const grids = get("grids"), organs = get("organs"), updates = []
    tools.replaceChildren()
    const has = [0, 1].map((layer) => grids.some((grid) => grid.layers[layer]))
    if (has[0] || has[1]) {
      const group = make("div", tools, {class: "modes", role: "group", "aria-label": "What lies over the slices"})
      for (const mode of hands.modes()) {
        const button = make("button", group, {type: "button"}, MODE_WORDS[mode])
        button.addEventListener("click", () => say({mode}))
        updates.push(() => button.setAttribute("aria-pressed", get("mode") === mode))
      }
      const label = make("label", tools, {class: "opacity"}, "Fill")
      const opacity = make("input", label, {type: "range", min: 0, max: 1, step: 0.05, "aria-label": "Opacity of the fill"})
      opacity.addEventListener("input", () => say({opacity: Number(opacity.value)}))
      updates.push(() => { opacity.value = get("opacity") })
      const outline = make("button", tools, {type: "button", title: "Outlines (O)"}, "Outline")
      outline.addEventListener("click", () => say({outline: !get("outline")}))
      updates.push(() => outline.setAttribute("aria-pressed", get("outline")))
    }
    grids.forEach((grid, side) => {
      if (grid.window !== side) { return }
      const alone = grids.every((other) => other.window === 0)
      const word = alone ? "Window" : `Window, ${grid.name || grid.modality || `side ${side + 1}`}`
      const group = make("div", tools, {class: "window", role: "group", "aria-label": word})
      make("span", group, {class: "soft"}, word)
      const preset = make("select", group, {"aria-label": `${word} preset`})
      for (const [name] of grid.presets) { make("option", preset, {value: name}, name) }
      make("option", preset, {value: ""}, "Custom")
      preset.addEventListener("change", () => {
        const found = grid.presets.find(([name]) => name === preset.value)
        if (found) { hands.setWindow(side, found.slice(1)) }
      })
      const fields = ["Level", "Width"].map((name, k) => {
        const field = make("input", make("label", group, {title: name}, name[0]), {type: "number", step: "any",
          "aria-label": `${name}, ${word.toLowerCase()}`})
        field.addEventListener("change", () => {
          const values = [...get("windows")[side]]
          const value = Number(field.value)
          if (Number.isFinite(value) && (k === 0 || value > 0)) { values[k] = value }
          hands.setWindow(side, values)
          shown()
        })
        return field
      })
      updates.push(() => {
        const now = get("windows")[side]
        const found = grid.presets.find(([, ...values]) => values.every((v, k) => Math.abs(v - now[k]) < 1e-6))
        preset.value = found ? found[0] : ""
        fields.forEach((field, k) => { field.value = Number(now[k].toPrecision(4)) })
      })
    })
    const drag = make("button", tools, {type: "button", title: "A drag changes level and width"}, "Drag sets window")
    drag.addEventListener("click", () => { hands.windowing = !hands.windowing; shown() })
    updates.push(() => drag.setAttribute("aria-pressed", hands.windowing))
    make("button", tools, {type: "button", class: "reset"}, "Reset").addEventListener("click", hands.reset)
    buildLegend(organs, grids, updates)
    shown = () => updates.forEach((update) => update())
    shown()
  }

  function buildLegend(organs, grids, updates) {
    legend.replaceChildren()
    legend.hidden = !organs.length
    if (!organs.length) { return }
    const head = make("div", legend, {class: "head"})
    const count = make("strong", head)
    const all = (hidden) => () => say({hidden})
    make("button", head, {type: "button"}, "Show all").addEventListener("click", all([]))
    make("button", head, {type: "button"}, "Hide all").addEventListener("click", all(organs.map((_, k) => k + 1)))
    const key = make("span", head, {class: "key"})
    for (const [word, color] of [["missed", MISSED], ["extra", EXTRA], ["another organ", SWAPPED]]) {
      make("span", key, {class: "swatch", style: `background:${color}`})
      key.append(word)
    }
    updates.push(() => {
      key.hidden = get("mode") !== "difference"
      const off = get("hidden").length
      count.textContent = `${organs.length} organ${organs.length > 1 ? "s" : ""}${off ? `, ${off} hidden` : ""}`
    })
    const list = make("div", legend, {class: "organs"})
    const paired = grids.map((grid) => grid.layers[0] && grid.layers[1])
    const items = organs.map(([name, color, figure], k) => {
      const item = make("div", list, {class: "organ"})
      const toggle = make("button", item, {type: "button", class: "toggle", "aria-label": `Show ${name}`})
      make("span", toggle, {class: "swatch", style: `background:${color}`})
      make("span", toggle, {class: "word"}, name)
      if (figure) { make("span", toggle, {class: "soft"}, figure) }
      toggle.addEventListener("click", () => {
        const hidden = get("hidden"), number = k + 1
        say({hidden: hidden.includes(number) ? hidden.filter((n) => n !== number) : [...hidden, number]})
      })
      updates.push(() => toggle.setAttribute("aria-pressed", !get("hidden").includes(k + 1)))
      grids.forEach((grid, side) => {
        if (!grid.layers[0] && !grid.layers[1]) { return }
        const where = grids.length > 1 ? `, ${grid.name || `side ${side + 1}`}` : ""
        const label = `${paired[side] ? "Worst slice" : "Largest slice"} of ${name}${where}`
        const jump = make("button", item, {type: "button", class: "jump", "aria-label": label, title: label})
        make("path", make("svg", jump, {viewBox: "0 0 24 24", "aria-hidden": "true"}, "", SVG), {d: TARGET}, "", SVG)
        jump.addEventListener("click", () => hands.jump(k + 1, side))
      })
      return item
    })
    const sift = () => items.forEach((item, k) => { item.hidden = !organs[k][0].toLowerCase().includes(filter) })
    if (organs.length > 12) {
      const find = make("input", head, {type: "search", placeholder: "Find an organ", "aria-label": "Find an organ"})
      find.value = filter
      find.addEventListener("input", () => { filter = find.value.toLowerCase(); sift() })
      find.addEventListener("keydown", (event) => event.stopPropagation())
    }
    sift()
  }

  return {build, show: () => shown()}
}
