// PROXY protocol version 2, written in front of a connection to a service (HAProxy's proxy-protocol.txt §2.2): who the
// client is, and what its TLS connection said, which the service behind us cannot see otherwise.
import { isIP, isIPv4 } from 'node:net'

export interface ProxyFacts {
  readonly source: { readonly address: string; readonly port: number }
  readonly destination: { readonly address: string; readonly port: number }
  readonly alpn: string | undefined
  readonly serverName: string | undefined
  /** Undefined where the gateway did not end TLS. */
  readonly tls:
    | {
        readonly version: string
        readonly cipher: string
        readonly verified: boolean
        readonly commonName: string | undefined
      }
    | undefined
}

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
/** Version 2, command PROXY. */
const versionAndCommand = 0x21
const tcp4 = 0x11
const tcp6 = 0x21
const unspecified = 0x00

// §2.2.1 to §2.2.6: types of TLVs, and of those inside the SSL one.
const typeAlpn = 0x01
const typeAuthority = 0x02
const typeSsl = 0x20
const subtypeVersion = 0x21
const subtypeCommonName = 0x22
const subtypeCipher = 0x23

// §2.2.6: bits of the SSL TLV's first byte.
const clientSsl = 0x01
const clientCertificateHere = 0x02

export function proxyHeader(facts: ProxyFacts): Buffer {
  const { source, destination, alpn, serverName, tls } = facts
  const [family, addresses] = addressBlock(source, destination)
  const payload = Buffer.concat([
    addresses,
    ...(alpn === undefined ? [] : [tlv(typeAlpn, Buffer.from(alpn, 'latin1'))]),
    ...(serverName === undefined ? [] : [tlv(typeAuthority, Buffer.from(serverName))]),
    ...(tls === undefined ? [] : [tlv(typeSsl, sslBlock(tls))]),
  ])
  const header = Buffer.alloc(16)
  signature.copy(header)
  header[12] = versionAndCommand
  header[13] = family
  header.writeUInt16BE(payload.length, 14)
  return Buffer.concat([header, payload])
}

// An address that is none (a header said `unknown`) makes the whole block unspecified; the TLVs still come.
function addressBlock(
  source: ProxyFacts['source'],
  destination: ProxyFacts['destination'],
): readonly [family: number, block: Buffer] {
  if (isIP(source.address) === 0 || isIP(destination.address) === 0) return [unspecified, Buffer.alloc(0)]
  const both4 = isIPv4(source.address) && isIPv4(destination.address)
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source.port, 0)
  ports.writeUInt16BE(destination.port, 2)
  const bytes = both4 ? ipv4Bytes : ipv6Bytes
  return [both4 ? tcp4 : tcp6, Buffer.concat([bytes(source.address), bytes(destination.address), ports])]
}

// The 32-bit `verify` field is 0 for a certificate that was presented and verified.
function sslBlock(tls: NonNullable<ProxyFacts['tls']>): Buffer {
  const head = Buffer.alloc(5)
  head[0] = clientSsl | (tls.verified ? clientCertificateHere : 0)
  head.writeUInt32BE(tls.verified ? 0 : 1, 1)
  return Buffer.concat([
    head,
    tlv(subtypeVersion, Buffer.from(tls.version)),
    ...(tls.commonName === undefined ? [] : [tlv(subtypeCommonName, Buffer.from(tls.commonName))]),
    tlv(subtypeCipher, Buffer.from(tls.cipher)),
  ])
}

function tlv(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(3)
  head[0] = type
  head.writeUInt16BE(value.length, 1)
  return Buffer.concat([head, value])
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

/** RFC 4291 §2.2, and §2.5.5.2 for an IPv4 address beside an IPv6 one. */
function ipv6Bytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.concat([Buffer.alloc(10), Buffer.of(255, 255), ipv4Bytes(address)])
  const text = address.split('%', 1)[0]!.replace(/(\d+\.\d+\.\d+\.\d+)$/, (dotted) => {
    const bytes = ipv4Bytes(dotted)
    return `${bytes.readUInt16BE(0).toString(16)}:${bytes.readUInt16BE(2).toString(16)}`
  })
  const [head = '', tail = ''] = text.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === '' ? [] : tail.split(':')
  const zeros = Array<string>(8 - before.length - after.length).fill('0')
  const block = Buffer.alloc(16)
  for (const [i, group] of [...before, ...zeros, ...after].entries())
    block.writeUInt16BE(parseInt(group, 16), 2 * i)
  return block
}
