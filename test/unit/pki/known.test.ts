import { expect, it } from 'vitest'
import type { CryptoProvider } from '../../../src/crypto/provider.js'
import { knownCertificate, rememberCertificates } from '../../../src/pki/known.js'
import { trustStore } from '../../../src/pki/trust.js'
import { verifyChain } from '../../../src/pki/verify.js'
import { parseCertificate } from '../../../src/pki/whole.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { createAuthority } from '../../support/certificates.js'
import { rejection } from './der-bytes.js'

it('knows certificates of paths that held, and no others', async () => {
  const root = await createAuthority()
  const { chainDer } = await root.issue({ names: ['a.test'] })
  const check = (certificate: string, serverName: string) =>
    verifyChain({
      chain: chainDer,
      expectation: { trust: trustStore(certificate), purpose: 'server', serverName },
      now: Date.now(),
      crypto: nodeCrypto,
    })
  const stranger = await createAuthority()
  await rejection(check(stranger.certificate, 'a.test'))
  await rejection(check(root.certificate, 'b.test'))
  expect(knownCertificate(chainDer[0]!)).toBeUndefined()
  const { leaf } = await check(root.certificate, 'a.test')
  expect(knownCertificate(chainDer[0]!)).toBe(leaf)
  // What is known is judged again all the same.
  expect(await rejection(check(root.certificate, 'b.test'))).toMatchObject({ code: 'ERR_CERT_NAME_MISMATCH' })
  expect(await rejection(check(stranger.certificate, 'a.test'))).toMatchObject({ code: 'ERR_CERT_UNTRUSTED' })
})

it('tells every changed byte', async () => {
  const { der } = await (await createAuthority()).issue()
  rememberCertificates([parseCertificate(der)])
  expect(knownCertificate(der)).toBeDefined()
  for (let at = 0; at < der.length; at++) {
    const changed = der.slice()
    changed[at]! ^= 1
    expect(knownCertificate(changed)).toBeUndefined()
  }
  expect(knownCertificate(der.subarray(0, -1))).toBeUndefined()
  expect(knownCertificate(new Uint8Array(0))).toBeUndefined()
})

it('holds 64, and forgets the one that was used longest ago', async () => {
  const authority = await createAuthority()
  const { der } = await authority.issue()
  // Nothing but their last bytes tells them apart, nor has to.
  const certificates = Array.from({ length: 65 }, (_, i) => {
    const other = der.slice()
    other[other.length - 1] = i
    return { ...parseCertificate(der), der: other }
  })
  const [first, second] = certificates as [(typeof certificates)[0], (typeof certificates)[0]]
  rememberCertificates(certificates.slice(0, 64))
  expect(certificates.filter((one) => knownCertificate(one.der) === one)).toHaveLength(64)
  rememberCertificates([first])
  rememberCertificates(certificates.slice(64))
  expect(knownCertificate(second.der)).toBeUndefined()
  expect(certificates.filter((one) => knownCertificate(one.der) === one)).toHaveLength(64)
})

it('forgets a certificate whose bytes were changed under it', async () => {
  const { der } = await (await createAuthority()).issue()
  const certificate = parseCertificate(der)
  rememberCertificates([certificate])
  certificate.der[20]! ^= 1
  expect(knownCertificate(der)).toBeUndefined()
})

it('asks a provider once for a signature that it verified, and every other provider by itself', async () => {
  const root = await createAuthority({ name: 'Twice' })
  const { chainDer } = await root.issue({ names: ['a.test'] })
  const trust = trustStore(root.certificate)
  const counting = (answer?: boolean) => {
    const crypto = { ...nodeCrypto, calls: 0 }
    crypto.verify = (...args) => {
      crypto.calls++
      return answer ?? nodeCrypto.verify(...args)
    }
    return crypto
  }
  const check = (crypto: CryptoProvider, anchors = trust) =>
    verifyChain({
      chain: chainDer,
      expectation: { trust: anchors, purpose: 'server', serverName: 'a.test' },
      now: Date.now(),
      crypto,
    })
  const first = counting()
  for (let round = 0; round < 3; round++) await check(first)
  expect(first.calls).toBe(1)
  // An anchor of the same name and another key.
  const other = trustStore((await createAuthority({ name: 'Twice' })).certificate)
  expect(await rejection(check(first, other))).toMatchObject({ code: 'ERR_CERT_SIGNATURE' })
  const strict = counting(false)
  expect(await rejection(check(strict))).toMatchObject({ code: 'ERR_CERT_SIGNATURE' })
  expect(strict.calls).toBe(1)
})
