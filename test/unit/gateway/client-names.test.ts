import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { clientCertificate } from '../../../src/gateway/client-names.js'
import { admitClient } from '../../../src/gateway/policy.js'
import { createAuthority } from '../../support/certificates.js'

/** What of a TLSSocket is asked for, counting how often the certificate was read. */
function client(certificate: X509Certificate, commonName: string, authorized = true) {
  let reads = 0
  const secure = {
    authorized,
    getPeerX509Certificate: () => certificate,
    getPeerCertificate() {
      reads++
      return { subject: { CN: commonName } }
    },
  } as unknown as TLSSocket
  return {
    secure,
    get reads() {
      return reads
    },
  }
}

describe("a client's certificate", async () => {
  const authority = await createAuthority()
  const make = async (commonName: string) =>
    new X509Certificate((await authority.issue({ usage: 'client', commonName })).certificate)
  const everybody = { allow: undefined, pins: undefined }

  it('is read once, and each certificate for itself', async () => {
    const alice = client(await make('alice'), 'alice')
    const bob = client(await make('bob'), 'bob')
    for (let i = 0; i < 3; i++) {
      expect(clientCertificate(alice.secure)!.names.commonName).toBe('alice')
      expect(clientCertificate(bob.secure)!.names.commonName).toBe('bob')
    }
    expect([alice.reads, bob.reads]).toEqual([1, 1])
  })

  it('is held against authorization and time on every connection', async () => {
    const certificate = await make('carol')
    const carol = client(certificate, 'carol')
    const now = Date.parse(certificate.validFrom)
    expect(admitClient(carol.secure, everybody, now).commonName).toBe('carol')
    const late = Date.parse(certificate.validTo) + 1
    expect(() => admitClient(carol.secure, everybody, late)).toThrow(
      expect.objectContaining({ code: 'ERR_GATEWAY_DENIED' }),
    )
    const { secure } = client(certificate, 'carol', false)
    expect(() => admitClient(secure, everybody, now)).toThrow(
      expect.objectContaining({ code: 'ERR_GATEWAY_DENIED' }),
    )
    const pinned = { allow: [{ commonName: 'alice' }], pins: undefined }
    expect(() => admitClient(carol.secure, pinned, now)).toThrow(
      expect.objectContaining({ code: 'ERR_GATEWAY_DENIED' }),
    )
  })

  it('that is told to one cannot be changed for the next', async () => {
    const dave = client(await make('dave'), 'dave')
    const facts = admitClient(dave.secure, everybody, 0)
    facts.certificate!.fill(0)
    ;(facts.dns as string[]).push('other.example.test')
    const next = admitClient(dave.secure, everybody, 0)
    expect(next.certificate).not.toEqual(facts.certificate)
    expect(next.dns).toEqual([])
  })
})
