// The browser's door: WebSocket for bytes, WebCrypto for keys. The only folder that knows a page's nouns; nothing of
// Node or of workers enters. Pages cannot see ALPN and cannot open TCP: they upgrade always.
// What is exported is what a page can use; layers for stacks of one's own are in `underpass`.
import type { CryptoProvider } from '../../crypto/index.js'
import { webcrypto } from '../../crypto/webcrypto.js'
import { type Dialer, type DialerOptions, dialerBy } from '../../dial/index.js'
import { overWebSocketLater } from '../../dial/web-socket.js'
import { failure, loaded } from '../../errors.js'
import type { IdentityFile } from '../../pki/index.js'
import type { Platform } from '../platform.js'
import type { GenerateOptions, PendingIdentity } from './generated-identity.js'
import type { IdentityStore } from './identity-store.js'
import type { WebSocketInterface } from './web-socket.js'

export * from '../../door.js'
export type { GeneratedKey, GenerateOptions, PendingIdentity } from './generated-identity.js'
export type { IdentityStore, StoredIdentity } from './identity-store.js'
export type { IdentityFile, WebSocketInterface }

/** What a page may choose beside the dialer's options. */
export interface BrowserOptions {
  /** Instead of WebCrypto, or where there is none: `withNoble(forgeCrypto({ random }))` of `underpass/crypto/noble`. */
  readonly crypto?: CryptoProvider
  /** Which interface carries the bytes. Default: WebSocketStream where the browser has it, else WebSocket. */
  readonly webSocket?: WebSocketInterface
}

export interface BrowserPlatform extends Platform {
  /** Sentences that a page should show its user, in place and not only in a log; mostly none. */
  readonly warnings: readonly string[]
}

/**
 * What a page gives the dialer. Throws ERR_CRYPTO_UNAVAILABLE outside of secure contexts, where WebCrypto is missing, unless
 * `crypto` is given; then there is a warning, in `warnings`, on the console and in every trace.
 */
export function browserPlatform(options: BrowserOptions = {}): BrowserPlatform {
  const source = globalThis.crypto
  if (options.crypto === undefined && source?.subtle === undefined)
    throw failure(
      'ERR_CRYPTO_UNAVAILABLE',
      'this page is not a secure context; serve it by https, or pass `crypto`',
    )
  const warnings = globalThis.isSecureContext === false ? [insecure] : []
  for (const warning of warnings) warnOnce(warning)
  const crypto = options.crypto ?? webcrypto(source)
  return {
    name: 'browser',
    crypto,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    warnings,
    async dialWebSocket(url, subprotocols, given) {
      for (const sentence of warnings) given.trace?.('warning', { sentence })
      const { dialBy } = await loaded(import('./web-socket.js'))
      return dialBy(options.webSocket ?? 'WebSocketStream', crypto)(url, subprotocols, given)
    },
  }
}

/** A dialer for this page. Options are checked at once (ERR_CONFIG_*); nothing is dialed yet. */
export function createDialer(options: DialerOptions & BrowserOptions): Dialer {
  const dialer = dialerBy(overWebSocketLater, browserPlatform(options), options)
  // Who makes a dialer will dial: its code is on its way by then. Should it not come, the dial says so.
  import('../../dial/web-socket-climb.js').catch(() => {})
  return dialer
}

/**
 * A key pair that the browser makes and never hands out, with a request for its certificate. Throws ERR_CONFIG_INVALID for a
 * subject or names that cannot be encoded, ERR_CRYPTO_UNAVAILABLE outside of secure contexts.
 */
export async function generateIdentity(options?: GenerateOptions): Promise<PendingIdentity> {
  return (await loaded(import('./generated-identity.js'))).generate(options)
}

/** Identities kept in this origin's IndexedDB, in a database of this name. Throws ERR_UNSUPPORTED_PLATFORM where it has none. */
export async function identityStore(database: string = 'underpass'): Promise<IdentityStore> {
  return (await loaded(import('./identity-store.js'))).openIdentityStore(database)
}

/**
 * What Teleport's identity file holds: an identity as it is, and in `authorities` who signs the cluster's servers. Throws
 * ERR_CONFIG_IDENTITY.
 */
export async function readIdentityFile(text: string): Promise<IdentityFile> {
  return (await loaded(import('../../pki/identity-file.js'))).parseIdentityFile(text)
}

const insecure =
  'This page came over plain http: whoever is on the way can change its code, and so see what is in the tunnel.'

const warned = new Set<string>()

function warnOnce(sentence: string): void {
  if (warned.has(sentence)) return
  warned.add(sentence)
  console.warn(`Underpass: ${sentence}`)
}
