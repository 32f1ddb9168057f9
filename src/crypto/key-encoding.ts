// As much of SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) and PKCS#8 (RFC 5958) as a provider needs to hand a key to its
// engine: numbers of RSA keys, raw Ed25519 keys, and id-RSASSA-PSS keys (RFC 4055) as rsaEncryption ones, the only form
// that WebCrypto imports. Certificates and everything a user may pass in are read in `pki`.
import { type Bytes, concat, equal, fromHex } from '../bytes/index.js'
import type { HashName } from './provider.js'

const rsaEncryption = /* @__PURE__ */ fromHex('300d06092a864886f70d0101010500')
const rsaEncryptionOid = /* @__PURE__ */ fromHex('2a864886f70d010101')
const rsassaPssOid = /* @__PURE__ */ fromHex('2a864886f70d01010a')
const ed25519SpkiPrefix = /* @__PURE__ */ fromHex('302a300506032b6570032100')
const ed25519Oid = /* @__PURE__ */ fromHex('2b6570')
const x25519SpkiPrefix = /* @__PURE__ */ fromHex('302a300506032b656e032100')

const hashOids: ReadonlyArray<readonly [string, HashName]> = [
  ['2b0e03021a', 'SHA-1'],
  ['608648016503040201', 'SHA-256'],
  ['608648016503040202', 'SHA-384'],
  ['608648016503040203', 'SHA-512'],
]
