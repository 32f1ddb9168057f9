import { describe, expect, it } from 'vitest'
import { proxyHeader } from '../../../src/gateway/proxy-protocol.js'

const bare = { alpn: undefined, serverName: undefined, tls: undefined }
const signature = '0d0a0d0a000d0a515549540a'

function hex(facts: Parameters<typeof proxyHeader>[0]): string {
  return proxyHeader(facts).toString('hex')
}

describe('proxyHeader', () => {
  it('says TCP over IPv4', () => {
    const source = { address: '192.0.2.1', port: 4711 }
    const destination = { address: '198.51.100.2', port: 443 }
    expect(hex({ ...bare, source, destination })).toBe(`${signature}2111000cc0000201c6336402126701bb`)
  })

  it('says TCP over IPv6, with an IPv4 side mapped', () => {
    const source = { address: '2001:db8::17', port: 1 }
    const destination = { address: '127.0.0.1', port: 2 }
    expect(hex({ ...bare, source, destination })).toBe(
      `${signature}21210024${'20010db8000000000000000000000017'}${'00000000000000000000ffff7f000001'}00010002`,
    )
  })

  it('says nothing of an address that is none', () => {
    const source = { address: 'unknown', port: 0 }
    expect(hex({ ...bare, source, destination: { address: '127.0.0.1', port: 2 } })).toBe(
      `${signature}21000000`,
    )
  })

  it('adds ALPN, server name and what TLS said', () => {
    const source = { address: 'unknown', port: 0 }
    const header = proxyHeader({
      source,
      destination: source,
      alpn: 'echo',
      serverName: 'a.b',
      tls: { version: 'TLSv1.3', cipher: 'X', verified: true, commonName: 'alice' },
    })
    const alpn = `010004${Buffer.from('echo').toString('hex')}`
    const authority = `020003${Buffer.from('a.b').toString('hex')}`
    // client: SSL and a certificate on this connection; verify 0: it was verified.
    const inside =
      '0300000000' +
      `210007${Buffer.from('TLSv1.3').toString('hex')}` +
      `220005${Buffer.from('alice').toString('hex')}` +
      `230001${Buffer.from('X').toString('hex')}`
    const length = (inside.length / 2).toString(16).padStart(4, '0')
    expect(header.subarray(16).toString('hex')).toBe(`${alpn}${authority}20${length}${inside}`)
    expect(header.readUInt16BE(14)).toBe(header.length - 16)
  })
})
