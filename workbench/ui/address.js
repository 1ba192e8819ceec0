// The page's hold on the browser: its address, its back button, its title, and the remembered theme.
function render({model, el}) {
  let count = 0
  const hear = (search, back) => {
    model.set("heard", [++count, search, back])
    model.save_changes()
  }
  const say = (event) => {
    const {search, push, title, theme} = event.data ?? event
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
  return () => {
    document.removeEventListener("click", click)
    window.removeEventListener("popstate", back)
  }
}

export default {render}
