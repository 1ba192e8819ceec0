// The runs table: Python writes its HTML, this hears what is ticked and starred.
function render({model, el}) {
  let last = 0
  const told = []
  const place = document.createElement("div")
  el.append(place)
  const tell = (verb, id, on) => {
    last = Math.max(Date.now(), last + 1)
    told.push([last, verb, id, on])
    model.set("heard", told.slice(-50))  // Panel may hear the newest of several quick changes only
    model.save_changes()
  }
  const draw = () => { place.innerHTML = model.get("html") }
  place.addEventListener("change", ({target}) => {
    const {id} = target.dataset
    if (id === undefined) {
      for (const box of place.querySelectorAll("input[data-id]")) { box.checked = target.checked }
      tell("all", "", target.checked)
    } else {
      tell("tick", id, target.checked)
    }
  })
  place.addEventListener("click", (event) => {
    const star = event.target.closest("button[data-star]")
    if (star) { tell("star", star.dataset.star, star.getAttribute("aria-pressed") !== "true") }
  })
  model.on("change:html", draw)
  draw()
  return () => {}  // Panel calls it when the table goes
}

export default {render}
