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

/** Where node:crypto reads the certificate too, it must not read another one. */
function sameAsNode(bytes: Uint8Array, notAfter: number, ca: boolean): void {
  let other: { validTo: number; ca: boolean }
  try {
    const read = new X509Certificate(bytes)
    other = { validTo: Date.parse(read.validTo), ca: read.ca }
  } catch {
    return
  }
  // OpenSSL's text has no year past 9999.
  if (Number.isFinite(other.validTo))
    must(other.validTo === notAfter, `notAfter ${notAfter}, for node:crypto ${other.validTo}`)
  must(!ca || other.ca, 'a CA for us and not for node:crypto')
}
