// A directory that tbot (Teleport Machine ID) writes and renews: certificate, key and authorities under fixed names, and the
// same as one identity file. The names are those of tbot's outputs.
import { join } from 'node:path'
import { failure } from '../errors-node.js'
import type { Identity } from '../pki/index.js'
import { type Reading, reading } from './files.js'
import { readPair } from './files-identity.js'
import { readIdentityFile } from './identity-parts.js'
import { identityFrom, identitySource } from './identity-source.js'
import { type Login, loginOf, type SourceOptions } from './login.js'
import { checkedTrust } from './trust-file.js'

// The first pair that is there counts. `tls.*` is what `specific_tls_naming` and the database format `tls` add, `svid*` is a
// workload identity.
const pairs: ReadonlyArray<readonly [certificate: string, privateKey: string]> = [
  ['tlscert', 'key'],
  ['tls.crt', 'tls.key'],
  ['svid.pem', 'svid_key.pem'],
]

// Who signs the proxy. The user and database authorities that lie beside it sign no server that is met here. The last name
// is none of tbot's own, but secrets are made with it.
const authorities: readonly string[] = [
  'teleport-host-ca.crt',
  'tls.cas',
  'svid_bundle.pem',
  'teleport-application-ca.pem',
]

/**
 * The login in a directory. It does not know its proxy. Throws ERR_CONFIG_LOGIN where none of the files is there, and what
 * identities throw.
 */
export async function botOutput(directory: string, options: SourceOptions = {}): Promise<Login> {
  const identity = await identitySource((files) => load(directory, files), options)
  return loginOf(identity, await trustIn(directory, reading()))
}

async function load(directory: string, files: Reading): Promise<Identity> {
  for (const [certificate, privateKey] of pairs) {
    const place = { certificate: join(directory, certificate), privateKey: join(directory, privateKey) }
    if ((await files.find(place.certificate)) !== undefined) return readPair(place, files)
  }
  const together = join(directory, 'identity')
  if ((await files.find(together)) !== undefined) {
    const [file, parts] = await readIdentityFile(together, files)
    return identityFrom(parts, [file])
  }
  const names = [...pairs.map(([certificate]) => certificate), 'identity']
  throw failure('ERR_CONFIG_LOGIN', `${directory} has none of ${names.join(', ')}`, {
    hint: 'Give the destination directory of an output of tbot, and let tbot run once before.',
  })
}

async function trustIn(directory: string, files: Reading): Promise<string | undefined> {
  for (const name of authorities) {
    const file = await files.find(join(directory, name))
    if (file !== undefined && file.text.trim() !== '') return checkedTrust(file.path, file.text)
  }
  const together = join(directory, 'identity')
  if ((await files.find(together)) === undefined) return undefined
  return (await readIdentityFile(together, files))[1].authorities
}
