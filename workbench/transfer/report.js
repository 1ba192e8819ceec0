// The report's own few lines: figures follow light, dark and paper; they can be saved; a line can be copied.
const figures = () => [...document.querySelectorAll("figure[data-figure]")]
const view = (figure) => [...Bokeh.index].find((one) => one.model.id === figure.dataset.id)
const plots = (one) => one.repaint ? [one] : (one.child_views ?? []).flatMap(plots)

function onPaper(paper) {
  document.documentElement.classList.toggle("paper", paper)
  for (const one of Bokeh.index) { plots(one).forEach((plot) => plot.repaint()) }
}

// a saved picture is for white paper, whatever the screen is like
function drawn(figure, kind) {
  document.documentElement.classList.add("paper")
  try {
    const layer = view(figure).export(kind)
    return kind === "svg" ? layer.ctx.get_serialized_svg(true) : layer.canvas.toDataURL("image/png")
  } finally {
    document.documentElement.classList.remove("paper")
  }
}

async function save(figure, kind) {
  const made = drawn(figure, kind)
  const blob = kind === "svg" ? new Blob([made], {type: "image/svg+xml"}) : await (await fetch(made)).blob()
  const link = document.createElement("a")
  link.href = URL.createObjectURL(blob)
  link.download = `${figure.dataset.figure}.${kind}`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

async function copy(button) {
  const line = button.closest("section").querySelector("pre")
  getSelection().selectAllChildren(line)
  try {
    await navigator.clipboard.writeText(button.dataset.copy)
    button.textContent = "Copied"
  } catch {
    button.textContent = "Selected: press Ctrl-C"
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button")
  if (button?.dataset.save) { save(button.closest("figure"), button.dataset.save) }
  if (button?.dataset.copy) { copy(button) }
})
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => onPaper(false))
addEventListener("beforeprint", () => onPaper(true))
addEventListener("afterprint", () => onPaper(false))

// `workbench export` opens the page with #draw in a browser without a window, and reads all figures from it
function drawAll() {
  const all = {}
  for (const figure of figures()) {
    for (const kind of ["svg", "png"]) { all[`${figure.dataset.figure}.${kind}`] = drawn(figure, kind) }
  }
  const kept = document.createElement("script")
  kept.type = "application/json"
  kept.id = "drawn"
  kept.textContent = JSON.stringify(all).replaceAll("<", "\\u003c")
  document.body.append(kept)
}
addEventListener("load", () => {
  const wait = () => {
    if (Bokeh.documents.length && Bokeh.documents.every((one) => one.is_idle)) { drawAll() } else { setTimeout(wait, 20) }
  }
  if (location.hash === "#draw") { wait() }
})
