// Identities kept in IndexedDB: the browser stores CryptoKeys as they are, so a key that cannot be extracted survives a
// reload without anybody ever having seen it. Whoever runs code on this origin can use the keys, but not take them along.
import type { Bytes } from '../../bytes/index.js'
import { attempt } from '../../crypto/key-encoding.js'
import type { KeyKind } from '../../crypto/provider.js'
import { failure } from '../../errors.js'
import { type Identity, type IdentityInput, loadIdentity } from '../../pki/index.js'
import { nameText } from '../../pki/name-text.js'
import { parseCertificate } from '../../pki/whole.js'
import { type PendingIdentity, pendingKey, pendingWith } from './generated-identity.js'
import { type KeptKey, keeping, keptKey, keptSigner } from './kept-keys.js'

/** What the list says of one. */
export interface StoredIdentity {
  readonly name: string
  /** Milliseconds since 1970. */
  readonly created: number
  /** RFC 4514 text of the certificate's subject; absent while there is no certificate. */
  readonly subject?: string
  /** When the certificate ends, in milliseconds since 1970. */
  readonly notAfter?: number
  /** The request that waits for an answer. */
  readonly certificateRequest?: string
}

export interface IdentityStore {
  /** By name. */
  list(): Promise<readonly StoredIdentity[]>
  /** An identity ready for the dialer; undefined where there is none, or one without its certificate yet. */
  get(name: string): Promise<Identity | undefined>
  /** What waits for its certificate. */
  pending(name: string): Promise<PendingIdentity | undefined>
  /**
   * Keeps it under the name, in place of what was there. Private keys become CryptoKeys that cannot be extracted. Throws as
   * `loadIdentity`, and ERR_CONFIG_IDENTITY for a signer that holds its key elsewhere.
   */
  put(name: string, identity: IdentityInput | PendingIdentity): Promise<void>
  /** Whether there was one. */
  delete(name: string): Promise<boolean>
}

interface Row {
  readonly name: string
  readonly created: number
  readonly kind: KeyKind
  readonly spki: Bytes
  readonly keys: readonly CryptoKey[]
  readonly request?: string
  /** DER, leaf first. */
  readonly chain?: readonly Bytes[]
}

const table = 'identities'

/** As in the door. */
export function openIdentityStore(database: string): IdentityStore {
  return {
    async list() {
      const rows = await inTable<Row[]>(database, 'readonly', (store) => store.getAll())
      return rows.map(described).sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    async get(name) {
      const row = await rowNamed(database, name)
      if (row?.chain === undefined) return undefined
      const { chain } = row
      return { chain, leaf: parseCertificate(chain[0]!), signer: keptSigner(row) }
    },
    async pending(name) {
      const row = await rowNamed(database, name)
      return row?.request === undefined ? undefined : pendingWith(row, row.request)
    },
    async put(name, identity) {
      const row = { name: named(name), created: Date.now(), ...(await rowOf(identity)) }
      await inTable(database, 'readwrite', (store) => store.put(row))
    },
    async delete(name) {
      const found = await inTable<number>(database, 'readonly', (store) => store.count(named(name)))
      await inTable(database, 'readwrite', (store) => store.delete(name))
      return found > 0
    },
  }
}

function rowNamed(database: string, name: string): Promise<Row | undefined> {
  return inTable(database, 'readonly', (store) => store.get(named(name)))
}

async function rowOf(identity: IdentityInput | PendingIdentity): Promise<Omit<Row, 'name' | 'created'>> {
  if ('certificateRequest' in identity) {
    const key = pendingKey(identity)
    if (key === undefined) throw failure('ERR_CONFIG_IDENTITY', 'this request was not made here')
    return { ...columns(key, identity.spki), request: identity.certificateRequest }
  }
  const { chain, leaf, signer } = await loadIdentity(identity, keeping())
  const key = keptKey(signer)
  if (key === undefined)
    throw failure(
      'ERR_CONFIG_IDENTITY',
      'a signer cannot be kept; give the store PEM, PKCS#12 or a CryptoKey',
    )
  return { ...columns(key, leaf.publicKey.spki), chain: chain.map((each) => new Uint8Array(each)) }
}

// Copies: a view would take all of its buffer along.
function columns({ kind, keys }: KeptKey, spki: Uint8Array): Pick<Row, 'kind' | 'keys' | 'spki'> {
  return { kind, keys, spki: new Uint8Array(spki) }
}

function described({ name, created, chain, request }: Row): StoredIdentity {
  if (chain === undefined)
    return { name, created, ...(request !== undefined && { certificateRequest: request }) }
  // One record that cannot be read hides no other, and can be deleted by its name.
  const leaf = attempt(() => parseCertificate(chain[0] ?? new Uint8Array()))
  if (leaf === undefined) return { name, created }
  return { name, created, subject: nameText(leaf.subject), notAfter: leaf.notAfter }
}

function named(name: string): string {
  if (typeof name !== 'string' || name === '')
    throw failure('ERR_CONFIG_INVALID', 'an identity is kept under a name')
  return name
}

/** One request in one transaction; resolves when it is written. */
async function inTable<T>(
  database: string,
  mode: IDBTransactionMode,
  act: (store: IDBObjectStore) => IDBRequest,
): Promise<T> {
  const opened = await open(database)
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = opened.transaction(table, mode)
      const request = act(transaction.objectStore(table))
      const failed = (): void => reject(unable(transaction.error ?? request.error))
      transaction.onabort = failed
      transaction.onerror = failed
      transaction.oncomplete = () => resolve(request.result as T)
    })
  } finally {
    opened.close()
  }
}

function open(database: string): Promise<IDBDatabase> {
  const factory = (globalThis as { readonly indexedDB?: IDBFactory }).indexedDB
  if (factory === undefined) throw unable(undefined)
  return new Promise((resolve, reject) => {
    const request = factory.open(database, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(table, { keyPath: 'name' })
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(unable(request.error))
  })
}

function unable(cause: unknown): Error {
  return failure('ERR_UNSUPPORTED_PLATFORM', 'IndexedDB does not keep anything for this page', { cause })
}
