// Whom to trust: anchors given as PEM or DER, indexed by subject and parsed when a path needs them; and the one way not
// to verify, a value of its own type with a reason in it.
import { equal } from '../bytes/index.js'
import { asTunnelError, failure, type TunnelError } from '../errors.js'
import { type Certificate, peekSubject, readCertificate } from './certificate.js'
import { knownCertificate } from './known.js'
import type { Name } from './names.js'
import { certificatesIn } from './pem.js'

/** PEM text (any number of certificates), DER, a list of either, or a store made before. */
export type TrustInput = string | Uint8Array | ReadonlyArray<string | Uint8Array> | TrustStore

/** Trust anchors. */
export interface TrustStore {
  readonly kind: 'anchors'
  /** Number of different anchors. */
  readonly size: number
  /** Anchors of a subject; one that cannot be parsed is the error that says why. */
  find(subject: Name): ReadonlyArray<Certificate | TunnelError>
}

/** No verification at all; `reason` shows in traces. */
export interface UnverifiedTrust {
  readonly kind: 'unverified'
  readonly reason: string
}

export type Trust = TrustInput | UnverifiedTrust

/** What no production code should need, by a name that shows in a review. */
export const dangerously: { anyCertificate(reason: string): UnverifiedTrust } = {
  /** Accept any certificate of any peer. `reason` must say why. */
  anyCertificate(reason) {
    if (typeof reason !== 'string' || reason.trim() === '')
      throw failure('ERR_CONFIG_TRUST', 'unverified use needs a reason')
    return { kind: 'unverified', reason }
  },
}

/** Index trust anchors. Throws ERR_CONFIG_TRUST when there is none, or when one is not a certificate. */
export function trustStore(input: TrustInput): TrustStore {
  if (isTrustStore(input)) return input
  const list = [input].flat()
  const { size, find } = certificateIndex(
    list.flatMap((item) => certificatesIn(item, 'ERR_CONFIG_TRUST')),
    (cause) => {
      throw failure('ERR_CONFIG_TRUST', 'a trust anchor is not a certificate', { cause })
    },
  )
  if (size === 0) throw failure('ERR_CONFIG_TRUST', 'no certificate in it')
  return { kind: 'anchors', size, find }
}

/** Certificates by subject, each parsed when first found. What has no readable subject goes to `skip`. */
export function certificateIndex(
  ders: readonly Uint8Array[],
  skip: (error: unknown) => void,
): Pick<TrustStore, 'size' | 'find'> {
  const index = new Map<string, Entry[]>()
  let size = 0
  for (const der of ders) {
    let key: string
    try {
      key = (knownCertificate(der)?.subject ?? peekSubject(der)).key
    } catch (error) {
      skip(error)
      continue
    }
    const known = index.get(key)
    if (known?.some((entry) => equal(entry.der, der))) continue
    const entry = { der, parsed: undefined }
    if (known === undefined) index.set(key, [entry])
    else known.push(entry)
    size++
  }
  return {
    size,
    find: (subject) => (index.get(subject.key) ?? []).map((entry) => (entry.parsed ??= parse(entry.der))),
  }
}

interface Entry {
  readonly der: Uint8Array
  parsed: Certificate | TunnelError | undefined
}

function isTrustStore(input: TrustInput): input is TrustStore {
  return typeof input === 'object' && input !== null && 'kind' in input && input.kind === 'anchors'
}

function parse(der: Uint8Array): Certificate | TunnelError {
  try {
    return knownCertificate(der) ?? readCertificate(der)
  } catch (error) {
    return asTunnelError(error)
  }
}
