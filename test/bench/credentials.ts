// Certificates of the benchmarks: a root, maybe an intermediate, a server and a client. Made in a process of their own:
// their library wants a polyfill in place before it is loaded.
import { serverName } from './names.js'
import { ask, start } from './processes.js'

export { serverName }

export interface Wanted {
  readonly key: 'ecdsa-p256' | 'rsa-2048'
  /** As chains are in the world; without it the root signs by itself. */
  readonly intermediate: boolean
  readonly names: readonly string[]
}

export interface KeyAndChain {
  /** PEM, leaf first, without the root. */
  readonly chain: string
  /** PEM of PKCS#8. */
  readonly privateKey: string
}

export interface Credentials {
  /** PEM of the root. */
  readonly ca: string
  readonly server: KeyAndChain
  readonly client: KeyAndChain
}

export async function createCredentials(
  key: Wanted['key'] = 'ecdsa-p256',
  intermediate = false,
): Promise<Credentials> {
  const child = await start('issuer')
  const wanted: Wanted = { key, intermediate, names: [serverName, 'localhost', '127.0.0.1'] }
  const made = await ask<Credentials>(child, wanted)
  child.disconnect()
  return made
}
