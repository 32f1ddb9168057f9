// What we offer: the first ClientHello, and what it has in common with a second. RFC 8446 §4.1.2, §4.2.
import { isPostQuantum } from '../crypto/groups.js'
import type { CryptoProvider, Group, KeyShare } from '../crypto/provider.js'
import { loaded } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import type { Established } from './handshake13.js'
import { quiet } from './maybe-promise.js'
import { type ClientHello, type KeyShareEntry, writeClientHello } from './messages/client-hello.js'
import type { WrittenMessage } from './messages/message.js'
import type { NewSessionTicket } from './messages/new-session-ticket.js'
import { defaultShares, type TlsConfig } from './options.js'
import type { Recalled } from './recall.js'
import { MAX_PLAINTEXT, TLS12, TLS13 } from './registry.js'
import { cipherSuites12 } from './registry12.js'
import type { Resumption } from './resumption.js'
import type { Resumption12 } from './resumption12.js'

/** A ClientHello as sent, with the private halves of its key shares. */
export interface Offer {
  readonly message: WrittenMessage
  readonly hello: ClientHello
  readonly shares: ReadonlyMap<number, KeyShare>
  /** The session that the hello offers to resume, in the one version or the other. */
  readonly resumption?: Resumption | undefined
  readonly resumption12?: Resumption12 | undefined
  /** Where sessions are kept: for tickets that come after the handshake. */
  readonly keepTicket?: ((ticket: NewSessionTicket, from: Established) => void) | undefined
  /** Types of the extensions sent: what a server may answer. */
  readonly extensions: ReadonlySet<number>
}

/** Made ahead, for whoever is next to need one. */
const ready = /* @__PURE__ */ new WeakMap<Group, MaybePromise<KeyShare>>()

/** Begin the key shares that the next connection with this provider will send: engines make them in other threads. */
export function prepareShares({ groups }: CryptoProvider): void {
  const names = defaultShares(groups)
  for (const group of groups) if (names.includes(group.name)) ready.set(group, quiet(shareOf(group)))
}

function shareOf(group: Group): MaybePromise<KeyShare> {
  const share = ready.get(group) ?? group.generate()
  ready.delete(group)
  return share
}

/** What knows of sessions, once somebody keeps them: asking again for a loaded module takes an engine longer than it should. */
let memory: typeof import('./recall.js') | undefined

export async function firstHello(config: TlsConfig): Promise<Offer> {
  const { crypto, alpn, versions } = config
  const with13 = versions.includes(TLS13)
  const with12 = versions.includes(TLS12)
  const shares = new Map<number, KeyShare>()
  if (with13) {
    const made = await Promise.all(config.shareGroups.map(shareOf))
    for (const [at, group] of config.shareGroups.entries()) shares.set(group.id, made[at]!)
  }
  const recalled = config.session && (await (memory ??= await loaded(import('./recall.js'))).recall(config))
  const known = recalled?.resumption12?.session
  const grease = config.grease
    ? (await loaded(import('./grease.js'))).chooseGrease(crypto.random(5))
    : undefined
  return offer(
    {
      random: crypto.random(32),
      // RFC 8446 §D.4: a non-empty session id asks for middlebox compatibility mode.
      // RFC 5077 §3.4: beside a ticket it is what the server says with that it took the ticket.
      sessionId: known?.sessionId.length
        ? known.sessionId
        : crypto.random(with13 || known !== undefined ? 32 : 0),
      suites: [...(with13 ? crypto.suites : []), ...(with12 ? cipherSuites12(crypto) : [])].map(
        ({ id }) => id,
      ),
      serverName: config.sni,
      // What is made of ML-KEM is for TLS 1.3 only.
      groups: crypto.groups.filter((group) => with13 || !isPostQuantum(group)).map(({ id }) => id),
      signatureSchemes: config.schemes.map(({ id }) => id),
      alpn: alpn.length === 0 ? undefined : alpn,
      versions,
      // RFC 8446 §4.2.9: without it a server issues no tickets; psk_dhe_ke keeps forward secrecy.
      pskModes: config.session !== undefined && with13 ? [1] : undefined,
      // RFC 5077 §3.2: an empty one asks for a ticket.
      ticket: config.session !== undefined && with12 ? (known?.ticket ?? new Uint8Array(0)) : undefined,
      // RFC 8701 §3.1: a key share of one byte stands for a group of no meaning.
      keyShares: [...(grease ? [{ group: grease.group, key: new Uint8Array(1) }] : []), ...entries(shares)],
      // RFC 8449 §4: no more than the versions offered have.
      recordSizeLimit: Math.min(config.recordSizeLimit, with13 ? MAX_PLAINTEXT + 1 : MAX_PLAINTEXT),
      grease,
      psk: recalled?.resumption?.offered(config.now()),
    },
    shares,
    recalled,
  )
}

/** `before` are the messages before this hello: a HelloRetryRequest's case. */
export function offer(
  hello: ClientHello,
  shares: ReadonlyMap<number, KeyShare>,
  recalled: Recalled = {},
  before: Uint8Array = new Uint8Array(0),
): Offer {
  const message = writeClientHello(hello)
  recalled.resumption?.bind(message.bytes, before)
  return { message, hello, shares, ...recalled, extensions: message.extensions }
}

export function entries(shares: ReadonlyMap<number, KeyShare>): readonly KeyShareEntry[] {
  return [...shares].map(([group, { publicKey }]) => ({ group, key: publicKey }))
}
