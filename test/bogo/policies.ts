// BoringSSL's named policies (ssl_compliance_policy_t) as what they are to us: a crypto provider with fewer rows, and the
// signature schemes that remain.
import type { CryptoProvider } from '../../src/crypto/provider.js'
import { Unimplemented } from './flags.js'

interface Policy {
  readonly aeads: readonly string[]
  readonly groups: readonly string[]
  /** Ids, in preference order. */
  readonly schemes: readonly number[]
  readonly minVersion?: number
}

const policies: Readonly<Record<string, Policy>> = {
  // NIST SP 800-52r2.
  'fips-202205': {
    aeads: ['AES-128-GCM', 'AES-256-GCM'],
    groups: ['secp256r1', 'secp384r1'],
    schemes: [0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0403, 0x0503],
  },
  // WPA3-Enterprise, 192-bit mode.
  'wpa-202304': {
    aeads: ['AES-256-GCM'],
    groups: ['secp384r1'],
    schemes: [0x0805, 0x0806, 0x0501, 0x0601, 0x0503],
  },
  // CNSA 1.0; ML-KEM-1024, which it allows too, no provider has.
  'cnsa1-202603': { aeads: ['AES-256-GCM'], groups: ['secp384r1'], schemes: [0x0805, 0x0501, 0x0503] },
}

export interface Restricted {
  readonly crypto: CryptoProvider
  readonly schemes: readonly number[] | undefined
}

export function underPolicy(crypto: CryptoProvider, name: string | undefined): Restricted {
  if (name === undefined) return { crypto, schemes: undefined }
  const policy = policies[name]
  // CNSA 2.0 allows ML-KEM-1024 and nothing else.
  if (policy === undefined) throw new Unimplemented(`-${name}: no provider has its key exchange`)
  return {
    crypto: {
      ...crypto,
      suites: crypto.suites.filter(({ aead }) => policy.aeads.includes(aead.name)),
      groups: crypto.groups.filter((group) => policy.groups.includes(group.name)),
    },
    schemes: policy.schemes,
  }
}
