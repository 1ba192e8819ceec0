/* Draws triangles in WebGL 2: parallel projection, one light at the eye. Coordinates are mm: right, front, head. */

const VERTEX = `#version 300 es
in vec4 place; in vec4 normal;
uniform vec3 low, step_, middle, right, up, toward; uniform vec3 scale;
out float light;
void main() {
  vec3 p = low + place.xyz * step_ - middle;
  gl_Position = vec4(dot(p, right) * scale.x, dot(p, up) * scale.y, -dot(p, toward) * scale.z, 1.0);
  vec3 n = normal.xyz;
  light = 0.28 + 0.72 * abs(dot(n, normalize(toward + 0.35 * up - 0.25 * right)));
}`
const FRAGMENT = `#version 300 es
precision mediump float;
in float light; uniform vec3 color; out vec4 pixel;
void main() { pixel = vec4(color * light, 1.0); }`

function openScene(canvas) {
  const gl = canvas.getContext("webgl2", {antialias: true, alpha: true, preserveDrawingBuffer: true})
  if (!gl) { return null }
  const program = gl.createProgram()
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind)
    gl.shaderSource(shader, source)
    gl.compileShader(shader)
    gl.attachShader(program, shader)
  }
  gl.bindAttribLocation(program, 0, "place")
  gl.bindAttribLocation(program, 1, "normal")
  gl.linkProgram(program)
  gl.useProgram(program)
  gl.enable(gl.DEPTH_TEST)
  const uniform = (name, values) => gl.uniform3fv(gl.getUniformLocation(program, name), values)
  let meshes = [], head = null

  function buffer(target, data) {
    const made = gl.createBuffer()
    gl.bindBuffer(target, made)
    gl.bufferData(target, data, gl.STATIC_DRAW)
    return made
  }
  function free() {
    for (const {shape, buffers} of meshes) {
      gl.deleteVertexArray(shape)
      buffers.forEach((one) => gl.deleteBuffer(one))
    }
    meshes = []
  }
  function load(view) { // see `packed` in Python
    free()
    head = null
    if (!view || !view.byteLength) { return null }
    const size = view.getUint32(0, true), blob = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)
    head = JSON.parse(new TextDecoder().decode(new Uint8Array(blob, 4, size)))
    let from = 4 + size
    for (const [organ, points, triangles] of head.meshes) {
      const shape = gl.createVertexArray()
      gl.bindVertexArray(shape)
      const places = buffer(gl.ARRAY_BUFFER, new Uint16Array(blob, from, points * 4))
      gl.enableVertexAttribArray(0)
      gl.vertexAttribPointer(0, 4, gl.UNSIGNED_SHORT, false, 0, 0)
      from += points * 8
      const normals = buffer(gl.ARRAY_BUFFER, new Int8Array(blob, from, points * 4))
      gl.enableVertexAttribArray(1)
      gl.vertexAttribPointer(1, 4, gl.BYTE, true, 0, 0)
      from += points * 4
      const indices = buffer(gl.ELEMENT_ARRAY_BUFFER, new Uint32Array(blob, from, triangles * 3))
      from += triangles * 12
      meshes.push({organ, shape, count: triangles * 3, buffers: [places, normals, indices]})
    }
    return head
  }
  function draw({right, up, toward}, zoom, shift, colors, hidden) {
    gl.viewport(0, 0, canvas.width, canvas.height)
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT)
    if (!head) { return }
    const least = Math.min(canvas.width, canvas.height), scale = 1.25 * zoom / head.radius // a body does not reach into the corners of its box
    uniform("low", head.low)
    uniform("step_", head.step)
    const middle = head.low.map((low, k) => low + head.step[k] * 65535 / 2 - right[k] * shift[0] - up[k] * shift[1])
    for (const [name, value] of Object.entries({middle, right, up, toward})) { uniform(name, value) }
    uniform("scale", [scale * least / canvas.width, scale * least / canvas.height, 1 / (2 * head.radius)])
    for (const {organ, shape, count} of meshes) {
      if (hidden.includes(organ)) { continue }
      uniform("color", colors[organ - 1] ?? [0.6, 0.6, 0.6])
      gl.bindVertexArray(shape)
      gl.drawElements(gl.TRIANGLES, count, gl.UNSIGNED_INT, 0)
    }
  }
  return {load, draw, close: () => { free(); gl.getExtension("WEBGL_lose_context")?.loseContext() }}
}
