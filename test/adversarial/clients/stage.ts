// A gateway with its log and its counters as `underpass serve` wires them, a service behind it that remembers how it was
// spoken to, and clients that mean no good. After each of them: what it heard, what was told, counted and logged, what reached
// the service, and whether an honest client is served.
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import { concat, latin1 } from '../../../src/bytes/index.js'
import { createGateway, type GatewayEvent } from '../../../src/gateway/index.js'
import { logEvent, openLog } from '../../../src/gateway/service/log.js'
import { createMetrics } from '../../../src/gateway/service/metrics.js'
import { loadIdentity } from '../../../src/pki/index.js'
import { nodeCrypto } from '../../../src/platform/node/crypto.js'
import { type Authority, createAuthority, type LeafOptions } from '../../support/certificates.js'
import type { SeenAlert } from '../../support/tls-server/server.js'
import { dialRaw, outer, readExactly, type Way } from '../../unit/gateway/clients.js'
import { type ClientIdentity, type ClientScript, ScriptedClient, type Ticket } from './client.js'
import { type ClientScript12, ScriptedClient12 } from './client12.js'

/** How a connection to the service ended. */
export type ServiceEnd = 'whole' | 'cut'

export interface Outcome {
  /** The codes the gateway told, in order; `ok` for a tunnel that ended well. */
  readonly told: readonly string[]
  /** The same, as the log has it and as the counters have it. */
  readonly logged: readonly string[]
  readonly counted: readonly string[]
  /** What the log says about them beside the code. */
  readonly details: readonly string[]
  /** Connections to the service: what each received, and how it ended. */
  readonly service: readonly { readonly bytes: string; readonly end: ServiceEnd }[]
  /** Lines of the log that are not one clean object of JSON. */
  readonly dirty: readonly string[]
  /** Sockets and tunnels that the gateway still has. */
  readonly left: number
}

export interface World {
  readonly users: Authority
  /** Another authority than the gateway trusts. */
  readonly createAuthority: typeof createAuthority
  readonly ports: { readonly upgrade: number; readonly direct: number }
  readonly alice: ClientIdentity
  identity(options?: LeafOptions, authority?: Authority): Promise<ClientIdentity>
  /** Let a client do its worst, wait until nothing of it is left, and see what became of it. */
  watch<T>(attempt: () => Promise<T>): Promise<Outcome & { readonly heard: T }>
  /** A client of TLS 1.3 over a way in; once it is open and was served a word, `act`. What alerts it heard. */
  meet(script: ClientScript, act?: (client: ScriptedClient) => void, way?: Way): Promise<readonly SeenAlert[]>
  meet12(
    script: ClientScript12,
    act?: (client: ScriptedClient12) => void,
    way?: Way,
  ): Promise<readonly SeenAlert[]>
  /** An honest client of ours on what was opened for it, perhaps together with its first bytes. */
  meetOn(stream: Duplex | ((first: Uint8Array) => Promise<Duplex>)): Promise<void>
  /** A session's, of an honest client of TLS 1.3. */
  ticket(): Promise<Ticket>
  /** An honest client of another make says a word and hears it. */
  honest(): Promise<string>
  close(): Promise<void>
}

export async function createWorld(): Promise<World> {
  const [host, users] = await Promise.all([createAuthority(), createAuthority()])
  const server = await host.issue({ names: ['gateway.test'] })
  const service = await startRememberingService()
  const folder = mkdtempSync(join(tmpdir(), 'underpass-clients-'))
  const log = openLog({ level: 'info', file: join(folder, 'log') })
  const events: GatewayEvent[] = []
  const policy = { trust: users.certificate }
  const connect = { port: service.port }
  const gateway = await createGateway({
    listen: { upgrade: { port: 0 }, direct: { port: 0 } },
    identity: { certificate: server.chain, privateKey: server.privateKey },
    routes: [
      { name: 'echo', alpn: 'echo', ping: true, connect, client: policy },
      { name: 'named', alpn: 'named', serverName: 'named.test', connect, client: policy },
      { name: 'other', alpn: 'other', connect, client: { ...policy, allow: [{ commonName: 'nobody' }] } },
    ],
    timeouts: { linger: 1_000, handshake: 20_000 },
    onEvent(event) {
      events.push(event)
      metrics.record(event)
      logEvent(log.logger, event)
    },
  })
  const metrics = createMetrics('0', {
    stats: () => gateway.stats(),
    ready: () => true,
    auditLost: () => 0,
    logLost: () => log.lost(),
  })
  const ports = { upgrade: gateway.addresses.upgrade!.port, direct: gateway.addresses.direct!.port }

  async function identity(
    options: LeafOptions = {},
    authority: Authority = users,
  ): Promise<ClientIdentity & { readonly pem: { readonly cert: string; readonly key: string } }> {
    const made = await authority.issue({ commonName: 'alice', usage: 'client', ...options })
    const { chain, signer } = await loadIdentity(
      { certificate: made.chain, privateKey: made.privateKey },
      nodeCrypto,
    )
    return { chain, signer, pem: { cert: made.chain, key: made.privateKey } }
  }
  const alice = await identity()

  async function counts(): Promise<Record<string, number>> {
    const found: Record<string, number> = {}
    const pattern = /^underpass_(?:refused|tunnels_ended)_total\{.*code="(\w+)".*\} (\d+)$/gm
    for (const [, code, value] of (await metrics.text()).matchAll(pattern))
      found[code!] = (found[code!] ?? 0) + Number(value)
    return found
  }

  const lines = () => readFileSync(join(folder, 'log'), 'utf8').split('\n').slice(0, -1)
  const nothingLeft = () => gateway.stats().connections + gateway.stats().tunnels

  async function watch<T>(attempt: () => Promise<T>): Promise<Outcome & { readonly heard: T }> {
    const before = { events: events.length, lines: lines().length, counts: await counts() }
    const connections = service.connections.length
    const heard = await attempt()
    // A tunnel's last word to its service may still be on its way.
    const mine = () => service.connections.slice(connections)
    await until(() => nothingLeft() === 0 && mine().every(({ end }) => end !== undefined))
    const after = await counts()
    const written = lines().slice(before.lines)
    return {
      heard,
      told: events.slice(before.events).flatMap(codesOf),
      logged: written.filter(isClean).flatMap((line) => codesInLine(JSON.parse(line))),
      counted: Object.keys(after).flatMap((code) =>
        Array.from({ length: after[code]! - (before.counts[code] ?? 0) }, () => code),
      ),
      details: written.filter(isClean).flatMap((line) => JSON.parse(line).detail ?? []),
      dirty: written.filter((line) => !isClean(line)),
      service: mine().map(({ bytes, end }) => ({
        bytes: Buffer.concat(bytes).toString('latin1'),
        end: end!,
      })),
      left: nothingLeft(),
    }
  }

  return {
    users,
    createAuthority,
    ports,
    alice,
    identity,
    watch,
    meet: async (script, act, way = 'direct') => {
      const client = new ScriptedClient({ identity: alice, ...script })
      await converse(client, await outer(way, ports), act)
      return client.alerts
    },
    meet12: async (script, act, way = 'direct') => {
      const client = new ScriptedClient12({ identity: alice, ...script })
      await converse(client, await outer(way, ports), act)
      return client.alerts
    },
    async meetOn(stream) {
      const client = new ScriptedClient({ identity: alice })
      if (typeof stream !== 'function') return converse(client, stream)
      await client.start()
      return converse(client, await stream(client.take()), undefined, true)
    },
    async ticket() {
      const client = new ScriptedClient({ identity: alice })
      await converse(client, await outer('direct', ports))
      return client.tickets[0]!
    },
    async honest() {
      const secure = tlsConnect({
        socket: await dialRaw(ports.direct),
        servername: 'gateway.test',
        ca: host.certificate,
        ALPNProtocols: ['echo'],
        ...alice.pem,
      })
      await once(secure, 'secureConnect')
      secure.write('honest')
      const word = await readExactly(secure, 6)
      secure.resume()
      secure.end()
      await once(secure, 'close')
      return word.toString()
    },
    async close() {
      await gateway.close()
      await service.stop()
      log.close()
      rmSync(folder, { recursive: true })
    },
  }
}

interface Client {
  /** What it says first, and waits for. */
  readonly word?: Uint8Array | undefined
  readonly open: boolean
  readonly ending: 'fin' | 'reset' | undefined
  start(): Promise<void>
  receive(chunk: Uint8Array): Promise<void>
  take(): Uint8Array
  read(): Uint8Array
  send(data: Uint8Array): void
  alert(name: 'close_notify'): void
}

export const word = 'word'

/** Milliseconds until a connection that nobody ends is the test's failure. */
const patience = 15_000

/**
 * To the end of the connection. Once the client is open it says a word, and when that has come back it acts: a client with
 * nothing in mind says goodbye.
 */
async function converse<C extends Client>(
  client: C,
  stream: Duplex,
  act: (client: C) => void = (honest) => honest.alert('close_notify'),
  started = false,
): Promise<void> {
  const first = client.word ?? latin1(word)
  let [spoke, acted] = [false, false]
  const stuck = setTimeout(() => stream.destroy(new Error('nobody ends it')), patience)
  let heard: Uint8Array = new Uint8Array(0)
  const flush = () => {
    const out = client.take()
    if (out.length > 0 && stream.writable) stream.write(out)
    if (client.ending === 'fin') stream.end()
    if (client.ending === 'reset') (stream as Socket).resetAndDestroy()
  }
  if (!started) await client.start()
  flush()
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      await client.receive(new Uint8Array(chunk))
      heard = concat(heard, client.read())
      if (client.open && !spoke) {
        spoke = true
        client.send(first)
      }
      if (!acted && heard.length >= first.length) {
        acted = true
        act(client)
      }
      flush()
    }
  } catch (error) {
    // Cut, perhaps behind an alert; but what the client itself trips over is the test's.
    const { code } = error as { readonly code?: string }
    if (code !== 'ECONNRESET' && client.ending !== 'reset') throw error
  } finally {
    clearTimeout(stuck)
    stream.destroy()
  }
}

interface Remembered {
  readonly bytes: Buffer[]
  end: ServiceEnd | undefined
}

async function startRememberingService() {
  const connections: Remembered[] = []
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const remembered: Remembered = { bytes: [], end: undefined }
    connections.push(remembered)
    open.add(socket)
    socket.on('data', (chunk) => {
      remembered.bytes.push(chunk)
      socket.write(chunk)
    })
    socket.on('end', () => {
      remembered.end = 'whole'
      socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      remembered.end ??= 'cut'
      open.delete(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    connections,
    port: (server.address() as { readonly port: number }).port,
    async stop() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function codesOf(event: GatewayEvent): readonly string[] {
  if (event.type === 'refused') return [event.error.code]
  return event.type === 'closed' ? [event.error?.code ?? 'ok'] : []
}

function codesInLine({ msg, code }: { readonly msg: string; readonly code?: string }): readonly string[] {
  if (msg === 'refused' || msg === 'tunnel cut') return [code!]
  return msg === 'tunnel closed' ? ['ok'] : []
}

/** One line of JSON without a control character or a mark that turns text around. */
function isClean(line: string): boolean {
  if (/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(line)) return false
  try {
    return typeof JSON.parse(line).msg === 'string'
  } catch {
    return false
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 15_000; !holds() && performance.now() < deadline; )
    await new Promise((resolve) => setTimeout(resolve, 2))
}
