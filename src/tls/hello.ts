// What we offer: the first ClientHello, and the second that a HelloRetryRequest asks for. RFC 8446 §4.1.2, §4.1.4, §4.2.
import type { KeyShare } from '../crypto/provider.js'
import { failure } from '../errors.js'
import { type ClientHello, type KeyShareEntry, writeClientHello } from './messages/client-hello.js'
import { hex16, type WrittenMessage } from './messages/message.js'
import type { ServerHello } from './messages/server-hello.js'
import type { TlsConfig } from './options.js'
import { extensionType, TLS13 } from './registry.js'

/** A ClientHello as sent, with the private halves of its key shares. */
export interface Offer {
  readonly message: WrittenMessage
  readonly hello: ClientHello
  readonly shares: ReadonlyMap<number, KeyShare>
  /** Types of the extensions sent: what a server may answer. */
  readonly extensions: ReadonlySet<number>
}

export async function firstHello(config: TlsConfig): Promise<Offer> {
  const { crypto, alpn } = config
  const shares = new Map<number, KeyShare>()
  for (const group of config.shareGroups) shares.set(group.id, await group.generate())
  return offer(
    {
      random: crypto.random(32),
      // RFC 8446 §D.4: a non-empty session id asks for middlebox compatibility mode.
      sessionId: crypto.random(32),
      suites: crypto.suites.map(({ id }) => id),
      serverName: config.sni,
      groups: crypto.groups.map(({ id }) => id),
      signatureSchemes: config.schemes.map(({ id }) => id),
      alpn: alpn.length === 0 ? undefined : alpn,
      versions: [TLS13],
      // RFC 8446 §4.2.9: without it a server issues no tickets; psk_dhe_ke keeps forward secrecy.
      pskModes: config.onSession === undefined ? undefined : [1],
      keyShares: entries(shares),
    },
    shares,
  )
}

/** RFC 8446 §4.1.2: the same hello but for the key share asked for and the cookie. */
export async function secondHello(config: TlsConfig, first: Offer, retry: ServerHello): Promise<Offer> {
  const { group: wanted, cookie } = retry
  // RFC 8446 §4.1.4: a retry that changes nothing MUST be refused with illegal_parameter.
  if (wanted === undefined && cookie === undefined) throw failure('ERR_TLS_HELLO_RETRY', 'it changes nothing')
  let { shares } = first
  if (wanted !== undefined) {
    const group = config.crypto.groups.find(({ id }) => id === wanted)
    // RFC 8446 §4.2.8: the group MUST be one offered, and not one already shared.
    if (group === undefined || shares.has(wanted)) throw failure('ERR_TLS_HELLO_RETRY', hex16(wanted))
    shares = new Map([[wanted, await group.generate()]])
  }
  return offer({ ...first.hello, cookie, keyShares: entries(shares) }, shares)
}

function offer(hello: ClientHello, shares: ReadonlyMap<number, KeyShare>): Offer {
  const { server_name, application_layer_protocol_negotiation, psk_key_exchange_modes, cookie } =
    extensionType
  const extensions = new Set<number>([
    extensionType.supported_groups,
    extensionType.signature_algorithms,
    extensionType.supported_versions,
    extensionType.key_share,
  ])
  if (hello.serverName !== undefined) extensions.add(server_name)
  if (hello.alpn !== undefined) extensions.add(application_layer_protocol_negotiation)
  if (hello.pskModes !== undefined) extensions.add(psk_key_exchange_modes)
  if (hello.cookie !== undefined) extensions.add(cookie)
  return { message: writeClientHello(hello), hello, shares, extensions }
}

function entries(shares: ReadonlyMap<number, KeyShare>): readonly KeyShareEntry[] {
  return [...shares].map(([group, { publicKey }]) => ({ group, key: publicKey }))
}
