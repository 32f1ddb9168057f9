// The first flight of the inner TLS connection, read before any of it is answered: it chooses the route, so that the
// handshake runs with exactly that route's authorities. RFC 8446 §4.1.2 (ClientHello), RFC 6066 §3 (server_name),
// RFC 7301 §3.1 (ALPN). Only those two extensions are looked into; OpenSSL judges the rest.
import type { Duplex } from 'node:stream'
import { ByteQueue, fromLatin1, Reader } from '../bytes/index.js'
import { type AlertName, alertNumbers, failure } from '../errors-node.js'

export interface ClientHello {
  /** Lower case, without a final dot. */
  readonly serverName: string | undefined
  /** In the client's order; empty when it offers none. */
  readonly alpn: readonly string[]
}

const handshakeRecord = 22
const clientHelloMessage = 1
const maxFragment = 16_384
const serverNameExtension = 0
const alpnExtension = 16

/**
 * Feeds on the stream chunk by chunk and answers the ClientHello once it is whole, undefined until then.
 * Throws ERR_TLS_NOT_TLS, ERR_TLS_UNEXPECTED_MESSAGE, ERR_TLS_RECORD_OVERFLOW, ERR_TLS_DECODE,
 * ERR_TLS_ILLEGAL_PARAMETER, or ERR_GATEWAY_LIMIT beyond `limit` bytes.
 */
export function clientHelloReader(limit: number): (chunk: Uint8Array) => ClientHello | undefined {
  const wire = new ByteQueue()
  const message = new ByteQueue()
  let seen = 0

  return (chunk) => {
    wire.push(chunk)
    seen += chunk.length
    if (message.length === 0 && wire.length > 0 && wire.peek(1)[0] !== handshakeRecord)
      throw failure('ERR_TLS_NOT_TLS')
    while (wire.length >= 5) {
      const header = new Reader(wire.peek(5), 'ERR_TLS_DECODE')
      if (header.u8() !== handshakeRecord) throw failure('ERR_TLS_UNEXPECTED_MESSAGE')
      // RFC 8446 §5.1: legacy_record_version is 0x0301 or 0x0303 and otherwise ignored; its major byte tells TLS apart.
      if (header.u16() >> 8 !== 3) throw failure('ERR_TLS_NOT_TLS')
      const length = header.u16()
      if (length > maxFragment) throw failure('ERR_TLS_RECORD_OVERFLOW')
      // RFC 8446 §5.1: zero-length fragments of handshake types MUST NOT be sent.
      if (length === 0) throw failure('ERR_TLS_UNEXPECTED_MESSAGE', 'an empty handshake record')
      if (wire.length < 5 + length) break
      wire.skip(5)
      message.push(wire.take(length))
      const hello = wholeMessage(message, limit)
      if (hello !== undefined) return parseClientHello(hello)
    }
    // Judged only now: what came glued behind a whole ClientHello is no part of it.
    if (seen > limit) throw failure('ERR_GATEWAY_LIMIT', `no whole ClientHello in ${limit} bytes`)
    return undefined
  }
}

/**
 * The ClientHello at the front of a stream, which stays there, paused and untouched. Rejects like `clientHelloReader`
 * throws, and with ERR_GATEWAY_HANDSHAKE when the stream ends first.
 */
export function peekClientHello(stream: Duplex, limit: number): Promise<ClientHello> {
  const read = clientHelloReader(limit)
  const chunks: Buffer[] = []
  return new Promise((resolve, reject) => {
    const settle = () => {
      stream.pause()
      stream.off('data', receive)
      stream.off('end', ended)
      stream.off('close', ended)
    }
    const receive = (chunk: Buffer) => {
      chunks.push(chunk)
      try {
        const hello = read(chunk)
        if (hello === undefined) return
        settle()
        stream.unshift(Buffer.concat(chunks))
        resolve(hello)
      } catch (error) {
        settle()
        reject(error)
      }
    }
    const ended = () => {
      settle()
      reject(
        stream.errored ?? failure('ERR_GATEWAY_HANDSHAKE', 'the client went away before its ClientHello'),
      )
    }
    stream.on('data', receive)
    stream.once('end', ended)
    stream.once('close', ended)
  })
}

/** The body of a ClientHello message. Throws ERR_TLS_DECODE or ERR_TLS_ILLEGAL_PARAMETER. */
export function parseClientHello(body: Uint8Array): ClientHello {
  const reader = new Reader(body, 'ERR_TLS_DECODE')
  reader.u16()
  reader.view(32)
  reader.vector(1, 0, 32)
  reader.vector(2, 2)
  reader.vector(1, 1)
  let serverName: string | undefined
  let alpn: readonly string[] = []
  // A TLS 1.2 client may leave the extensions out altogether.
  const extensions = reader.remaining === 0 ? undefined : reader.vector(2)
  reader.end('ClientHello')
  const seen = new Set<number>()
  while (extensions !== undefined && extensions.remaining > 0) {
    const type = extensions.u16()
    const data = extensions.vector(2)
    // RFC 8446 §4.2: there MUST NOT be more than one extension of the same type.
    if (seen.has(type)) throw failure('ERR_TLS_ILLEGAL_PARAMETER', `extension ${type} twice`)
    seen.add(type)
    if (type === serverNameExtension) serverName = hostName(data)
    else if (type === alpnExtension) alpn = protocolNames(data)
  }
  return { serverName, alpn }
}

/** A fatal alert in clear, as it is before there are keys. RFC 8446 §6. */
export function plaintextAlert(name: AlertName): Uint8Array {
  return Uint8Array.of(21, 3, 3, 0, 2, 2, alertNumbers[name])
}

function wholeMessage(message: ByteQueue, limit: number): Uint8Array | undefined {
  if (message.peek(1)[0] !== clientHelloMessage) throw failure('ERR_TLS_UNEXPECTED_MESSAGE')
  if (message.length < 4) return undefined
  const header = new Reader(message.peek(4), 'ERR_TLS_DECODE')
  // Behind the type of the message, 24 bits.
  const length = header.u32() & 0xff_ffff
  if (length > limit) throw failure('ERR_GATEWAY_LIMIT', `a ClientHello of ${length} bytes`)
  if (message.length < 4 + length) return undefined
  message.skip(4)
  return message.take(length)
}

// RFC 6066 §3: ServerNameList<1..2^16-1>, at most one name of each type; only host_name (0) is defined.
function hostName(data: Reader): string | undefined {
  const list = data.vector(2, 1)
  data.end('server_name extension')
  let name: string | undefined
  while (list.remaining > 0) {
    const type = list.u8()
    const value = list.vector(2, 1)
    if (type !== 0) continue
    if (name !== undefined) throw failure('ERR_TLS_ILLEGAL_PARAMETER', 'two host names')
    name = fromLatin1(value.rest()).toLowerCase().replace(/\.$/, '')
    // The name reaches events and messages: nothing but host name characters may.
    if (!/^[a-z0-9._-]{1,255}$/.test(name)) {
      throw failure('ERR_TLS_ILLEGAL_PARAMETER', 'a server name that is no host name')
    }
  }
  return name
}

// RFC 7301 §3.1: ProtocolNameList<2..2^16-1> of ProtocolName<1..2^8-1>.
function protocolNames(data: Reader): readonly string[] {
  const list = data.vector(2, 2)
  data.end('ALPN extension')
  const names: string[] = []
  while (list.remaining > 0) names.push(fromLatin1(list.vector(1, 1).rest()))
  return names
}
