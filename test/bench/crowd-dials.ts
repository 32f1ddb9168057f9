// How a process of the crowd opens a connection: with Underpass, or as its yardsticks do. Each loads what it needs and
// nothing of the others, since the memory of the whole process is measured.
import type { Duplex } from 'node:stream'
import type { TunnelInfo } from '../../src/index.js'
import { serverName } from './names.js'

export interface DialOrder {
  /** `ws and node:tls`: the same tunnel with neither framing nor TLS of ours. The other two connect without a gateway. */
  readonly by: 'underpass' | 'ws and node:tls' | 'node:tls' | 'plain'
  readonly origin: string
  readonly ca: string
  readonly identity: { readonly certificate: string; readonly privateKey: string }
  readonly mode: 'websocket' | 'auto'
  readonly pingInterval: number
}

export interface Dialed {
  readonly info?: TunnelInfo
  stream(): Duplex
  /** Resolves when the connection is closed. */
  close(): Promise<void>
}

type Dial = () => Promise<Dialed>

/** Found by the exports of package.json: Underpass as it is published. */
const door: string = 'underpass/node'
const duplexDoor: string = 'underpass/duplex'

export const dials: Readonly<Record<DialOrder['by'], (order: DialOrder) => Promise<Dial>>> = {
  async underpass({ origin, ca, identity, mode, pingInterval }) {
    const { createDialer } = (await import(door)) as typeof import('../../src/platform/node/index.js')
    const { duplex } = (await import(duplexDoor)) as typeof import('../../src/duplex/index.js')
    const dialer = createDialer({
      origin,
      originTrust: ca,
      trust: ca,
      serverName,
      identity,
      alpn: ['bench'],
      mode,
      keepAlive: { interval: pingInterval, timeout: 0 },
    })
    return async () => {
      const socket = await dialer.connect()
      return { info: socket.info, stream: () => duplex(socket), close: () => socket.close() }
    }
  },

  async 'ws and node:tls'({ origin, ca, identity }) {
    const { WebSocket, createWebSocketStream } = await import('ws')
    const secured = await nodeTls(ca, identity)
    const url = `${origin.replace('http', 'ws')}/webapi/connectionupgrade`
    return async () => {
      const socket = new WebSocket(url, 'alpn-ping', { perMessageDeflate: false })
      return dialedOver(await secured(createWebSocketStream(socket)))
    }
  },

  async 'node:tls'({ origin, ca, identity }) {
    const secured = await nodeTls(ca, identity)
    const connect = await plainTo(origin)
    return async () => dialedOver(await secured(await connect()))
  },

  async plain({ origin }) {
    const connect = await plainTo(origin)
    return async () => dialedOver(await connect())
  },
}

async function nodeTls(
  ca: string,
  { certificate, privateKey }: DialOrder['identity'],
): Promise<(socket: Duplex) => Promise<Duplex>> {
  const { connect, createSecureContext } = await import('node:tls')
  const secureContext = createSecureContext({ ca, cert: certificate, key: privateKey })
  return (socket) =>
    new Promise((resolve, reject) => {
      const tls = connect({ socket, secureContext, servername: serverName, ALPNProtocols: ['bench'] })
      tls.once('secureConnect', () => resolve(tls)).on('error', reject)
      // node:tls does not hear how the stream below it failed.
      socket.on('error', (error) => {
        reject(error)
        tls.destroy()
      })
    })
}

async function plainTo(origin: string): Promise<() => Promise<Duplex>> {
  const { connect } = await import('node:net')
  const { hostname: host, port } = new URL(origin)
  return () =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port: Number(port), noDelay: true })
      socket.once('connect', () => resolve(socket)).on('error', reject)
    })
}

function dialedOver(stream: Duplex): Dialed {
  return {
    stream: () => stream,
    close: () =>
      new Promise((resolve) => {
        stream.once('close', () => resolve())
        stream.resume()
        stream.end()
      }),
  }
}
