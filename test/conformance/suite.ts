import { describe, expect, it } from 'vitest'
import { createAuthority, type KeyChoice } from '../support/certificates.js'

export function conformance(runtime: string): void {
  describe(`on ${runtime}`, () => {
    it.each(['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-pss', 'ed25519'] as KeyChoice[])('certs %s', async (key) => {
      const a = await createAuthority({key})
      const l = await a.issue({key, names: ['a.test', '::1']})
      expect(l.der.length).toBeGreaterThan(100)
    })
  })
}
