// ClientHello: written by us, read by test servers. RFC 8446 §4.1.2 and the extensions of §4.2.
import { type Bytes, fromLatin1, latin1, type Reader, type Writer } from '../../bytes/index.js'
import { extensionType, TLS12, TLS13 } from '../registry.js'
import { type ExtensionName, readExtensions, writeExtension } from './extensions.js'
import {
  field,
  type HandshakeMessage,
  hex16,
  type Parsed,
  readMessage,
  type WrittenMessage,
  writeMessage,
} from './message.js'

export interface KeyShareEntry {
  readonly group: number
  readonly key: Uint8Array
}

/** One pre-shared key on offer. RFC 8446 §4.2.11. */
export interface OfferedPsk {
  readonly identity: Uint8Array
  readonly obfuscatedAge: number
  /** Bytes of its binder, which is written as zeros: it covers the message before it. */
  readonly binderLength: number
}

/** RFC 8701: values of no meaning; the extensions go before and after those that have one. */
export interface Grease {
  readonly suite: number
  readonly group: number
  readonly version: number
  readonly extensions: readonly [number, number]
}

/** The ClientHello in values; lists are in preference order. Absent members are extensions not sent. */
export interface ClientHello {
  readonly random: Uint8Array
  readonly sessionId: Uint8Array
  readonly suites: readonly number[]
  readonly serverName?: string | undefined
  readonly groups: readonly number[]
  readonly signatureSchemes: readonly number[]
  /** Protocol names, one code unit a byte. */
  readonly alpn?: readonly string[] | undefined
  readonly versions: readonly number[]
  readonly pskModes?: readonly number[] | undefined
  readonly cookie?: Uint8Array | undefined
  /** RFC 5077: a ticket of TLS 1.2, empty to ask for one. */
  readonly ticket?: Uint8Array | undefined
  readonly keyShares: readonly KeyShareEntry[]
  /** RFC 8449. */
  readonly recordSizeLimit?: number | undefined
  readonly psk?: OfferedPsk | undefined
  /** Not read: who reads ignores what it does not know. */
  readonly grease?: Grease | undefined
}

export interface WrittenHello extends WrittenMessage {
  /** Types of the extensions in it, but for what RFC 8701 adds: what a server may answer. */
  readonly extensions: ReadonlySet<number>
}

export function writeClientHello(hello: ClientHello): WrittenHello {
  const extensions = new Set<number>()
  const message = writeMessage('client_hello', (w) => {
    // RFC 8446 §4.1.2: legacy_version MUST be 0x0303; the real ones are in supported_versions.
    w.span('legacy_version', () => w.u16(TLS12), hex16(TLS12))
    w.span('random', () => w.bytes(hello.random))
    w.span('legacy_session_id', () => w.vector(1, () => w.bytes(hello.sessionId)))
    w.span('cipher_suites', () => w.vector(2, () => ids(hello.suites, hello.grease?.suite)))
    // RFC 8446 §4.1.2: exactly one byte set to zero.
    w.span('legacy_compression_methods', () => w.u8(1).u8(0))
    w.span('extensions', () =>
      w.vector(2, () => {
        const { serverName, alpn, cookie, pskModes, recordSizeLimit, psk, grease, ticket, versions } = hello
        if (grease !== undefined) w.u16(grease.extensions[0]).u16(0)
        if (serverName !== undefined)
          extension('server_name', () =>
            w.vector(2, () =>
              w.u8(0).span('host_name', () => w.vector(2, () => w.bytes(latin1(serverName))), serverName),
            ),
          )
        extension('supported_groups', () => w.vector(2, () => ids(hello.groups, grease?.group)))
        extension('signature_algorithms', () => w.vector(2, () => ids(hello.signatureSchemes)))
        if (alpn !== undefined)
          extension('application_layer_protocol_negotiation', () =>
            w.vector(2, () => {
              for (const name of alpn)
                w.span('protocol', () => w.vector(1, () => w.bytes(latin1(name))), name)
            }),
          )
        if (versions.includes(TLS12)) {
          // RFC 8422 §5.1.2: uncompressed. RFC 7627 §5.1, RFC 5746 §3.4: empty, and an empty vector.
          extension('ec_point_formats', () => w.vector(1, () => w.u8(0)))
          extension('extended_master_secret', () => {})
          extension('renegotiation_info', () => w.u8(0))
        }
        if (ticket !== undefined) extension('session_ticket', () => w.bytes(ticket))
        // RFC 8446 §4.2.1: only who offers TLS 1.3 has to say more than legacy_version does.
        if (versions.includes(TLS13))
          extension('supported_versions', () => w.vector(1, () => ids(versions, grease?.version)))
        if (pskModes !== undefined)
          extension('psk_key_exchange_modes', () => w.vector(1, () => w.bytes(new Uint8Array(pskModes))))
        if (cookie !== undefined) extension('cookie', () => w.vector(2, () => w.bytes(cookie)))
        if (versions.includes(TLS13))
          extension('key_share', () =>
            w.vector(2, () => {
              for (const share of hello.keyShares)
                w.span(
                  'key_share_entry',
                  () => w.u16(share.group).vector(2, () => w.bytes(share.key)),
                  hex16(share.group),
                )
            }),
          )
        if (recordSizeLimit !== undefined) extension('record_size_limit', () => w.u16(recordSizeLimit))
        if (grease !== undefined) w.u16(grease.extensions[1]).u16(1).u8(0)
        // RFC 8446 §4.2.11: pre_shared_key MUST be the last extension.
        if (psk !== undefined) extension('pre_shared_key', () => writePsk(w, psk))
      }),
    )
    function extension(name: ExtensionName, body: () => void): void {
      extensions.add(extensionType[name])
      writeExtension(w, name, body)
    }
    function ids(list: readonly number[], grease?: number): void {
      if (grease !== undefined) w.u16(grease)
      for (const id of list) w.u16(id)
    }
  })
  return { extensions, ...message }
}

function writePsk(w: Writer, { identity, obfuscatedAge, binderLength }: OfferedPsk): void {
  w.span('identities', () => w.vector(2, () => w.vector(2, () => w.bytes(identity)).u32(obfuscatedAge)))
  w.span('binders', () => w.vector(2, () => w.vector(1, () => w.bytes(new Uint8Array(binderLength)))))
}

/** Read a ClientHello, as a server does. Unknown extensions are skipped. */
export function readClientHello(message: HandshakeMessage): Parsed<ClientHello> {
  return readMessage(message, (r) => {
    field(r, 'legacy_version', () => r.u16(), hex16)
    const random = field(r, 'random', () => r.copy(32))
    const sessionId = field(r, 'legacy_session_id', () => copyAll(r.vector(1, 0, 32)))
    const suites = field(r, 'cipher_suites', () => ids(r.vector(2, 2)))
    field(r, 'legacy_compression_methods', () => r.vector(1, 1))
    let serverName: string | undefined
    let groups: readonly number[] = []
    let schemes: readonly number[] = []
    let alpn: string[] | undefined
    let versions: readonly number[] = []
    let pskModes: readonly number[] | undefined
    let cookie: Bytes | undefined
    let ticket: Bytes | undefined
    const keyShares: KeyShareEntry[] = []
    let recordSizeLimit: number | undefined
    let psk: OfferedPsk | undefined
    field(r, 'extensions', () =>
      readExtensions(r, (type, body) => {
        if (type === extensionType.server_name) {
          const list = body.vector(2, 1)
          list.u8()
          serverName = fromLatin1(list.vector(2, 1).rest())
          list.end()
        } else if (type === extensionType.supported_groups) groups = ids(body.vector(2, 2))
        else if (type === extensionType.signature_algorithms) schemes = ids(body.vector(2, 2))
        else if (type === extensionType.application_layer_protocol_negotiation) {
          const list = body.vector(2, 2)
          alpn = []
          while (list.remaining > 0) alpn.push(fromLatin1(list.vector(1, 1).rest()))
        } else if (type === extensionType.supported_versions) versions = ids(body.vector(1, 2))
        else if (type === extensionType.psk_key_exchange_modes) pskModes = [...body.vector(1, 1).rest()]
        else if (type === extensionType.cookie) cookie = copyAll(body.vector(2, 1))
        else if (type === extensionType.session_ticket) ticket = copyAll(body)
        else if (type === extensionType.key_share) {
          const list = body.vector(2)
          while (list.remaining > 0) keyShares.push({ group: list.u16(), key: copyAll(list.vector(2, 1)) })
        } else if (type === extensionType.record_size_limit) recordSizeLimit = body.u16()
        else if (type === extensionType.pre_shared_key) {
          const identities = body.vector(2, 7)
          psk = {
            identity: copyAll(identities.vector(2, 1)),
            obfuscatedAge: identities.u32(),
            binderLength: body.vector(2, 33).vector(1, 32).rest().length,
          }
        }
      }),
    )
    return {
      random,
      sessionId,
      suites,
      serverName,
      groups,
      signatureSchemes: schemes,
      alpn,
      versions,
      pskModes,
      cookie,
      ticket,
      keyShares,
      recordSizeLimit,
      psk,
    }
  })
}

function ids(r: Reader): readonly number[] {
  const list: number[] = []
  while (r.remaining > 0) list.push(r.u16())
  return list
}

function copyAll(r: Reader): Bytes {
  return r.copy(r.remaining)
}
