// What a TLS client may be told, the defaults with their reasons, and the checks that make a configuration of it. No
// protocol here.

import type { Bytes } from '../bytes/index.js'
import { isPostQuantum } from '../crypto/groups.js'
import type { CryptoProvider, Group } from '../crypto/provider.js'
import { failure } from '../errors.js'
import type { MaybePromise } from '../layer.js'
import {
  type ChainExpectation,
  type Identity,
  type Trust,
  trustStore,
  type UnverifiedTrust,
  type VerifiedChain,
} from '../pki/index.js'
import type { KeyLog } from '../trace.js'
import { bounded } from './bounded.js'
import type { ChannelBindingType } from './channel-binding.js'
import { MAX_PLAINTEXT, type SignatureScheme, signatureSchemes, TLS12, TLS13 } from './registry.js'
import type { SessionStore } from './session.js'

/** Bounds on what a peer may make us keep or do. */
export interface TlsLimits {
  /** Bytes of one handshake message. */
  readonly handshakeMessage: number
  /** Records without content, or dummy change_cipher_spec, in a row. */
  readonly emptyRecords: number
  /** user_canceled and other alerts that end nothing, in a connection. */
  readonly warnings: number
  /** KeyUpdate messages without application data between them. */
  readonly keyUpdates: number
  /** NewSessionTicket messages without application data between them. */
  readonly tickets: number
}

const defaultLimits: TlsLimits = {
  // A chain of a dozen RSA certificates takes 20 kB; CertificateRequest may name hundreds of authorities.
  handshakeMessage: 128 * 1024,
  // No honest peer sends more than one or two; BoringSSL allows as many.
  emptyRecords: 32,
  warnings: 4,
  keyUpdates: 32,
  tickets: 32,
}

/** What the server asked for when it asked for a certificate. */
export interface IdentityRequest {
  /** The application protocol it selected. */
  readonly alpn: string | undefined
  readonly serverName: string | undefined
  /** DER names of the authorities it accepts; empty when it does not say. */
  readonly authorities: readonly Bytes[]
  /** IANA names of the signature schemes it accepts; unknown ones are left out. */
  readonly signatureSchemes: readonly string[]
}

export type IdentitySource = Identity | ((request: IdentityRequest) => MaybePromise<Identity | undefined>)

export interface TlsClientOptions {
  readonly crypto: CryptoProvider
  /** Milliseconds since 1970, for certificates. */
  now(): number
  /** TLS versions to offer; both by default. Of two the server chooses TLS 1.3, if it can. */
  readonly versions?: readonly TlsVersion[] | undefined
  /** Sent as SNI unless it is an IP literal, and verified in the certificate unless `expect` says otherwise. */
  readonly serverName?: string | undefined
  /** Application protocols in order of preference; code units are bytes. */
  readonly alpn?: readonly string[] | undefined
  /** `required` (the default when `alpn` is not empty): a server that selects none is refused. */
  readonly alpnPolicy?: 'required' | 'optional' | undefined
  /** Who signs the server; needs `serverName` unless it is `dangerously.anyCertificate(reason)`. */
  readonly trust?: Trust | undefined
  /** Instead of `trust`: alternatives, one of which the chain must satisfy, known once the protocol is selected. */
  readonly expect?: ((selected: { alpn: string | undefined }) => readonly ChainExpectation[]) | undefined
  /** Presented when the server asks, and only after the server is authenticated. */
  readonly identity?: IdentitySource | undefined
  /**
   * Groups to send key shares for, others are reached through HelloRetryRequest. By default the first of the provider,
   * and beside a post-quantum one the first that every server knows: a share spares a round trip, and ML-KEM is cheap.
   */
  readonly keyShares?: readonly Group['name'][] | undefined
  /**
   * Where sessions are kept and looked for; without one none is resumed. One is only offered while `expect` or `trust`
   * still accept its chain and `identity` still chooses as it did, which is asked beforehand.
   */
  readonly session?: SessionStore | undefined
  /** Tells this peer's sessions from others' in the same store. By default made of server name and protocols. */
  readonly sessionKey?: string | undefined
  /** RFC 8449: the longest record we are sent, content and its type in bytes, 64 to 16 385 (the default). */
  readonly recordSizeLimit?: number | undefined
  /** RFC 8701: offer values that mean nothing, so that servers go on ignoring what they do not know. */
  readonly grease?: boolean | undefined
  readonly keylog?: KeyLog | undefined
  readonly limits?: Partial<TlsLimits> | undefined
}

export type TlsVersion = 'TLSv1.3' | 'TLSv1.2'

export interface TlsInfo {
  readonly version: TlsVersion
  /** IANA name. */
  readonly suite: string
  /** Key exchange group. */
  readonly group: string
  readonly alpn: string | undefined
  /** The server name sent. */
  readonly serverName: string | undefined
  readonly peer: VerifiedChain
  /** IANA name of the scheme that the server signed with. */
  readonly signature: string
  /** Whether a client certificate was asked for and sent. */
  readonly clientCertificate: boolean
  readonly resumed: boolean
  /** RFC 8446 §7.5, RFC 5705; `length` in bytes. In TLS 1.2 no context and an empty one are not the same. */
  exportKeyingMaterial(label: string, context: Uint8Array | undefined, length: number): Bytes
  /** What binds an authentication above to this connection; undefined where the type is not defined for it. */
  channelBinding(type: ChannelBindingType): Bytes | undefined
}

/** Options with every default filled in and every contradiction found. */
export interface TlsConfig {
  readonly crypto: CryptoProvider
  readonly now: () => number
  /** Newest first. */
  readonly versions: readonly number[]
  /** The name as SNI carries it; undefined for none. */
  readonly sni: string | undefined
  readonly alpn: readonly string[]
  readonly alpnRequired: boolean
  readonly expect: (selected: { alpn: string | undefined }) => readonly ChainExpectation[]
  readonly identity: IdentitySource | undefined
  readonly shareGroups: readonly Group[]
  /** Offered and acceptable, certificates included. */
  readonly schemes: readonly SignatureScheme[]
  readonly session: SessionStore | undefined
  readonly sessionKey: string
  readonly recordSizeLimit: number
  readonly grease: boolean
  readonly keylog: KeyLog | undefined
  readonly limits: TlsLimits
}

/** Raises ERR_TLS_CONFIG, ERR_CONFIG_TRUST and ERR_CRYPTO_UNAVAILABLE. */
export function configure(options: TlsClientOptions): TlsConfig {
  const { crypto, alpn = [] } = options
  const [firstGroup] = crypto.groups
  if (firstGroup === undefined || crypto.suites.length === 0)
    throw failure('ERR_CRYPTO_UNAVAILABLE', `${crypto.name} has no group or no suite`)
  const shareGroups = (options.keyShares ?? defaultShares(crypto.groups)).map((name) => {
    const group = crypto.groups.find((candidate) => candidate.name === name)
    if (group === undefined) throw failure('ERR_CRYPTO_UNAVAILABLE', `${crypto.name} has no group ${name}`)
    return group
  })
  const largest = MAX_PLAINTEXT + 1
  return {
    crypto,
    now: () => options.now(),
    versions: checkedVersions(options.versions),
    sni: serverNameIndication(options.serverName),
    alpn: alpn.map(checkedProtocol),
    alpnRequired: alpn.length > 0 && options.alpnPolicy !== 'optional',
    expect: options.expect ?? expectationOf(options),
    identity: options.identity,
    shareGroups,
    schemes: signatureSchemes.filter(({ algorithm }) => crypto.canVerify(algorithm)),
    session: options.session,
    sessionKey: options.sessionKey ?? JSON.stringify([options.serverName, ...alpn]),
    // RFC 8449 §4: endpoints MUST NOT send less than 64, nor more than the protocol's own limit.
    recordSizeLimit: bounded('recordSizeLimit', options.recordSizeLimit ?? largest, 64, largest),
    grease: options.grease === true,
    keylog: options.keylog && keylogOf(options.keylog),
    limits: checkedLimits(options.limits),
  }
}

/** A key log that cannot be written is the caller's to mend. */
function keylogOf(keylog: KeyLog): KeyLog {
  return (line) => {
    try {
      keylog(line)
    } catch (cause) {
      throw failure('ERR_CONFIG_INVALID', '`keylog`', { cause })
    }
  }
}

function checkedVersions(versions: readonly TlsVersion[] = ['TLSv1.3', 'TLSv1.2']): readonly number[] {
  const numbers = [versions.includes('TLSv1.3') && TLS13, versions.includes('TLSv1.2') && TLS12].filter(
    (number) => number !== false,
  )
  if (numbers.length > 0) return numbers
  throw failure('ERR_TLS_CONFIG', '`versions` has none that is known')
}

export function defaultShares(groups: readonly Group[]): Group['name'][] {
  const classical = groups.find((group) => !isPostQuantum(group))
  return groups.filter((group, at) => at === 0 || group === classical).map(({ name }) => name)
}

function checkedLimits(given: Partial<TlsLimits> | undefined): TlsLimits {
  const limits = { ...defaultLimits, ...given }
  for (const [name, limit] of Object.entries(limits)) bounded(`limits.${name}`, limit)
  return limits
}

function expectationOf({ trust: input, serverName }: TlsClientOptions): TlsConfig['expect'] {
  if (input === undefined) throw failure('ERR_TLS_CONFIG', 'neither `trust` nor `expect` was given')
  const trust = isUnverified(input) ? input : trustStore(input)
  // A trusted chain for nobody in particular proves nothing about the peer.
  if (serverName === undefined && trust.kind !== 'unverified')
    throw failure('ERR_TLS_CONFIG', '`serverName` is needed to verify the certificate')
  const expectation: ChainExpectation = {
    trust,
    purpose: 'server',
    ...(serverName === undefined ? {} : { serverName }),
  }
  return () => [expectation]
}

function isUnverified(trust: Trust): trust is UnverifiedTrust {
  return (trust as { kind?: unknown }).kind === 'unverified'
}

/** RFC 6066 §3: a DNS name in ASCII without trailing dot; literal addresses are not permitted. */
function serverNameIndication(name: string | undefined): string | undefined {
  if (name === undefined || name.includes(':') || /^\d+(\.\d+){3}$/.test(name)) return undefined
  const host = name.replace(/\.$/, '')
  if (!/^[\w-]+(\.[\w-]+)*$/.test(host) || host.length > 253)
    throw failure('ERR_TLS_CONFIG', '`serverName` is not a DNS name in ASCII or an IP address')
  return host
}

/** RFC 7301 §3.1: opaque ProtocolName<1..2^8-1>. */
function checkedProtocol(name: string): string {
  // A code unit that is no byte leaves none.
  const bytes = /^[\0-\xff]*$/.test(name) ? name.length : 0
  bounded('alpn.length', bytes, 1, 255)
  return name
}
