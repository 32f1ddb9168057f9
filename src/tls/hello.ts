// What we offer: the first ClientHello, and the second that a HelloRetryRequest asks for. RFC 8446 §4.1.2, §4.1.4, §4.2.
import { concat } from '../bytes/index.js'
import type { CipherSuite, KeyShare } from '../crypto/provider.js'
import { failure } from '../errors.js'
import { type ClientHello, type Grease, type KeyShareEntry, writeClientHello } from './messages/client-hello.js'
import { type HandshakeMessage, hex16, type WrittenMessage } from './messages/message.js'
import type { ServerHello } from './messages/server-hello.js'
import type { TlsConfig } from './options.js'
import { extensionType, TLS13 } from './registry.js'
import { bind, offeredPsk, type Resumption, resumptionOf } from './resumption.js'
import { takeSession } from './session.js'
import { messageHash } from './transcript.js'

/** A ClientHello as sent, with the private halves of its key shares. */
export interface Offer {
  readonly message: WrittenMessage
  readonly hello: ClientHello
  readonly shares: ReadonlyMap<number, KeyShare>
  /** The session that the hello offers to resume. */
  readonly resumption?: Resumption | undefined
  /** Types of the extensions sent: what a server may answer. */
  readonly extensions: ReadonlySet<number>
}

export async function firstHello(config: TlsConfig): Promise<Offer> {
  const { crypto, alpn } = config
  const shares = new Map<number, KeyShare>()
  for (const group of config.shareGroups) shares.set(group.id, await group.generate())
  const session = await takeSession(config)
  const resumption = session && (await resumptionOf(config, session))
  const grease = config.grease ? chooseGrease(crypto.random(5)) : undefined
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
      pskModes: config.session === undefined ? undefined : [1],
      // RFC 8701 §3.1: a key share of one byte stands for a group of no meaning.
      keyShares: [...(grease ? [{ group: grease.group, key: new Uint8Array(1) }] : []), ...entries(shares)],
      recordSizeLimit: config.recordSizeLimit,
      grease,
      psk: resumption && offeredPsk(resumption, config.now()),
    },
    shares,
    resumption,
  )
}

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
  const psk = resumption && offeredPsk(resumption, config.now())
  return offer({ ...first.hello, cookie, keyShares, psk }, shares, resumption, before)
}

function offer(
  hello: ClientHello,
  shares: ReadonlyMap<number, KeyShare>,
  resumption?: Resumption,
  before: Uint8Array = new Uint8Array(0),
): Offer {
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
  if (hello.recordSizeLimit !== undefined) extensions.add(extensionType.record_size_limit)
  if (hello.psk !== undefined) extensions.add(extensionType.pre_shared_key)
  const message = writeClientHello(hello)
  if (resumption !== undefined) bind(resumption, message.bytes, before)
  return { message, hello, shares, resumption, extensions }
}

function entries(shares: ReadonlyMap<number, KeyShare>): readonly KeyShareEntry[] {
  return [...shares].map(([group, { publicKey }]) => ({ group, key: publicKey }))
}

/** RFC 8701 §2: a value of the form 0x?a?a for each list, the two extensions different. */
function chooseGrease(random: Uint8Array): Grease {
  const [suite, group, version, first, last] = Array.from(random, (byte) => 0x0a0a + 0x1010 * (byte & 15)) as [
    number,
    number,
    number,
    number,
    number,
  ]
  const other = first === last ? 0x0a0a + ((last - 0x0a0a + 0x1010) % 0x10100) : last
  return { suite, group, version, extensions: [first, other] }
}
