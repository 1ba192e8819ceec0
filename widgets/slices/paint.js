/* How gray and organs become pixels. A pixel is a uint32 here: alpha, blue, green, red, from high to low bits. */

const SVG = "http://www.w3.org/2000/svg"
const MISSED = "#E69F00", EXTRA = "#56B4E9", SWAPPED = "#CC79A7"

const channels = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16))

/* Tables for the organs as they are to be looked at now. Of difference, codes 1, 2, 3 stand for missed, extra, swapped. */
function inks({organs, hidden, opacity, mode}) {
  const colors = mode === "difference" ? [MISSED, EXTRA, SWAPPED] : organs.map(([, color]) => color)
  const shown = new Uint8Array(256) // an organ's number, or 0 where it is hidden
  organs.forEach((_, k) => { shown[k + 1] = hidden.includes(k + 1) ? 0 : k + 1 })
  const red = new Float32Array(256), green = new Float32Array(256), blue = new Float32Array(256)
  colors.forEach((color, k) => {
    const [r, g, b] = channels(color)
    red[k + 1] = r * opacity
    green[k + 1] = g * opacity
    blue[k + 1] = b * opacity
  })
  const line = new Uint32Array(256)
  organs.forEach(([, color], k) => {
    const [r, g, b] = channels(color)
    line[k + 1] = (0xff000000 | b << 16 | g << 8 | r) >>> 0
  })
  return {shown, red, green, blue, line}
}

/* Paint a picture {width, height, gray, truth, prediction} into pixels, a Uint32Array. */
function paint(pixels, picture, ink, {mode, opacity, outline}) {
  const {width, height, gray, truth, prediction} = picture
  const codes = coded(picture, ink.shown, mode)
  if (!codes) {
    for (let i = 0; i < gray.length; i++) { pixels[i] = (0xff000000 | gray[i] * 0x010101) >>> 0 }
    return
  }
  const rest = 1 - opacity
  const {red, green, blue} = ink
  for (let i = 0; i < gray.length; i++) {
    const code = codes[i], g = gray[i]
    pixels[i] = code
      ? (0xff000000 | (g * rest + blue[code]) << 16 | (g * rest + green[code]) << 8 | g * rest + red[code]) >>> 0
      : (0xff000000 | g * 0x010101) >>> 0
  }
  if (!outline) { return }
  // of difference, the outline is that of the truth, in the organs' colors
  const edges = mode === "difference" && truth ? Uint8Array.from(truth, (organ) => ink.shown[organ]) : codes
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const code = edges[i]
      if (code && (x > 0 && edges[i - 1] !== code || x < width - 1 && edges[i + 1] !== code
        || y > 0 && edges[i - width] !== code || y < height - 1 && edges[i + width] !== code)) { pixels[i] = ink.line[code] }
    }
  }
}

function coded({truth, prediction}, shown, mode) { // what is filled; null for nothing
  if (mode === "truth" || mode === "prediction") {
    const layer = mode === "truth" ? truth : prediction
    return layer && layer.map((organ) => shown[organ])
  }
  if (mode !== "difference" || !truth || !prediction) { return null }
  const codes = new Uint8Array(truth.length)
  for (let i = 0; i < codes.length; i++) {
    const t = shown[truth[i]], p = shown[prediction[i]]
    codes[i] = t === p ? 0 : !p ? 1 : !t ? 2 : 3
  }
  return codes
}

/* Take a message apart: see `answered` in Python. */
function unpacked(view, grids) {
  if (!view || !view.byteLength) { return null }
  const size = view.getUint32(0, true)
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)))
  let from = 4 + size
  const take = (count) => bytes.slice(from, from += count)
  head.cuts = head.cuts.map(([side, plane, index, width, height, level, span]) => {
    const [hasTruth, hasPrediction] = grids[side].layers, count = width * height
    const gray = take(count), truth = hasTruth ? take(count) : null, prediction = hasPrediction ? take(count) : null
    return {side, plane, index, width, height, level, span, gray, truth, prediction}
  })
  return head
}
