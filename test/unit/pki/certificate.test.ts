import { describe, expect, it } from 'vitest'
import { fromHex, hex, latin1 } from '../../../src/bytes/index.js'
import type { SignatureAlgorithm } from '../../../src/crypto/provider.js'
import { keyProblem, signatureFits } from '../../../src/pki/algorithms.js'
import { allowsDigitalSignature, isSelfIssued, peekSubject } from '../../../src/pki/certificate.js'
import { constraintsOf } from '../../../src/pki/name-constraints.js'
import { nameText } from '../../../src/pki/name-text.js'
import { parseCertificate } from '../../../src/pki/whole.js'
import { createAuthority } from '../../support/certificates.js'
import {
  ascii,
  bits,
  certificate,
  codeOf,
  commonName,
  ecdsaSha256,
  element,
  extension,
  integer,
  nothing,
  octets,
  oid,
  type Parts,
  p256,
  sequence,
} from './der-bytes.js'

const refused = (parts: Parts) => codeOf(() => parseCertificate(certificate(parts)))
const withExtension = (id: string, value: Uint8Array, critical = false) =>
  parseCertificate(certificate({ extensions: [extension(id, value, critical)] }))
const refusedExtension = (id: string, value: Uint8Array) => codeOf(() => withExtension(id, value))

describe('structure', () => {
  it('is parsed whole', () => {
    const parsed = parseCertificate(certificate({ serial: integer(0x12, 0x34) }))
    expect(parsed).toMatchObject({
      version: 3,
      notBefore: Date.UTC(2025, 0, 1),
      notAfter: Date.UTC(2030, 0, 1),
      ca: false,
      refused: [],
      publicKey: { key: { kind: 'ec', curve: 'P-256' } },
      signed: { algorithm: { kind: 'ecdsa', hash: 'SHA-256' } },
    })
    expect(hex(parsed.serialNumber)).toBe('1234')
    expect(nameText(parsed.subject)).toBe('CN=subject')
    expect(nameText(parsed.issuer)).toBe('CN=issuer')
    expect(hex(parsed.publicKey.spki)).toBe(hex(p256()))
    expect(isSelfIssued(parsed)).toBe(false)
  })

  it('does not change when its input does', () => {
    const bytes = certificate()
    const parsed = parseCertificate(bytes)
    const before = hex(parsed.signed.data)
    bytes.fill(0)
    expect(hex(parsed.signed.data)).toBe(before)
  })

  it('reads the subject alone', () => {
    expect(nameText(peekSubject(certificate({ key: nothing() })))).toBe('CN=subject')
  })

  it('reads version 1 without extensions', () => {
    expect(parseCertificate(certificate({ version: undefined })).version).toBe(1)
  })

  it.each<[string, Parts]>([
    ['version 2', { version: fromHex('a003020101') }],
    ['an encoded version 1', { version: fromHex('a003020100') }],
    ['version 4', { version: fromHex('a003020103') }],
    [
      'extensions in version 1',
      { version: undefined, extensions: [extension('2.5.29.15', bits(new Uint8Array([128])))] },
    ],
    ['a negative serial number', { serial: integer(0x80) }],
    ['a serial number of 21 octets', { serial: integer(...new Array<number>(21).fill(1)) }],
    ['an empty issuer', { issuer: sequence() }],
    ['a different outer algorithm', { outer: sequence(oid('1.2.840.10045.4.3.3')) }],
    ['parameters beside ECDSA', { inner: sequence(oid('1.2.840.10045.4.3.2'), nothing()) }],
    ['unique identifiers', { extra: [fromHex('81020001')] }],
    ['an empty list of extensions', { extensions: [] }],
    ['a signature with unused bits', { signature: bits(new Uint8Array([8]), 3) }],
  ])('refuses %s', (_what, parts) => {
    expect(refused(parts)).toBe('ERR_CERT_ENCODING')
  })

  it('refuses bytes before, after and instead', () => {
    expect(codeOf(() => parseCertificate(new Uint8Array([...certificate(), 0])))).toBe('ERR_CERT_ENCODING')
    expect(codeOf(() => parseCertificate(certificate().subarray(1)))).toBe('ERR_CERT_ENCODING')
    expect(codeOf(() => parseCertificate(new Uint8Array()))).toBe('ERR_CERT_ENCODING')
    expect(codeOf(() => parseCertificate(latin1('-----BEGIN CERTIFICATE-----')))).toBe('ERR_CERT_ENCODING')
  })

  it('answers any truncation and any changed byte with a named error or a certificate', () => {
    const whole = certificate({
      extensions: [
        extension('2.5.29.17', sequence(ascii(0x82, 'a.test'))),
        extension('2.5.29.30', sequence(element(0xa0, sequence(ascii(0x82, 'a.test'))))),
      ],
    })
    for (let length = 0; length < whole.length; length++)
      expect(codeOf(() => parseCertificate(whole.subarray(0, length)))).toBe('ERR_CERT_ENCODING')
    for (let at = 0; at < whole.length; at++)
      for (const flip of [0x01, 0x20, 0x80, 0xff]) {
        const changed = new Uint8Array(whole)
        changed[at]! ^= flip
        // codeOf itself fails for anything but a named error.
        expect(['nothing', 'ERR_CERT_ENCODING', 'ERR_CERT_ALGORITHM']).toContain(
          codeOf(() => parseCertificate(changed)),
        )
      }
  })
})

describe('extensions', () => {
  it('decodes those that are acted upon', async () => {
    const root = await createAuthority({ pathLength: 2, nameConstraints: { permitted: ['example.test'] } })
    const parsed = parseCertificate(root.der)
    expect(parsed).toMatchObject({ ca: true, pathLength: 2, refused: [] })
    expect([...parsed.keyUsage!].sort()).toEqual([0, 5, 6])
    expect(parsed.subjectKeyId).toEqual(parsed.authorityKeyId)
    expect(
      constraintsOf(parsed.nameConstraints!)
        .permitted.get(2)!
        .map(({ text }) => text),
    ).toEqual(['example.test'])
    const leaf = parseCertificate((await root.issue({ names: ['a.example.test', '192.0.2.1'] })).der)
    expect(leaf.altNames!.map(({ kind }) => kind)).toEqual([2, 7])
    expect(leaf.purposes).toEqual(['1.3.6.1.5.5.7.3.1'])
  })

  it('tells whether a key may sign a handshake', () => {
    const usage = (octet: number) =>
      allowsDigitalSignature(withExtension('2.5.29.15', bits(new Uint8Array([octet]))))
    expect([usage(0x80), usage(0x20)]).toEqual([true, false])
    expect(allowsDigitalSignature(parseCertificate(certificate()))).toBe(true)
  })

  it('notes what is critical and unknown', () => {
    expect(withExtension('1.2.3.4', nothing(), true).refused).toEqual(['1.2.3.4'])
    expect(withExtension('1.2.3.4', nothing()).refused).toEqual([])
  })

  it('notes what must not be critical, and policyConstraints always', () => {
    expect(withExtension('2.5.29.14', octets(new Uint8Array(20)), true).refused).toEqual(['2.5.29.14'])
    expect(withExtension('2.5.29.35', sequence(), true).refused).toEqual(['2.5.29.35'])
    expect(withExtension('2.5.29.36', sequence(element(0x80, new Uint8Array(1)))).refused).toEqual([
      '2.5.29.36',
    ])
  })

  it('allows critical policies, and an explicit FALSE', () => {
    expect(withExtension('2.5.29.32', sequence(sequence(oid('2.5.29.32.0'))), true).refused).toEqual([])
    const explicit = sequence(oid('1.2.3'), fromHex('010100'), octets(nothing()))
    expect(parseCertificate(certificate({ extensions: [explicit] })).refused).toEqual([])
  })

  it('refuses two of a kind', () => {
    const twice = extension('1.2.3', nothing())
    expect(refused({ extensions: [twice, twice] })).toBe('ERR_CERT_ENCODING')
  })

  it.each<[string, string, Uint8Array]>([
    ['an empty keyUsage', '2.5.29.15', bits(new Uint8Array([0]))],
    ['a keyUsage that is no bit string', '2.5.29.15', nothing()],
    ['an empty extKeyUsage', '2.5.29.37', sequence()],
    ['an empty subjectAltName', '2.5.29.17', sequence()],
    ['empty name constraints', '2.5.29.30', sequence()],
    ['empty subtrees', '2.5.29.30', sequence(element(0xa0))],
    ['a malformed AIA', '1.3.6.1.5.5.7.1.1', sequence()],
    ['basicConstraints with leftovers', '2.5.29.19', sequence(fromHex('0101ff'), integer(0), integer(0))],
    ['a negative path length', '2.5.29.19', sequence(fromHex('0101ff'), integer(0xff))],
    ['a key identifier that is none', '2.5.29.14', nothing()],
    ['bytes behind the value', '2.5.29.14', new Uint8Array([...octets(new Uint8Array(2)), 5, 0])],
  ])('refuses %s', (_what, id, value) => {
    expect(refusedExtension(id, value)).toBe('ERR_CERT_ENCODING')
  })

  it.each<[string, Uint8Array]>([
    ['a wildcard', ascii(0x82, '*.a.test')],
    ['a leading period', ascii(0x82, '.a.test')],
    ['an address without mask', element(0x87, new Uint8Array(4))],
    ['a mask with holes', element(0x87, new Uint8Array([192, 0, 2, 0, 255, 0, 255, 0]))],
    ['two @ signs', ascii(0x81, 'a@b@c.test')],
  ])('refuses a name constraint with %s', (_what, base) => {
    expect(refusedExtension('2.5.29.30', sequence(element(0xa0, sequence(base))))).toBe('ERR_CERT_ENCODING')
  })

  it('refuses a name constraint with minimum or maximum', () => {
    const subtree = sequence(ascii(0x82, 'a.test'), element(0x80, new Uint8Array([1])))
    expect(refusedExtension('2.5.29.30', sequence(element(0xa0, subtree)))).toBe('ERR_CERT_ENCODING')
  })
})

describe('public keys', () => {
  const key = (spki: Uint8Array) => parseCertificate(certificate({ key: spki })).publicKey
  const rsa = (modulus: Uint8Array, exponent = integer(1, 0, 1), parameters = nothing()) =>
    sequence(sequence(oid('1.2.840.113549.1.1.1'), parameters), bits(sequence(element(2, modulus), exponent)))
  const modulus = (octetsWanted: number, top = 0x80): Uint8Array =>
    new Uint8Array(octetsWanted + 1).fill(0xab).fill(0, 0, 1).fill(top, 1, 2)

  it('counts the bits of RSA keys', () => {
    expect(key(rsa(modulus(256))).key).toEqual({ kind: 'rsa', bits: 2048, pss: false })
    expect(key(rsa(modulus(257).fill(0x81, 1, 2))).key).toMatchObject({ bits: 2056 })
    expect(key(rsa(modulus(256).subarray(1).fill(0x0f, 0, 1))).key).toMatchObject({ bits: 2044 })
  })

  it('accepts 2048 to 8192 bits, in whole octets', () => {
    const problem = (size: number, top?: number) => keyProblem(key(rsa(modulus(size, top)))) !== undefined
    expect([128, 256, 384, 512, 1024, 1025].map((size) => problem(size))).toEqual([
      true,
      false,
      false,
      false,
      false,
      true,
    ])
    expect(keyProblem(key(rsa(modulus(257).subarray(1).fill(0x08, 0, 1))))).toBe('an RSA key of 2052 bits')
  })

  it.each<[string, Uint8Array]>([
    ['an even modulus', rsa(modulus(256).fill(2, 256))],
    ['a negative modulus', rsa(modulus(256).subarray(1))],
    ['an even exponent', rsa(modulus(256), integer(4))],
    ['exponent 1', rsa(modulus(256), integer(1))],
    ['a huge exponent', rsa(modulus(256), integer(1, 0, 0, 0, 1))],
    ['RSA without NULL', rsa(modulus(256), integer(3), new Uint8Array())],
    [
      'a compressed point',
      sequence(
        sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7')),
        bits(new Uint8Array(33).fill(2)),
      ),
    ],
    [
      'a point of another length',
      sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.3.132.0.34')), bits(new Uint8Array(65).fill(4))),
    ],
    [
      'an Ed25519 key with parameters',
      sequence(sequence(oid('1.3.101.112'), nothing()), bits(new Uint8Array(32))),
    ],
    ['an Ed25519 key of 31 bytes', sequence(sequence(oid('1.3.101.112')), bits(new Uint8Array(31)))],
  ])('refuses %s', (_what, spki) => {
    expect(refused({ key: spki })).toBe('ERR_CERT_ENCODING')
  })

  it.each<[string, Uint8Array]>([
    [
      'secp256k1',
      sequence(sequence(oid('1.2.840.10045.2.1'), oid('1.3.132.0.10')), bits(new Uint8Array(65).fill(4))),
    ],
    [
      'explicit curve parameters',
      sequence(sequence(oid('1.2.840.10045.2.1'), sequence()), bits(new Uint8Array(65).fill(4))),
    ],
    ['DSA', sequence(sequence(oid('1.2.840.10040.4.1')), bits(integer(3)))],
    ['X25519', sequence(sequence(oid('1.3.101.110')), bits(new Uint8Array(32)))],
  ])('does not accept %s', (_what, spki) => {
    expect(refused({ key: spki })).toBe('ERR_CERT_ALGORITHM')
  })
})

describe('signature algorithms', () => {
  const algorithm = (identifier: Uint8Array) =>
    parseCertificate(certificate({ inner: identifier })).signed.algorithm
  const sha256 = () => sequence(oid('2.16.840.1.101.3.4.2.1'), nothing())
  const pss = (hash: Uint8Array, mask: Uint8Array, salt = 32) =>
    sequence(
      oid('1.2.840.113549.1.1.10'),
      sequence(
        element(0xa0, hash),
        element(0xa1, sequence(oid('1.2.840.113549.1.1.8'), mask)),
        element(0xa2, integer(salt)),
      ),
    )

  it('knows those of today', () => {
    expect(algorithm(ecdsaSha256())).toEqual({ kind: 'ecdsa', hash: 'SHA-256' })
    expect(algorithm(sequence(oid('1.2.840.113549.1.1.12'), nothing()))).toEqual({
      kind: 'rsa-pkcs1',
      hash: 'SHA-384',
    })
    expect(algorithm(sequence(oid('1.2.840.113549.1.1.13')))).toEqual({ kind: 'rsa-pkcs1', hash: 'SHA-512' })
    expect(algorithm(sequence(oid('1.3.101.112')))).toEqual({ kind: 'ed25519' })
    expect(algorithm(pss(sha256(), sha256(), 20))).toEqual({
      kind: 'rsa-pss',
      hash: 'SHA-256',
      saltLength: 20,
    })
  })

  it.each<[string, Uint8Array]>([
    ['SHA-1 with RSA', sequence(oid('1.2.840.113549.1.1.5'), nothing())],
    ['MD5 with RSA', sequence(oid('1.2.840.113549.1.1.4'), nothing())],
    ['ECDSA with SHA-1', sequence(oid('1.2.840.10045.4.1'))],
    ['PSS with its default SHA-1', sequence(oid('1.2.840.113549.1.1.10'), sequence())],
    ['PSS with two hashes', pss(sha256(), sequence(oid('2.16.840.1.101.3.4.2.2'), nothing()))],
  ])('does not accept %s', (_what, identifier) => {
    expect(algorithm(identifier)).toBeUndefined()
  })

  it('must fit the key, and what the key restricts itself to', () => {
    const modulus = new Uint8Array(257).fill(0xab).fill(0, 0, 1)
    const parameters = sequence(
      element(0xa0, sha256()),
      element(0xa1, sequence(oid('1.2.840.113549.1.1.8'), sha256())),
      element(0xa2, integer(32)),
    )
    const numbers = bits(sequence(element(2, modulus), integer(3)))
    const key = (...identifier: Uint8Array[]) =>
      parseCertificate(certificate({ key: sequence(sequence(...identifier), numbers) })).publicKey
    const plain = key(oid('1.2.840.113549.1.1.1'), nothing())
    const open = key(oid('1.2.840.113549.1.1.10'))
    const restricted = key(oid('1.2.840.113549.1.1.10'), parameters)
    expect(restricted.pss).toEqual({ kind: 'rsa-pss', hash: 'SHA-256', saltLength: 32 })
    const fits = (algorithm: SignatureAlgorithm) =>
      [plain, open, restricted].map((each) => signatureFits(algorithm, each))
    expect(fits({ kind: 'rsa-pkcs1', hash: 'SHA-256' })).toEqual([true, false, false])
    expect(fits({ kind: 'rsa-pss', hash: 'SHA-256', saltLength: 32 })).toEqual([true, true, true])
    expect(fits({ kind: 'rsa-pss', hash: 'SHA-256', saltLength: 20 })).toEqual([true, true, false])
    expect(fits({ kind: 'rsa-pss', hash: 'SHA-512', saltLength: 64 })).toEqual([true, true, false])
    // RFC 8017 §9.1.1: no modulus of theirs holds so much salt.
    expect(fits({ kind: 'rsa-pss', hash: 'SHA-256', saltLength: 1000 })).toEqual([false, false, false])
    expect(fits({ kind: 'ecdsa', hash: 'SHA-256' })).toEqual([false, false, false])
    expect(fits({ kind: 'ed25519' })).toEqual([false, false, false])
  })

  it('keeps two names apart', () => {
    const same = parseCertificate(certificate({ subject: commonName('ISSUER ') }))
    expect(isSelfIssued(same)).toBe(true)
  })
})
