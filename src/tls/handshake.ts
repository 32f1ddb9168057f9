// The first step, common to all versions: say hello, and see which version the server chose. RFC 8446 §4.1, §4.2.1.
import { failure, loaded } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import { type Channel, expect, observe } from './channel.js'
import type { Established12 } from './handshake12.js'
import { type Established, handshake13 } from './handshake13.js'
import { firstHello, type Offer } from './hello.js'
import { hex16 } from './messages/message.js'
import { isDowngraded, readServerHello, versionOf } from './messages/server-hello.js'
import type { TlsConfig } from './options.js'
import { TLS12, TLS13 } from './registry.js'
import { beginTranscript } from './transcript.js'

/** RFC 8446 §5.1: the first ClientHello may say 0x0301 in its record, for servers that look. */
const FIRST_RECORD_VERSION = 0x0301

export async function handshake(
  config: TlsConfig,
  channel: Channel,
  offering: MaybePromise<Offer> = firstHello(config),
): Promise<Established | Established12> {
  const offer = await offering
  channel.send(offer.message, FIRST_RECORD_VERSION)
  await channel.flush()

  const begun = beginTranscript(offer.message)
  const message = await expect(channel, 'server_hello')
  const serverHello = observe(channel.trace, message, readServerHello(message))
  const { versions } = offer.hello
  // RFC 8446 §4.2.1: a version in supported_versions that was not offered, or is older, MUST be refused with
  // illegal_parameter.
  if (serverHello.version !== undefined && !(serverHello.version === TLS13 && versions.includes(TLS13)))
    throw failure('ERR_TLS_ILLEGAL_PARAMETER', `version ${hex16(serverHello.version)}`)

  const version = versionOf(serverHello)
  const answer = { message, serverHello, begun }
  if (version === TLS13 && versions.includes(TLS13)) return handshake13(config, channel, offer, answer)
  // RFC 8446 §4.1.3: clients MUST check for the downgrade sentinel, and refuse it with illegal_parameter.
  if (versions.includes(TLS13) && isDowngraded(serverHello)) throw failure('ERR_TLS_DOWNGRADE')
  if (version === TLS12 && versions.includes(TLS12)) {
    const { handshake12 } = await loaded(import('./handshake12.js'))
    return handshake12(config, channel, offer, answer)
  }
  throw failure('ERR_TLS_VERSION', `it chose ${hex16(version)}`)
}
