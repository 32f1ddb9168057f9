// What has been proven before and cannot come out otherwise now: the parsed form of certificates that were on a path that
// held, and that one key verified one signature. Time, names and trust are never remembered. Content is compared byte by
// byte with what was parsed, so nothing is taken for something else; only verified paths enter, in a table of fixed size.
import { equal } from '../bytes/index.js'
import type { CryptoProvider, PublicKey } from '../crypto/provider.js'
import type { Certificate, Signed } from './certificate.js'

/** Certificates, by the last bytes of their signatures, which are as good as random; the one used longest ago goes first. */
const known = /* @__PURE__ */ new Map<string, Certificate>()
const most = 64

function keyOf(der: Uint8Array): string {
  return der.subarray(-4).join()
}

/** The parsed form of a certificate, if it was remembered. */
export function knownCertificate(der: Uint8Array): Certificate | undefined {
  const found = known.get(keyOf(der))
  return found && equal(found.der, der) ? found : undefined
}

/** Remember certificates that are on a path that held; those above 4 kB are rare, and not worth keeping. */
export function rememberCertificates(path: readonly Certificate[]): void {
  for (const one of path) {
    if (one.der.length > 4096) continue
    const key = keyOf(one.der)
    known.delete(key)
    known.set(key, one)
    for (const oldest of known.keys()) if (known.size > most) known.delete(oldest)
  }
}

/** Which key verified a signature, by which provider; gone with the certificate. */
export const verified: WeakMap<Signed, readonly [PublicKey, CryptoProvider]> = new WeakMap()
