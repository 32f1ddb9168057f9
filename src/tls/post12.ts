// After a TLS 1.2 handshake: there is nothing left to say but data and alerts. RFC 5246 §7.4.1.1.
import { failure } from '../errors.js'
import type { HandshakeMessage } from './messages/message.js'
import type { Post } from './post.js'
import { handshakeType, nameOf } from './registry.js'

export const post12: Omit<Post, 'failed'> = {
  dataArrived() {},

  receive({ type, bytes }: HandshakeMessage): never {
    if (type !== handshakeType.hello_request)
      throw failure('ERR_TLS_UNEXPECTED_MESSAGE', `${nameOf(handshakeType, type)} after the handshake`)
    if (bytes.length > 4) throw failure('ERR_TLS_DECODE', 'a hello_request that is not empty')
    // RFC 5246 §7.2.2: what to do with a peer that wants it is ours to say; one that goes without is rare.
    throw failure('ERR_TLS_RENEGOTIATION', 'hello_request', { alert: 'no_renegotiation' })
  },

  /** The key cannot be changed. */
  updateWriting(): never {
    throw failure('ERR_TLS_KEY_LIMIT')
  },
}
