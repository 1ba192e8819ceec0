(() => {
  const {port, path, key} = $PLACE
  const home = document.currentScript.parentElement
  const jupyter = document.getElementById("jupyter-config-data")
  if (!jupyter) { return }  // an exported page: its picture is all there is
  const {baseUrl} = JSON.parse(jupyter.textContent)
  const ways = [new URL(`${baseUrl}proxy/${port}/`, location.href).href]
  // where Jupyter's server has no proxy, a kernel on the reader's own machine is reached all the same
  if (["localhost", "127.0.0.1"].includes(location.hostname)) { ways.push(`http://${location.hostname}:${port}/`) }
  const dark = document.body.dataset.jpThemeLight === "false" ? "&theme=dark" : ""
  const answers = async (way) => {
    try { return (await fetch(`${way}${path}/alive`, {cache: "no-store"})).status === 204 } catch { return false }
  }

  async function open(tries) {
    for (let left = tries; left > 0; left--) {
      for (const way of ways) {
        if (await answers(way)) { return show(way) }
      }
      if (left > 1) { await new Promise((done) => setTimeout(done, 1000)) }
    }
    const note = document.createElement("p")
    note.textContent = "Not live: the kernel of this output has ended, or Jupyter's server has no jupyter-server-proxy. " +
      "Run this cell again to see it live."
    home.replaceChildren(note)
  }

  function show(way) {
    const hidden = document.createElement("style")
    hidden.textContent = `#workbench-still-${key} { display: none }`
    const frame = document.createElement("iframe")
    frame.title = "Workbench"
    frame.style.cssText = "display: block; width: 100%; height: 640px; border: 0"
    frame.src = `${way}${path}?view=${key}${dark}`
    home.replaceChildren(hidden, frame)
    const heard = ({source, data}) => {
      if (!frame.isConnected) { return removeEventListener("message", heard) }
      if (source !== frame.contentWindow) { return }
      if (data.workbench === "height") { frame.style.height = `${data.height}px` }
      if (data.workbench === "lost") { removeEventListener("message", heard); open(5) }
    }
    addEventListener("message", heard)
  }

  open(1)
})()
