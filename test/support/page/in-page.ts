// What tests call inside the page: dialing with options that pass as JSON, moving bytes with checksums, and telling outcomes
// in words. Sums are computed while bytes pass, so that nothing large is held.
import { TunnelError } from '../../../src/errors.js'
import type {
  Dialer,
  DialerOptions,
  Identity,
  IdentityInput,
  PendingIdentity,
  TunnelInfo,
  TunnelSocket,
  WebSocketInterface,
} from '../../../src/platform/browser/index.js'
import * as underpass from '../../../src/platform/browser/index.js'
import { block, PatternCheck, patternBlock } from './pattern.js'

export interface DialRequest {
  readonly origin: string
  readonly trust: string
  readonly serverName: string
  readonly alpn: readonly string[]
  readonly path?: string
  readonly webSocket?: WebSocketInterface
  readonly identity?: IdentityRequest
  /** Without crypto.subtle: node-forge and noble. */
  readonly software?: boolean
  readonly handshakeTimeout?: number
  readonly keepAlive?: { readonly interval: number; readonly timeout: number }
}

/** How the identity comes into the page. */
export type IdentityRequest =
  | { readonly pem: { readonly certificate: string; readonly privateKey: string } }
  | { readonly pkcs12: readonly number[]; readonly passphrase: string }
  | { readonly file: string }
  | { readonly stored: string }

export const traced: {
  readonly layer: string
  readonly type: string
  readonly name?: string
  readonly facts?: object
}[] = []

/** What was opened last, for tests that look at it from several sides. */
export const state: {
  dialer?: Dialer
  socket?: TunnelSocket<TunnelInfo>
  pending?: PendingIdentity
  reader?: ReadableStreamDefaultReader<Uint8Array>
} = {}

/** Opens a tunnel and tells about it, or the error. */
export async function dial(request: DialRequest): Promise<Outcome> {
  traced.length = 0
  try {
    const socket = await connected(request)
    return { info: JSON.parse(JSON.stringify(told(socket.info))) as ToldInfo }
  } catch (error) {
    return await outcomeOf(error)
  }
}

export interface ToldInfo {
  readonly verdict: string
  readonly framing: string
  readonly connections: number
  readonly alpn: string | undefined
  readonly clientCertificate: boolean
  readonly verified: boolean
  readonly suite: string
  readonly signature: string
}

export interface Outcome {
  readonly info?: ToldInfo
  readonly code?: string
  readonly hint?: string
  readonly phase?: string
  readonly message?: string
}

export async function identityOf(request: IdentityRequest): Promise<IdentityInput> {
  if ('pem' in request) return request.pem
  if ('pkcs12' in request) return { pkcs12: new Uint8Array(request.pkcs12), passphrase: request.passphrase }
  if ('file' in request) return underpass.readIdentityFile(request.file)
  const store = await underpass.identityStore()
  return (await store.get(request.stored)) as Identity
}

/** Sends `bytes` to an echo, checks what comes back, and ends. Milliseconds. */
export async function echo(
  bytes: number,
): Promise<{ readonly right: boolean; readonly milliseconds: number }> {
  const { readable, writable } = state.socket!
  const began = performance.now()
  const [, right] = await Promise.all([sendPattern(writable, bytes), readPattern(readable, bytes)])
  await state.socket!.closed
  return { right, milliseconds: performance.now() - began }
}

/** Reads everything, pausing for a moment after each mebibyte; the largest heap seen on the way. */
export async function readSlowly(
  bytes: number,
  pause: number,
): Promise<{ readonly right: boolean; readonly heap: number }> {
  let heap = 0
  let mebibytes = 0
  const right = await readPattern(state.socket!.readable, bytes, async () => {
    if (mebibytes++ % 8 === 0) heap = Math.max(heap, heapSize())
    await new Promise((resolve) => setTimeout(resolve, pause))
  })
  return { right, heap }
}

/** What `pour` got rid of so far, and the most that the page's WebSocket held of it at a time. */
export const poured = { bytes: 0, buffered: 0 }

/** Sends `bytes` as fast as they are taken, and ends; how that went. */
export async function pour(bytes: number): Promise<Outcome> {
  const { send } = WebSocket.prototype
  WebSocket.prototype.send = function (data) {
    send.call(this, data)
    poured.buffered = Math.max(poured.buffered, this.bufferedAmount)
  }
  poured.bytes = poured.buffered = 0
  try {
    await sendPattern(state.socket!.writable, bytes, (sent) => {
      poured.bytes = sent
    })
    await state.socket!.closed
    return {}
  } catch (error) {
    return await outcomeOf(error)
  } finally {
    WebSocket.prototype.send = send
  }
}

/** Resolves when `pour` has got rid of nothing more for a while. */
export async function stalled(): Promise<void> {
  for (let last = -1; last !== poured.bytes || last === 0; ) {
    last = poured.bytes
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

/** Bytes in use after a collection, array buffers included. */
export function heapSize(): number {
  const { gc, performance } = globalThis as unknown as {
    gc(): void
    readonly performance: { readonly memory: { readonly usedJSHeapSize: number } }
  }
  gc()
  return performance.memory.usedJSHeapSize
}

/** What `readToEnd` has read so far. */
export const progress = { bytes: 0 }

/** How reading ends. */
export async function readToEnd(): Promise<Outcome & { readonly bytes: number }> {
  progress.bytes = 0
  try {
    for await (const chunk of state.socket!.readable) progress.bytes += chunk.length
    await state.socket!.closed
    return { ...progress }
  } catch (error) {
    return { ...(await outcomeOf(error)), ...progress }
  }
}

/** Resolves when the tunnel has closed by itself. */
export async function closing(): Promise<Outcome> {
  try {
    await state.socket!.closed
    return {}
  } catch (error) {
    return await outcomeOf(error)
  }
}

/** Makes a key in the page; its request for a certificate. */
export async function generate(options: underpass.GenerateOptions): Promise<string> {
  state.pending = await underpass.generateIdentity(options)
  return state.pending.certificateRequest
}

export async function keepPending(name: string): Promise<void> {
  await (await underpass.identityStore()).put(name, state.pending!)
}

/** Brings the CA's answer to what waits in the store. */
export async function certify(name: string, certificate: string): Promise<Outcome> {
  try {
    const store = await underpass.identityStore()
    const pending = await store.pending(name)
    await store.put(name, await pending!.withCertificate(certificate))
    return {}
  } catch (error) {
    return await outcomeOf(error)
  }
}

export async function keep(name: string, identity: IdentityRequest): Promise<Outcome> {
  try {
    await (await underpass.identityStore()).put(name, await identityOf(identity))
    return {}
  } catch (error) {
    return await outcomeOf(error)
  }
}

/** The store's list, and of every key in the database whether anybody could take it out. */
export async function kept(): Promise<{
  readonly list: readonly underpass.StoredIdentity[]
  readonly keys: readonly { readonly extractable: boolean; readonly usages: readonly string[] }[]
}> {
  const store = await underpass.identityStore()
  const rows = await rawRows()
  return {
    list: await store.list(),
    keys: rows.flatMap(({ keys }) =>
      keys.map(({ extractable, usages, type }) => ({ extractable, usages, type })),
    ),
  }
}

export async function forget(name: string): Promise<boolean> {
  return (await underpass.identityStore()).delete(name)
}

/** Whether the browser hands the key out, in any form. */
export async function canTakeOut(): Promise<boolean> {
  const keys = (await rawRows()).flatMap((row) => row.keys)
  const tries = keys.flatMap((key) =>
    (['pkcs8', 'jwk', 'raw'] as const).map((format) => crypto.subtle.exportKey(format, key)),
  )
  return (await Promise.allSettled(tries)).some(({ status }) => status === 'fulfilled')
}

export function platformWarnings(): readonly string[] {
  return underpass.browserPlatform({ crypto: {} as never }).warnings
}

export async function platformOutcome(): Promise<Outcome> {
  try {
    underpass.browserPlatform()
    return {}
  } catch (error) {
    return await outcomeOf(error)
  }
}

export async function closeDialer(): Promise<void> {
  await state.dialer?.close()
}

async function connected(request: DialRequest): Promise<TunnelSocket<TunnelInfo>> {
  const { origin, trust, serverName, alpn, path, webSocket, identity, software } = request
  const options: DialerOptions & underpass.BrowserOptions = {
    origin,
    trust,
    serverName,
    alpn,
    ...(path !== undefined && { path }),
    ...(webSocket && { webSocket }),
    ...(identity && { identity: await identityOf(identity) }),
    ...(software && { crypto: await softwareCrypto() }),
    ...(request.handshakeTimeout && { timeouts: { handshake: request.handshakeTimeout } }),
    ...(request.keepAlive && { keepAlive: request.keepAlive }),
    trace({ layer, event }) {
      traced.push({
        layer,
        type: event.type,
        ...('name' in event && { name: event.name }),
        ...('facts' in event && { facts: event.facts }),
      })
    },
  }
  state.dialer = underpass.createDialer(options)
  state.socket = await state.dialer.connect()
  return state.socket
}

async function softwareCrypto(): Promise<underpass.CryptoProvider> {
  const { forgeCrypto, withNoble } = await import('../../../src/crypto/noble.js')
  const random = (length: number): Uint8Array<ArrayBuffer> => crypto.getRandomValues(new Uint8Array(length))
  return withNoble(forgeCrypto({ random }))
}

function told({ verdict, framing, connections, tls }: TunnelInfo): ToldInfo {
  const { alpn, clientCertificate, suite, signature } = tls
  return {
    verdict,
    framing,
    connections,
    alpn,
    clientCertificate,
    suite,
    signature,
    verified: tls.peer.verified,
  }
}

async function outcomeOf(error: unknown): Promise<Outcome> {
  if (!(error instanceof TunnelError)) return { code: 'NOT_OURS', message: String(error) }
  // Sentences and hints come with a chunk of their own.
  const { hint } = await underpass.explain(error)
  const { code, phase, message } = error
  return { code, hint, phase, message }
}

async function sendPattern(
  writable: WritableStream<Uint8Array>,
  bytes: number,
  told: (sent: number) => void = () => {},
): Promise<void> {
  const writer = writable.getWriter()
  for (let at = 0; at < bytes; at += block) {
    await writer.write(patternBlock(at / block, Math.min(block, bytes - at)))
    told(at + block)
  }
  await writer.close()
}

/** Whether exactly the pattern came. */
async function readPattern(
  readable: ReadableStream<Uint8Array>,
  bytes: number,
  eachMebibyte: () => Promise<void> = async () => {},
): Promise<boolean> {
  const check = new PatternCheck()
  let mark = 1 << 20
  for await (const chunk of readable) {
    if (!check.continues(chunk)) return false
    if (check.at < mark) continue
    mark += 1 << 20
    await eachMebibyte()
  }
  return check.at === bytes
}

function rawRows(): Promise<readonly { readonly keys: readonly CryptoKey[] }[]> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('underpass')
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const database = opening.result
      const all = database.transaction('identities').objectStore('identities').getAll()
      all.onerror = () => reject(all.error)
      all.onsuccess = () => {
        database.close()
        resolve(all.result)
      }
    }
  })
}
