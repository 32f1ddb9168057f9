// Teleport's identity file, as `tsh login --out`, `tctl auth sign` and Machine ID write it: one text that holds a private
// key, an SSH certificate for it, a TLS certificate for it, and the authorities of both kinds. Only taken apart here;
// what is in the blocks is read where identities and trust anchors are (identity.ts, trust.ts).
import { failure } from '../errors.js'

export interface IdentityFile {
  /** PEM of the one key behind both certificates. */
  readonly privateKey: string
  /** PEM of the TLS certificate. */
  readonly certificate: string
  /** PEM of the TLS authorities that sign the cluster's servers; empty when the file has none. */
  readonly authorities: string
  /** The line of the SSH certificate, in the form of authorized_keys. */
  readonly sshCertificate?: string
  /** `@cert-authority` lines in the form of known_hosts. */
  readonly sshAuthorities: readonly string[]
}

/** Longest text that is read, in characters: a file with hundreds of authorities is far below. */
const maxText = 4 << 20

const sshCertificate = /^(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]*-cert-v\d+@openssh\.com /

/** Take the file apart. Throws ERR_CONFIG_IDENTITY for what is none. */
export function parseIdentityFile(text: string): IdentityFile {
  if (text.length > maxText) throw failure('ERR_CONFIG_IDENTITY', 'the identity file is too large')
  const blocks: { readonly label: string; readonly lines: string[] }[] = []
  const sshAuthorities: string[] = []
  let ssh: string | undefined
  let open: { readonly label: string; readonly lines: string[] } | undefined
  for (const raw of text.split('\n')) {
    const line = raw.trim()
    if (open !== undefined) {
      open.lines.push(line)
      if (line.startsWith('-----END')) open = undefined
    } else if (line.startsWith('-----BEGIN ')) {
      open = { label: line.slice(11).replace(/-----$/, ''), lines: [line] }
      blocks.push(open)
    } else if (line.startsWith('@cert-authority ')) sshAuthorities.push(line)
    else if (sshCertificate.test(line)) ssh = line
  }
  if (open !== undefined) throw failure('ERR_CONFIG_IDENTITY', 'the identity file ends inside a PEM block')
  // The place of a block tells what it is: key, certificate, then authorities.
  const [key, certificate, ...authorities] = blocks
  if (key === undefined || certificate === undefined)
    throw failure('ERR_CONFIG_IDENTITY', 'an identity file has a private key and a certificate')
  if (!key.label.endsWith('PRIVATE KEY'))
    throw failure('ERR_CONFIG_IDENTITY', 'an identity file begins with the private key')
  if ([certificate, ...authorities].some(({ label }) => label !== 'CERTIFICATE'))
    throw failure('ERR_CONFIG_IDENTITY', 'in an identity file only certificates follow the private key')
  return {
    privateKey: pem(key),
    certificate: pem(certificate),
    authorities: authorities.map(pem).join(''),
    ...(ssh !== undefined && { sshCertificate: ssh }),
    sshAuthorities,
  }
}

function pem({ lines }: { readonly lines: readonly string[] }): string {
  return `${lines.join('\n')}\n`
}
