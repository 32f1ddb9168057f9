import { describe, expect, it } from 'vitest'
import { TunnelError } from '../../../src/errors.js'
import { peekSubject } from '../../../src/pki/certificate.js'
import { parsePem } from '../../../src/pki/pem.js'
import { dangerously, trustStore } from '../../../src/pki/trust.js'
import { createAuthority } from '../../support/certificates.js'
import { certificate, codeOf, commonName, nothing } from './der-bytes.js'

describe('trust anchors', () => {
  it('come as PEM, DER, bytes of PEM, or any mixture, each counted once', async () => {
    const [a, b, c] = await Promise.all([createAuthority(), createAuthority(), createAuthority()])
    const bytes = Uint8Array.from(c.certificate, (char) => char.charCodeAt(0))
    const store = trustStore([`${a.certificate}\ntext\n${b.certificate}`, b.der, bytes])
    expect(store.size).toBe(3)
    expect(trustStore(store)).toBe(store)
    expect(trustStore(a.der).size).toBe(1)
    expect(store.find(peekSubject(b.der))).toMatchObject([{ der: b.der }])
    expect(store.find(peekSubject((await createAuthority()).der))).toEqual([])
  })

  it('are parsed when they are found', () => {
    // Only the subject of this one can be read.
    const broken = certificate({ subject: commonName('Broken'), key: nothing() })
    const store = trustStore([broken])
    const [found] = store.find(peekSubject(broken))
    expect(found).toBeInstanceOf(TunnelError)
    expect((found as TunnelError).code).toBe('ERR_CERT_ENCODING')
  })

  it.each<[string, Parameters<typeof trustStore>[0]]>([
    ['nothing', []],
    ['undefined', undefined as never],
    ['null', null as never],
    ['a number', [1 as never]],
    ['an empty text', ''],
    ['a text without certificates', 'hello'],
    ['only a key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'],
    ['bytes that are no certificate', new Uint8Array([0x30, 0x03, 2, 1, 1])],
    ['a block without its end', '-----BEGIN CERTIFICATE-----\nAAAA\n'],
    ['a block that is no base64', '-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----'],
  ])('refuse %s', (_what, input) => {
    expect(codeOf(() => trustStore(input))).toBe('ERR_CONFIG_TRUST')
  })
})

describe('unverified trust', () => {
  it('needs a reason', () => {
    expect(dangerously.anyCertificate('a test bench')).toEqual({ kind: 'unverified', reason: 'a test bench' })
    expect(codeOf(() => dangerously.anyCertificate(' '))).toBe('ERR_CONFIG_TRUST')
  })
})

describe('PEM', () => {
  it('gives label, bytes and headers of every block', () => {
    const blocks = parsePem(
      'junk\n-----BEGIN A-B C-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,00FF\r\n\r\nAQID\r\n-----END A-B C-----\n' +
        ' -----BEGIN X-----\n AQ\n ==\n-----END X-----',
    )
    expect(blocks.map(({ label, der }) => [label, [...der]])).toEqual([
      ['A-B C', [1, 2, 3]],
      ['X', [1]],
    ])
    expect(blocks[0]!.headers.get('DEK-Info')).toBe('AES-128-CBC,00FF')
  })

  it.each([
    ['another label at the end', '-----BEGIN A-----\nAQID\n-----END B-----'],
    [
      'a block inside a block',
      '-----BEGIN A-----\n-----BEGIN B-----\nAQID\n-----END B-----\n-----END A-----',
    ],
    ['base64 of a wrong length', '-----BEGIN A-----\nAQI\n-----END A-----'],
  ])('refuses %s', (_what, text) => {
    expect(codeOf(() => parsePem(text))).toBe('ERR_CONFIG_INVALID')
  })
})
