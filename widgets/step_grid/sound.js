/* What one hears: the kit's samples (given or synthesized), a mixer, a player on the audio clock, a rendering. */

const RATE = 44100
const AHEAD = {shown: 0.15, hidden: 1.6} // seconds put on the clock in advance; a hidden page's timers are slow
const TAIL = 2 // seconds that a rendering goes on after the last step

/* Each layer: wave, frequencies (Hz, gliding to `to`), filter [type, Hz, Q], gain, decay (s). */
const METAL = [205.3, 304.4, 369.6, 522.7, 540, 800] // the six square waves of the classic drum machine's cymbal
const cymbal = (scale, high, decay, gain) => [
  {wave: "square", hz: METAL.map((hz) => hz * scale), filter: ["highpass", high, 0.7], gain: gain * 0.4, decay},
  {wave: "noise", filter: ["highpass", high, 0.7], gain, decay: decay * 0.8},
]
const RECIPES = {
  kick: [{wave: "sine", hz: [160], to: 46, gain: 1, decay: 0.32}, {wave: "noise", filter: ["lowpass", 2500, 0.7], gain: 0.25, decay: 0.015}],
  snare: [{wave: "triangle", hz: [190, 285], to: 170, gain: 0.4, decay: 0.13}, {wave: "noise", filter: ["highpass", 1400, 0.7], gain: 0.6, decay: 0.2}],
  tom: [{wave: "sine", hz: [180], to: 96, gain: 0.9, decay: 0.36}, {wave: "noise", filter: ["lowpass", 1800, 0.7], gain: 0.12, decay: 0.05}],
  "hi-hat": cymbal(2.1, 7000, 0.07, 0.4),
  ride: [...cymbal(2.6, 5200, 0.7, 0.16), {wave: "sine", hz: [3150], gain: 0.12, decay: 0.25}],
  crash: cymbal(1.7, 3800, 1.3, 0.4),
}
const OTHER = [{wave: "triangle", hz: [880], gain: 0.5, decay: 0.06}]

function noise(context, seconds) { // the same noise each time, so that a rendering can be repeated
  const buffer = context.createBuffer(1, Math.ceil(seconds * RATE), RATE)
  const wave = buffer.getChannelData(0)
  let seed = 22222
  for (let i = 0; i < wave.length; i++) {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0
    wave[i] = seed / 2 ** 31
  }
  return buffer
}

function synthesized(piece) {
  const layers = RECIPES[piece] ?? OTHER
  const seconds = 2.2 * Math.max(...layers.map((layer) => layer.decay)) + 0.02
  const room = new OfflineAudioContext(1, Math.ceil(seconds * RATE), RATE)
  for (const {wave, hz = [0], to, filter, gain, decay} of layers) {
    const loudness = room.createGain()
    loudness.gain.setValueAtTime(gain / hz.length, 0)
    loudness.gain.exponentialRampToValueAtTime(1e-4, 2.2 * decay)
    let out = loudness
    if (filter) {
      out = room.createBiquadFilter()
      ;[out.type, out.frequency.value, out.Q.value] = filter
      out.connect(loudness)
    }
    loudness.connect(room.destination)
    for (const start of hz) {
      const source = wave === "noise" ? room.createBufferSource() : room.createOscillator()
      if (wave === "noise") {
        source.buffer = noise(room, seconds)
      } else {
        source.type = wave
        source.frequency.setValueAtTime(start, 0)
        if (to) { source.frequency.exponentialRampToValueAtTime(to * start / hz[0], 0.25 * decay) }
      }
      source.connect(out)
      source.start()
    }
  }
  return room.startRendering()
}

async function decoded(base64) { // fails for what is no audio
  const wav = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
  return new OfflineAudioContext(1, 1, RATE).decodeAudioData(wav.buffer)
}

/* The sound of each piece, ready to play: {sounds: [AudioBuffer, ...], made: names of those synthesized here}. */
async function loadKit(pieces, samples) {
  const given = samples instanceof Map ? Object.fromEntries(samples) : samples
  const found = await Promise.all(pieces.map((piece) => given[piece] ? decoded(given[piece]).catch(() => null) : null))
  const sounds = await Promise.all(pieces.map((piece, i) => found[i] ?? synthesized(piece)))
  return {sounds, made: pieces.filter((_, i) => !found[i])}
}

/* One channel a piece -> master -> a soft limit that leaves all below 0.6 as it is -> out. */
function openMixer(context, count) {
  const limit = context.createWaveShaper()
  limit.curve = Float32Array.from({length: 2049}, (_, i) => {
    const x = 2 * (i / 1024 - 1), loud = Math.abs(x) // up to twice full scale goes in, see master
    return Math.sign(x) * (loud < 0.6 ? loud : 0.6 + 0.4 * Math.tanh((loud - 0.6) / 0.4))
  })
  const master = context.createGain()
  master.gain.value = 0.5 // the curve spans twice full scale
  master.connect(limit).connect(context.destination)
  const channels = Array.from({length: count}, () => {
    const channel = context.createGain()
    channel.connect(master)
    return channel
  })
  return {
    strike(sound, piece, velocity, when) {
      const source = context.createBufferSource(), loudness = context.createGain()
      source.buffer = sound
      loudness.gain.value = (velocity / 127) ** 2 // as General MIDI asks
      source.connect(loudness).connect(channels[piece])
      source.start(Math.max(0, when))
    },
    listen(audible, now) { // which pieces are heard; at once, or gliding from the time `now` so that nothing clicks
      channels.forEach(({gain}, i) => {
        const level = audible(i) ? 1 : 0
        if (now === undefined) { gain.value = level } else { gain.setTargetAtTime(level, now, 0.004) }
      })
    },
    hush() {
      master.gain.setTargetAtTime(0, context.currentTime, 0.01)
      setTimeout(() => limit.disconnect(), 200)
    },
  }
}

/* Plays the score in time. get(name) reads the model, audible(piece) is false for what is muted, at(step) is told
   which step sounds now (-1: none), ended() that the end was reached. */
function openPlayer({get, score, kit, audible, at, ended}) {
  let context = null, mixer = null, timer = 0, frame = 0
  let next = null // {step, time} of the step that is put on the clock next
  let ahead = [] // steps on the clock that do not sound yet

  async function wake() {
    context ??= new AudioContext({latencyHint: "interactive"})
    if (context.state !== "running") { // without a click the browser never answers: wait half a second at most
      await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 500))])
    }
    return context.state === "running"
  }
  const long = () => 15 / get("tempo") // seconds of a step: a quarter of a beat
  const bounds = () => get("loop").length === 2 ? get("loop") : [0, get("steps")]
  const place = (step) => { // the step that is played when `step` is due
    const [from, to] = bounds()
    return get("loop").length && (step >= Math.min(to, get("steps")) || step < from) ? from : step
  }

  function schedule() {
    const horizon = context.currentTime + (document.hidden ? AHEAD.hidden : AHEAD.shown)
    while (next.time - long() / 2 < horizon) { // half a step sooner, because a hit may be early by as much
      const step = place(next.step)
      if (step >= get("steps")) {
        if (next.time < context.currentTime) { ended() }
        return // bars may still be streamed in
      }
      const {sounds} = kit()
      for (let piece = 0; piece < sounds.length; piece++) {
        for (const [velocity, offset] of score.at(cellOf(step, piece))) {
          mixer.strike(sounds[piece], piece, velocity, next.time + offset * long())
        }
      }
      ahead.push({step, time: next.time})
      next = {step: step + 1, time: next.time + long()}
    }
  }
  function follow() {
    const now = context.currentTime - (context.outputLatency || 0)
    let due = null
    while (ahead.length && ahead[0].time <= now) { due = ahead.shift() }
    if (due) { at(due.step) }
    frame = requestAnimationFrame(follow)
  }

  async function play(from) {
    if (!await wake()) { return false }
    mixer = openMixer(context, kit().sounds.length)
    mixer.listen(audible)
    next = {step: place(from), time: context.currentTime + 0.08 + long() / 2}
    ahead = []
    timer = setInterval(schedule, 25)
    document.addEventListener("visibilitychange", schedule)
    schedule()
    follow()
    return true
  }
  function stop() {
    if (!mixer) { return }
    clearInterval(timer)
    cancelAnimationFrame(frame)
    document.removeEventListener("visibilitychange", schedule)
    mixer.hush()
    mixer = null
    at(-1)
  }
  async function taste(piece, velocity) { // one hit, to hear it
    if (mixer || !audible(piece) || !kit().sounds[piece] || !await wake() || mixer) { return }
    const one = openMixer(context, piece + 1)
    one.strike(kit().sounds[piece], piece, velocity, context.currentTime)
    setTimeout(one.hush, 1000 * kit().sounds[piece].duration)
  }
  return {
    play, stop, taste,
    playing: () => mixer !== null,
    listen: () => mixer?.listen(audible, context.currentTime),
    close() { stop(); context?.close() },
  }
}

/* The whole grid as one hears it, without waiting for it. */
function rendered({get, score, kit, audible}) {
  const long = 15 / get("tempo")
  const room = new OfflineAudioContext(2, Math.ceil((get("steps") * long + TAIL) * RATE), RATE)
  const mixer = openMixer(room, kit().sounds.length)
  mixer.listen(audible)
  for (const [step, piece, velocity, offset] of score.all()) {
    mixer.strike(kit().sounds[piece], piece, velocity, (step + offset) * long)
  }
  return room.startRendering()
}
