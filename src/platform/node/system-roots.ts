// The roots that Node itself would trust: its own list, what NODE_EXTRA_CA_CERTS adds, and the file of SSL_CERT_FILE,
// which OpenSSL programs and many container images use. Read once a process; nothing is verified here.
import { readFileSync } from 'node:fs'
import type { Bytes } from '../../bytes/index.js'
import { parsePem } from '../../pki/index.js'

let loaded: readonly Bytes[] | undefined

/** DER certificates. A file that cannot be read adds nothing, as in Node: fewer roots never trust more. */
export function systemRoots(): readonly Bytes[] {
  loaded ??= [...nodeRoots(), ...fileRoots('SSL_CERT_FILE')]
  return loaded
}

function nodeRoots(): readonly Bytes[] {
  // Its list is parsed as it is loaded, which who names his roots need not wait for.
  const tls = process.getBuiltinModule('node:tls')
  // Node 22.15 and later can tell exactly; NODE_EXTRA_CA_CERTS and --use-system-ca are in it.
  const { getCACertificates } = tls as { getCACertificates?: (kind: 'default') => string[] }
  if (getCACertificates !== undefined) return getCACertificates('default').flatMap(certificates)
  return [...tls.rootCertificates.flatMap(certificates), ...fileRoots('NODE_EXTRA_CA_CERTS')]
}

function fileRoots(variable: string): readonly Bytes[] {
  const path = process.env[variable]
  if (path === undefined || path === '') return []
  try {
    return certificates(readFileSync(path, 'latin1'))
  } catch {
    return []
  }
}

function certificates(pem: string): Bytes[] {
  return parsePem(pem)
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ der }) => der)
}
