// How a failed dial is told in the client's own protocol, so that psql, mysql and redis-cli print the code and the hint
// instead of "server closed the connection".
import { utf8 } from '../bytes/index.js'
import type { TunnelError } from '../errors-node.js'
import type { DirectListener } from './options.js'

/** The last bytes for a client without a tunnel; nothing where its protocol has no words for it. */
export function refusalIn(speaks: DirectListener['speaks'], error: TunnelError): Uint8Array | undefined {
  switch (speaks) {
    case 'postgres':
      return errorResponse(error)
    case 'mysql':
      return errPacket(error)
    case 'redis':
      return utf8(`-ERR ${sentence(error)}\r\n`)
    case 'tcp':
      return undefined
  }
}

// ErrorResponse: 'E', length, fields of a letter and a string each, and a zero. 08006 is connection_failure.
function errorResponse(error: TunnelError): Uint8Array {
  const fields = [
    'SFATAL',
    'VFATAL',
    'C08006',
    `M${error.code}: ${oneLine(error.message)}`,
    `H${oneLine(error.hint)}`,
  ]
  const body = utf8(`${fields.join('\0')}\0\0`)
  const packet = new Uint8Array(5 + body.length)
  packet[0] = 0x45
  new DataView(packet.buffer).setUint32(1, 4 + body.length)
  packet.set(body, 5)
  return packet
}

// ERR packet in place of the server's greeting: no SQL state there. 1105 is ER_UNKNOWN_ERROR: MariaDB's client takes
// a packet with a client's own number (2000 to 2999) for malformed, and shows none of it.
function errPacket(error: TunnelError): Uint8Array {
  const text = utf8(sentence(error)).subarray(0, 500)
  const packet = new Uint8Array(7 + text.length)
  const view = new DataView(packet.buffer)
  view.setUint16(0, 3 + text.length, true)
  packet[4] = 0xff
  view.setUint16(5, 1105, true)
  packet.set(text, 7)
  return packet
}

function sentence(error: TunnelError): string {
  return oneLine(`${error.code}: ${error.message} ${error.hint}`.trim())
}

function oneLine(text: string): string {
  return text.replace(/[\0\r\n]+/g, ' ')
}
