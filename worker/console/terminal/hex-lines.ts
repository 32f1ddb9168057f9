// Bytes as lines of offset, hexadecimal and ASCII.

const perLine = 16

export function hexLines(bytes: Uint8Array, offset: number): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += perLine) {
    const part = [...bytes.subarray(at, at + perLine)]
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const ascii = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    text += `${(offset + at).toString(16).padStart(8, '0')}  ${hex.padEnd(perLine * 3 - 1)}  ${ascii}\r\n`
  }
  return text
}
