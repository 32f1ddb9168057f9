// An identity file on the disk, taken apart.
import { asTunnelError } from '../errors-node.js'
import { type IdentityFile, parseIdentityFile } from '../pki/index.js'
import type { LoginFile, Reading } from './files.js'
import { namingForeign } from './foreign-format.js'

/** The file and its parts. Throws ERR_CONFIG_FILE and ERR_CONFIG_IDENTITY. */
export async function readIdentityFile(path: string, files: Reading): Promise<[LoginFile, IdentityFile]> {
  const file = await files.read(path)
  files.holdsKey(file)
  try {
    return [file, parseIdentityFile(file.text)]
  } catch (error) {
    throw namingForeign(asTunnelError(error, 'ERR_CONFIG_IDENTITY'), [file])
  }
}
