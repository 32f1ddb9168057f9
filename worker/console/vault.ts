// Identities kept in this browser: keys that cannot leave it, with the certificates that were made for them.
import { generateIdentity, type IdentityInput, identityStore } from './library.js'

export interface KeptIdentity {
  readonly id: string
  readonly label: string
  /** The request for its certificate, while that is awaited. */
  readonly request: string | undefined
}

/** Keys that cannot be exported are WebCrypto's, and that is for secure origins. */
export function mayKeep(): boolean {
  return globalThis.crypto?.subtle !== undefined && globalThis.indexedDB !== undefined
}

export async function keptIdentities(): Promise<KeptIdentity[]> {
  if (!mayKeep()) return []
  const store = await identityStore()
  return (await store.list()).map(({ name, notAfter, certificateRequest }) => ({
    id: name,
    label: notAfter === undefined ? name : `${name}, until ${new Date(notAfter).toISOString().slice(0, 10)}`,
    request: certificateRequest,
  }))
}

/** Ready for the dialer; undefined for one that is not there, or still waits for its certificate. */
export async function keptIdentity(id: string): Promise<IdentityInput | undefined> {
  return (await identityStore()).get(id)
}

/** Whether something is kept under the name: what would take its place would end its key, of which there is no copy. */
export async function isKept(name: string): Promise<boolean> {
  return (await keptIdentities()).some(({ id }) => id === name)
}

export const nameIsTaken = 'One is kept under this name: choose another, or forget that one first'

/** A new key under the name, and the request for its certificate. */
export async function makeKey(name: string): Promise<string> {
  const pending = await generateIdentity({ subject: { commonName: name } })
  await (await identityStore()).put(name, pending)
  return pending.certificateRequest
}

/** What the authority signed. Throws ERR_CONFIG_KEY_MISMATCH for another key's certificate. */
export async function complete(id: string, certificate: string): Promise<void> {
  const store = await identityStore()
  const pending = await store.pending(id)
  if (pending === undefined) return
  await store.put(id, await pending.withCertificate(certificate))
}

export async function keep(name: string, input: IdentityInput): Promise<void> {
  await (await identityStore()).put(name, input)
}

export async function forget(id: string): Promise<void> {
  await (await identityStore()).delete(id)
}
