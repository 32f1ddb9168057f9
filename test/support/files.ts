// Temporary folders and the certificate files that external programs read. Every folder made here is removed by its
// owner, or at the latest when the process ends.

import { rmSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Authority, Issued } from './certificates.js'

export interface TemporaryFolder {
  readonly path: string
  /** Write a file into it and get its path. Mode defaults to 0600. */
  write(name: string, content: string | Uint8Array, mode?: number): Promise<string>
  remove(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A new folder under the system's temporary one, which other users may enter: servers drop their privileges. */
export async function temporaryFolder(label = 'test'): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), `underpass-${label}-`))
  await chmod(path, 0o755)
  folders.add(path)
  const remove = async (): Promise<void> => {
    folders.delete(path)
    await rm(path, { recursive: true, force: true, maxRetries: 3 })
  }
  return {
    path,
    async write(name, content, mode = 0o600) {
      const file = join(path, name)
      await writeFile(file, content, { mode })
      await chmod(file, mode)
      return file
    },
    remove,
    [Symbol.asyncDispose]: remove,
  }
}

export interface CertificateFiles {
  /** PEM of leaf and intermediates. */
  readonly certificate: string
  readonly privateKey: string
  /** Chain and key in one file, as HAProxy wants it. */
  readonly both: string
}

/** Write `issued` as PEM files `<name>.crt`, `<name>.key` and `<name>.pem`. */
export async function writeCertificate(
  folder: TemporaryFolder,
  name: string,
  issued: Pick<Issued, 'chain' | 'privateKey'>,
): Promise<CertificateFiles> {
  const [certificate, privateKey, both] = await Promise.all([
    folder.write(`${name}.crt`, issued.chain, 0o644),
    folder.write(`${name}.key`, issued.privateKey),
    folder.write(`${name}.pem`, issued.chain + issued.privateKey),
  ])
  return { certificate, privateKey, both }
}

/** Write an authority's certificate as `<name>.crt`. */
export function writeAuthority(folder: TemporaryFolder, name: string, authority: Authority): Promise<string> {
  return folder.write(`${name}.crt`, authority.certificate, 0o644)
}

const folders = new Set<string>()
process.once('exit', () => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})
