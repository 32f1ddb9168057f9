// Products that end other people's TLS on the way and sign for every name themselves, by what their certificates say.
import type { CertificateFacts } from '../certificate-facts.js'

const inspectors: ReadonlyArray<readonly [pattern: RegExp, name: string]> = [
  [/zscaler/i, 'Zscaler'],
  [/netskope|goskope/i, 'Netskope'],
  [/palo ?alto/i, 'Palo Alto Networks'],
  [/forti(?:net|gate|guard)/i, 'Fortinet'],
  [/cisco umbrella|opendns/i, 'Cisco Umbrella'],
  [/blue ?coat|symantec web|broadcom web/i, 'Symantec (Blue Coat)'],
  [/sophos/i, 'Sophos'],
  [/check ?point/i, 'Check Point'],
  [/forcepoint|websense/i, 'Forcepoint'],
  [/skyhigh|mcafee web/i, 'Skyhigh (McAfee)'],
  [/barracuda/i, 'Barracuda'],
  [/menlo security/i, 'Menlo Security'],
  [/gateway ca - cloudflare managed/i, 'Cloudflare Gateway'],
  [/kaspersky/i, 'Kaspersky'],
  [/\beset\b/i, 'ESET'],
  [/avast|avg (?:web|technologies)/i, 'Avast'],
  [/bitdefender/i, 'Bitdefender'],
  [/mitmproxy/i, 'mitmproxy'],
  [/charles proxy/i, 'Charles'],
  [/do_not_trust_fiddlerroot|fiddler/i, 'Fiddler'],
  [/portswigger/i, 'Burp Suite'],
]

/** The product whose name is in an issuer of the chain. */
export function inspectorOf(chain: readonly CertificateFacts[]): string | undefined {
  const issuers = chain.map(({ issuer }) => issuer)
  return inspectors.find(([pattern]) => issuers.some((issuer) => pattern.test(issuer)))?.[1]
}
