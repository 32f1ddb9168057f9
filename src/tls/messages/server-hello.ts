// ServerHello and HelloRetryRequest, which share one form and are told apart by their random. RFC 8446 §4.1.3, §4.1.4.
import { type Bytes, equal, fromHex, latin1, type Reader } from '../../bytes/index.js'
import { extensionType, nameOf } from '../registry.js'
import type { KeyShareEntry } from './client-hello.js'
import { readExtensions, writeExtension } from './extensions.js'
import {
  field,
  type HandshakeMessage,
  hex16,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

/** RFC 8446 §4.1.3: SHA-256 of "HelloRetryRequest", the random that makes a ServerHello one. */
export const retryRandom: Bytes = fromHex('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c')

export interface ServerHello {
  readonly legacyVersion: number
  readonly random: Uint8Array
  readonly sessionId: Uint8Array
  readonly suite: number
  readonly compression: number
  /** From supported_versions; absent when the server chose TLS 1.2 or older. */
  readonly version?: number | undefined
  readonly keyShare?: KeyShareEntry | undefined
  /** The pre-shared key selected, by its place in the offer. */
  readonly selectedPsk?: number | undefined
  /** HelloRetryRequest only. */
  readonly group?: number | undefined
  /** HelloRetryRequest only. */
  readonly cookie?: Uint8Array | undefined
  /** Types of all extensions present. */
  readonly extensions: ReadonlySet<number>
}

export function isRetry(hello: ServerHello): boolean {
  return equal(hello.random, retryRandom)
}

export function readServerHello(message: HandshakeMessage): Parsed<ServerHello> {
  return readMessage(message, (r) => {
    const legacyVersion = field(r, 'legacy_version', () => r.u16(), hex16)
    const random = field(r, 'random', () => r.copy(32))
    const retry = equal(random, retryRandom)
    const sessionId = field(r, 'legacy_session_id_echo', () => copyAll(r.vector(1, 0, 32)))
    const suite = field(r, 'cipher_suite', () => r.u16(), hex16)
    const compression = field(r, 'legacy_compression_method', () => r.u8())
    let version: number | undefined
    let keyShare: KeyShareEntry | undefined
    let group: number | undefined
    let cookie: Bytes | undefined
    let selectedPsk: number | undefined
    const read = (type: number, body: Reader) => {
      if (type === extensionType.supported_versions)
        version = field(body, 'selected_version', () => body.u16(), hex16)
      else if (type === extensionType.key_share && retry)
        group = field(body, 'selected_group', () => body.u16(), hex16)
      else if (type === extensionType.key_share)
        keyShare = field(
          body,
          'server_share',
          () => ({ group: body.u16(), key: copyAll(body.vector(2, 1)) }),
          (share) => hex16(share.group),
        )
      else if (type === extensionType.pre_shared_key && !retry)
        selectedPsk = field(body, 'selected_identity', () => body.u16(), String)
      // RFC 8446 §4.2.2: opaque cookie<1..2^16-1>.
      else if (type === extensionType.cookie && retry) cookie = copyAll(body.vector(2, 1))
    }
    // The RFCs leave the alert open; a HelloRetryRequest is answered as everything wrong in one is.
    const duplicate = retry ? 'ERR_TLS_ILLEGAL_PARAMETER' : 'ERR_TLS_DECODE'
    // Before TLS 1.3 the whole block may be missing (RFC 5246 §7.4.1.3).
    const extensions =
      r.remaining === 0 ? new Set<number>() : field(r, 'extensions', () => readExtensions(r, read, duplicate))
    return {
      legacyVersion,
      random,
      sessionId,
      suite,
      compression,
      version,
      keyShare,
      selectedPsk,
      group,
      cookie,
      extensions,
    }
  })
}

/** A ServerHello, or a HelloRetryRequest when the random is `retryRandom`. `extra` are extensions in wire form. */
export function writeServerHello(
  hello: Omit<ServerHello, 'extensions'>,
  extra: readonly (readonly [type: number, body: Uint8Array])[] = [],
): WrittenMessage {
  return writeMessage('server_hello', (w) => {
    const { version, keyShare, group, cookie, selectedPsk } = hello
    w.span('legacy_version', () => w.u16(hello.legacyVersion), hex16(hello.legacyVersion))
    w.span('random', () => w.bytes(hello.random))
    w.span('legacy_session_id_echo', () => w.vector(1, () => w.bytes(hello.sessionId)))
    w.span('cipher_suite', () => w.u16(hello.suite), hex16(hello.suite))
    w.span('legacy_compression_method', () => w.u8(hello.compression))
    w.span('extensions', () =>
      w.vector(2, () => {
        if (keyShare !== undefined)
          writeExtension(w, 'key_share', () => w.u16(keyShare.group).vector(2, () => w.bytes(keyShare.key)))
        if (group !== undefined) writeExtension(w, 'key_share', () => w.u16(group))
        if (cookie !== undefined) writeExtension(w, 'cookie', () => w.vector(2, () => w.bytes(cookie)))
        if (version !== undefined) writeExtension(w, 'supported_versions', () => w.u16(version))
        if (selectedPsk !== undefined) writeExtension(w, 'pre_shared_key', () => w.u16(selectedPsk))
        for (const [type, body] of extra)
          w.span('extension', () => w.u16(type).vector(2, () => w.bytes(body)), nameOf(extensionType, type))
      }),
    )
  })
}

/** RFC 8446 §4.1.3: whether the last eight bytes of the random say that a better version was given up. */
export function isDowngraded(hello: ServerHello): boolean {
  const tail = hello.random.subarray(24)
  return equal(tail.subarray(0, 7), downgrade) && tail[7]! <= 1
}

const downgrade: Bytes = latin1('DOWNGRD')

/** Before TLS 1.3 there was nothing in supported_versions. */
export function versionOf(hello: ServerHello): number {
  return hello.version ?? hello.legacyVersion
}

function copyAll(r: Reader): Bytes {
  return r.copy(r.remaining)
}
