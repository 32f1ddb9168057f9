// The second ClientHello, which a HelloRetryRequest asks for. RFC 8446 §4.1.2, §4.1.4. Few servers need one: loaded then.
import { concat } from '../bytes/index.js'
import type { CipherSuite } from '../crypto/provider.js'
import { failure } from '../errors.js'
import { entries, type Offer, offer } from './hello.js'
import { type HandshakeMessage, hex16 } from './messages/message.js'
import type { ServerHello } from './messages/server-hello.js'
import type { TlsConfig } from './options.js'
import { messageHash } from './transcript.js'

/** Bytes. A stateless server keeps a hash and some parameters in it. */
const MAX_COOKIE = 16_384

/** RFC 8446 §4.1.2: the same hello but for the key share asked for, the cookie, and what of the pre-shared key changes. */
export async function secondHello(
  config: TlsConfig,
  first: Offer,
  { hash }: CipherSuite,
  message: HandshakeMessage,
  retry: ServerHello,
): Promise<Offer> {
  const { group: wanted, cookie } = retry
  // RFC 8446 §4.1.4: a retry that changes nothing MUST be refused with illegal_parameter.
  if (wanted === undefined && cookie === undefined) throw failure('ERR_TLS_HELLO_RETRY', 'it changes nothing')
  // RFC 8446 §4.2: all extensions of a hello have 2^16 - 1 bytes together, and the cookie would take them from the others.
  if (cookie !== undefined && cookie.length > MAX_COOKIE)
    throw failure('ERR_TLS_HELLO_RETRY', `a cookie of ${cookie.length} bytes`)
  let { shares } = first
  let { keyShares } = first.hello
  if (wanted !== undefined) {
    const group = config.crypto.groups.find(({ id }) => id === wanted)
    // RFC 8446 §4.2.8: the group MUST be one offered, and not one already shared.
    if (group === undefined || shares.has(wanted)) throw failure('ERR_TLS_HELLO_RETRY', hex16(wanted))
    shares = new Map([[wanted, await group.generate()]])
    keyShares = entries(shares)
  }
  // RFC 8446 §4.1.4: no pre-shared keys of another hash than the suite's.
  const resumption = first.resumption?.hash.name === hash.name ? first.resumption : undefined
  const before = concat(messageHash(hash.digest(first.message.bytes)), message.bytes)
  const psk = resumption?.offered(config.now())
  const { keepTicket } = first
  return offer({ ...first.hello, cookie, keyShares, psk }, shares, { resumption, keepTicket }, before)
}
