// The object identifiers of keys and of what signs with them, in dotted text. No parsing.
import type { CurveName, HashName } from './provider.js'

export const keyIds = {
  rsa: '1.2.840.113549.1.1.1',
  rsaPss: '1.2.840.113549.1.1.10',
  ec: '1.2.840.10045.2.1',
  ed25519: '1.3.101.112',
} as const

export const mgf1 = '1.2.840.113549.1.1.8'

/** RFC 5480 §2.1.1.1. */
export const curveIds: Readonly<Record<string, CurveName>> = {
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
  '1.3.132.0.35': 'P-521',
}

/** Digests that are good enough for signatures. */
export const hashIds: Readonly<Record<string, HashName>> = {
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
}
