// Real Chromium against a node:tls server behind a WebSocket bridge, and against the same service through the same bridge
// without the inner TLS: what the tunnel costs a page. Two cores carry the browser, the bridge and the server.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { insecureName, type PageLab, startPageLab } from '../support/page/index.js'
import type { Way } from './chromium-page.js'
import { openTab, type Tab } from './chromium-tab.js'
import { createCredentials, serverName } from './credentials.js'
import { startServer } from './processes.js'
import { alternate, type Benchmark, type BenchmarkOptions, type Row } from './row.js'

const MB = 1e6
const protocol = 'bench'

export const chromium: Benchmark = {
  name: 'chromium',
  async run(options) {
    const { ca, server, client } = await createCredentials()
    const listen = await startServer()
    const tls = {
      cert: server.chain,
      key: server.privateKey,
      ca,
      requestCert: true,
      ALPNProtocols: [protocol],
      minVersion: 'TLSv1.3' as const,
    }
    // As Go's servers, Teleport's among them: the client's order of suites decides. OpenSSL's own default is another.
    const polite = { ...tls, honorCipherOrder: false }
    const ports = [await listen({ tls }), await listen({}), await listen({ tls: polite })]
    const bridges = await Promise.all(ports.map(startBridge))
    const [protectedBridge, plainBridge, politeBridge] = bridges
    const identity = { certificate: client.chain, privateKey: client.privateKey }
    const inner = { trust: ca, serverName, alpn: [protocol], identity }
    const lab = await startPageLab([], 'test/bench/chromium-page.ts')
    try {
      const ways = (webSocket: Way['webSocket'], host: string): { tunnel: Way; plain: Way } => ({
        tunnel: { origin: `http://${host}:${protectedBridge!.port}`, webSocket, tls: inner },
        plain: { origin: `http://${host}:${plainBridge!.port}`, webSocket },
      })
      return [
        ...(await secure(lab, ways, options)),
        ...(await insecure(lab, ways(defaultInterface, insecureName), politeBridge!.port, options)),
      ]
    } finally {
      await lab.stop()
      await Promise.all(bridges.map((bridge) => bridge.stop()))
    }
  },
}

const openIn = ({ browser, port }: PageLab, host: string): Promise<Tab> =>
  openTab(browser, `http://${host}:${port}/`)

const defaultInterface = 'WebSocketStream'

type Ways = (webSocket: Way['webSocket'], host: string) => { tunnel: Way; plain: Way }

async function secure(lab: PageLab, ways: Ways, { rounds, quick, say }: BenchmarkOptions): Promise<Row[]> {
  const tab = await openIn(lab, '127.0.0.1')
  const rows: Row[] = []
  say('handshake')
  const { tunnel } = ways(defaultInterface, '127.0.0.1')
  await handshake(tab, tunnel, quick ? 2 : 20)
  const handshakes = await alternate(rounds, { tunnel: () => handshake(tab, tunnel, quick ? 5 : 50) })
  rows.push({
    name: 'Chromium mutual TLS 1.3 handshake after the WebSocket opened',
    unit: 'ms',
    better: 'less',
    ours: handshakes.tunnel,
    bar: { of: 'value', must: 2.5, aim: 1.7 },
  })
  for (const webSocket of ['WebSocketStream', 'WebSocket'] as const) {
    const both = ways(webSocket, '127.0.0.1')
    for (const what of ['download', 'upload'] as const) {
      say(`${what}, ${webSocket}`)
      const megabytes = quick ? 8 : 64
      rows.push({
        ...(await paired(tab, rounds, both, (way) => speed(tab, way, what, megabytes))),
        name: `Chromium ${what} through ${webSocket}`,
        unit: 'MB/s',
        better: 'more',
        against: 'the same without TLS',
        bar: { of: 'speed', must: 0.85, aim: 0.95 },
      })
    }
  }
  say('round trips')
  rows.push({
    ...(await paired(tab, rounds, ways(defaultInterface, '127.0.0.1'), (way) =>
      tab.evaluate(([given, count]) => bench.roundTrip(given, count), [way, quick ? 50 : 1000] as const),
    )),
    name: 'Chromium round trip of 100 bytes',
    unit: 'ms',
    better: 'less',
    against: 'the same without TLS',
    bar: { of: 'speed', must: 0.9, aim: 0.97 },
  })
  await tab.close()
  return rows
}

async function insecure(
  lab: PageLab,
  { tunnel, plain }: { tunnel: Way; plain: Way },
  politePort: number,
  { rounds, quick, say }: BenchmarkOptions,
): Promise<Row[]> {
  const tab = await openIn(lab, insecureName)
  const megabytes = quick ? 1 : 16
  const rows: Row[] = []
  const software = { ...tunnel, software: true }
  const polite = { ...software, origin: `http://${insecureName}:${politePort}` }
  for (const [suite, way] of [
    ['ChaCha20-Poly1305, by our order', polite],
    ["AES-256-GCM, by the server's", software],
  ] as const) {
    say(`insecure page, ${suite}`)
    rows.push({
      ...(await paired(tab, rounds, { tunnel: way, plain }, (each) =>
        speed(tab, each, 'download', megabytes),
      )),
      name: `Chromium download on an insecure page (node-forge and noble; ${suite})`,
      unit: 'MB/s',
      better: 'more',
      against: 'the same without TLS',
      ...(way === polite && { bar: { of: 'value', must: 60, aim: 110 } as const }),
    })
  }
  await tab.close()
  return rows
}

/** Samples of the tunnel and of the plain WebSocket in turn, after one of each for the engine's caches. */
async function paired(
  tab: Tab,
  rounds: number,
  { tunnel, plain }: { tunnel: Way; plain: Way },
  measure: (way: Way) => Promise<number>,
): Promise<Pick<Row, 'ours' | 'yardstick'>> {
  await measure(tunnel)
  await measure(plain)
  const samples = await alternate(rounds, { tunnel: () => measure(tunnel), plain: () => measure(plain) })
  await tab.collectGarbage()
  return { ours: samples.tunnel, yardstick: samples.plain }
}

const handshake = (tab: Tab, way: Way, count: number): Promise<number> =>
  tab.evaluate(([given, times]) => bench.handshakes(given, times), [way, count] as const)

async function speed(tab: Tab, way: Way, what: 'download' | 'upload', megabytes: number): Promise<number> {
  const milliseconds = await tab.evaluate(
    ([given, direction, bytes]) => bench.move(given, direction, bytes),
    [way, what, megabytes * MB] as const,
  )
  return megabytes / (milliseconds / 1000)
}

interface Bridge {
  readonly port: number
  stop(): Promise<void>
}

/** Joins WebSockets to a TCP port of loopback, both ways with backpressure. */
async function startBridge(port: number): Promise<Bridge> {
  const http = createServer()
  const sockets = new WebSocketServer({
    server: http,
    perMessageDeflate: false,
    handleProtocols: () => 'alpn-ping',
  })
  sockets.on('connection', (socket) => join(socket, port))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  return {
    port: (http.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets.clients) socket.terminate()
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
}

function join(near: WebSocket, port: number): void {
  const far = connect({ port, host: '127.0.0.1', noDelay: true })
  near.on('message', (data: Buffer) => {
    if (far.write(data)) return
    near.pause()
    far.once('drain', () => near.resume())
  })
  far.on('data', (chunk) => {
    near.send(chunk, () => {
      if (far.isPaused() && near.bufferedAmount < MB) far.resume()
    })
    if (near.bufferedAmount > 4 * MB) far.pause()
  })
  near.on('close', () => far.destroy())
  near.on('error', () => far.destroy())
  far.on('close', () => near.close())
  far.on('error', () => near.terminate())
}
