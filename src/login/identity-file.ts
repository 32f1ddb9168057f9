// Teleport's identity file: key, certificates and authorities in one text, from `tsh login --out`, `tctl auth sign` or tbot.
import { stat } from 'node:fs/promises'
import { botOutput } from './bot-output.js'
import { readIdentityFile } from './identity-parts.js'
import { identityFrom, identitySource } from './identity-source.js'
import { type Login, loginOf, type SourceOptions } from './login.js'

/**
 * The login of an identity file; of a directory, as `botOutput`. It does not know its proxy. Throws ERR_CONFIG_FILE,
 * ERR_CONFIG_IDENTITY (which names a foreign format) and ERR_CONFIG_KEY_MISMATCH.
 */
export async function identityFile(path: string, options: SourceOptions = {}): Promise<Login> {
  if (await isDirectory(path)) return botOutput(path, options)
  let authorities: string | undefined
  const identity = await identitySource(async (files) => {
    const [file, parts] = await readIdentityFile(path, files)
    authorities = parts.authorities
    return identityFrom(parts, [file])
  }, options)
  return loginOf(identity, authorities)
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
