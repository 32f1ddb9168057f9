// BoringSSL's named policies (ssl_compliance_policy_t) as what they are to us: a crypto provider with fewer rows, and the
// signature schemes that remain.

import { groupIds } from '../../src/crypto/groups.js'
import type { CryptoProvider, Group } from '../../src/crypto/provider.js'

interface Policy {
  readonly aeads: readonly string[]
  /** Ids. */
  readonly groups: readonly number[]
  /** Ids, in preference order. */
  readonly schemes: readonly number[]
}

const { secp256r1, secp384r1 } = groupIds
const MLKEM1024 = 0x0202

const policies: Readonly<Record<string, Policy>> = {
  // NIST SP 800-52r2.
  'fips-202205': {
    aeads: ['AES-128-GCM', 'AES-256-GCM'],
    groups: [secp256r1, secp384r1],
    schemes: [0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0403, 0x0503],
  },
  // WPA3-Enterprise, 192-bit mode.
  'wpa-202304': {
    aeads: ['AES-256-GCM'],
    groups: [secp384r1],
    schemes: [0x0805, 0x0806, 0x0501, 0x0601, 0x0503],
  },
  // CNSA 1.0 with its way forward, and CNSA 2.0.
  'cnsa1-202603': {
    aeads: ['AES-256-GCM'],
    groups: [secp384r1, MLKEM1024],
    schemes: [0x0805, 0x0501, 0x0503],
  },
  'cnsa2-202603': { aeads: ['AES-256-GCM'], groups: [MLKEM1024], schemes: [0x0805, 0x0501, 0x0503] },
}

export interface Restricted {
  readonly crypto: CryptoProvider
  readonly schemes: readonly number[] | undefined
}

/** `more` are groups that a policy may want and the provider does not offer by itself. */
export function underPolicy(
  crypto: CryptoProvider,
  more: readonly Group[],
  name: string | undefined,
): Restricted {
  if (name === undefined) return { crypto, schemes: undefined }
  const policy = policies[name]!
  const groups = [...crypto.groups, ...more].filter(({ id }) => policy.groups.includes(id))
  const suites = crypto.suites.filter(({ aead }) => policy.aeads.includes(aead.name))
  return { crypto: { ...crypto, groups, suites }, schemes: policy.schemes }
}
