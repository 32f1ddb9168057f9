// What was pasted or dropped as an identity, sorted: certificates, a key, a PKCS#12 file, authorities. Reading what is in
// them, and taking a Teleport identity file apart, is the library's.
import type { readIdentityFile } from './library.js'

export interface Credentials {
  readonly certificates: string
  readonly privateKey: string
  readonly pkcs12: Uint8Array<ArrayBuffer> | undefined
  /** PEM of authorities that came along (Teleport identity files); for the trust field. */
  readonly authorities: string
}

export const noCredentials: Credentials = {
  certificates: '',
  privateKey: '',
  pkcs12: undefined,
  authorities: '',
}

const blockPattern = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g

interface Given {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly text: string | undefined
}

/** What one file adds to what was given before: a key may come in a file of its own. Throws as `read`. */
export async function withFile(
  before: Credentials,
  file: Given,
  read: typeof readIdentityFile,
): Promise<Credentials> {
  const { text, bytes } = file
  if (text === undefined || !text.includes('-----BEGIN ')) return { ...noCredentials, pkcs12: bytes }
  return withText({ ...before, pkcs12: undefined }, text, read)
}

export async function withText(
  before: Credentials,
  text: string,
  read: typeof readIdentityFile,
): Promise<Credentials> {
  const blocks = [...text.matchAll(blockPattern)].map(([pem, label]) => ({ pem, label: label! }))
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY')).map(({ pem }) => pem)
  // An SSH certificate beside a key: a Teleport identity file.
  if (keys.length > 0 && /-cert-v\d+@openssh\.com /.test(text)) {
    const { privateKey, certificate, authorities } = await read(text)
    return { pkcs12: undefined, privateKey, certificates: certificate, authorities }
  }
  const own = blocks.filter(({ label }) => label === 'CERTIFICATE').map(({ pem }) => pem)
  return {
    ...before,
    privateKey: keys[0] ?? before.privateKey,
    certificates: own.length > 0 ? `${own.join('\n')}\n` : before.certificates,
  }
}

/** Whether a passphrase is needed to open them. */
export function isLocked({ privateKey, pkcs12 }: Credentials): boolean {
  return pkcs12 !== undefined || /ENCRYPTED/.test(privateKey)
}

/** In a line, for the form. */
export function describe({ certificates, privateKey, pkcs12 }: Credentials): string {
  if (pkcs12 !== undefined) return `PKCS#12, ${pkcs12.length} bytes`
  const count = certificates.match(/BEGIN CERTIFICATE/g)?.length ?? 0
  const parts = [
    count > 0 && `${count} certificate${count === 1 ? '' : 's'}`,
    privateKey !== '' && (/ENCRYPTED/.test(privateKey) ? 'a locked key' : 'a key'),
  ].filter((part) => part !== false)
  return parts.length === 0 ? 'Nothing yet' : parts.join(' and ')
}
