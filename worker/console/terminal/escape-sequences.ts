// What xterm.js gives as data and nobody typed as text: keys without a character (arrows, Home, Delete), the marks around a
// paste, and answers to a service that asks the terminal what it is. In a line they have no place.

const esc = String.fromCharCode(0x1b)
const bel = String.fromCharCode(0x07)

/** ECMA-48 §5.4 (CSI), §5.6 (DCS, OSC, SOS, PM, APC up to ST or BEL), and VT100's SS3; ESC with a key is that key with Alt. */
const sequence = new RegExp(
  `${esc}(?:\\[[0-?]*[ -/]*[@-~]|O[ -~]|[P\\]X^_][^${bel}${esc}]*(?:${bel}|${esc}\\\\)|[ -~])`,
  'g',
)

export function withoutSequences(data: string): string {
  return data.replace(sequence, '')
}
