/* The camera: from which it is looked, what lies where on the screen, and which box is under the pointer. */

const FIELD = 55 * Math.PI / 180 // of view, along the shorter side
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]]

function startCamera(scene) { // from behind and above
  const reach = clamp(scene.reach, 3, 60)
  return [0, 32, 1.25 * reach, 0.3 * reach, 0, scene.floor]
}

function fitCamera(wanted, scene) { // from Python, and so from an address, where anything may stand
  const good = Array.isArray(wanted) && wanted.length === 6 && wanted.every(Number.isFinite)
  return good ? bounded(wanted) : startCamera(scene)
}

function bounded([turn, tilt, far, x, y, z]) {
  const near = (value) => clamp(value, -500, 500)
  return [((turn + 540) % 360 + 360) % 360 - 180, clamp(tilt, -5, 90), clamp(far, 0.5, 400), near(x), near(y), near(z)]
}

function eyeOf(camera, width, height) {
  const [turn, tilt] = camera.map((degrees) => degrees * Math.PI / 180), far = camera[2]
  const [s, c, t, u] = [Math.sin(turn), Math.cos(turn), Math.sin(tilt), Math.cos(tilt)]
  const ahead = [c * u, s * u, -t], right = [s, -c, 0], up = [c * t, s * t, u]
  const eye = [0, 1, 2].map((k) => camera[3 + k] - far * ahead[k])
  const pixels = Math.min(width, height) / 2 / Math.tan(FIELD / 2) // of 1 m at 1 m
  return {eye, ahead, right, up, pixels, width, height, scale: [2 * pixels / width, 2 * pixels / height], ground: [c, s, 0]}
}

function onScreen(eye, point) { // x, y, depth; null behind the camera
  const away = minus(point, eye.eye), depth = dot(away, eye.ahead)
  if (depth < 0.25) { return null }
  return [eye.width / 2 + eye.pixels * dot(away, eye.right) / depth, eye.height / 2 - eye.pixels * dot(away, eye.up) / depth, depth]
}

function boxAxes(scene, k) { // middle and the three half axes: to the front, to the left, up
  const at = (i) => Array.from(scene.corners.subarray(24 * k + 3 * i, 24 * k + 3 * i + 3))
  const back = at(2), axes = [minus(at(1), back), minus(at(3), back), minus(at(6), back)]
  return {middle: back.map((v, i) => v + (axes[0][i] + axes[1][i] + axes[2][i]) / 2), axes: axes.map((axis) => axis.map((v) => v / 2))}
}

function boxesAt(scene, eye, x, y, shown) { // the boxes under a pixel, the nearest first
  const ray = [0, 1, 2].map((i) => eye.ahead[i] + eye.right[i] * (x - eye.width / 2) / eye.pixels - eye.up[i] * (y - eye.height / 2) / eye.pixels)
  const found = []
  for (let k = 0; k < scene.boxes; k++) {
    if (!shown(k)) { continue }
    const {middle, axes} = boxAxes(scene, k), away = minus(eye.eye, middle)
    const slack = 6 * Math.max(0, -dot(away, eye.ahead)) / eye.pixels // a far box is as easy to hit: 6 pixels around it
    let enter = 0, leave = Infinity
    for (const axis of axes) {
      const half = Math.max(Math.hypot(...axis), 1e-6), unit = axis.map((v) => v / half)
      const start = dot(away, unit), speed = dot(ray, unit), wide = half + slack
      if (Math.abs(speed) < 1e-9) {
        if (Math.abs(start) > wide) { leave = -1 }
        continue
      }
      const ends = [(-wide - start) / speed, (wide - start) / speed].sort((a, b) => a - b)
      enter = Math.max(enter, ends[0])
      leave = Math.min(leave, ends[1])
    }
    if (leave > enter) { found.push([enter, k]) }
  }
  return found.sort((a, b) => a[0] - b[0]).map(([, k]) => k)
}

function rings(scene) { // distances on the ground, as lines, and where their labels stand
  const step = scene.reach > 45 ? 20 : scene.reach > 12 ? 10 : scene.reach > 4 ? 2 : 0.5
  const lines = [], marks = []
  for (let far = step; far <= 5 * step; far += step) {
    const at = (k) => [far * Math.cos(k * Math.PI / 48), far * Math.sin(k * Math.PI / 48), scene.floor]
    for (let k = 0; k < 96; k++) { lines.push([at(k), at(k + 1)]) }
    marks.push([[far, 0, scene.floor], `${far} m`])
  }
  const f = scene.floor, tip = [step / 5, 0, f], left = [-step / 8, step / 9, f], right = [-step / 8, -step / 9, f]
  lines.push([tip, left], [left, right], [right, tip]) // the vehicle: it looks ahead
  return {lines, marks}
}
