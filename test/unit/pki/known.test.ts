import { expect, it } from 'vitest'
import { parseCertificate } from '../../../src/pki/certificate.js'
import {
  isKnownSignature,
  knownCertificate,
  rememberCertificates,
  rememberSignature,
} from '../../../src/pki/known.js'
import { trustStore } from '../../../src/pki/trust.js'
import { verifyChain } from '../../../src/pki/verify.js'
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

it('forgets a certificate whose bytes were changed under it', async () => {
  const { der } = await (await createAuthority()).issue()
  const certificate = parseCertificate(der)
  rememberCertificates([certificate])
  certificate.der[20]! ^= 1
  expect(knownCertificate(der)).toBeUndefined()
})

it('knows a signature by certificate, key and provider', async () => {
  const root = await createAuthority()
  const other = await createAuthority()
  const { signed } = parseCertificate((await root.issue()).der)
  const { publicKey } = parseCertificate(root.der)
  rememberSignature(signed, publicKey, nodeCrypto)
  expect(isKnownSignature(signed, publicKey, nodeCrypto)).toBe(true)
  expect(isKnownSignature(signed, parseCertificate(other.der).publicKey, nodeCrypto)).toBe(false)
  expect(isKnownSignature(signed, publicKey, { ...nodeCrypto })).toBe(false)
  expect(isKnownSignature({ ...signed }, publicKey, nodeCrypto)).toBe(false)
})
