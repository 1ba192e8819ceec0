// Inside of the frame: tell the page around it how high the content is, when all is drawn, and when the kernel is gone.
const tell = (workbench, more) => parent.postMessage({workbench, ...more}, "*")
const height = () => Math.ceil(document.body.getBoundingClientRect().height)
const waits = (root) => [...root.querySelectorAll("*")].some((one) =>
  (one.getAttribute("role") === "status" && one.textContent === "Drawing …") || (one.shadowRoot && waits(one.shadowRoot)))

if ("$WORD" === "lost") {
  tell("lost")
} else {
  new ResizeObserver(() => tell("height", {height: height()})).observe(document.body)
  let quiet = 0  // looks in a row at which nothing was under way
  const timer = setInterval(() => {
    quiet = Bokeh.documents.every((one) => one.is_idle) && !waits(document) ? quiet + 1 : 0
    if (quiet === 8) {
      clearInterval(timer)
      tell("drawn", {height: height()})
    }
  }, 100)
}
