// The page's hold on the browser: its address, its back button, its title, and the remembered theme.
function render({model, el}) {
  let count = 0, copies = 0
  const hear = (search, back) => {
    model.set("heard", [++count, search, back])
    model.save_changes()
  }
  const put = async (text) => {
    const whole = text.startsWith("?") ? window.location.origin + window.location.pathname + text : text
    let done = true
    try { await navigator.clipboard.writeText(whole) } catch { done = false }  // not there without https, or forbidden
    model.set("copied", [++copies, whole, done])
    model.save_changes()
  }
  const say = (event) => {
    const {search, push, title, theme, copy, dark} = event.data ?? event
    if (dark) { clearInterval(saying) }
    if (copy !== undefined) { put(copy) }
    if (title !== undefined) { document.title = title }
    if (theme !== undefined) {
      document.cookie = `workbench_theme=${theme}; path=/; max-age=31536000; SameSite=Strict`
    }
    if (search !== undefined && search !== window.location.search) {
      const url = window.location.pathname + search
      if (push) { window.history.pushState({}, "", url) } else { window.history.replaceState({}, "", url) }
    }
  }
  // a plain link "?lab=rs" changes the page within this session; with a modifier key it opens a new tab as ever
  const click = (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) { return }
    const link = event.composedPath().find((node) => node.tagName === "A")
    const href = link?.getAttribute("href")
    if (!href?.startsWith("?") || link.target) { return }
    event.preventDefault()
    hear(href, false)
  }
  const back = () => hear(window.location.search, true)
  model.on("msg:custom", say)
  document.addEventListener("click", click)
  window.addEventListener("popstate", back)
  el.setAttribute("aria-hidden", "true")
  // what the system is set to counts until the reader chooses by hand; said until it is heard, for a page may be slow
  const chosen = document.cookie.includes("workbench_theme=") || window.location.search.includes("theme=")
  let saying = 0
  const sayDark = () => {
    model.set("prefers_dark", model.get("prefers_dark") + 1)
    model.save_changes()
  }
  if (!chosen && window.matchMedia("(prefers-color-scheme: dark)").matches) {
    sayDark()
    saying = setInterval(sayDark, 1500)
  }
  return () => {
    clearInterval(saying)
    document.removeEventListener("click", click)
    window.removeEventListener("popstate", back)
  }
}

export default {render}
