/* Files to take away: a standard MIDI file and a WAV file, written byte by byte. */

const text = (word) => [...word].map((letter) => letter.charCodeAt(0))
const bytes = (value, count) => Array.from({length: count}, (_, i) => value >> 8 * (count - 1 - i) & 255)
function quantity(value) { // seven bits a byte, the highest bit says that more follow
  const parts = [value & 127]
  while (value >>= 7) { parts.unshift(value & 127 | 128) }
  return parts
}

/* Format 0, channel 10. hits: [[step, piece, velocity, offset, pitch or nothing], ...]; four steps are a beat. */
function midiFile({hits, pitches, tempo, ticksPerBeat, steps, stepsPerBar}) {
  const drums = 9 // channels count from 0 in the file
  const step = ticksPerBeat / 4
  const notes = hits.map(([at, piece, velocity, offset, pitch]) =>
    ({tick: Math.max(0, Math.round((at + offset) * step)), velocity, pitch: pitch ?? pitches[piece] ?? 37}))
  notes.sort((a, b) => a.tick - b.tick)
  const events = []
  notes.forEach((note, i) => { // a note ends before the next one of its pitch begins
    const next = notes.slice(i + 1).find((other) => other.pitch === note.pitch && other.tick > note.tick)
    const end = Math.min(note.tick + Math.max(1, Math.floor(step / 2)), next?.tick ?? Infinity)
    events.push([note.tick, 1, [0x90 | drums, note.pitch, note.velocity]], [end, 0, [0x80 | drums, note.pitch, 0]])
  })
  events.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  const [beats, unit] = stepsPerBar % 4 === 0 ? [stepsPerBar / 4, 2]
    : stepsPerBar % 2 === 0 ? [stepsPerBar / 2, 3] : [stepsPerBar, 4] // unit: the power of two below the meter's line
  const end = Math.max(Math.round(steps * step), ...events.map(([tick]) => tick))
  const track = []
  let now = 0
  const write = (tick, data) => { track.push(...quantity(tick - now), ...data); now = tick }
  write(0, [0xff, 0x51, 3, ...bytes(Math.round(6e7 / tempo), 3)])
  write(0, [0xff, 0x58, 4, beats, unit, 24, 8])
  events.forEach(([tick, , data]) => write(tick, data))
  write(end, [0xff, 0x2f, 0])
  return new Uint8Array([...text("MThd"), ...bytes(6, 4), ...bytes(0, 2), ...bytes(1, 2), ...bytes(ticksPerBeat, 2),
    ...text("MTrk"), ...bytes(track.length, 4), ...track])
}

/* 16 bits, as many channels as the AudioBuffer has. */
function wavFile(sound) {
  const channels = Array.from({length: sound.numberOfChannels}, (_, i) => sound.getChannelData(i))
  const size = sound.length * channels.length * 2
  const file = new DataView(new ArrayBuffer(44 + size))
  const word = (at, letters) => text(letters).forEach((byte, i) => file.setUint8(at + i, byte))
  const rate = sound.sampleRate
  word(0, "RIFF"); file.setUint32(4, 36 + size, true); word(8, "WAVEfmt ")
  file.setUint32(16, 16, true); file.setUint16(20, 1, true); file.setUint16(22, channels.length, true)
  file.setUint32(24, rate, true); file.setUint32(28, rate * channels.length * 2, true)
  file.setUint16(32, channels.length * 2, true); file.setUint16(34, 16, true)
  word(36, "data"); file.setUint32(40, size, true)
  let at = 44
  for (let i = 0; i < sound.length; i++) {
    for (const channel of channels) {
      file.setInt16(at, Math.round(clamp(channel[i], -1, 1) * 32767), true)
      at += 2
    }
  }
  return file.buffer
}

function download(name, kind, data) {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob([data], {type: kind}))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
