// The first packets of a PostgreSQL client (protocol documentation, "Message Formats"): requests for encryption, which end
// here because the tunnel encrypts already, and the packets that go to the server as they are: startup and cancel. A cancel
// is a connection of its own, so it has its own tunnel and reaches the server like any other.
import { failure } from '../errors-node.js'
import type { Parse } from './held-wire.js'

const sslRequest = 80877103
const gssEncRequest = 80877104
const cancelRequest = 80877102

export type FirstPacket = 'ssl' | 'gss' | 'cancel' | 'startup'

/** The first packet's kind. A request for encryption is taken off; the others stay for the server. */
export const parseFirstPacket: Parse<FirstPacket> = (bytes) => {
  // A direct TLS client (sslnegotiation=direct) or any other protocol.
  const [first] = bytes
  if (first !== undefined && first !== 0)
    throw failure(
      'ERR_LOCAL_REQUEST',
      first === 0x16 ? 'a TLS ClientHello instead of a startup packet' : 'no startup packet',
      {
        hint: 'Connect without sslnegotiation=direct: the tunnel is encrypted already.',
      },
    )
  if (bytes.length < 8) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(0)
  const code = view.getUint32(4)
  if (length === 8 && code === sslRequest) return { value: 'ssl', used: 8 }
  if (length === 8 && code === gssEncRequest) return { value: 'gss', used: 8 }
  if (code === cancelRequest) return { value: 'cancel', used: 0 }
  return { value: 'startup', used: 0 }
}

/** The server is not willing to encrypt. */
export const unwilling: Uint8Array = Uint8Array.of(0x4e)
