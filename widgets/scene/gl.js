/* Draws points and edges in WebGL 2, in perspective. Coordinates are those of the scene: m ahead, left, up. */

const VIEW = `
uniform vec3 eye, right, up, ahead; uniform vec2 scale;
vec4 seen(vec3 p) { // near 0.2 m, far 2000 m
  vec3 d = p - eye;
  float depth = dot(d, ahead);
  return vec4(dot(d, right) * scale.x, dot(d, up) * scale.y, depth * 1.0002 - 0.40004, depth);
}`
const POINT_VERTEX = `#version 300 es
layout(location = 0) in vec3 place; layout(location = 1) in vec4 color;
uniform float size, least;
out vec3 tint;
${VIEW}
void main() {
  gl_Position = seen(place);
  gl_PointSize = clamp(size / max(gl_Position.w, 0.2), least, 5.0 * least);
  tint = color.rgb;
}`
const POINT_FRAGMENT = `#version 300 es
precision mediump float;
in vec3 tint; out vec4 pixel;
void main() { pixel = vec4(tint, 1.0); }`
const EDGE_VERTEX = `#version 300 es
layout(location = 0) in vec3 from; layout(location = 1) in vec3 to; layout(location = 2) in vec4 color;
layout(location = 3) in vec2 style; // width in pixels, and whether it is dashed
uniform vec2 screen;
out vec4 tint; out float along; out float across; flat out float half_width; flat out float period; // 0: solid
const vec2 QUAD[6] = vec2[6](vec2(0, 1), vec2(0, -1), vec2(1, 1), vec2(1, 1), vec2(0, -1), vec2(1, -1));
${VIEW}
void main() { // an edge is a quad as wide as asked for, and a pixel more to fade in: WebGL's own lines are one pixel
  vec4 a = seen(from), b = seen(to);
  if (a.w < 0.25 && b.w < 0.25 || color.a == 0.0) { gl_Position = vec4(0.0, 0.0, 2.0, 1.0); return; }
  if (a.w < 0.25) { a = mix(a, b, (0.25 - a.w) / (b.w - a.w)); }
  if (b.w < 0.25) { b = mix(b, a, (0.25 - b.w) / (a.w - b.w)); }
  vec2 corner = QUAD[gl_VertexID]; // which end, which side
  vec2 way = (b.xy / b.w - a.xy / a.w) * screen;
  way = length(way) > 1e-6 ? normalize(way) : vec2(1.0, 0.0);
  vec4 p = mix(a, b, corner.x);
  half_width = style.x / 2.0;
  across = corner.y * (half_width + 0.5); // in pixels
  p.xy += vec2(-way.y, way.x) * across * 2.0 / screen * p.w;
  gl_Position = p;
  tint = color;
  float size = length(to - from);
  along = corner.x * size;
  period = style.y * min(0.7, size / 2.5);
}`
const EDGE_FRAGMENT = `#version 300 es
precision mediump float;
in vec4 tint; in float along; in float across; flat in float half_width; flat in float period; out vec4 pixel;
void main() {
  if (period > 0.0 && fract(along / period) > 0.6) { discard; }
  pixel = vec4(tint.rgb, tint.a * clamp(half_width + 0.5 - abs(across), 0.0, 1.0));
}`
const EDGES = [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]]
const LINES = EDGES.length + 1 // and the heading
const NONE = 65535

function readScene(view) { // see `packed` in Python
  if (!view || !view.byteLength) { return null }
  const blob = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)
  const size = new DataView(blob).getUint32(0, true)
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(blob, 4, size)))
  let from = 4 + size
  const take = (kind, count) => {
    const found = new kind(blob, from, count)
    from += found.byteLength
    return found
  }
  head.xyz = take(Float32Array, head.points * 3)
  head.corners = take(Float32Array, head.boxes * 24)
  head.owner = take(Uint16Array, head.points + head.points % 2)
  head.values = head.shades.map(() => take(Uint8Array, head.points))
  head.dashed = take(Uint8Array, head.boxes)
  return head
}

function pointColors(scene, shade, looks) { // (n, 4) bytes
  const colors = new Uint32Array(scene.points), out = new Uint8Array(4), word = new Uint32Array(out.buffer)
  const coded = (red, green, blue) => { out.set([red, green, blue, 255]); return word[0] }
  if (shade === INSIDE) {
    const none = coded(92, 102, 112), boxes = looks ? looks.length / 4 : 0, known = new Uint32Array(NONE + 1).fill(none)
    for (let k = 0; k < boxes; k++) { if (looks[4 * k + 3]) { known[k] = coded(looks[4 * k], looks[4 * k + 1], looks[4 * k + 2]) } }
    for (let i = 0; i < colors.length; i++) { colors[i] = known[scene.owner[i]] }
    return new Uint8Array(colors.buffer)
  }
  const values = scene.values[scene.shades.indexOf(shade)]
  if (!values) { return new Uint8Array(colors.fill(coded(160, 170, 180)).buffer) }
  const table = Uint32Array.from({length: 256}, (_, k) => {
    const at = k / 255 * (scene.ramp.length - 1), low = Math.min(Math.floor(at), scene.ramp.length - 2)
    return coded(...[0, 1, 2].map((c) => scene.ramp[low][c] + (at - low) * (scene.ramp[low + 1][c] - scene.ramp[low][c])))
  })
  for (let i = 0; i < colors.length; i++) { colors[i] = table[values[i]] }
  return new Uint8Array(colors.buffer)
}

function openStage(canvas) {
  // edges fade by themselves and points are squares, so samples would only cost: without a GPU, most of the time
  const gl = canvas.getContext("webgl2", {antialias: false, alpha: false, preserveDrawingBuffer: true})
  if (!gl) { return null }
  const program = (vertex, fragment) => {
    const made = gl.createProgram()
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind)
      gl.shaderSource(shader, source)
      gl.compileShader(shader)
      gl.attachShader(made, shader)
    }
    gl.linkProgram(made)
    const places = {}
    made.set = (name, value) => {
      const at = places[name] ??= gl.getUniformLocation(made, name)
      value.length ? gl[`uniform${value.length}fv`](at, value) : gl.uniform1f(at, value)
    }
    return made
  }
  const dots = program(POINT_VERTEX, POINT_FRAGMENT), edges = program(EDGE_VERTEX, EDGE_FRAGMENT)
  const names = ["xyz", "tint", "ends", "ink", "style"]
  const buffers = Object.fromEntries(names.map((name) => [name, gl.createBuffer()]))
  const cloud = gl.createVertexArray(), frame = gl.createVertexArray()
  const attribute = (at, name, size, kind, normal, stride, offset, each) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name])
    gl.enableVertexAttribArray(at)
    gl.vertexAttribPointer(at, size, kind, normal, stride, offset)
    gl.vertexAttribDivisor(at, each)
  }
  gl.bindVertexArray(cloud)
  attribute(0, "xyz", 3, gl.FLOAT, false, 0, 0, 0)
  attribute(1, "tint", 4, gl.UNSIGNED_BYTE, true, 0, 0, 0)
  gl.bindVertexArray(frame)
  attribute(0, "ends", 3, gl.FLOAT, false, 24, 0, 1)
  attribute(1, "ends", 3, gl.FLOAT, false, 24, 12, 1)
  attribute(2, "ink", 4, gl.UNSIGNED_BYTE, true, 0, 0, 1)
  attribute(3, "style", 2, gl.FLOAT, false, 0, 0, 1)
  gl.bindVertexArray(null)
  gl.enable(gl.DEPTH_TEST)
  gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA)
  const fill = (name, data) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name])
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW)
  }
  let points = 0, lines = 0

  function load(scene, guides) { // the boxes' edges and headings, then the guide lines [[from, to], ...]
    points = scene.points
    lines = scene.boxes * LINES + guides.length
    const ends = new Float32Array(lines * 6), corners = scene.corners
    let at = 0
    for (let k = 0; k < scene.boxes; k++) {
      const corner = (i) => corners.subarray(24 * k + 3 * i, 24 * k + 3 * i + 3)
      for (const [a, b] of EDGES) { ends.set(corner(a), at); ends.set(corner(b), at + 3); at += 6 }
      for (let c = 0; c < 3; c++) { // on the roof, from the middle to the front
        ends[at + c] = (corner(4)[c] + corner(5)[c] + corner(6)[c] + corner(7)[c]) / 4
        ends[at + 3 + c] = (corner(4)[c] + corner(5)[c]) / 2
      }
      at += 6
    }
    for (const [from, to] of guides) { ends.set(from, at); ends.set(to, at + 3); at += 6 }
    fill("xyz", scene.xyz)
    fill("ends", ends)
  }
  function paint(scene, colors, looks, selected, dense) { // colors of points and lines; `dense` pixels a CSS pixel
    fill("tint", colors)
    const ink = new Uint8Array(lines * 4), style = new Float32Array(lines * 2)
    for (let k = 0; k < scene.boxes; k++) {
      const mine = looks && looks.length >= 4 * k + 4 ? looks.subarray(4 * k, 4 * k + 4) : [255, 255, 255, 255]
      const width = (selected.includes(k) ? 3.6 : 1.6) * dense
      for (let i = k * LINES; i < (k + 1) * LINES; i++) {
        ink.set(mine, 4 * i)
        style[2 * i] = i === (k + 1) * LINES - 1 ? 1.6 * width : width
        style[2 * i + 1] = scene.dashed[k]
      }
    }
    for (let i = scene.boxes * LINES; i < lines; i++) { ink.set([150, 165, 180, 70], 4 * i); style[2 * i] = dense }
    fill("ink", ink)
    fill("style", style)
  }
  function draw(eye, dense) {
    gl.viewport(0, 0, canvas.width, canvas.height)
    gl.clearColor(18 / 255, 22 / 255, 30 / 255, 1)
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT)
    for (const one of [dots, edges]) {
      gl.useProgram(one)
      for (const name of ["eye", "right", "up", "ahead", "scale"]) { one.set(name, eye[name]) }
    }
    gl.useProgram(dots)
    dots.set("size", 0.06 * eye.pixels) // a point is 6 cm wide, within bounds
    dots.set("least", 1.4 * dense)
    gl.bindVertexArray(cloud)
    gl.disable(gl.BLEND) // points are opaque
    gl.drawArrays(gl.POINTS, 0, points)
    gl.enable(gl.BLEND)
    gl.useProgram(edges)
    edges.set("screen", [canvas.width, canvas.height])
    gl.bindVertexArray(frame)
    gl.drawArraysInstanced(gl.TRIANGLES, 0, 6, lines)
  }
  const close = () => { gl.getExtension("WEBGL_lose_context")?.loseContext() }
  return {load, paint, draw, close}
}
