// Certificate and key in files of their own: PEM, DER, or both in one PKCS#12 file.

import type { Identity } from '../pki/index.js'
import type { LoginFile, Reading } from './files.js'
import { identityFrom, identitySource } from './identity-source.js'
import type { IdentitySource, SourceOptions } from './login.js'

/** Paths. Certificate and key may be the same file. */
export type FilesIdentity =
  | { readonly certificate: string; readonly privateKey: string; readonly passphrase?: string }
  | { readonly pkcs12: string; readonly passphrase?: string }

/**
 * Throws ERR_CONFIG_FILE, ERR_CONFIG_IDENTITY (which names a foreign format), ERR_CONFIG_PASSPHRASE, and
 * ERR_CONFIG_KEY_MISMATCH.
 */
export function filesIdentity(files: FilesIdentity, options: SourceOptions = {}): Promise<IdentitySource> {
  return identitySource((reading) => load(files, reading), options)
}

/** A pair of files, read as an identity. */
export async function readPair(
  { certificate, privateKey, passphrase }: Exclude<FilesIdentity, { pkcs12: string }>,
  reading: Reading,
): Promise<Identity> {
  const chain = await reading.read(certificate)
  const key = privateKey === certificate ? chain : await reading.read(privateKey)
  reading.holdsKey(key)
  return identityFrom(
    {
      certificate: material(chain),
      privateKey: material(key),
      ...(passphrase !== undefined && { passphrase }),
    },
    chain === key ? [chain] : [chain, key],
  )
}

async function load(files: FilesIdentity, reading: Reading): Promise<Identity> {
  if (!('pkcs12' in files)) return readPair(files, reading)
  const file = await reading.read(files.pkcs12)
  reading.holdsKey(file)
  // PEM where PKCS#12 was said: taken for what it is, since both halves are there.
  if (isPem(file))
    return identityFrom({ certificate: file.text, privateKey: file.text, ...secret(files) }, [file])
  return identityFrom({ pkcs12: file.bytes, ...secret(files) }, [file])
}

function secret({ passphrase }: FilesIdentity): { readonly passphrase?: string } {
  return passphrase === undefined ? {} : { passphrase }
}

function material(file: LoginFile): string | Uint8Array {
  return isPem(file) ? file.text : file.bytes
}

function isPem({ text }: LoginFile): boolean {
  return text.includes('-----BEGIN ')
}
