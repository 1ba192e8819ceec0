/* What every component draws with; joined before its own parts. */

const clamp = (value, low, high) => Math.min(high, Math.max(low, value))

/* Make an element and put it into its parent, if there is one; `space` is the namespace of what is no HTML. */
function make(tag, parent, attributes = {}, text = "", space = "") {
  const made = space ? document.createElementNS(space, tag) : document.createElement(tag)
  for (const [key, value] of Object.entries(attributes)) { made.setAttribute(key, value) }
  if (text !== "") { made.textContent = text }
  parent?.appendChild(made)
  return made
}
