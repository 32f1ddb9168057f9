// What a file looks like when it is not what was asked for: people hand over SSH keys, kubeconfigs and bundles of other
// tools. Looks at the beginning only, and says what to do instead; nothing is converted here.
import { type Der, der } from '../der/index.js'
import { failure, type TunnelError } from '../errors-node.js'
import type { LoginFile } from './files.js'

export interface Foreign {
  /** What it looks like, with its article. */
  readonly looks: string
  readonly hint: string
}

/** The name of a format that is not a certificate or key as TLS uses them; undefined where nothing is recognised. */
export function foreignFormat({ bytes, text }: Pick<LoginFile, 'bytes' | 'text'>): Foreign | undefined {
  if (bytes.length === 0)
    return { looks: 'an empty file', hint: 'Write the file again; it may have been cut off.' }
  return binaryFormat(bytes) ?? texts.find(({ pattern }) => pattern.test(text.slice(0, HEAD)))
}

/**
 * `error`, told with the format of the first of `files` that is foreign. Other errors than ERR_CONFIG_IDENTITY stay as they
 * are.
 */
export function namingForeign(error: TunnelError, files: readonly LoginFile[]): TunnelError {
  if (error.code !== 'ERR_CONFIG_IDENTITY') return error
  for (const file of files) {
    const foreign = foreignFormat(file)
    if (foreign === undefined) continue
    return failure('ERR_CONFIG_IDENTITY', `${file.path} looks like ${foreign.looks}`, {
      hint: foreign.hint,
      cause: error,
    })
  }
  const paths = files.map(({ path }) => path).join(', ')
  return failure('ERR_CONFIG_IDENTITY', `${paths}: ${error.detail ?? 'not understood'}`, {
    hint: error.hint,
    cause: error.cause ?? error,
  })
}

/** Characters looked at: what tells a format stands at its beginning. */
const HEAD = 4096

const pemHint = 'Give PEM: a certificate chain, and a PKCS#8, PKCS#1 or SEC 1 private key.'

// The first that fits counts. A login file may hold an SSH certificate beside TLS ones, so these ask for the beginning.
const texts: ReadonlyArray<Foreign & { readonly pattern: RegExp }> = [
  {
    pattern: /-----BEGIN OPENSSH PRIVATE KEY-----/,
    looks: 'an OpenSSH private key',
    hint: 'TLS needs its own key and certificate: use the TLS files of the login, or convert a copy with ssh-keygen -p -m PKCS8 -f COPY.',
  },
  {
    pattern: /^\s*(sk-)?(ssh|ecdsa)-[a-z0-9@.-]*-cert-v\d+@openssh\.com /,
    looks: 'an SSH certificate',
    hint: 'SSH certificates are no X.509 certificates: use the TLS certificate of the login (.crt, -x509.pem or tlscert).',
  },
  {
    pattern: /^\s*(sk-)?(ssh-(rsa|dss|ed25519)|ecdsa-sha2-[a-z0-9-]+)(@openssh\.com)? [A-Za-z0-9+/=]+/,
    looks: 'an SSH public key',
    hint: 'Use the TLS certificate of the login (.crt, -x509.pem or tlscert).',
  },
  {
    pattern: /^PuTTY-User-Key-File-\d/,
    looks: 'a PuTTY key',
    hint: 'Use the TLS key of the login; PuTTY keys are for SSH.',
  },
  {
    // Its `kind` comes after data of any length, `clusters` at once.
    pattern: /^apiVersion: *v1\b[\s\S]*?^(kind: *Config\b|clusters:)/m,
    looks: 'a kubeconfig',
    hint: 'Take client-certificate-data and client-key-data out of it (base64 -d), or use the login it was made from.',
  },
  {
    pattern: /-----BEGIN (PKCS7|CMS)-----/,
    looks: 'PKCS#7',
    hint: 'Convert it: openssl pkcs7 -print_certs -in FILE. It holds no private key.',
  },
  {
    pattern: /-----BEGIN (NEW )?CERTIFICATE REQUEST-----/,
    looks: 'a certificate request',
    hint: 'Have it signed, and give the certificate that comes back.',
  },
  {
    pattern: /-----BEGIN ([A-Z0-9]+ )?PUBLIC KEY-----/,
    looks: 'a public key',
    hint: 'A certificate and its private key are needed; a public key is neither.',
  },
  { pattern: /-----BEGIN PGP /, looks: 'OpenPGP', hint: pemHint },
  {
    pattern: /-----BEGIN (PIV YUBIKEY|TSS2) PRIVATE KEY-----/,
    looks: 'a reference to a key inside a device',
    hint: 'The key cannot leave its device: log in without a hardware key policy, or use the library with a Signer.',
  },
  {
    pattern: /^\s*<(!doctype|html|\?xml)/i,
    looks: 'a web page',
    hint: 'Download the file again; a login page was saved.',
  },
  { pattern: /^\s*\{/, looks: 'JSON', hint: pemHint },
  {
    pattern: /^\s*apiVersion:/m,
    looks: 'a Kubernetes resource',
    hint: 'Take the data out of the secret (kubectl get secret -o jsonpath, base64 -d).',
  },
]

function binaryFormat(bytes: Uint8Array): Foreign | undefined {
  const magic = (...numbers: number[]) => numbers.every((byte, i) => bytes[i] === byte)
  if (magic(0xff, 0xfe) || magic(0xfe, 0xff))
    return { looks: 'text in UTF-16', hint: 'Save it as UTF-8 (PowerShell: Set-Content -Encoding utf8).' }
  if (magic(0xfe, 0xed, 0xfe, 0xed) || magic(0xce, 0xce, 0xce, 0xce))
    return {
      looks: 'a Java key store',
      hint: 'Convert it: keytool -importkeystore -deststoretype pkcs12, then give it as PKCS#12.',
    }
  return bytes[0] === 0x30 && bytes[1] !== 0x20 ? derFormat(bytes) : undefined
}

/** DER by its first elements. A certificate or a key in DER is no foreign format where bytes are taken. */
function derFormat(bytes: Uint8Array): Foreign | undefined {
  const elements = firstElements(bytes)
  if (elements === undefined) return undefined
  const [first, second] = elements
  // PFX ::= SEQUENCE { version INTEGER (3), authSafe ContentInfo … }: RFC 7292 §4.
  if (first?.tag === 0x02 && first.content[0] === 3 && second?.tag === 0x30)
    return { looks: 'PKCS#12', hint: 'Give it as PKCS#12, with its passphrase.' }
  // ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER … }: RFC 5652 §3.
  if (first?.tag === 0x06)
    return {
      looks: 'PKCS#7',
      hint: 'Convert it: openssl pkcs7 -inform DER -print_certs -in FILE. It holds no private key.',
    }
  return undefined
}

function firstElements(bytes: Uint8Array): Der[] | undefined {
  try {
    const sequence = der(bytes).inside(0x30)
    const elements: Der[] = []
    while (sequence.more && elements.length < 2) elements.push(sequence.next())
    return elements
  } catch {
    // BER, as many tools write PKCS#12 and PKCS#7: the definite part of its beginning is enough.
    return undefined
  }
}
