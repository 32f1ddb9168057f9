// Certificates: real ones of every kind of key, changed byte by byte and element by element. What is accepted has to be what
// node:crypto reads as well, in the fields that decide.
import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { equal } from '../../../src/bytes/index.js'
import {
  keyUsageBits,
  matchesServerName,
  nameText,
  parseCertificate,
  trustStore,
} from '../../../src/pki/index.js'
import { oid } from '../../unit/pki/der-bytes.js'
import { mutated } from '../bytes.js'
import { mutatedDer } from '../der-tree.js'
import { material } from '../material.js'
import { must, outcome, type Target, target } from '../target.js'

export const certificateTarget: Target = target('certificate', 'X.509 certificates', async () => {
  const { certificates } = await material()
  return {
    input: fc.oneof(
      { weight: 1, arbitrary: mutated(certificates) },
      { weight: 3, arbitrary: mutatedDer(certificates) },
    ),
    execute(bytes: Uint8Array) {
      const { value: certificate } = outcome(() => parseCertificate(bytes))
      outcome(() => trustStore(bytes).find)
      if (certificate === undefined) return
      must(equal(certificate.der, bytes), 'not the whole of its bytes')
      must(
        equal(parseCertificate(certificate.der).signed.data, certificate.signed.data),
        'read twice, differently',
      )
      must(nameText(certificate.subject).length <= 600, 'a subject without end')
      matchesServerName('inner.example.com', certificate.altNames ?? [])
      matchesServerName('192.0.2.7', certificate.altNames ?? [])
      sameAsNode(
        bytes,
        certificate.notAfter,
        certificate.ca && certificate.keyUsage?.has(keyUsageBits.keyCertSign) !== false,
      )
    },
  }
})

/**
 * What OpenSSL decodes before it answers whether a certificate is a CA's, and we do not: one that is malformed makes it answer
 * no. RFC 5280 §4.2 leaves an extension that is not read out of account, and a path refuses it where it is critical.
 */
const unread: readonly Buffer[] = [
  '2.5.29.31', // cRLDistributionPoints
  '1.3.6.1.5.5.7.1.7', // ipAddrBlocks
  '1.3.6.1.5.5.7.1.8', // autonomousSysIds
  '1.3.6.1.5.5.7.1.14', // proxyCertInfo
  '2.16.840.1.113730.1.1', // netscape-cert-type
].map((id) => Buffer.from(oid(id)))

/** The certificate with those extensions under names that OpenSSL does not know either; no length changes. */
function withoutUnread(bytes: Uint8Array): Uint8Array {
  const renamed = Buffer.from(bytes)
  for (const id of unread)
    for (let at = renamed.indexOf(id); at >= 0; at = renamed.indexOf(id, at + 1))
      renamed[at + id.length - 1] = 0x7f
  return renamed
}

/** Where node:crypto reads the certificate too, it must not read another one. */
function sameAsNode(bytes: Uint8Array, notAfter: number, ca: boolean): void {
  let other: { validTo: number; ca: boolean }
  try {
    const read = new X509Certificate(withoutUnread(bytes))
    other = { validTo: Date.parse(read.validTo), ca: read.ca }
  } catch {
    return
  }
  // OpenSSL's text has no year past 9999.
  if (Number.isFinite(other.validTo))
    must(other.validTo === notAfter, `notAfter ${notAfter}, for node:crypto ${other.validTo}`)
  must(!ca || other.ca, 'a CA for us and not for node:crypto')
}
